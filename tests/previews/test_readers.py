"""A look into files of every kind, through the real reading process; hostile ones end in a sentence, in bounded time and memory."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runstone.previews import readers as server_side
from runstone.previews.kinds import kind_of
from runstone.previews.looks import Asked, Bytes, Graph, Image, Look, Model, Notebook, Table, Text, Tree
from runstone.previews.readers import Readers
from runstone.previews.source import Unreadable
from runstone.storage.local import LocalStore
from tests.previews import files

See = Callable[..., Any]


@pytest.fixture(scope="module")
def see(tmp_path_factory: pytest.TempPathFactory) -> Iterator[See]:
    """Writes the bytes into a store and looks at them, as a page does."""
    root: Path = tmp_path_factory.mktemp("store")
    store = LocalStore(root)
    with asyncio.Runner() as runner:
        readers = Readers()

        async def looked(name: str, **asked: Any) -> Look:
            file = await store.open(name)
            try:
                return await readers.look(file, Asked(kind_of(name), name, file.stat.size, **asked))
            finally:
                file.close()

        def look(name: str, content: bytes | str, **asked: Any) -> Look:
            (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
            return runner.run(looked(name, **asked))

        yield look
        runner.run(readers.close())
    store.close()


def plain(text: Text) -> str:
    """The text without the spans."""
    import re
    from html import unescape

    return unescape(re.sub("<[^>]+>", "", text.html))


class TestText:
    def test_code_is_coloured_and_escaped(self, see: See) -> None:
        found = see("a.py", 'def f():\n    return "<script>alert(1)</script>"\n')
        assert isinstance(found, Text)
        assert found.language == "Python"
        assert '<span class="hl-k">def</span>' in found.html
        assert "<script" not in found.html
        assert plain(found) == 'def f():\n    return "<script>alert(1)</script>"'

    def test_what_is_not_seen_is_spelled(self, see: See) -> None:
        found = see("a.txt", "access = '\u202e nimda'\n\x1b[31mred\x1b[0m bell\x07 \ufeff")
        assert plain(found) == "access = 'U+202E nimda'\nred bellU+0007 U+FEFF"

    def test_windows_of_a_long_file(self, see: See) -> None:
        lines = [f"line {i} é" for i in range(40_000)]
        content = "\n".join(lines)
        pieces, at = list[str](), 0
        while at < len(content.encode()):
            found = see("long.txt", content, at=at)
            assert found.start == at
            pieces.append(plain(found))
            at = found.end
        assert "\n".join(pieces) == content
        assert plain(see("long.log", content)).endswith(lines[-1]), "of a log, the end"
        assert plain(see("long.txt", content)).startswith(lines[0])
        assert see("long.txt", content, at=2**50).html == '<span class="line"></span>'

    @pytest.mark.parametrize(
        ("content", "text", "encoding"),
        [
            ("\ufeffé".encode(), "é", ""),
            ("wörter\n".encode("utf-16"), "wörter", "UTF-16"),
            ("Stra\xdfe und K\xe4se".encode("latin-1"), "Straße und Käse", "Windows-1252"),
            (b"", "", ""),
        ],
    )
    def test_encodings(self, see: See, content: bytes, text: str, encoding: str) -> None:
        found = see("words", content)
        assert (plain(found), found.encoding) == (text, encoding)

    def test_bytes_are_shown_as_such(self, see: See) -> None:
        found = see("unknown", b"\x00\x01abc" * 1000)
        assert isinstance(found, Bytes)
        assert found.rows[0] == ("00000000", "00 01 61 62 63 00 01 61  62 63 00 01 61 62 63 00", "..abc..abc..abc.")
        assert (found.shown, found.size) == (1024, 5000)
        assert isinstance(see("lies.txt", bytes(range(256))), Bytes)

    def test_one_line_of_ten_megabytes(self, see: See) -> None:
        for name in ("one.txt", "one.py", "one.json", "one.csv", "one.yaml", "one.md", "one.ipynb"):
            found = see(name, b"x" * 10_000_000)
            assert isinstance(found, Text | Table), name


class TestTrees:
    def test_json_as_it_is_written(self, see: See) -> None:
        found = see("a.json", '{"b": 1.50, "a": [NaN, true, null, "<b>"], "big": 123456789012345678901234567890, "b": 2}')
        assert isinstance(found, Tree)
        root = found.roots[0]
        assert [(child.label, child.sort, child.text) for child in root.children] == [
            ("b", "number", "1.50"), ("a", "list", ""), ("big", "number", "123456789012345678901234567890"), ("b", "number", "2"),
        ]  # fmt: skip
        assert [child.text for child in root.children[1].children] == ["NaN", "true", "null", "<b>"]

    def test_the_number_of_values_is_bounded(self, see: See) -> None:
        found = see("a.json", json.dumps({f"k{i}": list(range(300)) for i in range(300)}))
        assert count(found.roots[0]) <= 3_500
        assert found.roots[0].children[-1].sort == "more"
        assert "first 3000 values" in found.note

    @pytest.mark.parametrize("content", ["[" * 200_000, '{"a":' * 100_000, "[1, 2", '"\\ud800', "{'a': 1}"])
    def test_broken_json_is_text(self, see: See, content: str) -> None:
        found = see("a.json", content)
        assert isinstance(found, Text)
        assert found.note

    def test_a_lone_surrogate_is_no_bug(self, see: See) -> None:
        assert see("a.json", '{"\\ud800": "\\udfff"}').roots[0].count == 1

    def test_a_logged_table(self, see: See) -> None:
        content = json.dumps({"columns": ["q", "score"], "data": [[f"<b>{i}", i / 4] for i in range(250)]})
        found = see("table.json", content, at=100)
        assert isinstance(found, Table)
        assert (found.first, found.total, found.after, len(found.rows)) == (101, 250, 200, 100)
        assert found.rows[0] == ["<b>100", "25.0"]
        assert [column.number for column in found.columns] == [False, True]

    def test_yaml_with_its_aliases_and_tags(self, see: See) -> None:
        found = see(
            "a.yaml", "lr: 1.0e-3\nname: 'null'\nnone: ~\nx: &x [1, yes]\ny: *x\nz: !!python/object/apply:os.system ['id']\n--- 2"
        )
        assert [(child.label, child.sort, child.text) for child in found.roots[0].children] == [
            ("lr", "number", "1.0e-3"), ("name", "text", "null"), ("none", "word", "~"), ("x", "list", ""), ("y", "alias", "*x"),
            ("z", "list", "tag:yaml.org,2002:python/object/apply:os.system"),
        ]  # fmt: skip
        assert found.roots[1].text == "2"

    def test_a_billion_laughs_are_nine_lists(self, see: See) -> None:
        found = see("a.yaml", files.LAUGHS)
        assert count(found.roots[0]) < 100

    @pytest.mark.parametrize("content", ["a: [1", "\t- x", "[" * 20_000, "? " * 5_000, "- " * 20_000 + "x", "&a " * 10])
    def test_odd_yaml(self, see: See, content: str) -> None:
        assert isinstance(see("a.yaml", content), Text | Tree)


def count(node: Any) -> int:
    return 1 + sum(map(count, node.children))


class TestTables:
    def test_pages_of_csv(self, see: See) -> None:
        rows = [(str(i), f'na"me\n{i}', "é" * (i % 5), f"{i / 3:.3f}") for i in range(2_345)]
        content = "id,name,ac,score\r\n" + "".join(f'{a},"{b.replace(chr(34), chr(34) * 2)}",{c},{d}\r\n' for a, b, c, d in rows)
        found: list[tuple[str, ...]] = []
        at, row = None, 0
        while True:
            page = see("a.csv", content, at=at, row=row)
            assert page.first == len(found) + 1
            assert [column.name for column in page.columns] == ["id", "name", "ac", "score"]
            found += [tuple(cells) for cells in page.rows]
            if page.after is None:
                break
            at, row = page.after, len(found)
        assert found == rows
        assert [column.number for column in page.columns] == [True, False, False, True]

    @pytest.mark.parametrize(
        ("name", "content", "names"),
        [
            ("a.tsv", "a,b\tc\n1\t2\n", ["a,b", "c"]),
            ("a.csv", "a;b\n1,5;2\n", ["a", "b"]),
            ("a.csv", "\ufeffa,b\n1,2\n", ["a", "b"]),
            ("a.csv", "one\n1\n", ["one"]),
            ("a.csv", '"x,y",b\n1,2\n', ["x,y", "b"]),
        ],
    )
    def test_delimiters(self, see: See, name: str, content: str, names: list[str]) -> None:
        found = see(name, content)
        assert [column.name for column in found.columns] == names
        assert len(found.rows) == 1

    def test_a_million_columns(self, see: See) -> None:
        found = see("wide.csv", ",".join(f"c{i}" for i in range(1_000_000)) + "\n" + ",".join(["1"] * 1_000_000))
        assert len(found.columns) == 100
        assert found.columns_total > 100_000
        assert "longer than" in found.note

    @pytest.mark.parametrize(
        "content", [b"a,b\n\x00,\x00\n", b'a,b\n"' + b"x" * 3_000_000, b"a\rb\rc\r", b"\n\n\n", b"a,b\n\xff\xfe,2\n" * 9]
    )
    def test_odd_csv(self, see: See, content: bytes) -> None:
        assert isinstance(see("odd.csv", content), Table | Text | Bytes)

    def test_cells_are_cut(self, see: See) -> None:
        assert see("a.csv", "a\n" + "x" * 5_000).rows[0] == ["x" * 300 + "… (5000 characters)"]


class TestParquet:
    def test_pages_across_row_groups(self, see: See) -> None:
        content = files.parquet(2_500, 1_000)
        seen: list[str | None] = []
        at: int | None = 0
        while at is not None:
            found = see("a.parquet", content, at=at)
            assert found.total == 2_500
            seen += [row[0] for row in found.rows]
            at = found.after
        assert seen == [str(i) for i in range(2_500)]
        assert see("a.parquet", content, at=1_234).rows[0] == ["1234", "name 1234"]
        assert see("a.parquet", content, at=7).rows[0] == ["7", None]
        assert [(column.name, column.type, column.number) for column in found.columns] == [
            ("id", "Int64", True),
            ("name", "Utf8", False),
        ]
        assert ("row groups", "3") in found.facts

    def test_a_page_of_a_large_file_reads_little_of_it(self, tmp_path: Path) -> None:
        table = pa.table({"x": pa.array(range(3_000_000)), "y": [f"{i:x}" * 3 for i in range(3_000_000)]})
        pq.write_table(table, tmp_path / "a.parquet", row_group_size=200_000, compression="none")
        read = 0

        async def look() -> Look:
            nonlocal read
            store, readers = LocalStore(tmp_path), Readers()
            file: Any = await store.open("a.parquet")
            pieces = file.pieces

            def counted(start: int, length: int) -> Any:
                nonlocal read
                read += length
                return pieces(start, length)

            file.pieces = counted
            try:
                return await readers.look(file, Asked("parquet", "a.parquet", file.stat.size, 2_400_000))
            finally:
                file.close()
                await readers.close()
                store.close()

        found = asyncio.run(look())
        assert isinstance(found, Table)
        assert found.rows[0][0] == "2400000"
        assert read < 8_000_000 < (tmp_path / "a.parquet").stat().st_size / 6

    @pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
    def test_compressions(self, see: See, compression: str) -> None:
        assert len(see("a.parquet", files.parquet(50, 20, compression)).rows) == 20

    def test_nested_and_odd_values(self, see: See) -> None:
        columns = {"list": [[1, None], None, []], "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
                   "bytes": [b"\xff\x00", None, b""], "<script>": ["<b>", "\u202e", "x" * 1_000], "nan": [float("nan"), 1.5, None]}  # fmt: skip
        found = see("a.parquet", files.parquet(3, 3, columns=columns))
        assert [row[2:] for row in found.rows] == [
            ["[1, null]", '[["k", 1]]', "ff00", "<b>", "nan"], [None, None, None, "\u202e", "1.5"],
            ["[]", "[]", "", "x" * 300 + "… (1000 characters)", None],
        ]  # fmt: skip

    def test_no_rows(self, see: See) -> None:
        assert see("a.parquet", files.parquet(0, 1)).rows == []

    def test_broken_in_every_way(self, see: See) -> None:
        good = files.parquet(100, 50)
        length = struct.unpack("<I", good[-8:-4])[0]
        broken = [
            b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 4 + b"PAR1", good[:-1], good[4:], good[:-8] + struct.pack("<I", 2**31) + b"PAR1",
            good[:-8] + struct.pack("<I", length - 3) + b"PAR1", b"PAR1" + good[-8 - length :], good[:-4] + b"PARE",
            b"PAR1" + b"\x19\xff\xff\xff\xff\x0f" + struct.pack("<I", 6) + b"PAR1", b"PAR1" + b"\x1c" * 400 + struct.pack("<I", 400) + b"PAR1",
        ]  # fmt: skip
        for content in broken:
            with pytest.raises(Unreadable):
                see("a.parquet", content)
        assert see("a.parquet", good).total == 100, "and the process goes on"

    def test_any_changed_byte_ends_in_a_table_or_a_sentence(self, see: See) -> None:
        good = files.parquet(40, 20)
        for at in range(4, len(good), 23):
            content = bytearray(good)
            content[at] ^= 0xFF
            try:
                assert isinstance(see("a.parquet", bytes(content)), Table)
            except Unreadable:
                continue

    def test_what_unpacks_to_gigabytes(self, see: See) -> None:
        table = pa.table({"x": [b"\0" * 900_000_000] * 2})
        made = io.BytesIO()
        pq.write_table(table, made, compression="zstd", use_dictionary=False, write_statistics=False)
        assert len(made.getvalue()) < 1_000_000
        before = psutil.virtual_memory().available
        with pytest.raises(Unreadable):
            see("bomb.parquet", made.getvalue())
        assert before - psutil.virtual_memory().available < 4_000_000_000
        assert see("a.parquet", files.parquet(10, 10)).total == 10

    def test_very_many_columns(self, see: See) -> None:
        table = pa.table({f"c{i}": [i] for i in range(5_000)})
        made = io.BytesIO()
        pq.write_table(table, made)
        with pytest.raises(Unreadable, match="too many"):
            see("wide.parquet", made.getvalue())


class TestNotebooks:
    def test_cells_and_outputs(self, see: See) -> None:
        content = files.notebook(
            {"cell_type": "markdown", "source": ["# Title\n", "text"], "metadata": {}},
            files.code_cell(
                "x = 1",
                {"output_type": "stream", "text": ["a\n", "\x1b[31mb\x1b[0m"]},
                {"output_type": "display_data", "data": {"image/png": files.PICTURE + "\n"}},
                {"output_type": "execute_result", "data": {"text/html": "<script>alert(1)</script>"}},
                {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []},
            ),
        )
        found = see("a.ipynb", content)
        assert isinstance(found, Notebook)
        assert found.cells[0].text == "# Title\ntext"
        assert found.cells[1].count == "3"
        assert [output.text for output in found.cells[1].outputs] == [
            "a\nb", f"data:image/png;base64,{files.PICTURE}", "(HTML output, not shown)", "E: v",
        ]  # fmt: skip

    @pytest.mark.parametrize("picture", ['"onerror="alert(1)', "<svg onload=alert(1)>", "A" * 5_000_000, 7, None, {"a": 1}])
    def test_pictures_that_are_none(self, see: See, picture: Any) -> None:
        found = see(
            "a.ipynb", files.notebook(files.code_cell("x", {"output_type": "display_data", "data": {"image/png": picture}}))
        )
        for output in found.cells[0].outputs:
            assert output.sort == "text" or output.text == "data:image/png;base64,"

    @pytest.mark.parametrize(
        "content", [b"{}", b"[]", b'{"cells": 3}', b'{"cells": [', b"\xff\xfe", b'{"nbformat": 3, "worksheets": []}']
    )
    def test_what_is_no_notebook_is_text(self, see: See, content: bytes) -> None:
        assert isinstance(see("a.ipynb", content), Text | Bytes)

    def test_odd_cells(self, see: See) -> None:
        content = json.dumps(
            {"cells": [1, None, {}, {"cell_type": []}, {"cell_type": "code", "source": {}, "outputs": [3, {}, None]}] * 100}
        )
        assert len(see("a.ipynb", content).cells) == 200


class TestHeaders:
    def test_tensors_and_totals(self, see: See) -> None:
        content = files.safetensors({"a.weight": ("F32", [2, 3], 24), "<b>": ("BF16", [], 2)}, {"format": "pt"})
        found = see("m.safetensors", content)
        assert found.rows == [["a.weight", "F32", "2 × 3", "6", "24"], ["<b>", "BF16", "scalar", "1", "2"]]
        assert {("tensors", "2"), ("params", "7"), ("params in F32", "6"), ("format", "pt")} <= set(found.facts)

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"\xff" * 8, struct.pack("<Q", 2**63) + b"{}", struct.pack("<Q", 2) + b"{}", struct.pack("<Q", 5) + b"[1,2]" * 10,
            struct.pack("<Q", 100_000) + b"[" * 100_000, struct.pack("<Q", 17_000_000) + b" " * 17_000_000,
        ],
    )  # fmt: skip
    def test_lying_headers(self, see: See, content: bytes) -> None:
        with pytest.raises(Unreadable):
            see("m.safetensors", content)

    def test_lying_shapes_are_not_believed(self, see: See) -> None:
        header = {
            "a": {"dtype": "F32", "shape": [10**12, 10**12], "data_offsets": [5, 1]},
            "b": {"shape": "x"},
            "c": 3,
            "d": {"dtype": [], "shape": [-1]},
        }
        written = json.dumps(header).encode()
        found = see("m.safetensors", struct.pack("<Q", len(written)) + written + b"\0" * 100)
        assert [row[3:] for row in found.rows] == [[None, None]] * 4

    def test_an_onnx_model(self, see: See) -> None:
        found = see("m.onnx", files.onnx())
        assert isinstance(found, Graph)
        assert [(item.name, item.type, item.shape) for item in found.inputs] == [("image", "float32", "batch × 3 × 224")]
        assert [(item.name, item.type, item.shape) for item in found.outputs] == [("scores", "int64", "10")]
        assert found.operators == [("Conv", 3), ("Relu", 2)]
        assert {("opset", "17"), ("made by", "maker"), ("initializers", "1"), ("graph", "net")} <= set(found.facts)

    def test_broken_onnx(self, see: See) -> None:
        good = files.onnx(100)
        for content in (
            b"",
            b"\x00" * 50,
            b"\xff" * 200,
            b"abc",
            files.field(7, b"\xff" * 20),
            good[:-30],
            files.field(7, files.field(1, 1) * 400_000),
        ):
            with pytest.raises(Unreadable):
                see("m.onnx", content)
        for at in range(0, len(good), 5):
            changed = bytearray(good)
            changed[at] ^= 0xFF
            try:
                assert isinstance(see("m.onnx", bytes(changed)), Graph)
            except Unreadable:
                continue

    def test_an_mlmodel(self, see: See) -> None:
        found = see("MLmodel", files.MLMODEL)
        assert isinstance(found, Model)
        assert [name for name, _ in found.flavors] == ["python_function", "sklearn"]
        assert [(item.name, item.type, item.optional) for item in found.inputs] == [
            ("alcohol", "double", False),
            ("labels", "array of string", True),
        ]
        assert [(item.type, item.shape) for item in found.outputs] == [("int64", "any × 3")]
        assert found.params[0].default == "0.5"
        assert {("Python", "3.11.7"), ("mlflow", "3.17.2")} <= set(found.facts)
        assert found.loads == "sklearn"

    @pytest.mark.parametrize(
        "content",
        ["", "flavors: 3", "[]", "flavors: {}", files.LAUGHS, "flavors: {a: !!python/object/apply:os.system [id]}\nsignature: {inputs: '[['}",
         "flavors: {a: " + "{b: " * 500 + "1" + "}" * 500 + "}", "flavors: {a: {}}\nsignature: {inputs: '[1, null, {}]', outputs: 7}"],
    )  # fmt: skip
    def test_odd_mlmodels(self, see: See, content: str) -> None:
        assert isinstance(see("MLmodel", content), Model | Text)

    def test_an_mlmodel_with_many_columns(self, see: See) -> None:
        inputs = json.dumps([{"name": f"column {i}", "type": "double"} for i in range(300)])
        found = see("MLmodel", f"flavors: {{a: {{}}}}\nsignature: {{inputs: {json.dumps(inputs)}}}")
        assert isinstance(found, Model)
        assert len(found.inputs) == 300

    def test_the_size_of_an_image(self, see: See) -> None:
        assert see("a.png", files.png(30, 20)) == Image(30, 20)
        assert see("a.png", b"\x89PNG") == Image(0, 0)
        assert see("a.jpg", b"\xff\xd8" + b"\xff" * 100_000) == Image(0, 0)


class TestTheProcess:
    def test_knows_nothing_of_the_server(self, see: See, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RUNSTONE_S3_SECRET_ACCESS_KEY", "a secret")
        see("a.txt", "x")
        mine = [child for child in psutil.Process().children() if "runstone.previews.reader" in child.cmdline()]
        assert mine
        assert all("a secret" not in child.environ().values() and child.cwd() == "/" for child in mine)

    def test_is_ended_when_it_takes_too_long(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_side, "SECONDS", 0.2)
        (tmp_path / "a.txt").write_text("x")

        async def look() -> None:
            store, readers = LocalStore(tmp_path), Readers()

            async def never(*_: Any) -> bytes:
                await asyncio.sleep(60)
                return b""

            monkeypatch.setattr(server_side, "_range", never)
            file = await store.open("a.txt")
            with pytest.raises(Unreadable, match="memory and time"):
                await readers.look(file, Asked("text", "a.txt", 1))
            assert readers._idle == []
            file.close()
            store.close()

        before = {child.pid for child in psutil.Process().children()}
        asyncio.run(look())
        for _ in range(200):
            left = {child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE} - before
            if not left:
                break
            time.sleep(0.02)
        assert left == set()

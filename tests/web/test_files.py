"""The file browser on the pages of runs, logged models and versions, from a folder and from S3; every kind of preview as HTML."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from bs4 import Tag

from tests.conftest import RunningServer
from tests.previews import files
from tests.web.hostile import HOSTILE
from tests.web.reading import link, one, page, part, words
from tests.web.test_hostile_text import assert_harmless

STORE = "/api/2.0/mlflow-artifacts/artifacts"
HTML_FILE = "<h1>Report</h1><script>parent.document.title = 'taken'</script>"
FILES: dict[str, bytes] = {
    "train.py": b"import os  # <b>\n", "README.md": b"# Title\n\n<script>alert(1)</script> [x](javascript:alert(1))", "config.yaml": b"lr: 1.0e-3\nx: [1]",
    "metrics.json": b'{"loss": 0.10, "deep": {"er": [1, 2]}}', "data.csv": b"id,name\n" + b"".join(b"%d,<i>%d\n" % (i, i) for i in range(250)),
    "data.parquet": files.parquet(250, 100), "plots/a.png": files.png(30, 20), "plots/a.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "report.html": HTML_FILE.encode(), "report.pdf": files.pdf("words"), "sound.wav": files.wav(), "film.mp4": b"\0\0\0\x18ftypmp42" + b"\0" * 100,
    "run.ipynb": files.notebook({"cell_type": "markdown", "source": "# Notes", "metadata": {}}, files.code_cell("x = 1")),
    "m.safetensors": files.safetensors({"w": ("F32", [2, 3], 24)}), "m.onnx": files.onnx(), "model/MLmodel": files.MLMODEL.encode(),
    "model/model.pkl": bytes(range(256)), "train.log": b"".join(b"step %d\n" % i for i in range(30_000)), "empty.txt": b"",
}  # fmt: skip


def put(server: RunningServer, key: str, content: bytes) -> None:
    assert server.client.put(f"{STORE}/{quote(key)}", content=content).status_code == 200


@pytest.fixture(scope="module")
def run_id(transfer_server: RunningServer) -> str:
    number = transfer_server.experiment()
    made = transfer_server.run(number)
    for name, content in FILES.items():
        put(transfer_server, f"{number}/{made}/artifacts/{name}", content)
    return made


def look(server: RunningServer, run_id: str, file: str, **query: Any) -> Tag:
    return one(page(server, f"/runs/{run_id}", file=file, **query), "#artifacts")


class TestFolders:
    def test_names_sizes_and_what_to_do_with_them(self, transfer_server: RunningServer, run_id: str) -> None:
        section = one(page(transfer_server, f"/runs/{run_id}"), "#artifacts")
        names = [words(item.a) for item in section.select("li") if item.a]
        assert names == ["model", "plots", *sorted(name for name in FILES if "/" not in name)]
        row = next(item for item in section.select("li") if words(item).startswith("train.py"))
        assert row.select("button.copy")[0]["data-copy"] == "train.py"
        assert transfer_server.client.get(str(row.select("a[download]")[0]["href"])).content == FILES["train.py"]
        assert one(section, "a[href$='/files/zip']")
        assert f"mlflow.artifacts.download_artifacts('runs:/{run_id}')" in one(section, "#load-files").text

    def test_are_walked_by_their_trail(self, transfer_server: RunningServer, run_id: str) -> None:
        section = part(transfer_server, f"/runs/{run_id}", file="plots/a.png")
        assert words(one(section, "nav.path")) == "artifacts plots a.png"
        assert words(part(transfer_server, link(one(section, "nav.path"), "plots").partition("#")[0]).select("li")[0]).startswith(
            "a.png"
        )

    def test_names_are_filtered(self, transfer_server: RunningServer, run_id: str) -> None:
        found = part(transfer_server, f"/runs/{run_id}", find="DATA")
        assert [words(item.a) for item in found.select("li") if item.a] == ["data.csv", "data.parquet"]
        assert one(found, "input[name=find]")["value"] == "DATA"
        assert link(found, "Clear the filter")
        assert "No name in this folder contains" in words(part(transfer_server, f"/runs/{run_id}", find="zzz"))
        assert [
            words(item.a) for item in part(transfer_server, f"/runs/{run_id}", path="plots", find="svg").select("li") if item.a
        ] == ["a.svg"]

    def test_a_large_folder_has_pages_and_is_searched(self, transfer_server: RunningServer, kind: str) -> None:
        number = transfer_server.experiment()
        made = transfer_server.run(number)
        for i in range(450):
            put(transfer_server, f"{number}/{made}/artifacts/f/{i:03}.txt", b"")
        shown = page(transfer_server, f"/runs/{made}", path="f")
        names = [words(item.a) for item in shown.select("li") if item.a and item.select(".size")]
        while shown.select("#artifacts a[rel=next]"):
            shown = page(transfer_server, str(one(shown, "#artifacts a[rel=next]")["href"]))
            names += [words(item.a) for item in shown.select("li") if item.a and item.select(".size")]
        assert names == [f"{i:03}.txt" for i in range(450)]
        found = part(transfer_server, f"/runs/{made}", path="f", find="9.txt")
        assert len(found.select("li")) == 45

    def test_odd_queries_are_no_errors(self, transfer_server: RunningServer, run_id: str) -> None:
        for query in ({"from": "\x00"}, {"find": "\u202e%*["}, {"path": "plots/", "from": "zzz"}, {"find": "x" * 5000}):
            page(transfer_server, f"/runs/{run_id}", **query)
        for query in (
            {"at": "-5"},
            {"at": "9" * 30},
            {"at": "x"},
            {"at": "٣"},
            {"row": "-1"},
            {"view": "x"},
            {"at": "100000000000000"},
        ):
            for name in ("train.py", "metrics.json", "data.csv", "data.parquet", "m.safetensors", "train.log"):
                page(transfer_server, f"/runs/{run_id}", file=name, **query)


class TestPreviews:
    def test_code(self, transfer_server: RunningServer, run_id: str) -> None:
        section = look(transfer_server, run_id, "train.py")
        assert words(one(section, "pre .hl-kn")) == "import"
        assert one(section, ".files pre").text == "import os  # <b>"

    def test_markdown_and_its_source(self, transfer_server: RunningServer, run_id: str) -> None:
        section = look(transfer_server, run_id, "README.md")
        assert words(one(section, ".note h3")) == "Title"
        assert not section.select(".note a, script")
        assert one(look(transfer_server, run_id, "README.md", view="source"), ".files pre").text == FILES["README.md"].decode()

    def test_trees(self, transfer_server: RunningServer, run_id: str) -> None:
        assert "loss : 0.10" in words(one(look(transfer_server, run_id, "metrics.json"), ".tree"))
        assert "lr : 1.0e-3" in words(one(look(transfer_server, run_id, "config.yaml"), ".tree"))

    @pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
    def test_tables_have_pages(self, transfer_server: RunningServer, run_id: str, name: str) -> None:
        section = look(transfer_server, run_id, name)
        seen = [words(row.select("td")[0]) for row in section.select("tbody tr")]
        assert "Rows 1 to 100" in words(section)
        while [a for a in section.select("a") if words(a) == "Next page"]:
            section = one(page(transfer_server, f"/runs/{run_id}" + link(section, "Next page")), "#artifacts")
            seen += [words(row.select("td")[0]) for row in section.select("tbody tr")]
        assert seen == [str(i) for i in range(250)]
        assert "Rows 201 to 250" in words(section)

    def test_what_the_browser_draws_itself(self, transfer_server: RunningServer, run_id: str) -> None:
        client = transfer_server.client
        for name, selector, kind in (
            ("plots/a.png", ".picture img", "image/png"), ("sound.wav", "audio", "audio/wav"), ("film.mp4", "video", "video/mp4"),
            ("report.pdf", "iframe", "application/pdf"), ("report.html", "iframe[sandbox='']", "text/html; charset=utf-8"),
            ("plots/a.svg", "iframe[sandbox='']", "image/svg+xml"),
        ):  # fmt: skip
            shown = str(one(look(transfer_server, run_id, name), selector)["src"])
            answer = client.get(shown)
            assert (answer.content, answer.headers["content-type"]) == (FILES[name], kind)
            assert "nosniff" in answer.headers["x-content-type-options"]
            assert answer.headers["content-disposition"].startswith("inline; filename=")
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "frame-ancestors 'self'" in policy
            assert ("sandbox" in policy) == (name != "report.pdf")
            assert "script" not in policy
            part_of = client.get(shown, headers={"Range": "bytes=2-5"})
            assert (part_of.status_code, part_of.content) == (206, FILES[name][2:6])
            assert client.head(shown).headers["content-length"] == str(len(FILES[name]))

    def test_an_image_says_its_size_and_zooms(self, transfer_server: RunningServer, run_id: str) -> None:
        section = look(transfer_server, run_id, "plots/a.png")
        assert "30 × 20 pixels" in words(section)
        zoomed = page(transfer_server, f"/runs/{run_id}" + link(section, "Actual size"))
        assert one(zoomed, ".picture.zoomed img")

    @pytest.mark.parametrize("name", ["train.py", "data.csv", "model/model.pkl", "m.onnx", "train.log", "run.ipynb"])
    def test_nothing_else_is_shown_inline(self, transfer_server: RunningServer, run_id: str, name: str) -> None:
        answer = transfer_server.client.get(f"/runs/{run_id}/files/shown", params={"path": name})
        assert answer.status_code == 400
        assert "Download it" in answer.json()["message"]

    def test_what_is_called_a_pdf_and_is_none(self, transfer_server: RunningServer) -> None:
        number = transfer_server.experiment()
        made = transfer_server.run(number)
        put(transfer_server, f"{number}/{made}/artifacts/x.pdf", HTML_FILE.encode())
        assert transfer_server.client.get(f"/runs/{made}/files/shown", params={"path": "x.pdf"}).status_code == 400

    @pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a\x00.png", "", "plots", "none.png", "..%2fx"])
    def test_odd_paths(self, transfer_server: RunningServer, run_id: str, path: str) -> None:
        answer = transfer_server.client.get(f"/runs/{run_id}/files/shown", params={"path": path})
        assert answer.status_code in (400, 404)
        assert "message" in answer.json()

    def test_notebooks_headers_and_models(self, transfer_server: RunningServer, run_id: str) -> None:
        section = look(transfer_server, run_id, "run.ipynb")
        assert words(one(section, ".notebook .note h3")) == "Notes"
        assert one(section, ".notebook pre").text == "x = 1"
        assert "w F32 2 × 3 6 24" in words(look(transfer_server, run_id, "m.safetensors"))
        assert "image float32 batch × 3 × 224" in words(look(transfer_server, run_id, "m.onnx"))
        model = words(look(transfer_server, run_id, "model/MLmodel"))
        assert "alcohol double" in model
        assert f"mlflow.pyfunc.load_model('runs:/{run_id}/model')" in model

    def test_logs_begin_at_their_end(self, transfer_server: RunningServer, run_id: str) -> None:
        section = look(transfer_server, run_id, "train.log")
        assert one(section, ".files pre").text.endswith("step 29999")
        earlier = one(page(transfer_server, f"/runs/{run_id}" + link(section, "Earlier")), "#artifacts")
        assert "step 20000\n" in one(earlier, ".files pre").text
        assert one(
            page(transfer_server, f"/runs/{run_id}" + link(section, "Beginning")), "#artifacts .files pre"
        ).text.startswith("step 0\n")

    def test_what_is_broken_is_shown_as_it_is_with_the_reason(self, transfer_server: RunningServer) -> None:
        number = transfer_server.experiment()
        made = transfer_server.run(number)
        for name, content, reason, shown in (
            ("a.parquet", FILES["data.parquet"][:-30], "a part of it is missing", "50 41 52 31"),
            ("a.safetensors", b"\xff" * 40, "not a safetensors file", "ff ff ff"), ("a.onnx", b"\xff" * 40, "not an ONNX model", "ff ff ff"),
            ("a.json", b"[1, 2", "not valid JSON", "[1, 2"), ("a.yaml", b"a: [1", "not valid YAML", "a: [1"),
            ("big.png", files.png(1, 1)[:16] + b"\0\1\0\0" * 2 + files.png(1, 1)[24:], "too many to be drawn", "65 536 × 65 536"),
        ):  # fmt: skip
            put(transfer_server, f"{number}/{made}/artifacts/{name}", content)
            found = words(look(transfer_server, made, name)).replace("\u202f", " ")
            assert reason in found
            assert shown.replace(" ", "") in found.replace(" ", "")

    def test_bytes_and_nothing(self, transfer_server: RunningServer, run_id: str) -> None:
        assert "00000010 10 11 12" in words(look(transfer_server, run_id, "model/model.pkl"))
        assert "This file is empty." in words(look(transfer_server, run_id, "empty.txt"))


class TestHostileFiles:
    def test_every_kind_with_every_text(self, sqlite_server: RunningServer) -> None:
        number = sqlite_server.experiment()
        made = sqlite_server.run(number)
        for i, text in enumerate(HOSTILE):
            cell = {"cell_type": "markdown", "source": text, "metadata": {}}
            output = {"output_type": "execute_result", "data": {"text/plain": text, "text/html": text}}
            contents: dict[str, bytes | str] = {
                "a.txt": text, "a.py": text, "a.md": text, "a.json": json.dumps({text: [text]}), "t.json": json.dumps({"columns": [text], "data": [[text]]}),
                "a.yaml": f"{json.dumps(text)}: {json.dumps(text)}", "a.csv": f'"{text}"\n"{text}"', "a.log": text, "noext": text,
                "a.ipynb": files.notebook(cell, files.code_cell(text, output)), "a.parquet": files.parquet(1, 1, columns={text: [text]}),
                "a.safetensors": files.safetensors({text: (text[:10], [1], 4)}, {text: text}),
                "a.onnx": files.field(2, text) + files.field(7, files.field(2, text) + files.field(1, files.field(4, text))),
                "MLmodel": f"flavors: {{x: {{y: {json.dumps(text)}}}}}\nrun_id: {json.dumps(text)}\nsignature: {{inputs: {json.dumps(json.dumps([{'name': text, 'type': text}]))}}}",
            }  # fmt: skip
            for name, content in contents.items():
                put(
                    sqlite_server,
                    f"{number}/{made}/artifacts/{i}/{name}",
                    content.encode() if isinstance(content, str) else content,
                )
            for name in contents:
                soup = page(sqlite_server, f"/runs/{made}", file=f"{i}/{name}")
                assert_harmless(soup)
                assert one(soup, "#artifacts"), name

    def test_names_that_look_like_others_are_isolated(self, sqlite_server: RunningServer) -> None:
        number = sqlite_server.experiment()
        made = sqlite_server.run(number)
        folder = sqlite_server.artifacts / number / made / "artifacts"
        folder.mkdir(parents=True)
        for name in ("\u202egnp.exe", "a\nb.txt", "<img src=x onerror=alert(1)>.md", "x\\y.csv", "CON", "a" * 255):
            (folder / name).write_bytes(b"a,b\n1,2\n")
        soup = page(sqlite_server, f"/runs/{made}")
        assert_harmless(soup)
        for item in soup.select("#artifacts li"):
            opened = page(sqlite_server, str(item.select("a")[0]["href"]))
            assert_harmless(opened)


class TestOwners:
    def test_logged_models_and_versions_have_the_same_browser(self, transfer_server: RunningServer) -> None:
        server, number = transfer_server, transfer_server.experiment()
        model = server.ok("logged-models", {"experiment_id": number, "name": "m"})["model"]["info"]["model_id"]
        put(server, f"{number}/models/{model}/artifacts/MLmodel", files.MLMODEL.encode())
        put(server, f"{number}/models/{model}/artifacts/a.png", files.png(3, 2))
        name = f"shown {model} <b>"
        server.ok("registered-models/create", {"name": name})
        server.ok("model-versions/create", {"name": name, "source": f"models:/{model}", "model_id": model})
        for path, uri in (
            (f"/logged-models/{model}", f"models:/{model}"),
            (f"/models/{quote(name)}/versions/1", f"models:/{name}/1"),
        ):
            section = one(page(server, path, file="MLmodel"), "#artifacts")
            assert f"load_model('{uri}')" in words(section)
            image = one(page(server, path, file="a.png"), "#artifacts img")
            assert server.client.get(str(image["src"])).content == files.png(3, 2)
            assert server.client.get(path + "/files/zip").status_code == 200

    def test_files_of_a_client_are_not_reached(self, transfer_server: RunningServer) -> None:
        made = transfer_server.run(transfer_server.experiment(artifact_location="s3://somebody/else"))
        for path in ("shown?path=a.png", "zip"):
            assert transfer_server.client.get(f"/runs/{made}/files/{path}").status_code == 400

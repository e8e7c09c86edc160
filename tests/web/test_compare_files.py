"""/compare/files: folders, images and texts of several runs side by side."""

from __future__ import annotations

import pytest

from runstone.web import compare_files
from tests.conftest import RunningServer
from tests.web.reading import link, one, page, words


@pytest.fixture(scope="module")
def run_ids(server: RunningServer) -> list[str]:
    number = server.experiment()
    ids = [server.run(number, run_name=name) for name in ("first", "second", "third")]
    texts = [b"lr: 1\nsame\n", b"lr: 2\nsame\n<script>\n", None]
    for run_id, text in zip(ids, texts, strict=True):
        seed = b"seed %d" % ids.index(run_id)
        files = {"plots/p.png": b"\x89PNG", "raw.bin": b"\0\1", "seed.txt": seed} | ({"config.yaml": text} if text else {})
        for name, content in files.items():
            path = f"/api/2.0/mlflow-artifacts/artifacts/{number}/{run_id}/artifacts/{name}"
            assert server.client.put(path, content=content).status_code == 200
    return ids


class TestCompareFiles:
    def test_of_a_folder_are_listed_by_run(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare/files", runs=",".join(run_ids))
        rows = {words(one(row, "th")): [words(cell) for cell in row.select("td")] for row in soup.select("tbody tr")}
        assert list(rows.values()) == [
            ["folder", "folder", "folder", ""],
            ["11 B", "20 B", "–", "differs"],
            ["6 B", "6 B", "6 B", "differs"],  # of one size
            ["2 B", "2 B", "2 B", "same"],
        ]
        assert [name.replace(" ", "") for name in rows] == ["plots/", "config.yaml", "seed.txt", "raw.bin"]
        assert "p.png" in words(page(server, link(soup, "plots/")))

    def test_of_text_show_what_changed(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare/files", runs=",".join(run_ids), file="config.yaml")
        assert [line.text for line in soup.select("del")] == ["lr: 1"]
        assert [line.text for line in soup.select("ins")] == ["lr: 2", "<script>"]
        assert "One of the two has no such text" in words(soup)

    def test_that_are_the_same_are_said_to_be(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare/files", runs=f"{run_ids[0]},{run_ids[0]}", file="config.yaml")
        assert not soup.select(".diff")
        assert compare_files.changes("a\n", "a") == []

    def test_that_are_images_stand_side_by_side(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare/files", runs=",".join(run_ids), file="plots/p.png")
        assert len(soup.select("figure img")) == 3
        assert server.client.get(str(soup.select("img")[1]["src"])).content == b"\x89PNG"

    def test_that_are_no_text_or_not_there_are_said_to_be_so(self, server: RunningServer, run_ids: list[str]) -> None:
        assert "This file is no text" in words(page(server, "/compare/files", runs=",".join(run_ids), file="raw.bin"))
        for path in ("../../etc/passwd", "/etc/passwd", "plots", "nothing.txt", "a//b", "%2e%2e/x"):
            page(server, "/compare/files", runs=",".join(run_ids), file=path)
            page(server, "/compare/files", runs=",".join(run_ids), folder=path)

    def test_of_unknown_runs_are_left_out(self, server: RunningServer, run_ids: list[str]) -> None:
        assert "1 run of the address is left out" in words(page(server, "/compare/files", runs=f"{run_ids[0]},nothing"))
        assert "No runs to compare" in words(page(server, "/compare/files"))

    def test_a_long_text_is_cut(self) -> None:
        old = "\n".join(map(str, range(5000)))
        assert compare_files.changes(old, old + "\nnew") == []
        found = compare_files.changes("a\nb", "a\nc")
        assert found == [("place", "@@ -1,2 +1,2 @@"), ("", "a"), ("remove", "b"), ("add", "c")]

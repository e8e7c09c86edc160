"""/runs/<id>: one run, its charts and its files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import RunningServer
from tests.web.reading import headings, link, one, page, part, post, row_names, words

NOTE = "# Title\n[x](javascript:alert(1)) [y](https://example.com) <b>raw</b> **bold** ![i](https://example.com/i.png)"


def put(server: RunningServer, path: str, content: bytes) -> None:
    answer = server.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=content)
    assert answer.status_code == 200, answer.text


def log(server: RunningServer, run_id: str, key: str, values: list[Any]) -> None:
    for start in range(0, len(values), 1000):
        points = [
            {"key": key, "value": values[i], "timestamp": i, "step": i} for i in range(start, min(len(values), start + 1000))
        ]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": points})


@pytest.fixture(scope="module")
def run_id(server: RunningServer) -> str:
    number = server.experiment("of the run")
    parent = server.run(number, run_name="its parent")
    tags = {
        "mlflow.note.content": NOTE,
        "mlflow.parentRunId": parent,
        "mlflow.source.git.commit": "0123456789abcdef",
        "stage": "dev",
    }
    run_id = server.run(
        number,
        run_name="detailed",
        start_time=1700000000000,
        user_id="amina",
        tags=[{"key": k, "value": v} for k, v in tags.items()],
    )
    log(server, run_id, "loss", [1, "NaN", "Infinity", 0.25])
    dataset = {"name": "iris", "digest": "abc1", "source_type": "local", "source": "{}"}
    context = [{"key": "mlflow.data.context", "value": "training"}]
    server.ok("runs/log-inputs", {"run_id": run_id, "datasets": [{"tags": context, "dataset": dataset}]})
    server.ok("runs/log-batch", {"run_id": run_id, "params": [{"key": "depth", "value": "4"}]})
    model = server.ok("logged-models", {"experiment_id": number, "name": "net", "source_run_id": run_id})["model"]["info"]
    server.ok("runs/outputs", {"run_id": run_id, "models": [{"model_id": model["model_id"], "step": 0}]})
    server.ok("registered-models/create", {"name": "registered net"})
    server.ok(
        "model-versions/create",
        {"name": "registered net", "source": f"models:/{model['model_id']}", "run_id": run_id, "model_id": model["model_id"]},
    )
    for name, content in (
        ("d/f.txt", b"abc"),
        ("big.log", "é".encode() * 60_000),
        ("bad.bin", b"\x00\x01"),
        ("p.png", b"\x89PNG"),
    ):
        put(server, f"{number}/{run_id}/artifacts/{name}", content)
    return run_id


class TestOverview:
    def test_says_what_the_run_was_and_where_it_belongs(self, server: RunningServer, run_id: str) -> None:
        soup = page(server, f"/runs/{run_id}")
        assert one(soup, "h1").text == "detailed"
        facts = words(one(soup, "dl.facts"))
        for text in ("amina", "0123456789ab", "iris abc1 training", "net", "registered net version 1", "its parent"):
            assert text in facts
        assert one(soup, f"[data-copy='{run_id}']")
        assert words(one(soup, "#params tbody tr")) == "depth 4"
        assert link(soup, "registered net") == "/models/registered%20net/versions/1"
        assert link(soup, "of the run").startswith("/experiments/")

    def test_the_path_of_parents_leads_to_it(self, server: RunningServer) -> None:
        number, parent, made = server.experiment(), "", []
        for i in range(4):
            made.append(server.run(number, run_name=f"level {i}"))
            if parent:
                server.ok("runs/set-tag", {"run_id": made[-1], "key": "mlflow.parentRunId", "value": parent})
            parent = made[-1]
        crumbs = [words(a) for a in page(server, f"/runs/{made[3]}").select("nav.crumbs a")]
        assert crumbs[2:] == ["level 0", "level 1", "level 2"]
        server.ok("runs/set-tag", {"run_id": made[0], "key": "mlflow.parentRunId", "value": made[3]})  # a ring
        crumbs = [words(a) for a in page(server, f"/runs/{made[3]}").select("nav.crumbs a")]
        assert crumbs[2:] == ["level 0", "level 1", "level 2"]

    def test_tags_of_people_stand_before_those_of_the_client(self, server: RunningServer, run_id: str) -> None:
        soup = page(server, f"/runs/{run_id}")
        assert [tag["data-tag"] for tag in soup.select("#tags [data-tag]")] == ["stage"]
        assert "mlflow.parentRunId" in row_names(one(soup, "#system-tags table"))

    def test_the_note_is_markdown_that_can_do_nothing(self, server: RunningServer, run_id: str) -> None:
        note = one(page(server, f"/runs/{run_id}"), ".note")
        assert one(note, "h3").text == "Title"
        assert one(note, "strong").text == "bold"
        assert not note.find(["b", "img", "script"])
        assert [a["href"] for a in note.find_all("a")] == ["https://example.com"]
        assert one(note, "a")["rel"] == ["noopener", "noreferrer"]

    def test_metrics_with_their_extremes(self, server: RunningServer, run_id: str) -> None:
        row = one(page(server, f"/runs/{run_id}"), "#metrics tbody tr")
        assert [words(cell) for cell in row.select("th, td")] == ["loss", "0.25", "0.25", "∞", "3", "4"]

    def test_a_parent_lists_its_children(self, server: RunningServer, run_id: str) -> None:
        soup = page(server, f"/runs/{run_id}")
        parent = page(server, link(one(soup, "dl.facts"), "its parent"))
        assert link(one(parent, "#nested"), "detailed") == f"/runs/{run_id}"

    def test_a_run_with_nothing_shows_what_to_log(self, server: RunningServer) -> None:
        empty = server.run()
        soup = page(server, f"/runs/{empty}")
        assert f'run_id="{empty}"' in one(soup, "#metrics pre").text
        assert "No files were logged" in words(soup)

    def test_times_no_calendar_has_are_shown_as_numbers(self, server: RunningServer) -> None:
        odd = server.run(run_name="far", start_time=9223372036854775807)
        assert "9223372036854775807" in words(page(server, f"/runs/{odd}"))
        server.ok("runs/update", {"run_id": odd, "end_time": -1, "status": "FAILED"})
        page(server, f"/runs/{odd}")
        page(server, "/experiments/0")

    def test_delete_and_restore(self, server: RunningServer) -> None:
        gone = server.run(run_name="back again")
        post(server, f"/runs/{gone}/delete")
        deleted = page(server, f"/runs/{gone}")
        assert "In the trash" in words(deleted)
        assert one(deleted, f"form[action='/runs/{gone}/restore']")
        back = post(server, f"/runs/{gone}/restore")
        toast = one(page(server, back.headers["location"]), "[data-toast]")
        assert "Run “back again” restored." in words(toast)
        assert one(toast, "form")["action"] == f"/runs/{gone}/delete"


class TestCharts:
    def test_are_of_the_run_in_the_colour_that_was_chosen(self, server: RunningServer, run_id: str) -> None:
        server.ok("runs/set-tag", {"run_id": run_id, "key": "mlflow.runColor", "value": "#b9540e"})
        for path, metric in ((f"/runs/{run_id}", None), (f"/runs/{run_id}/metric?key=loss", "loss")):
            soup = page(server, path)
            shown = json.loads(one(soup, "#shown-runs").text)
            assert [(run["id"], run["look"]) for run in shown] == [(run_id, 2)]
            assert one(soup, "[data-charts-pane]").get("data-metric") == metric


class TestMetricPage:
    def test_has_the_data_as_a_table_of_pages(self, server: RunningServer) -> None:
        run = server.run(run_name="tabled")
        log(server, run, "a/b c", [i / 8 for i in range(700)])
        soup = page(server, link(page(server, f"/runs/{run}"), "a/b c"))
        assert headings(soup) == ["Step", "Value", "Time"]
        rest = page(server, link(soup, "Next"))
        assert row_names(soup) + row_names(rest) == [f"{i}" for i in range(700)]
        assert words(rest.select("tbody td")[0]) == repr(500 / 8)
        assert link(rest, "First page") == f"/runs/{run}/metric?key=a%2Fb+c"

    def test_unknown_metrics_are_404(self, server: RunningServer, run_id: str) -> None:
        page(server, f"/runs/{run_id}/metric", 404, key="nope")
        page(server, f"/runs/{run_id}/metric", 400, key="loss", after="nonsense")


class TestFiles:
    def test_folders_open_and_files_download(self, server: RunningServer, run_id: str) -> None:
        top = page(server, f"/runs/{run_id}")
        assert [words(item.a) for item in top.select("#artifacts li") if item.a] == ["d", "bad.bin", "big.log", "p.png"]
        inside = page(server, link(one(top, "#artifacts"), "d"))
        download = one(inside, "#artifacts li a[download]")
        assert server.client.get(str(download["href"])).content == b"abc"
        assert words(one(part(server, f"/runs/{run_id}", path="d"), "li")) == "f.txt 3 B"

    def test_a_folder_of_very_many_files_has_pages(self, server: RunningServer) -> None:
        number = server.experiment()
        run = server.run(number)
        folder = server.artifacts / number / run / "artifacts" / "many"
        folder.mkdir(parents=True)
        for i in range(1500):
            (folder / f"{i:04}").touch()
        shown = page(server, f"/runs/{run}", path="many")
        names = [words(item.a) for item in shown.select("#artifacts li") if item.a]
        while shown.select("a[rel=next]"):
            shown = page(server, link(shown, "Next page"))
            names += [words(item.a) for item in shown.select("#artifacts li") if item.a]
        assert names == [f"{i:04}" for i in range(1500)]
        assert words(part(server, link(shown, "First page")).select("li")[0]).startswith("0000")

    def test_text_is_shown_and_cut_at_a_character(self, server: RunningServer, run_id: str) -> None:
        assert one(page(server, f"/runs/{run_id}", file="d/f.txt"), "#artifacts .files pre").text == "abc"
        big = page(server, f"/runs/{run_id}", file="big.log")
        assert one(big, "#artifacts .files pre").text == "é" * 50_000
        assert "Bytes 20 000 to 120 000 of 120 000" in words(big).replace("\u202f", " "), "of a log, the end is shown"
        beginning = page(server, f"/runs/{run_id}" + link(big, "Beginning"))
        assert "The first 100 kB of 120 kB" in words(beginning)
        assert one(beginning, "#artifacts .files pre").text == "é" * 50_000

    def test_images_come_from_the_server_and_of_other_bytes_the_first_are_shown(self, server: RunningServer, run_id: str) -> None:
        image = one(page(server, f"/runs/{run_id}", file="p.png"), "#artifacts img")
        assert server.client.get(str(image["src"])).headers["content-type"] == "image/png"
        assert "00000000 00 01" in words(page(server, f"/runs/{run_id}", file="bad.bin"))

    @pytest.mark.parametrize(
        "query", [{"path": "../x"}, {"file": "../../x"}, {"file": "d"}, {"file": "none"}, {"path": "/etc"}, {"file": "a\x00"}]
    )
    def test_what_is_no_file_is_said_in_its_place(self, server: RunningServer, run_id: str, query: dict[str, str]) -> None:
        section = one(page(server, f"/runs/{run_id}", **query), "#artifacts")
        assert words(section.select("p")[0])
        assert not section.select("pre, img, li")

    def test_a_location_of_the_client_is_not_opened(self, server: RunningServer) -> None:
        number = server.experiment(artifact_location="s3://bucket/x")
        soup = page(server, f"/runs/{server.run(number)}")
        assert "not kept on this server" in words(one(soup, "#artifacts"))


class TestNumbers:
    def test_infinities_and_nan_do_not_break_the_table(self, server: RunningServer) -> None:
        odd = server.run()
        for key, values in (
            ("nan", ["NaN", "NaN"]),
            ("inf", ["Infinity", "-Infinity"]),
            ("tiny", [5e-324, -1.5e308]),
        ):
            log(server, odd, key, values)
        rows = {words(row.select("th")[0]): words(row) for row in page(server, f"/runs/{odd}").select("#metrics tbody tr")}
        assert rows["nan"].startswith("nan NaN – –")
        assert rows["inf"].startswith("inf -∞ -∞ ∞")
        assert "-1.500e308" in rows["tiny"]

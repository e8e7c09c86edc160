"""/experiments/<id>: the table of runs, its filter, columns and pages."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.reading import headings, link, one, page, part, post, row_names, words


def said(soup: BeautifulSoup) -> str:
    """What stands below the table."""
    return re.sub(r"\s+", " ", one(soup, ".pager > span").get_text()).strip()


@pytest.fixture(scope="module")
def filled(server: RunningServer) -> str:
    """205 runs: `run 000` is the oldest, with the largest loss and the smallest `my acc`."""
    number = server.experiment()
    for i in range(205):
        run_id = server.run(number, run_name=f"run {i:03}", start_time=1700000000000 + i)
        metrics = [
            {"key": "loss", "value": 1 / (i + 1), "timestamp": 1, "step": 0},
            {"key": "my acc", "value": i, "timestamp": 1},
        ]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": [{"key": "lr", "value": str(i)}]})
        server.ok("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 1700000060000 + i})
    return number


class TestTable:
    def test_newest_first_with_the_common_columns(self, server: RunningServer, filled: str) -> None:
        soup = page(server, f"/experiments/{filled}")
        assert row_names(soup) == [f"run {i:03}" for i in range(204, 172, -1)]
        assert headings(soup) == ["Run", "Status", "Started", "Duration", "User", "loss", "my acc", "lr"]
        assert "Finished 2023-11-14 22:13 UTC 1 m 00 s" in words(soup.select("tbody tr")[0])
        assert one(soup, "th[aria-sort=descending]").text.strip().startswith("Started")
        assert said(soup) == "205 runs, 32 on this page"

    def test_pages_lead_on_and_back(self, server: RunningServer, filled: str) -> None:
        first = page(server, f"/experiments/{filled}", order="metrics.`my acc` ASC")
        second = page(server, link(first, "Next"))
        third = page(server, link(second, "Next"))
        assert row_names(first) + row_names(second) + row_names(third) == [f"run {i:03}" for i in range(205)]
        again = page(server, link(third, "Previous"))
        assert row_names(again) == row_names(second)
        assert row_names(page(server, link(again, "Previous"))) == [f"run {i:03}" for i in range(100)]

    def test_going_back_past_the_start_shows_the_first_page(self, server: RunningServer) -> None:
        number = server.experiment()
        for i in range(101):
            server.run(number, run_name=f"{i}", start_time=1000 - i)
        back = link(page(server, link(page(server, f"/experiments/{number}"), "Next")), "Previous")
        for run in server.ok("runs/search", {"experiment_ids": [number], "max_results": 50})["runs"]:
            server.ok("runs/delete", {"run_id": run["info"]["run_id"]})
        assert row_names(page(server, back))[0] == "50"

    def test_a_heading_sorts_and_turns(self, server: RunningServer, filled: str) -> None:
        down = page(server, link(page(server, f"/experiments/{filled}"), "my acc"))
        assert row_names(down)[0] == "run 204"
        assert one(down, "th[aria-sort=descending]").text.strip().startswith("my acc")
        up = page(server, link(down, "my acc"))
        assert row_names(up)[0] == "run 000"
        assert row_names(page(server, link(up, "lr")))[:2] == ["run 000", "run 001"]

    def test_runs_without_the_value_come_last_and_no_value_is_said(self, server: RunningServer) -> None:
        number = server.experiment()
        for name, value in (("low", 1), ("nan", "NaN"), ("high", "Infinity")):
            metric = {"key": "m", "value": value, "timestamp": 1}
            server.ok("runs/log-batch", {"run_id": server.run(number, run_name=name), "metrics": [metric]})
        server.run(number, run_name="none")
        for order, names in (("DESC", ["high", "low", "nan", "none"]), ("ASC", ["low", "high", "nan", "none"])):
            soup = page(server, f"/experiments/{number}", order=f"metrics.m {order}")
            assert row_names(soup) == names
        assert [row.select("td")[-2].text for row in soup.select("tbody tr")] == ["1", "∞", "NaN", "–"]

    def test_long_names_that_begin_alike_keep_their_ends(self, server: RunningServer) -> None:
        number = server.experiment()
        for end in ("alpha", "beta"):
            server.run(number, run_name=f"resnet50-imagenet-sweep-2026-{end}")
        soup = page(server, f"/experiments/{number}")
        assert sorted(row_names(soup)) == ["…alpha", "…beta"]
        assert soup.select("tbody th a")[0]["title"] in (
            "resnet50-imagenet-sweep-2026-alpha",
            "resnet50-imagenet-sweep-2026-beta",
        )

    def test_deleted_runs_are_in_the_trash(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number, run_name="gone")
        deleted = post(server, f"/runs/{run_id}/delete")
        soup = page(server, deleted.headers["location"])
        assert one(soup, "[data-toast] form")["action"] == f"/runs/{run_id}/restore"
        trash = page(server, link(soup, "Trash"))
        assert row_names(trash) == ["gone"]
        assert said(trash) == "1 run in the trash"
        assert post(server, f"/runs/{run_id}/restore").status_code == 303
        assert row_names(page(server, f"/experiments/{number}")) == ["gone"]


class TestFilter:
    def test_shows_what_matches_and_how_many(self, server: RunningServer, filled: str) -> None:
        found = page(server, f"/experiments/{filled}", filter="params.lr IN ('7', '9') OR metrics.`my acc` > 203")
        assert row_names(found) == ["run 204", "run 009", "run 007"]
        assert said(found) == "3 of 205 runs"
        many = page(server, f"/experiments/{filled}", filter="metrics.loss < 0.5")
        assert said(many) == "203 of 205 runs, 32 on this page"

    def test_an_error_points_at_the_character_and_keeps_the_text(self, server: RunningServer, filled: str) -> None:
        text = "metrics.loss > 1 AND metrcs.loss > 1"
        wrong = page(server, f"/experiments/{filled}", 400, filter=text)
        problem = one(wrong, "#filter-problem[role=alert]")
        assert "Did you mean 'metrics'" in words(problem)
        assert one(problem, "mark").text == "metrcs"
        assert problem.select(".where")[0].get_text() == text
        field = one(wrong, "input#filter")
        assert field["value"] == text
        assert field["aria-describedby"] == "filter-problem"

    @pytest.mark.parametrize(
        "text", ["metrics.loss >", "(", "'", "a = 'b", "x" * 5000, "metrics.loss > 1 AND", "\u202e = 1", "<b>"]
    )
    def test_no_text_breaks_the_page(self, server: RunningServer, filled: str, text: str) -> None:
        assert words(one(page(server, f"/experiments/{filled}", 400, filter=text), "#filter-problem"))

    def test_nothing_matches(self, server: RunningServer, filled: str) -> None:
        soup = page(server, f"/experiments/{filled}", filter="metrics.loss > 99", order="run_name ASC")
        assert "None of 205 runs here fits the filter" in words(soup)
        assert row_names(page(server, link(soup, "Clear the filter")))[0] == "run 000"

    def test_the_same_address_gives_htmx_the_part(self, server: RunningServer, filled: str) -> None:
        found = part(server, f"/experiments/{filled}", filter="metrics.loss > 0.9")
        assert row_names(found) == ["run 000"]
        wrong = part(server, f"/experiments/{filled}", filter="metrcs.loss > 1")
        assert wrong.select("#filter-problem")

    def test_going_back_gets_the_whole_page(self, server: RunningServer, filled: str) -> None:
        headers = {"Accept": "text/html", "HX-Request": "true", "HX-History-Restore-Request": "true"}
        assert "<html" in server.client.get(f"/experiments/{filled}", headers=headers).text


class TestColumns:
    def test_are_those_of_the_address(self, server: RunningServer, filled: str) -> None:
        asked = [
            "tags.mlflow.runName",
            "params.lr",
            "attributes.user_id",
            "min:metrics.loss",
            "metrics.nope",
            "x.y",
            "",
            "attributes.x",
        ]
        soup = page(server, f"/experiments/{filled}", columns=asked)
        assert headings(soup) == ["Run", "mlflow.runName", "lr", "User", "min loss", "nope"]
        checked = [box["value"] for box in soup.select("input[name=columns][checked]")]
        assert checked == asked[:5]

    def test_stay_when_the_table_is_filtered_and_sorted(self, server: RunningServer, filled: str) -> None:
        soup = page(server, f"/experiments/{filled}", columns=["params.lr"], filter="metrics.loss > 0.4")
        assert headings(page(server, link(soup, "lr"))) == ["Run", "lr"]
        kept = [(field["name"], field["value"]) for field in soup.select("form.search input[type=hidden]")]
        assert kept == [("columns", "params.lr")]

    def test_very_wide_runs_show_the_first_columns(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        metrics = [{"key": f"m{i:04}", "value": i, "timestamp": 1} for i in range(1000)]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics})
        soup = page(server, f"/experiments/{number}")
        assert headings(soup)[5:] == [f"m{i:04}" for i in range(8)]
        assert len(str(soup)) < 200_000

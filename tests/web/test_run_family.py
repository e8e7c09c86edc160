"""The tree of nested runs on the page of a run."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup, Tag

from tests.conftest import RunningServer
from tests.web.reading import headings, link, one, page, part, words


def child(server: RunningServer, number: str, parent: str, name: str, start: int) -> str:
    tags = [{"key": "mlflow.parentRunId", "value": parent}]
    return server.run(number, run_name=name, start_time=start, tags=tags)


@pytest.fixture(scope="module")
def runs(server: RunningServer) -> dict[str, str]:
    """`top` has 60 children; `trial 59`, the newest, has two of its own, and `trial 00` is in the trash."""
    number = server.experiment()
    found = {"top": server.run(number, run_name="top", start_time=1)}
    for i in range(60):
        found[f"trial {i:02}"] = child(server, number, found["top"], f"trial {i:02}", 100 + i)
    metrics = [{"key": key, "value": 0.25, "timestamp": 1} for key in ("loss", "acc", "system/cpu")]
    server.ok("runs/log-batch", {"run_id": found["trial 59"], "metrics": metrics})
    for i in range(2):
        found[f"fold {i}"] = child(server, number, found["trial 59"], f"fold {i}", 10 + i)
    server.ok("runs/log-metric", {"run_id": found["fold 1"], "key": "loss", "value": 0.5, "timestamp": 1})
    server.ok("runs/update", {"run_id": found["fold 1"], "status": "FAILED", "end_time": 4011})
    server.ok("runs/delete", {"run_id": found["trial 00"]})
    return found


def rows(soup: BeautifulSoup | Tag) -> list[str]:
    return [words(a) for a in soup.select("tr th a")]


class TestTree:
    def test_shows_parents_itself_and_children_with_their_values(self, server: RunningServer, runs: dict[str, str]) -> None:
        soup = one(page(server, f"/runs/{runs['trial 59']}"), "#nested")
        assert rows(soup) == ["top", "trial 59", "fold 1", "fold 0"]
        assert headings(soup) == ["Run", "Status", "Started", "Duration", "loss", "acc"]
        cells = [words(td) for td in soup.select("tbody tr")[2].select("td")]
        assert (cells[0], cells[2:]) == ("Failed", ["4.0 s", "0.5", "–"])
        assert [th["data-depth"] for th in soup.select("tbody th")] == ["0", "1", "2", "2"]
        assert words(one(soup, "[aria-current] th")) == "trial 59 this run"

    def test_children_are_paged_and_those_in_the_trash_left_out(self, server: RunningServer, runs: dict[str, str]) -> None:
        soup = page(server, f"/runs/{runs['top']}")
        assert words(one(soup, "#nested h2")) == "Child runs 59"
        assert rows(one(soup, "#nested table"))[:3] == ["top", "trial 59", "trial 58"]
        second = page(server, link(one(soup, "#nested .pages"), "Next"))
        assert rows(one(second, "#nested table"))[-1] == "trial 01"

    def test_a_child_opens_to_its_children_in_the_same_columns(self, server: RunningServer, runs: dict[str, str]) -> None:
        soup = page(server, f"/runs/{runs['top']}")
        opener = one(soup, "#nested [data-unfolds]")
        found = part(server, str(opener["data-unfolds"]))
        assert rows(found) == ["fold 1", "fold 0"]
        assert {row["data-inside"] for row in found.select("tr")} == {f"{runs['top']}/{runs['trial 59']}/"}
        assert len(found.select("tr")[0].select("td")) == len(headings(one(soup, "#nested"))) - 1

    def test_without_a_script_the_address_of_the_children_leads_to_the_run(
        self, server: RunningServer, runs: dict[str, str]
    ) -> None:
        answer = server.client.get(f"/runs/{runs['top']}/children")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{runs['top']}")

    def test_a_run_without_any_has_no_tree(self, server: RunningServer) -> None:
        assert not page(server, f"/runs/{server.run(server.experiment())}").select("#nested")

    def test_a_run_that_is_its_own_parent_ends(self, server: RunningServer) -> None:
        run_id = server.run(server.experiment(), run_name="ring")
        server.ok("runs/set-tag", {"run_id": run_id, "key": "mlflow.parentRunId", "value": run_id})
        soup = page(server, f"/runs/{run_id}")
        assert rows(one(soup, "#nested table")) == ["ring", "ring"]

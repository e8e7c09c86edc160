"""The form around a table of runs, as a browser without scripts sends it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.reading import HTML, one, page, post, row_names, words


@pytest.fixture
def number(server: RunningServer) -> str:
    """An experiment with five runs, `r4` the newest."""
    found = server.experiment()
    for i in range(5):
        server.run(found, run_name=f"r{i}", start_time=1700000000000 + i)
    return found


def send(server: RunningServer, soup: BeautifulSoup, names: list[str], do: str, **fields: str) -> httpx.Response:
    """Ticks the runs, fills the fields and presses the button."""
    form = one(soup, "form.through")
    assert form.select(f'button[name=do][value="{do}"]')
    pairs: dict[str, Any] = {str(field["name"]): str(field["value"]) for field in form.select("input[type=hidden]")}
    boxes = [row.input["value"] for row in form.select("tr[data-run]") if row.input and words(one(row, "th")) in names]
    assert len(boxes) == len(names)
    data = pairs | {"run": boxes, "do": do} | fields
    return server.client.post(
        str(form["action"]), data=data, headers=HTML | {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    )


def shown(server: RunningServer, answer: httpx.Response) -> BeautifulSoup:
    assert answer.status_code == 303, answer.text[:1000]
    return page(server, answer.headers["location"])


def undo(server: RunningServer, soup: BeautifulSoup) -> BeautifulSoup:
    form = one(soup, "[data-toast] form")
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    return shown(server, post(server, str(form["action"]), **fields))


def tags(server: RunningServer, number: str) -> dict[str, str | None]:
    found = server.ok("runs/search", {"experiment_ids": [number]})["runs"]
    return {run["info"]["run_name"]: {tag["key"]: tag["value"] for tag in run["data"]["tags"]}.get("stage") for run in found}


class TestActions:
    def test_delete_restore_and_undo(self, server: RunningServer, number: str) -> None:
        here = f"/experiments/{number}"
        after = shown(server, send(server, page(server, here), ["r1", "r3"], "delete"))
        assert row_names(after) == ["r4", "r2", "r0"]
        assert words(one(after, "[data-toast] span")) == "2 runs moved to the trash."
        trash = page(server, here, view="deleted")
        assert row_names(shown(server, send(server, trash, ["r1"], "restore"))) == ["r3"]
        assert row_names(page(server, here)) == ["r4", "r2", "r1", "r0"]
        assert row_names(undo(server, after)) == ["r4", "r3", "r2", "r1", "r0"]

    def test_tags_come_back_as_they_were(self, server: RunningServer, number: str) -> None:
        here = f"/experiments/{number}"
        shown(server, send(server, page(server, here), ["r0"], "tag", tag="stage", value="old\nlines"))
        after = shown(server, send(server, page(server, here), ["r0", "r1"], "tag", tag=" stage ", value="new"))
        assert tags(server, number) == {"r0": "new", "r1": "new", "r2": None, "r3": None, "r4": None}
        undo(server, after)
        assert tags(server, number)["r0"] == "old\nlines"
        assert tags(server, number)["r1"] is None
        shown(server, send(server, page(server, here), ["r0"], "untag", tag="stage"))
        assert tags(server, number)["r0"] is None

    def test_moves_by_name_or_id_with_what_is_nested(self, server: RunningServer, number: str) -> None:
        here, name = f"/experiments/{number}", f"to {number} 'quoted' <b>"
        target = server.experiment(name)
        top = one(page(server, here), "tr[data-run]:first-child")["data-run"]
        server.run(number, run_name="child", start_time=1, tags=[{"key": "mlflow.parentRunId", "value": top}])
        after = shown(server, send(server, page(server, here), ["r4"], "move", to=name, nested="yes"))
        assert row_names(page(server, f"/experiments/{target}")) == ["r4", "child"]
        undo(server, after)
        assert row_names(page(server, here)) == ["r4", "r3", "r2", "r1", "r0", "child"]
        shown(server, send(server, page(server, here), ["r4"], "move", to=target))
        assert row_names(page(server, f"/experiments/{target}")) == ["r4"]

    def test_compares(self, server: RunningServer, number: str) -> None:
        answer = send(server, page(server, f"/experiments/{number}"), ["r0", "r1"], "compare")
        found = page(server, answer.headers["location"])
        assert answer.headers["location"].startswith("/compare?")
        assert {"r0", "r1"} <= set(words(found).split())

    def test_a_hundred_at_once_come_back(self, server: RunningServer) -> None:
        number = server.experiment()
        for i in range(100):
            server.run(number, run_name=f"n{i:02}", start_time=1700000000000 + i)
        everything = [f"n{i:02}" for i in range(100)]
        # Beside charts a window has a hundred rows at once.
        soup = page(server, f"/experiments/{number}", layout="both")
        after = shown(server, send(server, soup, everything, "delete"))
        assert words(one(after, ".empty h2")) == "No runs yet"
        assert len(row_names(undo(server, after))) == 100


class TestPlace:
    def test_the_table_stays_as_it_was(self, server: RunningServer, number: str) -> None:
        state: dict[str, Any] = {
            "filter": "run_name != 'r2'",
            "order": "run_name ASC",
            "columns": ["attributes.status", "attributes.run_id"],
        }
        soup = page(server, f"/experiments/{number}", **state)
        answer = send(server, soup, ["r0"], "delete")
        kept = parse_qs(urlsplit(answer.headers["location"]).query)
        assert {name: kept[name] for name in state} == {
            "filter": ["run_name != 'r2'"], "order": ["run_name ASC"], "columns": ["attributes.status", "attributes.run_id"],
        }  # fmt: skip
        again = shown(server, answer)
        assert row_names(again) == ["r1", "r3", "r4"]

    def test_of_several_experiments(self, server: RunningServer, number: str) -> None:
        other = server.experiment()
        server.run(other, run_name="other", start_time=1)
        soup = page(server, "/runs", experiments=f"{number},{other}")
        after = shown(server, send(server, soup, ["other"], "delete"))
        assert row_names(after) == ["r4", "r3", "r2", "r1", "r0"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("do", "fields", "said"),
        [
            ("tag", {"tag": "", "value": "kept"}, "Give the tag a name."),
            ("tag", {"tag": "../x", "value": "kept"}, "../x"),
            ("move", {"to": "no such experiment"}, "There is no experiment of this name or id."),
            ("move", {"to": ""}, "Name the experiment to move the runs to."),
        ],
    )
    def test_what_was_typed_and_ticked_stays(
        self, server: RunningServer, number: str, do: str, fields: dict[str, str], said: str
    ) -> None:
        answer = send(server, page(server, f"/experiments/{number}"), ["r0", "r1"], do, **fields)
        assert answer.status_code == 400
        soup = BeautifulSoup(answer.text, "html.parser")
        assert said in words(one(soup, "#refused"))
        assert "2 runs ticked." in words(soup)
        for name, value in fields.items():
            assert one(soup, f"input[name={name}]")["value"] == value

    def test_nothing_ticked_says_so(self, server: RunningServer, number: str) -> None:
        answer = send(server, page(server, f"/experiments/{number}"), [], "delete")
        assert (answer.status_code, "Tick at least one run first." in answer.text) == (400, True)

    @pytest.mark.parametrize("fields", [
        {"do": "undo", "changes": "nonsense"}, {"do": "undo", "changes": "{}"}, {"do": "undo", "change": "[]"}, {"do": "undo", "changes": "[1]"},
        {"do": "undo"}, {"do": "nothing", "run": "a"}, {"do": "delete", "run": "no-such-run"}, {"run": "a"},
    ])  # fmt: skip
    def test_a_form_that_is_none_changes_nothing(self, server: RunningServer, number: str, fields: dict[str, str]) -> None:
        assert 400 <= post(server, "/runs/bulk", experiment=number, state="", **fields).status_code < 500
        assert len(row_names(page(server, f"/experiments/{number}"))) == 5

    @pytest.mark.parametrize(
        ("do", "field", "text"), [("compare", "run", "x" * 50_000), ("delete", "state", f"filter={'x' * 50_000}")]
    )
    def test_what_no_address_can_hold(self, server: RunningServer, number: str, do: str, field: str, text: str) -> None:
        (run, *_) = server.ok("runs/search", {"experiment_ids": [number]})["runs"]
        sent = {"experiment": number, "state": "", "do": do, "run": run["info"]["run_id"]} | {field: text}
        answer = post(server, "/runs/bulk", **sent)
        assert (
            answer.status_code,
            f"'{field}' exceeds the maximum length of 40000" in words(BeautifulSoup(answer.text, "html.parser")),
        ) == (400, True)
        assert len(row_names(page(server, f"/experiments/{number}"))) == 5

    def test_a_state_of_too_many_fields_changes_nothing(self, server: RunningServer, number: str) -> None:
        (run, *_) = server.ok("runs/search", {"experiment_ids": [number]})["runs"]
        answer = post(server, "/runs/bulk", experiment=number, state="&" * 600, do="delete", run=run["info"]["run_id"])
        assert answer.status_code == 400
        assert "state must be a query of at most 500 fields" in answer.text
        assert len(row_names(page(server, f"/experiments/{number}"))) == 5

    def test_it_leads_nowhere_else(self, server: RunningServer, number: str) -> None:
        for experiment in ("//evil.example", "1/../../x", "x"):
            answer = post(server, "/runs/bulk", experiment=experiment, state="", do="compare", run="a")
            assert answer.status_code == 400

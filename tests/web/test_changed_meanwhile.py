"""Two people at one thing: what the quicker one wrote is not overwritten unseen, and what the other one typed is not lost."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer

CONFLICT = "RESOURCE_CONFLICT"


@pytest.fixture
def run_id(server: RunningServer) -> str:
    made = server.run(server.experiment(), run_name="first")
    server.ok("runs/set-tag", {"run_id": made, "key": "stage", "value": "dev"})
    return made


def change(server: RunningServer, **of: Any) -> Any:
    return server.client.post("/runs/change", json={"changes": [of]})


class TestRuns:
    @pytest.mark.parametrize(
        ("wanted", "seen", "status"),
        [
            ({"name": "mine"}, {"name": "first"}, 200),
            ({"name": "mine"}, {"name": "older"}, 409),
            ({"name": "first"}, {"name": "older"}, 200),
            ({"tags": {"stage": "mine"}}, {"tags": {"stage": "dev"}}, 200),
            ({"tags": {"stage": "mine"}}, {"tags": {"stage": "older"}}, 409),
            ({"tags": {"stage": "mine"}}, {"tags": {"stage": None}}, 409),
            ({"tags": {"new": "mine"}}, {"tags": {"new": None}}, 200),
            ({"tags": {"new": "mine"}}, {"tags": {"new": "older"}}, 409),
            ({"tags": {"stage": None}}, {"tags": {"stage": " dev "}}, 200),
            ({"name": "mine"}, {}, 200),
            ({"name": "mine"}, {"name": 7}, 400),
            ({"name": "mine"}, {"tags": {"stage": 7}}, 400),
            ({"name": "mine"}, ["first"], 400),
        ],
    )
    def test_what_was_not_seen_is_not_overwritten(
        self, server: RunningServer, run_id: str, wanted: dict[str, Any], seen: Any, status: int
    ) -> None:
        answer = change(server, run_id=run_id, **wanted, seen=seen)
        assert answer.status_code == status, answer.text
        if status == 409:
            assert answer.json()["error_code"] == CONFLICT
            assert "by now: somebody else changed it" in answer.json()["message"]
        if status != 200:
            data = server.get("runs/get", run_id=run_id).json()["run"]
            assert data["info"]["run_name"] == "first"
            assert {tag["key"]: tag["value"] for tag in data["data"]["tags"]}["stage"] == "dev"

    def test_what_is_in_the_trash_already_is_no_hindrance(self, server: RunningServer, run_id: str) -> None:
        other = server.run(server.get("runs/get", run_id=run_id).json()["run"]["info"]["experiment_id"])
        server.ok("runs/delete", {"run_id": other})
        answer = server.client.post(
            "/runs/change", json={"changes": [{"run_id": each, "stage": "deleted"} for each in (run_id, other)]}
        )
        assert answer.status_code == 200, answer.text
        back = server.client.post("/runs/change", json=answer.json()["undo"])
        assert back.status_code == 200, back.text
        stages = [server.get("runs/get", run_id=each).json()["run"]["info"]["lifecycle_stage"] for each in (run_id, other)]
        assert stages == ["active", "deleted"], "undo takes back what was done, and nothing else"


class TestTags:
    def test_a_tag_is_not_overwritten_unseen(self, server: RunningServer, run_id: str) -> None:
        text = server.client.get(f"/runs/{run_id}").text
        seen = BeautifulSoup(text, "html.parser").select_one("[data-tag=stage] [name=seen]")
        assert seen is not None
        server.ok("runs/set-tag", {"run_id": run_id, "key": "stage", "value": "prod"})
        form = {"key": "stage", "value": "mine", "seen": str(seen["value"])}
        for headers in ({"HX-Request": "true"}, {}):
            answer = server.client.post(f"/runs/{run_id}/tags", data=form, headers=headers)
            assert answer.status_code in (400, 409)
            page = BeautifulSoup(answer.text, "html.parser")
            problem = page.select_one("#tag-problem")
            assert problem is not None
            assert "now says 'prod': somebody else changed it while you typed" in problem.text
            assert page.select("[value=mine]"), "what was typed stands there"
        fresh = page.select("#tags-rows [name=seen]")
        form["seen"] = str(fresh[0]["value"])
        assert server.client.post(f"/runs/{run_id}/tags", data=form).status_code == 303
        tags = server.get("runs/get", run_id=run_id).json()["run"]["data"]["tags"]
        assert {tag["key"]: tag["value"] for tag in tags}["stage"] == "mine"


class TestGone:
    def test_what_was_typed_about_something_deleted_can_be_taken_along(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "soon gone"})
        assert server.call("DELETE", "registered-models/delete", {"name": "soon gone"}).is_success
        form = {"name": "soon gone", "text": "a long\nthought"}
        answer = server.client.post("/models/soon%20gone/edit", data=form, headers={"Accept": "text/html"})
        assert answer.status_code == 404
        page = BeautifulSoup(answer.text, "html.parser")
        assert "a long\nthought" in page.select("#typed-text")[0].text
        answer = server.client.post("/models/soon%20gone/edit", data=form, headers={"Accept": "application/json"})
        assert answer.status_code == 404
        assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"

    def test_a_form_that_a_script_sends_is_told_where_to_go(self, server: RunningServer, run_id: str) -> None:
        answer = server.client.post(f"/runs/{run_id}/edit", data={"name": "second", "text": ""}, headers={"Runstone-Form": "1"})
        assert answer.status_code == 204
        assert answer.headers["Runstone-Go"].startswith(f"/runs/{run_id}?told=")

"""What people do with logged models in pages: the trash, tags, notes, the end of an upload."""

from __future__ import annotations

import pytest

from tests.conftest import RunningServer
from tests.web.reading import one, page, post, row_names, words
from tests.web.test_registry_changes import undone


@pytest.fixture
def number(server: RunningServer) -> str:
    return server.experiment()


def made(server: RunningServer, number: str, *names: str) -> list[str]:
    found = []
    for name in names:
        body = {"experiment_id": number, "name": name, "tags": [{"key": "mlflow.user", "value": "ada"}]}
        found.append(server.ok("logged-models", body)["model"]["info"]["model_id"])
    return found


class TestTrash:
    def test_ticked_ones_go_there_and_come_back(self, server: RunningServer, number: str) -> None:
        ids = made(server, number, "a", "b", "c")
        place = f"/experiments/{number}/models"
        bar = one(page(server, place, order="name ASC"), "#several")
        change = str(one(bar, "[value=delete]")["formaction"])
        gone = post(server, change, do="delete", models=",".join(ids[:2]))
        assert "order=name" in gone.headers["location"]
        assert row_names(page(server, gone.headers["location"])) == ["c"]
        assert words(one(page(server, gone.headers["location"]), "[data-toast] span")) == "2 logged models moved to the trash."
        trash = page(server, place, view="deleted", order="name ASC")
        assert row_names(trash) == ["a", "b"]
        back = post(server, str(one(trash, "#several [value=restore]")["formaction"]), do="restore", models=ids[0])
        assert row_names(page(server, back.headers["location"])) == ["b"]
        assert undone(server, back) == place
        assert undone(server, gone) == place
        assert row_names(page(server, place, order="name ASC")) == ["a", "b", "c"]
        assert "The trash is empty" in words(page(server, place, view="deleted"))

    def test_a_state_of_too_many_fields_changes_nothing(self, server: RunningServer, number: str) -> None:
        ids, place = made(server, number, "a"), f"/experiments/{number}/models"
        answer = post(server, f"{place}/change", do="delete", models=ids[0], state="&" * 600)
        assert answer.status_code == 400
        assert "state must be a query of at most 500 fields" in answer.text
        assert row_names(page(server, place)) == ["a"]

    def test_one_goes_there_and_comes_back(self, server: RunningServer, number: str) -> None:
        (model_id,) = made(server, number, "alone")
        server.ok("registered-models/create", {"name": model_id})
        version = {"name": model_id, "source": f"models:/{model_id}", "model_id": model_id}
        server.ok("model-versions/create", version)
        place = f"/logged-models/{model_id}"
        gone = post(server, f"{place}/delete")
        assert gone.headers["location"].startswith(f"/experiments/{number}/models?told=")
        soup = page(server, place)
        assert "In the trash" in words(one(soup, "header.head"))
        assert "1 registered version still loads files of this logged model." in words(one(soup, "[role=status].problem"))
        assert not soup.select("#tags form")
        assert "Restore it first" in post(server, f"{place}/tags", key="a", value="b").text
        assert undone(server, gone) == place
        assert "In the trash" not in words(one(page(server, place), "header.head"))

    @pytest.mark.parametrize(
        ("fields", "status", "said"),
        [
            ({"do": "delete"}, 400, "Tick at least one logged model first."),
            ({"do": "burn", "models": "m-1"}, 400, "delete or restore"),
            ({"do": "delete", "models": ",".join(f"m-{i}" for i in range(101))}, 400, "At most 100 logged models"),
        ],
    )
    def test_refusals(self, server: RunningServer, number: str, fields: dict[str, str], status: int, said: str) -> None:
        answer = post(server, f"/experiments/{number}/models/change", **fields)
        assert answer.status_code == status
        assert said in answer.text

    def test_all_of_them_or_none(self, server: RunningServer, number: str) -> None:
        (model_id,) = made(server, number, "kept")
        answer = post(server, f"/experiments/{number}/models/change", do="delete", models=f"{model_id},m-nothing")
        assert (answer.status_code, "Nothing was changed" in answer.text) == (404, True)
        assert row_names(page(server, f"/experiments/{number}/models")) == ["kept"]


class TestEditing:
    def test_tags_and_a_note(self, server: RunningServer, number: str) -> None:
        (model_id,) = made(server, number, "edited")
        place = f"/logged-models/{model_id}"
        answer = post(server, f"{place}/tags", key="stage", value="dev")
        assert [words(tag) for tag in page(server, place).select("#tags li .what")] == ["stage"]
        assert "mlflow.user ada" in words(one(page(server, place), "#system-tags"))
        assert undone(server, answer) == place
        assert not page(server, place).select("#tags li")
        saved = post(server, f"{place}/edit", text="**Good** one")
        assert one(page(server, place), ".note strong").text == "Good"
        assert words(one(page(server, f"{place}/edit"), "h1")) == "Edit logged model"
        assert "mlflow.note" not in words(page(server, place))
        undone(server, saved)
        assert not page(server, place).select(".note")

    def test_an_upload_that_nobody_ended(self, server: RunningServer, number: str) -> None:
        (model_id,) = made(server, number, "pending")
        place = f"/logged-models/{model_id}"
        action = str(one(page(server, place), "form:has(button[value=failed])")["action"])
        answer = post(server, action, to="failed")
        assert "Upload failed" in words(one(page(server, place), "header.head"))
        assert not page(server, place).select("button[value=failed]")
        assert undone(server, answer) == place
        assert page(server, place).select("button[value=ready]")
        assert post(server, action, to="gone").status_code == 400


def test_all_that_was_registered_from_one_is_a_click_away(server: RunningServer, number: str) -> None:
    (model_id,) = made(server, number, "registered often")
    server.ok("registered-models/create", {"name": f"of {model_id}"})
    for _ in range(23):
        version = {"name": f"of {model_id}", "source": f"models:/{model_id}", "model_id": model_id}
        server.ok("model-versions/create", version)
    rest = one(page(server, f"/logged-models/{model_id}"), "#lineage details")
    assert words(one(rest, "summary")) == "and 3 more"
    assert [words(item).rpartition(" ")[2] for item in rest.select("li")] == ["21", "22", "23"]

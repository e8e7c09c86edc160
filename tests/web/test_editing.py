"""Editing names, notes, descriptions and tags of experiments, runs, models and versions: plain forms, with the way back."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.hostile import HOSTILE
from tests.web.reading import one, page, post, words
from tests.web.test_hostile_text import assert_harmless


@pytest.fixture(scope="module")
def places(server: RunningServer) -> dict[str, str]:
    """The path of one page of each noun."""
    number = server.experiment("edited/experiment")
    run_id = server.run(number, run_name="edited run")
    server.ok("registered-models/create", {"name": "edited model"})
    server.ok("model-versions/create", {"name": "edited model", "source": f"runs:/{run_id}/m", "run_id": run_id})
    return {
        "experiment": f"/experiments/{number}",
        "run": f"/runs/{run_id}",
        "model": "/models/edited%20model",
        "version": "/models/edited%20model/versions/1",
    }


NOUNS = ("experiment", "run", "model", "version")


def undo(server: RunningServer, soup: BeautifulSoup) -> None:
    form = one(soup, "[data-toast] form")
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    assert post(server, str(form["action"]), **fields).status_code == 303


@pytest.mark.parametrize("noun", NOUNS)
class TestEveryNoun:
    def test_its_text_is_written_shown_and_taken_back(self, server: RunningServer, places: dict[str, str], noun: str) -> None:
        place = places[noun]
        before = one(page(server, f"{place}/edit"), "textarea").text
        name = page(server, f"{place}/edit").select("#edit-name")
        fields = {"name": str(name[0]["value"])} if name else {}
        saved = post(server, f"{place}/edit", text="\r\n# Why\r\n\r\n**because**", **fields)
        assert saved.status_code == 303, saved.text[-2000:]
        shown = page(server, saved.headers["location"])
        assert one(shown, ".note strong").text == "because"
        assert one(page(server, f"{place}/edit"), "textarea").text.strip() == "# Why\n\n**because**"
        undo(server, shown)
        assert one(page(server, f"{place}/edit"), "textarea").text == before

    def test_what_was_saved_meanwhile_is_shown_before_it_is_overwritten(
        self, server: RunningServer, places: dict[str, str], noun: str
    ) -> None:
        place = f"{places[noun]}/edit"
        opened = page(server, place)
        fields = {str(field["name"]): str(field["value"]) for field in opened.select(".editing:not(.tag) form input")}
        assert post(server, place, **fields, text="from one tab").status_code == 303
        late = post(server, place, **fields, text="from another")
        assert late.status_code == 400
        soup = BeautifulSoup(late.text, "html.parser")
        assert "changed while you typed" in words(one(soup, "#edit-problem"))
        assert one(soup, ".editing pre").text == "from one tab"
        assert one(soup, "textarea").text.strip() == "from another"
        assert one(page(server, place), "textarea").text.strip() == "from one tab"
        again = {str(field["name"]): str(field["value"]) for field in soup.select(".editing:not(.tag) form input")}
        assert post(server, place, **again, text="from another").status_code == 303
        assert one(page(server, place), "textarea").text.strip() == "from another"

    def test_tags_are_set_changed_removed_and_each_taken_back(
        self, server: RunningServer, places: dict[str, str], noun: str
    ) -> None:
        place = places[noun]

        def tags() -> dict[str, str]:
            forms = page(server, f"{place}/edit").select(".entries form.tag")
            return {one(form, "input[name=key]")["value"]: one(form, "input[name=value]")["value"] for form in forms}  # type: ignore[misc]

        def act(**fields: str) -> BeautifulSoup:
            answer = post(server, f"{place}/tags", back="edit", **fields)
            assert answer.status_code == 303
            return page(server, answer.headers["location"])

        was = tags()
        added = act(key="team", value="vision")
        assert tags() == was | {"team": "vision"}
        undo(server, act(key="team", value="speech"))
        assert tags()["team"] == "vision"
        undo(server, act(key="team", remove="yes"))
        assert tags()["team"] == "vision"
        undo(server, added)
        assert tags() == was

    @pytest.mark.parametrize("key", ["", "a" * 251, "../x", "a\u202eb?"])
    def test_a_tag_that_is_refused_stays_typed(self, server: RunningServer, places: dict[str, str], noun: str, key: str) -> None:
        answer = post(server, f"{places[noun]}/tags", key=key, value="typed value")
        assert answer.status_code == 400
        soup = BeautifulSoup(answer.text, "html.parser")
        assert one(soup, "#tag-key")["value"] == key
        assert one(soup, "#tag-value")["value"] == "typed value"
        assert words(one(soup, "#tag-problem"))

    def test_a_text_that_is_too_long_stays_typed(self, server: RunningServer, places: dict[str, str], noun: str) -> None:
        answer = post(server, f"{places[noun]}/edit", name="edited", text="x" * 100_001)
        assert answer.status_code == 400
        soup = BeautifulSoup(answer.text, "html.parser")
        assert len(one(soup, "textarea").text.strip()) == 100_001
        assert "100001 characters" in words(one(soup, "#edit-problem"))

    def test_hostile_text_stays_text(self, server: RunningServer, places: dict[str, str], noun: str) -> None:
        place = places[noun]
        name = page(server, f"{place}/edit").select("#edit-name")
        fields = {"name": str(name[0]["value"])} if name else {}
        assert post(server, f"{place}/edit", text="\n\n".join(HOSTILE), **fields).status_code == 303
        for text in HOSTILE:
            assert post(server, f"{place}/tags", key="hostile", value=text).status_code == 303
            assert_harmless(page(server, f"{place}/edit"))
            assert_harmless(page(server, place))
            assert one(page(server, f"{place}/edit"), "input#tag-1")["value"] == text


class TestNames:
    def test_a_run_is_renamed_for_clients_too(self, server: RunningServer) -> None:
        made = server.run(server.experiment(), run_name="before")
        assert post(server, f"/runs/{made}/edit", name=" behind ", text="").status_code == 303
        run = server.get("runs/get", run_id=made).json()["run"]
        assert run["info"]["run_name"] == "behind"
        assert {"key": "mlflow.runName", "value": "behind"} in run["data"]["tags"]

    def test_a_model_is_found_under_its_new_name(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "old name"})
        server.ok("registered-models/create", {"name": "taken name"})
        assert post(server, "/models/old%20name/edit", name="taken name", text="").status_code == 400
        saved = post(server, "/models/old%20name/edit", name="new name", text="said")
        assert one(page(server, saved.headers["location"]), "h1").text == "new name"
        undo(server, page(server, saved.headers["location"]))
        assert not page(server, "/models/old%20name").select(".note")

    def test_what_is_in_the_trash_is_not_edited(self, server: RunningServer) -> None:
        made = server.run(server.experiment())
        server.ok("runs/delete", {"run_id": made})
        answer = post(server, f"/runs/{made}/edit", name="x", text="")
        assert answer.status_code == 400
        assert "Restore it first" in answer.text


TEXTS = ["a\nb", "a\r\nb\r\n", "\r\n a", "a\rb", "a\nb\r\nc\rd", "\n\n", " tab\tand spaces ", "a\u2028b"]


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("text", TEXTS, ids=ascii)
class TestLineEnds:
    """A browser sends CR LF for every line end of a form, whatever stood in it."""

    def sent(self, text: str) -> str:
        return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")

    def tag(self, server: RunningServer, place: str) -> str:
        return str(dict(tags_of(server, place))["lines"])

    def test_of_a_tag_stay_when_it_is_set_again_and_come_back(
        self, server: RunningServer, places: dict[str, str], noun: str, text: str
    ) -> None:
        place = places[noun]
        post(server, f"{place}/tags", key="lines", **{"value.json": json.dumps(text)})
        assert self.tag(server, place) == text
        field = one(page(server, f"{place}/edit", tags="lines"), "#tag-1")
        assert field.name == ("textarea" if "\n" in text or "\r" in text else "input")
        again = post(server, f"{place}/tags", key="lines", value=self.sent(text))
        assert self.tag(server, place) == text
        assert again.status_code == 303
        changed = post(server, f"{place}/tags", key="lines", value="other")
        undo(server, page(server, changed.headers["location"]))
        assert self.tag(server, place) == text

    def test_a_changed_text_keeps_the_kind_that_it_had(
        self, server: RunningServer, places: dict[str, str], noun: str, text: str
    ) -> None:
        place = places[noun]
        post(server, f"{place}/tags", key="lines", **{"value.json": json.dumps(text)})
        post(server, f"{place}/tags", key="lines", value=self.sent(text) + "\r\nmore")
        end = "\r\n" if text in ("a\r\nb\r\n", "\r\n a") else "\r" if text == "a\rb" else "\n"
        expected = re.sub(r"\r\n|\r", "\n", text).replace("\n", end) + end + "more"
        assert self.tag(server, place) == expected


def tags_of(server: RunningServer, place: str) -> list[tuple[str, str]]:
    kind, _, rest = place.removeprefix("/").partition("/")
    if kind == "experiments":
        found = server.get("experiments/get", experiment_id=rest).json()["experiment"]["tags"]
    elif kind == "runs":
        found = server.get("runs/get", run_id=rest).json()["run"]["data"]["tags"]
    elif "/versions/" in rest:
        name, _, version = rest.partition("/versions/")
        found = server.get("model-versions/get", name=unquote(name), version=version).json()["model_version"]["tags"]
    else:
        found = server.get("registered-models/get", name=unquote(rest)).json()["registered_model"]["tags"]
    return [(tag["key"], tag["value"]) for tag in found]


class TestNotes:
    def test_line_ends_of_a_note_stay(self, server: RunningServer) -> None:
        run_id = server.run(run_name="noted")
        for text in ("one\r\ntwo", "one\ntwo", "one\n\r\ntwo"):
            server.ok("runs/set-tag", {"run_id": run_id, "key": "mlflow.note.content", "value": text})
            sent = text.replace("\r\n", "\n").replace("\n", "\r\n")
            saved = post(server, f"/runs/{run_id}/edit", name="noted", text=sent)
            assert dict(tags_of(server, f"/runs/{run_id}"))["mlflow.note.content"] == text
            post(server, f"/runs/{run_id}/edit", name="noted", text="other")
            undo(server, page(server, saved.headers["location"]))
            assert dict(tags_of(server, f"/runs/{run_id}"))["mlflow.note.content"] == text

    def test_a_field_that_is_no_text_in_json_is_refused(self, server: RunningServer) -> None:
        place = f"/runs/{server.run()}"
        for text in ("nonsense", "1", "[]", '"\\u0000"'):
            assert post(server, f"{place}/tags", key="a", **{"value.json": text}).status_code == 400

    def test_a_name_with_spaces_around_is_still_the_tag(self, server: RunningServer) -> None:
        run_id = server.run()
        server.ok("runs/set-tag", {"run_id": run_id, "key": " odd ", "value": "a"})
        post(server, f"/runs/{run_id}/tags", key=" odd ", value="b")
        assert (" odd ", "b") in tags_of(server, f"/runs/{run_id}")
        post(server, f"/runs/{run_id}/tags", key=" odd ", remove="yes")
        assert " odd " not in dict(tags_of(server, f"/runs/{run_id}"))


class TestInPlace:
    """Tags of a run on its own page: the same forms, whose answer is the part when a script sends them."""

    def send(self, server: RunningServer, place: str, status: int, **fields: str) -> BeautifulSoup:
        headers = {"Accept": "text/html", "HX-Request": "true", "Origin": server.url, "Sec-Fetch-Site": "same-origin"}
        answer = server.client.post(f"{place}/tags", data=fields, headers=headers)
        assert answer.status_code == status, answer.text
        assert "<html" not in answer.text
        return BeautifulSoup(answer.text, "html.parser")

    def test_a_tag_is_added_changed_and_removed_with_the_way_back(self, server: RunningServer) -> None:
        place = f"/runs/{server.run(run_name='tagged in place')}"
        added = self.send(server, place, 200, key="team", value="vision")
        assert words(one(added, "[data-tag=team] summary bdi")) == "vision"
        changed = self.send(server, place, 200, key="team", value="speech")
        form = one(changed, "#toasts form")
        assert form["hx-target"] == "#tags"
        back = {str(field["name"]): str(field["value"]) for field in form.select("input")}
        assert words(one(self.send(server, place, 200, **back), "[data-tag=team] summary bdi")) == "vision"
        assert not self.send(server, place, 200, key="team", remove="yes").select("[data-tag]")

    def test_a_refused_one_stays_typed_and_changes_nothing(self, server: RunningServer) -> None:
        place = f"/runs/{server.run(run_name='refused in place')}"
        self.send(server, place, 200, key="team", value="vision")
        long = self.send(server, place, 400, key="team", value="x" * 9000)
        assert one(long, "[data-tag=team] details[open] input[aria-invalid]")["value"] == "x" * 9000
        odd = self.send(server, place, 400, key="../x", value="typed")
        assert one(odd, "#tag-value")["value"] == "typed"
        assert one(odd, "#tag-problem")["role"] == "alert"
        assert words(one(page(server, place), "[data-tag=team] summary bdi")) == "vision"

    def test_without_a_script_the_run_is_shown_again(self, server: RunningServer) -> None:
        place = f"/runs/{server.run(run_name='plain')}"
        answer = post(server, f"{place}/tags", key="team", value="vision")
        assert answer.headers["location"].startswith(f"{place}?told=")
        undo(server, page(server, answer.headers["location"]))
        assert not page(server, place).select("[data-tag]")

    def test_a_run_in_the_trash_is_only_read(self, server: RunningServer) -> None:
        run_id = server.run(run_name="gone")
        server.ok("runs/set-tag", {"run_id": run_id, "key": "team", "value": "vision"})
        server.ok("runs/delete", {"run_id": run_id})
        shown = page(server, f"/runs/{run_id}")
        assert "team vision" in words(one(shown, "#tags"))
        assert not shown.select("#tags form")

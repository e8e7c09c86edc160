"""Aliases, copies, deletion and the comparison of versions; new models."""

from __future__ import annotations

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.reading import one, page, post, row_names, words

MLMODEL = """flavors:
  sklearn: {{}}
signature:
  inputs: '[{{"type": "double", "name": "alcohol", "required": true}}, {{"type": "double", "name": "{second}", "required": false}}]'
  outputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "int64", "shape": [-1]}}}}]'
"""


@pytest.fixture(scope="module")
def model(server: RunningServer) -> str:
    """A model with three versions, each of a logged model with files; the third has no files."""
    number = server.experiment()
    server.ok("registered-models/create", {"name": "compared"})
    for i in range(3):
        run_id = server.run(number, run_name=f"source {i}")
        params = [{"key": "lr", "value": str(i)}, {"key": "same", "value": "1"}]
        server.ok(
            "runs/log-batch", {"run_id": run_id, "params": params, "metrics": [{"key": "acc", "value": i / 4, "timestamp": 1}]}
        )
        dataset = {"name": "wine data", "digest": "d1", "source_type": "local", "source": "x"}
        server.ok("runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset}]})
        made = server.ok("logged-models", {"experiment_id": number, "name": f"logged {i}", "source_run_id": run_id})["model"][
            "info"
        ]
        if i < 2:
            files = {
                "MLmodel": MLMODEL.format(second=("ash", "magnesium")[i]),
                "requirements.txt": f"# made\nnumpy==2.{i}\nmlflow\n",
            }
            for name, text in files.items():
                path = f"{made['artifact_uri'].removeprefix('mlflow-artifacts:/')}/{name}"
                assert server.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=text).status_code == 200
        version = {"name": "compared", "source": f"models:/{made['model_id']}", "model_id": made["model_id"], "run_id": run_id}
        server.ok("model-versions/create", version)
    return "/models/compared"


def aliases(server: RunningServer, place: str) -> list[str]:
    return [words(chip) for chip in page(server, place).select(".aliases .chip")]


def undone(server: RunningServer, answer: httpx.Response) -> str:
    """Where the way back leads that the toast after a form offers; empty when it is refused by now."""
    form = one(page(server, answer.headers["location"]), "[data-toast] form")
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    return str(post(server, str(form["action"]), **fields).headers.get("location", "")).partition("?")[0]


class TestAliases:
    def test_are_given_moved_removed_and_each_taken_back(self, server: RunningServer, model: str) -> None:
        def act(**fields: str) -> BeautifulSoup:
            answer = post(server, f"{model}/aliases", **fields)
            assert answer.status_code == 303
            return page(server, answer.headers["location"])

        def undo(soup: BeautifulSoup) -> None:
            form = one(soup, "[data-toast] form")
            assert (
                post(server, str(form["action"]), **{str(f["name"]): str(f["value"]) for f in form.select("input")}).status_code
                == 303
            )

        act(alias="@champion", version="1")
        assert aliases(server, f"{model}/versions/1") == ["@champion"]
        moved = act(alias="champion", version="2")
        assert aliases(server, f"{model}/versions/1") == []
        undo(moved)
        assert aliases(server, f"{model}/versions/1") == ["@champion"]
        undo(act(alias="champion", version="1", remove="yes"))
        assert aliases(server, f"{model}/versions/1") == ["@champion"]

    @pytest.mark.parametrize("alias", ["", "latest", "v3", "a b", "<b>"])
    def test_what_is_no_alias_is_said(self, server: RunningServer, model: str, alias: str) -> None:
        answer = post(server, f"{model}/aliases", alias=alias, version="1")
        assert answer.status_code == 400
        soup = BeautifulSoup(answer.text, "html.parser")
        assert words(one(soup, "[role=alert]"))
        assert one(soup, "details[open] #alias")["value"] == alias

    def test_of_a_version_that_is_not_there(self, server: RunningServer, model: str) -> None:
        assert post(server, f"{model}/aliases", alias="a", version="99").status_code == 404
        assert post(server, f"{model}/aliases", alias="a", version="x").status_code == 400


class TestVersions:
    def test_are_listed_with_the_metrics_of_their_source_runs(self, server: RunningServer, model: str) -> None:
        shown = one(page(server, model), "#versions")
        place = [words(cell) for cell in shown.select("thead th")].index("acc")
        assert [words(row.select("th, td")[place]) for row in shown.select("tbody tr")] == ["0.5", "0.25", "0"]


class TestVersionPage:
    def test_shows_lineage_signature_and_packages(self, server: RunningServer, model: str) -> None:
        shown = page(server, f"{model}/versions/1")
        lineage = [words(step) for step in shown.select(".lineage > li")]
        assert lineage == ["Datasets wine data d1", "Run source 0", "Logged model logged 0", "Version compared version 1"]
        assert "alcohol double – yes" in words(one(shown, "#signature"))
        assert "ash double – optional" in words(one(shown, "#signature"))
        assert "int64 any yes" in words(one(shown, "#signature"))
        assert "2 required packages" in words(one(shown, "#requirements"))

    def test_of_a_model_without_files_shows_the_rest(self, server: RunningServer, model: str) -> None:
        shown = page(server, f"{model}/versions/3")
        assert not shown.select("#signature")
        assert shown.select("#lineage")

    @pytest.mark.parametrize(
        "text", ["{", "signature: [1]", "signature:\n  inputs: '[[['", "a: &a [*a]", "x: " + "[" * 5000, "- 1", "\x00"]
    )
    def test_files_that_are_odd_break_nothing(self, server: RunningServer, text: str) -> None:
        number = server.experiment()
        made = server.ok("logged-models", {"experiment_id": number, "name": "odd"})["model"]["info"]
        path = f"{made['artifact_uri'].removeprefix('mlflow-artifacts:/')}/MLmodel"
        assert server.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=text).status_code == 200
        assert not page(server, f"/logged-models/{made['model_id']}").select("#signature")


class TestCompare:
    def test_what_differs_comes_first(self, server: RunningServer, model: str) -> None:
        shown = page(server, f"{model}/compare", a="1", b="2")
        tables = {words(table.caption): [words(row) for row in table.select("tbody tr")] for table in shown.select("table")}  # type: ignore[arg-type]
        assert tables["Metrics of the source run"] == ["acc 0 0.25 +0.25"]
        assert tables["Params of the source run"] == ["lr 0 1 differs", "same 1 1 same"]
        assert tables["Signature: inputs"] == [
            "ash double optional – differs",
            "magnesium – double optional differs",
            "alcohol double double same",
        ]
        assert tables["Requirements"] == ["numpy ==2.0 ==2.1 differs", "mlflow any any same"]
        # Both MLmodel files have the same size.
        first = tables["Files"][0].split()
        assert (first[0], first[-1]) == ("MLmodel", "differs")

    def test_chooses_the_newest_two_by_itself(self, server: RunningServer, model: str) -> None:
        assert one(page(server, f"{model}/compare"), "h1").text == "Versions 3 and 2"
        page(server, f"{model}/compare", 404, a="77", b="1")
        page(server, f"{model}/compare", 400, a="x", b="1")

    def test_needs_two(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "alone"})
        page(server, "/models/alone/compare", 400)


class TestCopy:
    def test_makes_a_version_of_another_model_with_the_same_files(self, server: RunningServer, model: str) -> None:
        copied = post(server, f"{model}/versions/1/copy", to="compared-prod")
        assert copied.headers["location"].startswith("/models/compared-prod/versions/1?")
        shown = page(server, copied.headers["location"])
        assert "alcohol" in words(one(shown, "#signature"))
        assert (
            post(server, f"{model}/versions/2/copy", to="compared-prod")
            .headers["location"]
            .startswith("/models/compared-prod/versions/2?")
        )

    @pytest.mark.parametrize("name", ["", "a/b", "x" * 300])
    def test_what_is_no_name_is_said_beside_the_field_and_nothing_is_made(
        self, server: RunningServer, model: str, name: str
    ) -> None:  # fmt: skip
        made = server.ok("logged-models", {"experiment_id": "0", "name": "unnamed"})["model"]["info"]["model_id"]
        for place in (f"{model}/versions/1/copy", f"/logged-models/{made}/register"):
            answer = post(server, place, to=name)
            assert answer.status_code == 400
            form = one(BeautifulSoup(answer.text, "html.parser"), f"details[open] form[action='{place}']")
            assert one(form, "input[name=to]")["value"] == name
            assert words(one(form, "[role=alert]"))
        assert one(BeautifulSoup(post(server, "/models", name=name).text, "html.parser"), "details[open] [role=alert]")

    def test_is_taken_back_with_the_model_that_it_made(self, server: RunningServer, model: str) -> None:
        copied = post(server, f"{model}/versions/1/copy", to="taken-back")
        assert undone(server, copied) == "/models"
        page(server, "/models/taken-back", 404)
        post(server, f"{model}/versions/1/copy", to="used-since")
        assert undone(server, post(server, f"{model}/versions/1/copy", to="used-since")) == "/models/used-since"
        assert row_names(one(page(server, "/models/used-since"), "#versions")) == ["Version 1"]
        copied = post(server, f"{model}/versions/1/copy", to="copied-twice")
        post(server, f"{model}/versions/1/copy", to="copied-twice")
        assert undone(server, copied) == "/models/copied-twice", "another version is in the model that the first one made"
        assert row_names(one(page(server, "/models/copied-twice"), "#versions")) == ["Version 2"]
        copied = post(server, f"{model}/versions/1/copy", to="told-since")
        server.ok("registered-models/set-tag", {"name": "told-since", "key": "a", "value": "b"})
        assert undone(server, copied) == "/models/told-since"


class TestRegister:
    def test_a_logged_model_becomes_a_version_and_back(self, server: RunningServer) -> None:
        number = server.experiment("registering")
        run = server.run(number, run_name="its run")
        body = {"experiment_id": number, "name": "to register", "source_run_id": run}
        made = server.ok("logged-models", body)["model"]["info"]["model_id"]
        answer = post(server, f"/logged-models/{made}/register", to="registered here")
        shown = page(server, answer.headers["location"])
        assert [words(step) for step in shown.select(".lineage > li")][-1] == "Version registered here version 1"
        assert "its run" in words(one(shown, "aside"))
        assert "registered here" in words(one(page(server, f"/logged-models/{made}"), "aside"))
        assert undone(server, answer) == "/models"

    def test_a_model_is_made_and_taken_back_while_it_is_empty(self, server: RunningServer) -> None:
        made = post(server, "/models", name="made here")
        assert made.headers["location"].startswith("/models/made%20here?")
        twice = BeautifulSoup(post(server, "/models", name="made here").text, "html.parser")
        assert words(one(twice, "[role=alert]")) == "A model or prompt is called “made here” already. Choose another name."
        server.ok("model-versions/create", {"name": "made here", "source": "s3://bucket/m"})
        assert undone(server, made) == ""
        page(server, "/models/made%20here")
        assert undone(server, post(server, "/models", name="made empty")) == "/models"
        page(server, "/models/made%20empty", 404)


class TestDelete:
    def test_a_version_says_what_goes_with_it_and_goes(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "losing"})
        for _ in range(2):
            tags = [{"key": "a", "value": "b"}, {"key": "c", "value": "d"}]
            version = {"name": "losing", "source": "s3://bucket/m", "description": "Good.", "tags": tags}
            server.ok("model-versions/create", version)
        server.ok("registered-models/alias", {"name": "losing", "alias": "champion", "version": "2"})
        form = one(page(server, "/models/losing/versions/2"), "form.losing")
        assert [words(item) for item in form.select("li")] == [
            "the alias @champion : what loads models:/losing@champion fails from then on", "its description", "2 tags",
            "its number: the next version gets another one",
        ]  # fmt: skip
        gone = page(server, post(server, str(form["action"])).headers["location"])
        assert words(one(gone, "[data-toast]")).startswith("Version 2 of “losing” deleted.")
        assert not gone.select("[data-toast] form")
        assert row_names(one(gone, "#versions")) == ["Version 1"]
        page(server, "/models/losing/versions/2", 404)
        assert post(server, str(form["action"])).status_code == 404
        assert server.get("registered-models/get", name="losing").json()["registered_model"].get("aliases", []) == []

    def test_a_model_goes_when_its_name_is_typed(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "leaving"})
        server.ok("model-versions/create", {"name": "leaving", "source": "s3://bucket/m"})
        server.ok("registered-models/alias", {"name": "leaving", "alias": "champion", "version": "1"})
        said = words(one(page(server, "/models/leaving"), "form.losing"))
        assert "1 version with its description and tags" in said
        assert "1 alias: @champion" in said
        answer = post(server, "/models/leaving/delete", typed="Leaving")
        assert answer.status_code == 400
        form = one(BeautifulSoup(answer.text, "html.parser"), "details[open] form.losing")
        assert one(form, "input")["value"] == "Leaving"
        assert "not its name" in words(one(form, "[role=alert]"))
        gone = post(server, "/models/leaving/delete", typed="leaving")
        assert "deleted" in words(one(page(server, gone.headers["location"]), "[data-toast]"))
        page(server, "/models/leaving", 404)

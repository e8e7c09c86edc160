"""/compare/models as a reader without JavaScript gets it."""

from __future__ import annotations

import json

import pytest

from tests.conftest import RunningServer
from tests.web.reading import headings, one, page, words
from tests.web.test_compare import rows

MLMODEL = "flavors: {{sklearn: {{}}}}\nsignature:\n  inputs: {inputs}\n"


@pytest.fixture(scope="module")
def model_ids(server: RunningServer) -> list[str]:
    """Three models of two experiments; the third has no files."""
    found = []
    for i, number in enumerate([server.experiment(), server.experiment()] * 2):
        if i == 3:
            break
        run_id = server.run(number, run_name=f"maker {i}")
        params = [{"key": "depth", "value": str(i)}, {"key": "same", "value": "1"}]
        body = {
            "experiment_id": number,
            "name": f"net-{'abc'[i]}",
            "params": params,
            "source_run_id": run_id,
            "tags": [{"key": "team", "value": f"t{i}"}],
        }
        info = server.ok("logged-models", body)["model"]["info"]
        found.append(info["model_id"])
        for dataset, digest, value in (("dev", "d1", i / 4), ("test", f"d{i}", i / 8)):
            metric = {
                "key": "acc",
                "value": value,
                "timestamp": 1,
                "model_id": info["model_id"],
                "dataset_name": dataset,
                "dataset_digest": digest,
            }
            server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric]})
        if i < 2:
            inputs = json.dumps(
                [{"name": "alcohol", "type": "double"}, {"name": ("ash", "hue")[i], "type": "long", "required": False}]
            )
            for name, text in {
                "MLmodel": MLMODEL.format(inputs=json.dumps(inputs)),
                "requirements.txt": f"numpy==2.{i}\nmlflow\n",
            }.items():
                path = f"{info['artifact_uri'].removeprefix('mlflow-artifacts:/')}/{name}"
                assert server.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=text).status_code == 200
    return found


class TestCompare:
    def test_signatures_come_first(self, server: RunningServer, model_ids: list[str]) -> None:
        shown = page(server, "/compare/models", models=",".join(model_ids[:2]))
        assert next(body["id"] for body in shown.select("tbody.kind")) == "compare-signature-inputs"
        assert rows(shown, "signature-inputs") == {"ash": ["long optional", "–"], "hue": ["–", "long optional"]}
        assert rows(shown, "requirements") == {"numpy": ["==2.0", "==2.1"]}
        assert sorted(rows(shown, "files")) == ["MLmodel", "requirements.txt"]  # of the same sizes
        assert rows(shown, "params") == {"depth": ["0", "1"]}
        assert rows(shown, "tags") == {"team": ["t0", "t1"]}
        assert "maker 0 maker 1" in words(one(shown, "table.compared"))
        everything = page(server, "/compare/models", models=model_ids[:2], all="1")
        assert rows(everything, "signature-inputs")["alcohol"] == ["double", "double"]
        assert rows(everything, "params")["same"] == ["1", "1"]

    def test_metrics_of_each_dataset_have_deltas_to_the_chosen_baseline(
        self, server: RunningServer, model_ids: list[str]
    ) -> None:
        shown = page(server, "/compare/models", models=",".join(model_ids), baseline=model_ids[2])
        found = rows(shown, "metrics")
        assert found["acc · dev"] == ["0 -0.5 worst", "0.25 -0.25 worse", "0.5 best"]
        assert found["acc · test · d0"] == ["0", "–", "–"]  # other data under the same name: no delta
        assert words(one(shown, "th.baseline")) == "net-c"
        assert headings(shown)[:4] == ["Logged model", "net-a", "net-b", "net-c"]

    def test_what_plots_are_drawn_from_is_asked_for_apart(self, server: RunningServer, model_ids: list[str]) -> None:
        shown = page(server, "/compare/models", models=model_ids)
        found = server.client.get(str(one(shown, "[data-plots]")["data-plots"])).json()
        assert [model["id"] for model in found["runs"]] == model_ids
        acc = found["names"]["metrics"].index("acc · dev")
        assert [model["metrics"][acc] for model in found["runs"]] == [0, 0.25, 0.5]

    def test_the_table_of_models_has_boxes_that_lead_here(self, server: RunningServer) -> None:
        number = server.experiment()
        for name in ("one", "two"):
            server.ok("logged-models", {"experiment_id": number, "name": name})
        listed = page(server, f"/experiments/{number}/models")
        boxes = listed.select("tbody input[type=checkbox]")
        form = one(listed, f"form#{boxes[0]['form']}")
        ids = [str(box["value"]) for box in boxes]
        assert one(page(server, str(form["action"]), models=ids), "h1").text == "Compare 2 logged models"

    def test_what_cannot_be_compared_is_said(self, server: RunningServer, model_ids: list[str]) -> None:
        assert "1 logged model of the address does not exist" in words(
            page(server, "/compare/models", models=f"{model_ids[0]},m-none")
        )
        assert "No logged models to compare" in words(page(server, "/compare/models"))
        many = ",".join([model_ids[0], *(f"m-{i}" for i in range(60))])
        assert "The first 50 of 61" in words(page(server, "/compare/models", models=many))

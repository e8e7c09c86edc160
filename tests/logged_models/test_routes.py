from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunningServer


def make(server: RunningServer, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.ok("logged-models", {"experiment_id": "0", **fields})["model"]
    return found


class TestCreate:
    def test_shape(self, server: RunningServer) -> None:
        pairs = [{"key": "a", "value": "1"}]
        model = make(server, name="first", model_type="agent", source_run_id="r", params=pairs, tags=pairs)
        info = model["info"]
        assert info["model_id"].startswith("m-")
        assert len(info["model_id"]) == 34
        assert info["artifact_uri"] == f"mlflow-artifacts:/0/models/{info['model_id']}/artifacts"
        assert (info["status"], info["model_type"], info["source_run_id"]) == ("LOGGED_MODEL_PENDING", "agent", "r")
        assert (info["tags"], model["data"]["params"]) == (pairs, pairs)
        assert server.get(f"logged-models/{info['model_id']}").json()["model"] == model

    def test_a_name_is_made_up_where_none_is_given(self, server: RunningServer) -> None:
        assert len(make(server)["info"]["name"].split("-")) == 3

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"name": "a/b"}, 400), ({"name": "a:b"}, 400), ({"name": "a.b"}, 400), ({"name": "50%"}, 400), ({"name": "it's"}, 400),
            ({"experiment_id": None}, 400), ({"experiment_id": "999999"}, 404), ({"params": "x"}, 400), ({"name": 5}, 400),
            ({"params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]}, 400), ({"tags": [{"key": ""}]}, 400),
        ],
    )  # fmt: skip
    def test_bad_input(self, server: RunningServer, body: dict[str, Any], status: int) -> None:
        assert server.post("logged-models", {"experiment_id": "0"} | body).status_code == status


class TestChange:
    def test_finalize(self, server: RunningServer) -> None:
        model_id = make(server)["info"]["model_id"]
        for status, name in (("LOGGED_MODEL_READY", "READY"), (3, "UPLOAD_FAILED"), (2, "READY")):
            answer = server.call("PATCH", f"logged-models/{model_id}", {"model_id": model_id, "status": status})
            assert answer.json()["model"]["info"]["status"] == f"LOGGED_MODEL_{name}"
        for bad in ("READY", 99, None, 0):
            assert server.call("PATCH", f"logged-models/{model_id}", {"status": bad}).status_code == 400
        assert server.call("PATCH", f"logged-models/{model_id}", {"status": 2, "model_id": "m-other"}).status_code == 400

    def test_tags_and_params(self, server: RunningServer) -> None:
        model_id = make(server)["info"]["model_id"]
        for value in ("1", "2"):
            assert (
                server.call("PATCH", f"logged-models/{model_id}/tags", {"tags": [{"key": "a b/c", "value": value}]}).json() == {}
            )
        server.ok(f"logged-models/{model_id}/params", {"params": [{"key": "p", "value": "1"}]})
        server.ok(f"logged-models/{model_id}/params", {"params": [{"key": "p", "value": "1"}]})
        assert server.post(f"logged-models/{model_id}/params", {"params": [{"key": "p", "value": "2"}]}).status_code == 400
        model = server.get(f"logged-models/{model_id}").json()["model"]
        assert model["info"]["tags"] == [{"key": "a b/c", "value": "2"}]
        assert model["data"]["params"] == [{"key": "p", "value": "1"}]
        assert server.call("DELETE", f"logged-models/{model_id}/tags/a%20b%2Fc").json() == {}
        assert server.call("DELETE", f"logged-models/{model_id}/tags/a%20b%2Fc").status_code == 404

    def test_delete_hides_it_unless_asked_for(self, server: RunningServer) -> None:
        model_id = make(server)["info"]["model_id"]
        assert server.call("DELETE", f"logged-models/{model_id}").json() == {}
        missing = server.get(f"logged-models/{model_id}")
        assert (missing.status_code, missing.json()["message"]) == (404, f"Logged model with ID '{model_id}' not found.")
        assert server.get(f"logged-models/{model_id}", allow_deleted="True").status_code == 200
        assert server.get(f"logged-models/{model_id}", allow_deleted="maybe").status_code == 400


class TestSearch:
    def test_filters_orders_pages(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        ids = []
        for i, name in enumerate(["b", "a", "c"]):
            model = make(
                server,
                experiment_id=number,
                name=name,
                params=[{"key": "n", "value": str(i)}],
                tags=[{"key": "t", "value": name}],
            )
            ids.append(model["info"]["model_id"])
            metrics = [
                {
                    "key": "acc",
                    "value": i / 10,
                    "timestamp": 1,
                    "step": 0,
                    "model_id": ids[i],
                    "dataset_name": "train",
                    "dataset_digest": "1",
                },
                {
                    "key": "acc",
                    "value": 0.9 - i / 10,
                    "timestamp": 2,
                    "step": 0,
                    "model_id": ids[i],
                    "dataset_name": "test",
                    "dataset_digest": "1",
                },
            ]
            server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics[: 2 if i < 2 else 1]})

        def names(**body: Any) -> str:
            page = server.ok("logged-models/search", {"experiment_ids": [number], **body})
            return "".join(model["info"]["name"] for model in page.get("models", []))

        assert sorted(names()) == ["a", "b", "c"]
        assert names(order_by=[{"field_name": "name"}]) == "abc"
        assert names(order_by=[{"field_name": "name", "ascending": False}]) == "cba"
        assert names(filter="params.n = '1'") == "a"
        assert names(filter="tags.t IN ('b', 'c')", order_by=[{"field_name": "name"}]) == "bc"
        assert names(filter="name LIKE 'a%' AND status = 'PENDING'") == "a"
        assert names(filter="metrics.acc > 0.75", order_by=[{"field_name": "name"}]) == "ab"
        assert names(filter="metrics.acc > 0.75", datasets=[{"dataset_name": "train"}]) == ""
        assert names(datasets=[{"dataset_name": "test"}], order_by=[{"field_name": "name"}]) == "ab"
        assert names(order_by=[{"field_name": "metrics.acc", "ascending": False}]) == "bac"
        assert names(order_by=[{"field_name": "metrics.acc", "ascending": False, "dataset_name": "train"}]) == "cab"
        body = {"experiment_ids": [number], "max_results": 2, "order_by": [{"field_name": "name"}]}
        first = server.ok("logged-models/search", body)
        rest = server.ok("logged-models/search", body | {"page_token": first["next_page_token"]})
        assert [m["info"]["name"] for m in rest["models"]] == ["c"]
        assert "next_page_token" not in rest
        other = server.post("logged-models/search", body | {"page_token": first["next_page_token"], "filter": "name = 'a'"})
        assert other.status_code == 400

    @pytest.mark.parametrize(
        "body",
        [
            {}, {"experiment_ids": []}, {"experiment_ids": "0"}, {"experiment_ids": ["x"]}, {"filter": "metric.x > 1"}, {"filter": "tag.x = '1'"},
            {"order_by": [{"field_name": "params.x"}]}, {"order_by": [{"field_name": "nope"}]}, {"order_by": [{}]}, {"max_results": -1},
            {"datasets": [{"dataset_digest": "1"}]}, {"page_token": "zz"}, {"order_by": [{"field_name": "name"}, {"field_name": "name"}]},
        ],
    )  # fmt: skip
    def test_bad_input(self, server: RunningServer, body: dict[str, Any]) -> None:
        whole = body if not body or "experiment_ids" in body else {"experiment_ids": ["0"]} | body
        assert server.post("logged-models/search", whole).status_code == 400

    def test_deleting_the_experiment_leaves_its_models_as_they_are(self, server: RunningServer) -> None:
        number = server.experiment()
        kept, gone = (make(server, experiment_id=number, name=name)["info"]["model_id"] for name in ("kept", "gone"))
        server.call("DELETE", f"logged-models/{gone}")
        server.ok("experiments/delete", {"experiment_id": number})
        assert server.get(f"logged-models/{kept}").status_code == 200
        assert server.post("logged-models", {"experiment_id": number}).status_code == 400
        server.ok("experiments/restore", {"experiment_id": number})
        found = server.ok("logged-models/search", {"experiment_ids": [number]})["models"]
        assert [model["info"]["name"] for model in found] == ["kept"]

"""How clients of other languages, and people, write numbers, names and the ends of things."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunningServer


class TestWholeNumbers:
    """R has 1e+05 for 100000, and writes it so into an address."""

    @pytest.mark.parametrize(("text", "number"), [("1e+00", 1), ("2.0", 2), ("1e+05", 4)])
    def test_may_be_written_as_floats(self, server: RunningServer, text: str, number: int) -> None:
        run = server.run()
        for step in range(4):
            server.ok("runs/log-metric", {"run_id": run, "key": "m", "value": step, "timestamp": 1, "step": step})
        answer = server.get("metrics/get-history", run_id=run, metric_key="m", max_results=text)
        assert [each["step"] for each in answer.json()["metrics"]] == list(range(number))

    @pytest.mark.parametrize("text", ["1.5", "1e-1", "1e+99", "1e400", "1e5000", "0x10", "1.", "NaN", "9" * 30])
    def test_are_refused_where_they_are_none(self, sqlite_server: RunningServer, text: str) -> None:
        answer = sqlite_server.get("metrics/get-history", run_id=sqlite_server.run(), metric_key="m", max_results=text)
        assert (answer.status_code, "'max_results'" in answer.text) == (400, True)

    @pytest.mark.parametrize(("text", "found"), [("= '2'", ["2"]), ("> '1'", ["3", "2"]), ("IN ('1', 3)", ["3", "1"])])
    def test_of_versions_may_stand_in_quotes(self, server: RunningServer, text: str, found: list[str]) -> None:
        name = f"quoted {text[:1]} {server.port}"
        server.ok("registered-models/create", {"name": name})
        for number in range(3):
            server.ok("model-versions/create", {"name": name, "source": f"s3://b/{number}"})
        answer = server.get(
            "model-versions/search", filter=f"name = '{name}' AND version_number {text}", order_by="version_number DESC"
        )
        assert [each["version"] for each in answer.json()["model_versions"]] == found


class TestNames:
    def test_in_a_filter_stand_in_any_quotes(self, server: RunningServer) -> None:
        number = server.experiment()
        run = server.run(number)
        server.ok("runs/log-metric", {"run_id": run, "key": "a b", "value": 1, "timestamp": 1})
        server.ok("runs/set-tag", {"run_id": run, "key": "it.is", "value": "x"})
        for text in ("metrics.'a b' = 1", 'metrics."a b" = 1', "metrics.`a b` = 1", "tags.'it.is' = 'x' AND metrics.'a b' < 2"):
            for order in ([], ["metrics.'a b' DESC"]):
                found = server.ok("runs/search", {"experiment_ids": [number], "filter": text, "order_by": order})["runs"]
                assert [each["info"]["run_id"] for each in found] == [run], text

    def test_of_a_logged_models_params_are_its_own(self, server: RunningServer) -> None:
        """They come from libraries, such as `kernel[0](x)`; the reference asks nothing of them either."""
        pairs = [{"key": key, "value": "1"} for key in ("kernel[0](x)", "a,b", "../x", "100%", "/a")]
        model = server.ok("logged-models", {"experiment_id": "0", "params": pairs, "tags": pairs[:1]})["model"]["info"][
            "model_id"
        ]
        found = server.get(f"logged-models/{model}").json()["model"]
        by_key = sorted(pairs, key=lambda pair: pair["key"])
        assert sorted(found["data"]["params"], key=lambda pair: pair["key"]) == by_key
        assert found["info"]["tags"] == pairs[:1]
        answer = server.ok("logged-models/search", {"experiment_ids": ["0"], "filter": "params.`kernel[0](x)` = '1'"})
        assert model in [each["info"]["model_id"] for each in answer["models"]]
        assert server.call("DELETE", f"logged-models/{model}/tags/kernel[0](x)").status_code == 200


class TestHalves:
    @pytest.mark.parametrize("half", [{"dataset_name": "d"}, {"dataset_digest": "1"}, {"datasetName": "d", "model_id": "m-x"}])
    def test_of_a_dataset_are_refused(self, sqlite_server: RunningServer, half: dict[str, Any]) -> None:
        run = sqlite_server.run()
        metric = {"key": "m", "value": 1, "timestamp": 1, "step": 0, **half}
        for path, body in (("runs/log-metric", metric), ("runs/log-batch", {"metrics": [metric]})):
            answer = sqlite_server.post(path, {"run_id": run, **body})
            assert answer.status_code == 400
            assert "Both dataset_name and dataset_digest must be provided" in answer.json()["message"]
        assert "metrics" not in sqlite_server.get("runs/get", run_id=run).json()["run"]["data"]

    @pytest.mark.parametrize("step", [{}, {"step": 3}])
    @pytest.mark.parametrize("spelling", ["model_id", "modelId"])
    def test_a_metric_of_a_model_may_have_no_step(self, server: RunningServer, step: dict[str, int], spelling: str) -> None:
        """With it or without, it must not be taken for one of the run alone."""
        run, model = server.run(), server.ok("logged-models", {"experiment_id": "0"})["model"]["info"]["model_id"]
        metric = {"key": "m", "value": 1.5, "timestamp": 1, spelling: model, **step}
        for path, body in (("runs/log-metric", metric), ("runs/log-batch", {"metrics": [metric | {"key": "n"}]})):
            server.ok(path, {"run_id": run, **body})
        found = server.get(f"logged-models/{model}").json()["model"]["data"]["metrics"]
        assert sorted(each["key"] for each in found) == ["m", "n"]

    def test_an_end_at_zero_is_none(self, server: RunningServer) -> None:
        run = server.run()
        assert "end_time" not in server.ok("runs/update", {"run_id": run, "status": "FINISHED", "end_time": 0})["run_info"]
        server.ok("runs/update", {"run_id": run, "end_time": 5})
        assert server.ok("runs/update", {"run_id": run, "status": "RUNNING", "end_time": 0})["run_info"]["end_time"] == 5

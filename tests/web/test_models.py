"""Registered models, their versions, logged models."""

from __future__ import annotations

import ast
from urllib.parse import quote

import pytest

from tests.conftest import RunningServer
from tests.web.reading import headings, link, one, page, row_names, words


@pytest.fixture(scope="module")
def model(server: RunningServer) -> str:
    name = "forest 50% für alle"
    run_id = server.run(run_name="its source")
    server.ok("runs/log-batch", {"run_id": run_id, "metrics": [{"key": "acc", "value": 0.5, "timestamp": 1}]})
    tags = [{"key": "task", "value": "tables"}]
    server.ok("registered-models/create", {"name": name, "description": "**Good** one", "tags": tags})
    for i in range(3):
        version = {"name": name, "source": f"runs:/{run_id}/m", "run_id": run_id, "description": f"try {i}"}
        server.ok("model-versions/create", version)
    server.ok("registered-models/alias", {"name": name, "alias": "champion", "version": "2"})
    server.ok(
        "model-versions/transition-stage", {"name": name, "version": "1", "stage": "Archived", "archive_existing_versions": False}
    )
    return name


class TestRegisteredModels:
    def test_the_list_shows_versions_aliases_stages_and_tags(self, server: RunningServer, model: str) -> None:
        row = words(one(page(server, "/models", search="forest"), "tbody tr"))
        for text in (model, " 3 ", "@champion v2", "Archived v1", "task tables", "Good one"):
            assert text in row

    def test_search_and_order(self, server: RunningServer, model: str) -> None:
        for name in ("ordered b", "ordered a"):
            server.ok("registered-models/create", {"name": name})
        soup = page(server, link(page(server, "/models", search="ordered"), "Name"))
        assert row_names(soup) == ["ordered a", "ordered b"]
        assert "No model matches" in words(page(server, "/models", search="zzz"))

    def test_a_model_lists_its_versions_newest_first(self, server: RunningServer, model: str) -> None:
        soup = page(server, link(page(server, "/models", search="forest"), model))
        assert row_names(soup) == ["Version 3", "Version 2", "Version 1"]
        assert one(soup, ".note strong").text == "Good"
        rows = [words(row) for row in soup.select("tbody tr")]
        assert "@champion" in rows[1]
        assert "Archived" in rows[2]
        assert "its source" in rows[0]

    def test_a_version_says_how_to_load_it_and_where_it_is_from(self, server: RunningServer, model: str) -> None:
        soup = page(server, link(page(server, "/models", search="forest"), "3").replace("versions/3", "versions/2"))
        assert f"models:/{model}/2" in one(soup, "#load").text
        assert "@champion" in words(one(soup, "header.head"))
        assert link(soup, "its source").startswith("/runs/")
        assert words(one(soup, "#metrics tbody tr")).startswith("acc 0.5")

    def test_a_model_without_versions_says_how_to_add_one(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "bare"})
        assert "registered_model_name='bare'" in one(page(server, "/models/bare"), "pre").text

    def test_a_name_cannot_add_code_to_what_is_pasted(self, server: RunningServer) -> None:
        name = 'a"); import os; os.system("ls'
        server.ok("registered-models/create", {"name": name})
        server.ok("model-versions/create", {"name": name, "source": "s3://b/x"})
        for path in (f"/models/{quote(name, safe='')}/versions/1", f"/models/{quote(name, safe='')}/activity"):
            for code in page(server, path).select("pre"):
                calls = [node for node in ast.walk(ast.parse(code.text)) if isinstance(node, ast.Call)]
                assert "os.system" not in [ast.unparse(call.func) for call in calls]


class TestLoggedModels:
    def test_none_yet(self, server: RunningServer) -> None:
        number = server.experiment()
        soup = page(server, f"/experiments/{number}/models")
        assert "No logged models yet" in words(soup)
        ast.parse(one(soup, "pre").text)  # it runs as it is pasted
        assert f'experiment_id="{number}"' in one(soup, "pre").text

    def test_the_table_has_their_params_and_metrics(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number, run_name="maker")
        params = [{"key": "layers", "value": "3"}]
        body = {"experiment_id": number, "name": "net", "params": params, "source_run_id": run_id}
        model_id = server.ok("logged-models", body)["model"]["info"]["model_id"]
        metric = {"key": "acc", "value": 0.75, "timestamp": 1, "step": 2, "model_id": model_id}
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric]})
        listed = page(server, f"/experiments/{number}/models")
        assert headings(listed) == ["Name", "Status", "Created", "Source run", "acc", "layers", "Id"]
        assert "maker 0.75 3" in words(one(listed, "tbody tr"))
        single = page(server, link(listed, "net"))
        assert words(one(single, "#metrics tbody tr")) == "acc 0.75 2"
        assert words(one(single, "#params tbody tr")) == "layers 3"
        assert f"models:/{model_id}" in one(single, "#load").text
        path = f"{number}/models/{model_id}/artifacts/MLmodel"
        assert server.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=b"flavors: {}").status_code == 200
        look = page(server, link(page(server, link(listed, "net")), "MLmodel"))
        assert "No signature was logged with this model." in words(one(look, "#artifacts"))
        assert server.client.get(str(one(look, "#artifacts a[download]")["href"])).content == b"flavors: {}"

    def test_is_filtered_and_sorted_as_runs_are_with_a_column_for_each_dataset(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        for i in range(3):
            body = {"experiment_id": number, "name": f"net{i}", "params": [{"key": "layers", "value": str(i)}]}
            model_id = server.ok("logged-models", body)["model"]["info"]["model_id"]
            on = [
                {"key": "acc", "value": i / 4, "timestamp": 1, "model_id": model_id, "dataset_name": name, "dataset_digest": "d"}
                for name in ("dev", "test")
            ]
            server.ok("runs/log-batch", {"run_id": run_id, "metrics": on})
        place = f"/experiments/{number}/models"
        shown = page(server, place, filter="metrics.acc > 0 AND params.layers != '7'")
        assert sorted(row_names(shown)) == ["net1", "net2"]
        assert headings(shown)[4:6] == ["acc · dev", "acc · test"]
        down = page(server, link(shown, "acc · dev"))
        assert row_names(down) == ["net2", "net1"]
        assert row_names(page(server, link(down, "acc · dev"))) == ["net1", "net2"]
        wrong = page(server, place, 400, filter="metrcs.acc > 1")
        assert one(wrong, "input[name=filter]")["value"] == "metrcs.acc > 1"
        assert "No logged model matches" in words(page(server, place, filter="name = 'none'"))

    def test_registered_models_are_found_by_tag(self, server: RunningServer, model: str) -> None:
        assert row_names(page(server, "/models", search="tags.task = 'tables'")) == [model]
        wrong = page(server, "/models", 400, search="tags.task =")
        assert one(wrong, "input[name=search]")["value"] == "tags.task ="

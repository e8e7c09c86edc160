from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import RunningServer


class TestCreate:
    def test_answers_the_id_as_text_and_gives_a_proxied_location(self, server: RunningServer) -> None:
        number = server.experiment("first")
        found = server.get("experiments/get", experiment_id=number).json()["experiment"]
        assert isinstance(found["experiment_id"], str)
        assert found["artifact_location"] == f"mlflow-artifacts:/{number}"
        assert found["lifecycle_stage"] == "active"
        assert isinstance(found["creation_time"], int)
        assert found["workspace"] == "default"
        assert "tags" not in found

    def test_keeps_tags_and_a_location_of_the_client(self, server: RunningServer) -> None:
        number = server.experiment("second", artifact_location="s3://bucket/folder", tags=[{"key": "a", "value": "1"}])
        found = server.get("experiments/get", experiment_id=number).json()["experiment"]
        assert found["artifact_location"] == "s3://bucket/folder"
        assert found["tags"] == [{"key": "a", "value": "1"}]

    def test_a_taken_name_is_refused_with_the_code_that_clients_know(self, server: RunningServer) -> None:
        server.experiment("twice")
        again = server.post("experiments/create", {"name": "twice"})
        assert again.status_code == 400
        assert again.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"
        assert again.json()["message"].startswith("Experiment(name=twice) already exists.")

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "Missing value for required parameter 'name'"),
            ({"name": ""}, "Missing value for required parameter 'name'"),
            ({"name": 123}, "Invalid value 123 for parameter 'name' supplied"),
            ({"name": "x", "artifact_location": 9.0}, "Invalid value 9.0 for parameter 'artifact_location' supplied"),
            ({"name": "x", "tags": "5"}, "Invalid value \"5\" for parameter 'tags' supplied"),
            ({"name": "n" * 501}, "'name' exceeds the maximum length of 500 characters"),
            ({"name": "x", "tags": [{"key": "k" * 251, "value": ""}]}, "exceeds the maximum length of 250"),
            ({"name": "x", "tags": [{"key": "k", "value": "v" * 20_001}]}, "exceeds the maximum length of 20000"),
        ],
    )
    def test_bad_input_names_the_field(self, server: RunningServer, body: dict[str, object], message: str) -> None:
        answer = server.post("experiments/create", body)
        assert answer.status_code == 400
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
        assert message in answer.json()["message"]

    @pytest.mark.parametrize("length", [500])
    def test_a_name_at_the_limit_is_accepted(self, server: RunningServer, length: int) -> None:
        assert server.post("experiments/create", {"name": "n" * length}).status_code == 200

    @pytest.mark.parametrize(
        "location",
        [
            "../../etc", "http:///?/../../etc/", "http:///#/../..", "http://h;/../", "s3://b/../../x", "mlflow-artifacts:/%2e%2e/",
            "mlflow-artifacts://evil.host/x", "ftp://h/x", "sftp://h/x", "hdfs://h/x", "javascript:alert(1)", "data:text/html,x",
            "C:\\windows", "models:/m/1", "runs:/abc/x", "s3://b/" + "x" * 2048, "file://host/x", "/data/../etc",
            "s3://b/%252e%252e/x", "s3://b#frag", "mlflow-artifacts:/a//b",
        ],
    )  # fmt: skip
    def test_a_malformed_location_is_refused(self, server: RunningServer, location: str) -> None:
        answer = server.post("experiments/create", {"name": "never", "artifact_location": location})
        assert answer.status_code == 400
        assert "artifact_location" in answer.json()["message"]
        assert server.get("experiments/get-by-name", experiment_name="never").status_code == 404

    @pytest.mark.parametrize(
        "location", ["/data/mlruns", "file:///data/mlruns", "gs://b/x", "dbfs:/x/y", "abfss://c@a.dfs.core.windows.net/x"]
    )
    def test_a_location_of_the_client_is_kept_and_never_opened(self, server: RunningServer, location: str) -> None:
        number = server.experiment(artifact_location=location)
        run_id = server.run(number)
        listed = server.get("artifacts/list", run_id=run_id)
        assert listed.status_code == 400
        assert server.client.get("/get-artifact", params={"run_id": run_id, "path": "x"}).status_code == 400
        uploaded = server.client.post(
            "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run_id, "path": "x"}, content=b"1"
        )
        assert uploaded.status_code == 400

    def test_two_hundred_parallel_creates_make_exactly_one(self, server: RunningServer) -> None:
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda _: server.post("experiments/create", {"name": "raced"}), range(200)))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 199
        assert {a.json()["error_code"] for a in answers if a.status_code == 400} == {"RESOURCE_ALREADY_EXISTS"}


class TestGet:
    def test_the_default_experiment_is_there(self, server: RunningServer) -> None:
        assert server.get("experiments/get", experiment_id="0").json()["experiment"]["name"] == "Default"

    @pytest.mark.parametrize("text", ["abc", "1" * 40, "٣", "0x1", "1e3", " 1", "+1", "--1", "-", "1.0"])
    def test_an_id_that_is_no_number_is_refused(self, server: RunningServer, text: str) -> None:
        answer = server.get("experiments/get", experiment_id=text)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("Invalid experiment ID")

    def test_missing(self, server: RunningServer) -> None:
        answer = server.get("experiments/get", experiment_id="999999")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert answer.json()["message"] == "No Experiment with id=999999 exists"
        assert server.get("experiments/get").status_code == 400

    def test_by_name_finds_deleted_ones_too(self, server: RunningServer) -> None:
        number = server.experiment("gone")
        server.ok("experiments/delete", {"experiment_id": number})
        found = server.get("experiments/get-by-name", experiment_name="gone").json()["experiment"]
        assert (found["experiment_id"], found["lifecycle_stage"]) == (number, "deleted")
        missing = server.get("experiments/get-by-name", experiment_name="never was")
        assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


class TestDeleteAndRestore:
    def test_takes_the_runs_along_both_ways(self, server: RunningServer) -> None:
        number = server.experiment()
        kept, deleted = server.run(number), server.run(number)
        server.ok("runs/delete", {"run_id": deleted})
        server.ok("experiments/delete", {"experiment_id": number})
        assert _stages(server, kept, deleted) == ["deleted", "deleted"]
        assert server.post("experiments/delete", {"experiment_id": number}).status_code == 404
        assert server.post("runs/create", {"experiment_id": number}).status_code == 400
        server.ok("experiments/restore", {"experiment_id": number})
        assert _stages(server, kept, deleted) == ["active", "active"]
        assert server.post("experiments/restore", {"experiment_id": number}).status_code == 404

    def test_a_deleted_name_stays_taken(self, server: RunningServer) -> None:
        number = server.experiment("reserved")
        server.ok("experiments/delete", {"experiment_id": number})
        assert server.post("experiments/create", {"name": "reserved"}).json()["error_code"] == "RESOURCE_ALREADY_EXISTS"


class TestUpdate:
    def test_renames(self, server: RunningServer) -> None:
        number = server.experiment("before")
        server.ok("experiments/update", {"experiment_id": number, "new_name": "after"})
        assert server.get("experiments/get", experiment_id=number).json()["experiment"]["name"] == "after"

    def test_a_taken_name_and_a_deleted_experiment_are_client_errors(self, server: RunningServer) -> None:
        one, other = server.experiment("one of two"), server.experiment("other of two")
        assert server.post("experiments/update", {"experiment_id": one, "new_name": "other of two"}).status_code == 400
        server.ok("experiments/delete", {"experiment_id": other})
        assert server.post("experiments/update", {"experiment_id": other, "new_name": "z"}).status_code == 400


class TestTags:
    def test_set_overwrite_delete(self, server: RunningServer) -> None:
        number = server.experiment()
        for value in ("1", "2", ""):
            server.ok("experiments/set-experiment-tag", {"experiment_id": number, "key": "k", "value": value})
        found = server.get("experiments/get", experiment_id=number).json()["experiment"]
        assert found["tags"] == [{"key": "k", "value": ""}]
        server.ok("experiments/delete-experiment-tag", {"experiment_id": number, "key": "k"})
        again = server.post("experiments/delete-experiment-tag", {"experiment_id": number, "key": "k"})
        assert (again.status_code, again.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")

    @pytest.mark.parametrize("value", ["30d", "{}", '{"type":"duration","value":"0d"}', '{"type":"duration","value":30}'])
    def test_a_retention_that_is_none_is_refused(self, server: RunningServer, value: str) -> None:
        body = {"experiment_id": server.experiment(), "key": "mlflow.trace.archivalRetention", "value": value}
        assert server.post("experiments/set-experiment-tag", body).status_code == 400

    def test_at_most_fifty_custom_views(self, server: RunningServer) -> None:
        number = server.experiment()
        for i in range(50):
            server.ok(
                "experiments/set-experiment-tag", {"experiment_id": number, "key": f"mlflow.customView.view{i}", "value": "x"}
            )
        body = {"experiment_id": number, "key": "mlflow.customView.view51", "value": "x"}
        assert server.post("experiments/set-experiment-tag", body).status_code == 400
        again = body | {"key": "mlflow.customView.view1", "value": "changed"}
        assert server.post("experiments/set-experiment-tag", again).status_code == 200


class TestSearch:
    @pytest.mark.parametrize("limit", [None, 0, -1, 50_001, 10**9])
    def test_max_results_is_required_and_bounded(self, server: RunningServer, limit: int | None) -> None:
        answer = server.post("experiments/search", {} if limit is None else {"max_results": limit})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")

    def test_pages_are_complete_and_without_overlap(self, server: RunningServer) -> None:
        made = [server.experiment(f"paged/{i}") for i in range(7)]
        found, token = [], None
        while True:
            body = {"max_results": 3, "filter": "name LIKE 'paged/%'", "order_by": ["name DESC"], "page_token": token}
            page = server.ok("experiments/search", {k: v for k, v in body.items() if v})
            found += [experiment["experiment_id"] for experiment in page["experiments"]]
            token = page.get("next_page_token")
            if token is None:
                break
        assert found == made[::-1]

    def test_filters(self, server: RunningServer) -> None:
        number = server.experiment("search me", tags=[{"key": "team", "value": "Red"}])
        for text in (
            "name = 'search me'", "attribute.name ILIKE 'SEARCH%'", "tags.team = 'Red'", "tag.team ILIKE 'red'", f"experiment_id = '{number}'",
            f"experiment_id IN ('{number}', '999')", "tags.team IS NOT NULL AND name LIKE '%me'", "name = 'x' OR tags.team LIKE 'R%'",
        ):  # fmt: skip
            found = server.ok("experiments/search", {"max_results": 10, "filter": text})
            assert [e["experiment_id"] for e in found["experiments"]] == [number], text
        assert server.ok("experiments/search", {"max_results": 10, "filter": "tags.team = 'red'"}) == {}

    def test_get_reads_the_query_string(self, server: RunningServer) -> None:
        server.experiment("by get")
        answer = server.get("experiments/search", max_results="5", filter="name = 'by get'", view_type="ACTIVE_ONLY")
        assert answer.json()["experiments"][0]["name"] == "by get"

    def test_views(self, server: RunningServer) -> None:
        number = server.experiment("hidden one")
        server.ok("experiments/delete", {"experiment_id": number})
        counts = {
            view: len(server.ok("experiments/search", {"max_results": 9, "filter": "name = 'hidden one'", "view_type": view}))
            for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL")
        }
        assert counts == {"ACTIVE_ONLY": 0, "DELETED_ONLY": 1, "ALL": 1}

    @pytest.mark.parametrize("token", ["garbage", "eyJvZmZzZXQiOiAtMX0=", "AAAA", "é", "A" * 20_000])
    def test_a_token_of_somebody_else_is_refused(self, server: RunningServer, token: str) -> None:
        assert server.post("experiments/search", {"max_results": 5, "page_token": token}).status_code == 400


def _stages(server: RunningServer, *run_ids: str) -> list[str]:
    return [server.get("runs/get", run_id=run_id).json()["run"]["info"]["lifecycle_stage"] for run_id in run_ids]

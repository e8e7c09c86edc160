"""What the table of runs asks for as it goes: windows of rows, names, values, exports, changes, and news."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import threading
import time
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer, running, stop_server
from tests.web.reading import one, page, part


@pytest.fixture(scope="module")
def filled(server: RunningServer) -> str:
    """150 runs: `run 000` is the oldest. `loss` ends at i, its least is -i, its largest 2i; `model` is a, b or missing."""
    number = server.experiment()
    for i in range(150):
        run_id = server.run(number, run_name=f"run {i:03}", start_time=1700000000000 + i)
        metrics = [{"key": "loss", "value": value, "timestamp": 1, "step": step} for step, value in enumerate((-i, 2 * i, i))]
        params = [{"key": "model", "value": "ab"[i % 3]}] if i % 3 < 2 else []
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": params})
    return number


def ids(server: RunningServer, number: str, *names: str) -> list[str]:
    found = server.ok("runs/search", {"experiment_ids": [number], "max_results": 1000})["runs"]
    by_name = {run["info"]["run_name"]: run["info"]["run_id"] for run in found}
    return [by_name[name] for name in names]


def change(server: RunningServer, *changes: dict[str, Any]) -> httpx.Response:
    headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    return server.client.post("/runs/change", json={"changes": list(changes)}, headers=headers)


def change_matching(server: RunningServer, state: str, count: int, wanted: dict[str, Any]) -> httpx.Response:
    headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    body = {"matching": {"state": state, "count": count}, "change": wanted}
    return server.client.post("/runs/change", json=body, headers=headers)


def row_names(soup: BeautifulSoup) -> list[str]:
    return [str(a["title"]) for a in soup.select("tbody th a")]


class TestRows:
    def test_windows_follow_the_page_and_hold_the_asked_columns_only(self, server: RunningServer, filled: str) -> None:
        first = page(server, f"/experiments/{filled}", order="metrics.loss ASC", layout="both")
        assert len(row_names(first)) == 100
        token = first.select("tbody[data-window]")[0]["data-after"]
        found = part(
            server,
            "/runs/rows",
            experiments=filled,
            order="metrics.loss ASC",
            columns=["min:metrics.loss", "params.model"],
            after=token,
        )
        assert row_names(found) == [f"run {i:03}" for i in range(100, 150)]
        assert [td.text for td in found.select("tr")[0].select("td")] == ["-100", "b", ""]
        assert found.select("tbody")[0]["data-after"] == ""
        back = found.select("tbody")[0]["data-before"]
        assert len(row_names(part(server, "/runs/rows", experiments=filled, order="metrics.loss ASC", before=back))) == 100

    def test_the_first_window_is_what_a_screen_shows_and_the_next_one_completes_it(
        self, server: RunningServer, filled: str
    ) -> None:
        first = page(server, f"/experiments/{filled}")
        window = one(first, "tbody[data-window]")
        assert (len(row_names(first)), window["data-behind"]) == (32, "68")
        rest = part(server, "/runs/rows", experiments=filled, after=window["data-after"], size="68")
        assert row_names(rest) == [f"run {i:03}" for i in range(117, 49, -1)]
        # What stands before joins what is there: it is short where less than a window is left, and never repeated.
        back = part(server, "/runs/rows", experiments=filled, before=one(rest, "tbody")["data-before"])
        assert row_names(back) == row_names(first)
        none = part(server, "/runs/rows", experiments=filled, after=window["data-after"], size="²")
        assert len(row_names(none)) == 100

    def test_named_runs_that_pass_the_filter(self, server: RunningServer, filled: str) -> None:
        named = ",".join(ids(server, filled, "run 003", "run 140"))
        assert row_names(part(server, "/runs/rows", experiments=filled, only=named)) == ["run 140", "run 003"]
        kept = part(server, "/runs/rows", experiments=filled, only=named, filter="metrics.loss > 100 OR metrics.loss < -5")
        assert row_names(kept) == ["run 140"]

    def test_members_of_a_group(self, server: RunningServer, filled: str) -> None:
        found = part(server, "/runs/rows", experiments=filled, within="params.`model` IS NULL", filter="metrics.loss < 9")
        assert row_names(found) == ["run 008", "run 005", "run 002"]

    @pytest.mark.parametrize(
        "query", [{"only": "x'y"}, {"only": "a," * 300}, {"within": "("}, {"after": "x"}, {"experiments": "a"}]
    )
    def test_nonsense_is_refused(self, server: RunningServer, filled: str, query: dict[str, str]) -> None:
        answer = server.client.get("/runs/rows", params={"experiments": filled} | query)
        assert answer.status_code == 400, answer.text

    def test_experiments_that_are_not_there(self, server: RunningServer) -> None:
        for path in ("/runs/rows", "/runs/names", "/runs/values", "/runs/export", "/runs/live", "/runs"):
            assert server.client.get(path, params={"experiments": "1,999999"}).status_code == 404, path
            assert server.client.get(path).status_code == 400, path


class TestSorts:
    @pytest.mark.parametrize(
        ("order", "first"),
        [
            (["MIN(metrics.loss) ASC"], "run 149"),
            (["MAX(metrics.`loss`) ASC"], "run 000"),
            (["params.model DESC", "metrics.loss ASC"], "run 001"),
            (["params.model DESC", "metrics.loss DESC"], "run 148"),
            (["duration ASC"], "run 149"),
        ],
    )
    def test_by_extremes_and_several_columns(self, server: RunningServer, filled: str, order: list[str], first: str) -> None:
        soup = page(server, f"/experiments/{filled}", order=order, layout="both")
        assert row_names(soup)[0] == first
        again = part(server, "/runs/rows", experiments=filled, order=order, after=soup.select("tbody")[0]["data-after"])
        assert len(set(row_names(soup)) | set(row_names(again))) == 150


class TestGroups:
    def test_count_and_aggregate(self, server: RunningServer, filled: str) -> None:
        soup = page(server, f"/experiments/{filled}", group="params.model", columns=["metrics.loss", "max:metrics.loss"])
        found = {tr["data-within"]: [td.get("title", "") for td in tr.select("td")] for tr in soup.select("tr[data-group]")}
        assert set(found) == {"params.`model` = 'a'", "params.`model` = 'b'", "params.`model` IS NULL"}
        assert found["params.`model` = 'a'"][:2] == [
            "mean 73.5, from 0.0 to 147.0, of 50 runs",
            "mean 147.0, from 0.0 to 294.0, of 50 runs",
        ]

    def test_only_of_what_the_filter_lets_pass(self, server: RunningServer, filled: str) -> None:
        soup = page(server, f"/experiments/{filled}", group="params.model", filter="metrics.loss < 4", columns=["metrics.loss"])
        assert [tr.select(".members")[0].text for tr in soup.select("tr[data-group]")] == ["2 runs", "1 run", "1 run"]


class TestNames:
    def test_hold_every_word_and_belong_to_the_experiment(self, server: RunningServer, filled: str) -> None:
        other = server.experiment()
        run_id = server.run(other)
        metrics = [{"key": name, "value": 1, "timestamp": 1} for name in ("val/Loss", "val/f1", "x_y", "xzy", "é/Ж")]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics})

        def names(experiments: str, typed: str) -> list[str]:
            answer = server.client.get("/runs/names", params={"experiments": experiments, "typed": typed, "kind": "metrics"})
            found: list[str] = answer.json()["found"]["metrics"]["names"]
            return found

        assert names(filled, "") == ["loss"]
        assert names(other, "") == ["val/Loss", "val/f1", "x_y", "xzy", "é/Ж"]
        assert names(f"{filled},{other}", "loss") == ["loss", "val/Loss"]
        assert names(other, "LOSS val") == ["val/Loss"]
        assert names(other, "x_") == ["x_y"]
        assert names(other, "Ж") == ["é/Ж"]
        assert names(filled, "f1") == []

    def test_that_only_old_runs_have_are_found_by_typing(self, server: RunningServer) -> None:
        number = server.experiment()
        for i in range(320):
            run_id = server.run(number, start_time=1000 + i)
            if i == 100:  # neither among the newest nor among the oldest
                metric = {"key": "rare/metric", "value": 1, "timestamp": 1}
                server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric]})
        answer = server.client.get("/runs/names", params={"experiments": number, "typed": "rare", "kind": "metrics"})
        assert answer.json()["found"]["metrics"]["names"] == ["rare/metric"]

    def test_values_of_params_and_attributes(self, server: RunningServer, filled: str) -> None:
        for column, typed, values in (
            ("params.model", "", ["a", "b"]),
            ("params.model", "B", ["b"]),
            ("attributes.status", "", ["RUNNING"]),
            ("attributes.run_name", "149", ["run 149"]),
            ("metrics.loss", "", []),
            ("nonsense", "", []),
        ):
            answer = server.client.get("/runs/values", params={"experiments": filled, "column": column, "typed": typed})
            assert answer.json()["values"] == values, column


class TestChange:
    def test_is_done_as_a_whole_or_not_at_all(self, server: RunningServer, filled: str) -> None:
        number = server.experiment()
        run_id = server.run(number, run_name="here")
        refused = change(server, {"run_id": run_id, "name": "other"}, {"run_id": "none", "name": "x"})
        assert refused.status_code == 404
        assert server.get("runs/get", run_id=run_id).json()["run"]["info"]["run_name"] == "here"

    def test_each_has_its_way_back(self, server: RunningServer) -> None:
        number, to = server.experiment(), server.experiment()
        tags = [{"key": "kept", "value": "1"}, {"key": "gone", "value": "2"}]
        run_id = server.run(number, run_name="before", tags=tags)
        before = server.get("runs/get", run_id=run_id).json()["run"]
        wanted = {"name": "after", "experiment_id": to, "tags": {"gone": None, "kept": "3", "new": "4"}, "colour": 3}
        done = change(server, {"run_id": run_id, **wanted})
        assert done.status_code == 200, done.text
        after = server.get("runs/get", run_id=run_id).json()["run"]
        assert after["info"]["run_name"] == "after"
        assert after["info"]["experiment_id"] == to
        assert after["info"]["artifact_uri"] == before["info"]["artifact_uri"]
        found = {tag["key"]: tag["value"] for tag in after["data"]["tags"]}
        assert found == {"mlflow.runName": "after", "kept": "3", "new": "4", "mlflow.runColor": "#029f58"}
        undone = change(server, *done.json()["undo"]["changes"])
        assert undone.status_code == 200, undone.text
        again = server.get("runs/get", run_id=run_id).json()["run"]
        assert again["info"] == before["info"]
        assert sorted(map(str, again["data"]["tags"])) == sorted(map(str, before["data"]["tags"]))

    def test_all_runs_of_a_table_at_once(self, server: RunningServer) -> None:
        number = server.experiment()
        runs = [server.run(number, run_name=name) for name in ("a1", "a2", "b1")]
        state = str(httpx.QueryParams({"experiments": number, "filter": "run_name LIKE 'a%'"}))
        assert server.client.get(f"/runs/matching?{state}").json() == {"count": 2, "counted_to": 10_000, "limit": 1000}
        assert server.client.get("/runs/matching", params={"experiments": number}).json()["count"] == 3
        done = change_matching(server, state, 2, {"stage": "deleted"})
        assert done.json()["said"] == "2 runs moved to the trash.", done.text
        stages = [server.get("runs/get", run_id=run_id).json()["run"]["info"]["lifecycle_stage"] for run_id in runs]
        assert stages == ["deleted", "deleted", "active"]
        assert change_matching(server, state, 2, {"stage": "deleted"}).status_code == 400, "none is left"
        assert change(server, *done.json()["undo"]["changes"]).status_code == 200
        assert server.client.get(f"/runs/matching?{state}").json()["count"] == 2

    def test_more_runs_than_were_seen_are_refused(self, server: RunningServer) -> None:
        number = server.experiment()
        runs = [server.run(number) for _ in range(3)]
        refused = change_matching(server, f"experiments={number}", 2, {"tags": {"k": "v"}})
        assert refused.status_code == 400
        assert "3 runs match now, not 2" in refused.json()["message"]
        assert "k" not in {tag["key"] for tag in server.get("runs/get", run_id=runs[0]).json()["run"]["data"]["tags"]}

    def test_more_runs_than_the_bound_are_refused(self, server: RunningServer) -> None:
        number = server.experiment()
        for _ in range(1001):
            server.run(number)
        refused = change_matching(server, f"experiments={number}", 1001, {"stage": "deleted"})
        assert refused.status_code == 400
        assert "More than 1000 runs match" in refused.json()["message"]
        assert server.client.get("/runs/matching", params={"experiments": number}).json()["count"] == 1001

    @pytest.mark.parametrize(
        "body",
        [
            {"matching": []}, {"matching": {"state": 1, "count": 1}, "change": {}}, {"matching": {"state": "", "count": 1}, "change": {}},
            {"matching": {"state": "experiments=0", "count": "1"}, "change": {}}, {"matching": {"state": "experiments=0", "count": 1}},
            {"matching": {"state": "experiments=0&filter=((", "count": 1}, "change": {"stage": "deleted"}},
        ],
    )  # fmt: skip
    def test_nonsense_instead_of_a_table_is_refused(self, server: RunningServer, body: dict[str, Any]) -> None:
        headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
        assert server.client.post("/runs/change", json=body, headers=headers).status_code == 400

    def test_nested_runs_move_along_when_asked(self, server: RunningServer) -> None:
        number, to = server.experiment(), server.experiment()
        parent = server.run(number)
        child = server.run(number, tags=[{"key": "mlflow.parentRunId", "value": parent}])
        grandchild = server.run(number, tags=[{"key": "mlflow.parentRunId", "value": child}])
        gone = server.run(number, tags=[{"key": "mlflow.parentRunId", "value": parent}])
        server.ok("runs/delete", {"run_id": gone})

        def places() -> list[str]:
            infos = [server.get("runs/get", run_id=run_id).json()["run"]["info"] for run_id in (parent, child, grandchild, gone)]
            return [info["experiment_id"] for info in infos]

        headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
        body = {"changes": [{"run_id": parent, "experiment_id": to}]}
        assert server.client.post("/runs/change", json=body | {"nested": "yes"}, headers=headers).status_code == 400
        done = server.client.post("/runs/change", json=body | {"nested": True}, headers=headers)
        assert done.json()["said"].startswith("3 runs moved to"), done.text
        assert places() == [to, to, to, number]
        assert change(server, *done.json()["undo"]["changes"]).status_code == 200
        assert places() == [number] * 4
        assert change(server, *body["changes"]).status_code == 200
        assert places() == [to, number, number, number]

    def test_logged_models_go_with_their_run(self, server: RunningServer) -> None:
        number, to = server.experiment(), server.experiment()
        run_id = server.run(number)
        made = server.ok("logged-models", {"experiment_id": number, "name": "m", "source_run_id": run_id})["model"]["info"]
        assert change(server, {"run_id": run_id, "experiment_id": to}).status_code == 200
        moved = server.get(f"logged-models/{made['model_id']}").json()["model"]["info"]
        assert moved["experiment_id"] == to
        assert moved["artifact_uri"] == made["artifact_uri"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": ""}, {"name": "x" * 9000}, {"stage": "gone"}, {"colour": 13}, {"colour": True}, {"tags": {"k": 1}}, {"tags": []},
            {"tags": {"k": "x" * 9000}}, {"experiment_id": "999999"}, {"experiment_id": "x"}, {"name": 1},
        ],
    )  # fmt: skip
    def test_nonsense_is_refused_and_names_the_field(self, server: RunningServer, wrong: dict[str, Any]) -> None:
        run_id = server.run(server.experiment())
        answer = change(server, {"run_id": run_id, **wrong})
        assert answer.status_code in (400, 404), answer.text
        assert "error_code" in answer.json()

    def test_nothing_and_too_many(self, server: RunningServer) -> None:
        assert change(server).status_code == 400
        assert change(server, *({"run_id": f"r{i}", "name": "x"} for i in range(1001))).status_code == 400
        assert change(server, {"run_id": "a", "name": "x"}, {"run_id": "a", "name": "y"}).status_code == 400

    def test_pages_of_other_sites_may_not(self, server: RunningServer) -> None:
        headers = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
        assert server.client.post("/runs/change", json={"changes": []}, headers=headers).status_code == 403

    def test_trash_and_a_deleted_experiment(self, server: RunningServer) -> None:
        number, gone = server.experiment(), server.experiment()
        server.ok("experiments/delete", {"experiment_id": gone})
        run_id = server.run(number)
        assert change(server, {"run_id": run_id, "experiment_id": gone}).status_code == 400
        assert change(server, {"run_id": run_id, "stage": "deleted"}).json()["said"] == "1 run moved to the trash."
        assert change(server, {"run_id": run_id, "tags": {"a": "b"}}).status_code == 400
        assert change(server, {"run_id": run_id, "stage": "active"}).status_code == 200


class TestExport:
    def test_csv_has_all_that_the_filter_lets_pass_in_order(self, server: RunningServer, filled: str) -> None:
        query = {"experiments": filled, "format": "csv", "order": "metrics.loss ASC", "filter": "metrics.loss < 120"}
        answer = server.client.get(
            "/runs/export", params={**query, "columns": ["metrics.loss", "params.model", "best:metrics.loss"]}
        )
        named = server.client.get("/api/2.0/mlflow/experiments/get", params={"experiment_id": filled}).json()["experiment"][
            "name"
        ]
        day = time.strftime("%Y-%m-%d", time.gmtime())
        assert answer.headers["content-disposition"].startswith(f'attachment; filename="{named} {day[:7]}')
        assert answer.headers["content-disposition"].endswith('.csv"')
        rows = list(csv.reader(io.StringIO(answer.text)))
        assert rows[0] == ["run_name", "run_id", "metrics.loss", "params.model", "best:metrics.loss"]
        assert [row[0] for row in rows[1:]] == [f"run {i:03}" for i in range(120)]
        assert rows[5][2:] == ["4.0", "b", "-4.0"]

    def test_long_ones_come_in_windows(self, server: RunningServer) -> None:
        number = server.experiment()
        for i in range(1003):
            server.run(number, run_name=str(i), start_time=i + 1)
        answer = server.client.get(
            "/runs/export", params={"experiments": number, "format": "json", "columns": "attributes.start_time"}
        )
        found = answer.json()
        assert [row["run_name"] for row in found] == [str(i) for i in range(1002, -1, -1)]
        assert found[-1]["start_time"] == "1970-01-01T00:00:00.001+00:00"

    def test_no_cell_is_a_formula(self, server: RunningServer) -> None:
        number = server.experiment()
        texts = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "-1.5", "plain", 'say "hi", ok', "-inf"]
        for i, text in enumerate(texts):
            run_id = server.run(number, run_name=text, start_time=100 - i)
            server.ok("runs/log-batch", {"run_id": run_id, "params": [{"key": "p", "value": text}] if i < 2 else []})
        answer = server.client.get("/runs/export", params={"experiments": number, "columns": "params.p"})
        rows = list(csv.reader(io.StringIO(answer.text)))
        assert [row[0] for row in rows[1:]] == [
            "'=1+1", "'+cmd|' /C calc'!A0", "'-2+3", "'@SUM(1)", "'\t=1", "-1.5", "plain", 'say "hi", ok', "'-inf",
        ]  # fmt: skip
        assert rows[1][2] == "'=1+1"

    def test_json_knows_no_nan_and_an_empty_one_is_a_list(self, server: RunningServer) -> None:
        number = server.experiment()
        assert server.client.get("/runs/export", params={"experiments": number, "format": "json"}).json() == []
        run_id = server.run(number, run_name="odd")
        metrics = [{"key": key, "value": value, "timestamp": 1} for key, value in (("a", "NaN"), ("b", "Infinity"), ("c", 0.1))]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics})
        found = server.client.get(
            "/runs/export", params={"experiments": number, "format": "json", "columns": ["metrics.a", "metrics.b", "metrics.c"]}
        )
        row = json.loads(found.text, parse_constant=pytest.fail)[0]
        assert [row["metrics.a"], row["metrics.b"], row["metrics.c"]] == ["NaN", "Infinity", 0.1]

    def test_selected_ones_only_and_errors_are_answered(self, server: RunningServer, filled: str) -> None:
        named = ",".join(ids(server, filled, "run 003", "run 140"))
        answer = server.client.get("/runs/export", params={"experiments": filled, "only": named})
        assert len(answer.text.splitlines()) == 3
        for query in ({"format": "xlsx"}, {"filter": "metrcs.a = 1"}, {"order": "nonsense ASC"}):
            assert server.client.get("/runs/export", params={"experiments": filled, **query}).status_code == 400


def listen(server: RunningServer, number: str, found: list[dict[str, list[str]]], ready: threading.Event) -> None:
    with (
        contextlib.suppress(httpx.HTTPError),
        server.client.stream("GET", "/runs/live", params={"experiments": number}, timeout=30) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            ready.set()
            if line.startswith("data: {"):  # and no beat
                found.append(json.loads(line.removeprefix("data: ")))


class TestLive:
    def test_tells_new_runs_and_new_values(self, server: RunningServer) -> None:
        number = server.experiment()
        old = server.run(number)
        found: list[dict[str, list[str]]] = []
        ready = threading.Event()
        listener = threading.Thread(target=listen, args=(server, number, found, ready), daemon=True)
        listener.start()
        self._until(lambda: found and found[0] == {"newest": [old]})
        metric = {"key": "a", "value": 1, "timestamp": 1}
        server.ok("runs/log-batch", {"run_id": old, "metrics": [metric]})
        self._until(lambda: any(old in event.get("changed", []) for event in found))
        new = server.run(number)
        self._until(lambda: any(new in event.get("fresh", []) for event in found))
        server.ok("runs/update", {"run_id": new, "status": "FINISHED"})
        self._until(lambda: any(new in event.get("changed", []) for event in found))
        for _ in range(4):  # what was told of the change may come in more than one event
            found.clear()
            time.sleep(2.5)
            if not found:
                break
        assert found == [], "nothing happened, nothing is told"

    def test_listeners_do_not_keep_a_server_from_stopping(
        self, dialect: str, databases: Any, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        with running(tmp_path_factory.mktemp("live"), databases.make(dialect)) as server:
            number = server.experiment()
            ready = threading.Event()
            listener = threading.Thread(target=listen, args=(server, number, [], ready), daemon=True)
            listener.start()
            assert ready.wait(10)
            began = time.monotonic()
            server.process.terminate()
            server.process.wait(30)
            assert time.monotonic() - began < 10
            listener.join(5)
            assert not listener.is_alive(), "the answer ended"
            stop_server(server)

    def test_listeners_are_bounded(self, server: RunningServer) -> None:
        number = server.experiment()
        with httpx.Client(base_url=server.url, limits=httpx.Limits(max_connections=None), timeout=30) as client:
            opened: list[Any] = []
            try:
                codes, lines = [], list[Any]()
                for _ in range(205):
                    request = client.build_request("GET", "/runs/live", params={"experiments": number})
                    opened.append(client.send(request, stream=True))
                    codes.append(opened[-1].status_code)
                    if codes[-1] == 200:
                        lines.append(opened[-1].iter_lines())
                        next(lines[-1])
            finally:
                for answer in opened:
                    answer.close()
        taken = codes.count(200)
        assert 198 <= taken <= 200, "those of the tests before may still listen"
        assert set(codes[taken:]) == {503}

    @staticmethod
    def _until(holds: Any) -> None:
        until = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < until
            time.sleep(0.05)

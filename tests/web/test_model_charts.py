"""Charts of logged models: what was measured on them, by step, by time, by another metric, and their last values."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunningServer
from tests.runs.test_panels import opened
from tests.web.reading import headings, link, one, page, row_names, words
from tests.web.test_charts import panel, post

TIME = 1_700_000_000_000
TEST = {"dataset_name": "test", "dataset_digest": "d1"}


def measure(server: RunningServer, run_id: str, model_id: str, key: str, values: list[Any], **more: str) -> None:
    points = [
        {"key": key, "value": value, "timestamp": TIME + i, "step": i * 10, "model_id": model_id, **more}
        for i, value in enumerate(values)
    ]
    server.ok("runs/log-batch", {"run_id": run_id, "metrics": points})


@pytest.fixture(scope="module")
def number(server: RunningServer) -> str:
    return server.experiment()


@pytest.fixture(scope="module")
def models(server: RunningServer, number: str) -> list[str]:
    """Three: two with a history on a dataset, one of them with NaN and infinity, and all with a size."""
    run_id, found = server.run(number, run_name="trainer"), []
    for i in range(3):
        params = [{"key": "loss", "value": ["l1", "l2"][i % 2]}]
        body = {"experiment_id": number, "name": f"net {i}", "source_run_id": run_id, "params": params}
        found.append(server.ok("logged-models", body)["model"]["info"]["model_id"])
        measure(server, run_id, found[i], "size", [30 - 10 * i])
    measure(server, run_id, found[0], "acc", [0.25, 0.5, 0.75], **TEST)
    measure(server, run_id, found[1], "acc", [0.5, "NaN", "Infinity"], **TEST)
    measure(server, run_id, found[2], "acc", [0.125])
    server.ok("runs/update", {"run_id": run_id, "status": "FINISHED"})
    return found


class TestPanel:
    def test_a_metric_on_a_dataset_is_one_panel(self, server: RunningServer, models: list[str]) -> None:
        head, lines = panel(server, models=models, key="acc · test")
        assert (head["axis"], head["extent"], head["live"]) == ("step", [0, 20], False)
        assert [(line.head["name"], line.head["points"], line.head["nan"], line.head["last"]) for line in lines] == [
            ("net 0", 3, 0, 0.75),
            ("net 1", 3, 1, None),
        ]
        assert list(lines[0].x) == [0, 10, 20]
        assert list(lines[0].y) == [0.25, 0.5, 0.75]
        assert list(lines[1].flags) == [0, 1 | 8, 2 | 8]
        _, lines = panel(server, models=models, key="acc")
        assert [list(line.y) for line in lines] == [[0.125]]

    def test_last_values_stand_at_the_places_that_were_asked_for(self, server: RunningServer, models: list[str]) -> None:
        head, lines = panel(server, models=models[::-1], key="size", x="place", group="params.loss")
        assert (head["axis"], head["extent"]) == ("place", [0.5, 3.5])
        assert [(list(line.x), list(line.y), line.head["group"]) for line in sorted(lines, key=lambda line: line.head["name"])] == [
            ([3], [30], "l1"), ([2], [20], "l2"), ([1], [10], "l1"),
        ]  # fmt: skip

    def test_the_last_value_of_a_history_is_the_one_that_was_measured_last(
        self, server: RunningServer, models: list[str]
    ) -> None:
        _, lines = panel(server, models=models, key="acc · test", x="place")
        assert [(list(line.x), list(line.y), list(line.flags)) for line in lines[:1]] == [([1], [0.75], [0])]
        assert (list(lines[1].x), list(lines[1].flags)) == ([2], [2 | 8])  # an infinity

    def test_by_another_metric_and_by_time(self, server: RunningServer, models: list[str]) -> None:
        head, lines = panel(server, models=models, key="acc", x="metrics.size")
        assert (head["axis"], list(lines[0].x), list(lines[0].y)) == ("value", [10], [0.125])
        head, lines = panel(server, models=models, key="acc · test", x="relative")
        assert list(lines[0].x) == [0, 1, 2]
        head, lines = panel(server, models=models, key="acc · test", x="time", first=TIME - 5, last=TIME + 5)
        assert (head["axis"], len(lines[0].x)) == ("time", 3)

    def test_of_a_long_history_keeps_its_extremes_and_is_live_while_its_run_goes_on(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        model_id = server.ok("logged-models", {"experiment_id": number, "name": "long", "source_run_id": run_id})["model"][
            "info"
        ]["model_id"]
        measure(server, run_id, model_id, "loss", [50 if i == 33 else 1 for i in range(100)])
        head, (line,) = panel(server, models=[model_id], key="loss", width=8, log=True)
        assert (head["live"], head["extent"]) == (True, [10, 990])  # the first point, at step 0, has no place there
        assert (line.head["exact"], len(line.x) <= 9, max(line.high), min(line.low)) == (False, True, 50, 1)

    def test_what_did_not_change_is_not_sent_again(self, server: RunningServer, models: list[str]) -> None:
        head, _ = panel(server, models=models, key="size")
        assert post(server, "/charts/panel", models=models, key="size", seen=head["version"]).status_code == 204

    def test_datasets_of_one_name_are_told_apart_by_their_digests(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        model_id = server.ok("logged-models", {"experiment_id": number, "name": "odd"})["model"]["info"]["model_id"]
        for name, digest in (("test", "a"), ("test", "b"), ("dev · new", "c")):
            measure(server, run_id, model_id, "f1", [len(name) + ord(digest)], dataset_name=name, dataset_digest=digest)
        found = post(server, "/charts/names", models=[model_id]).json()
        assert found["metrics"] == ["f1 · dev · new", "f1 · test · a", "f1 · test · b"]
        assert [list(line.y) for line in panel(server, models=[model_id], key="f1 · test · a")[1]] == [[101]]
        assert [list(line.y) for line in panel(server, models=[model_id], key="f1 · dev · new")[1]] == [[108]]

    def test_names_and_refusals(self, server: RunningServer, models: list[str]) -> None:
        found = post(server, "/charts/names", models=models).json()
        assert found == {"metrics": ["size", "acc · test", "acc"], "total": 3, "params": ["loss"], "tags": []}
        assert post(server, "/charts/names", models=models, search=True, words=["TEST"]).json()["metrics"] == ["acc · test"]
        both = post(server, "/charts/panel", models=models, runs=["a"], key="acc")
        assert (both.status_code, "not both" in both.json()["message"]) == (400, True)
        assert "'models' has 1001" in post(server, "/charts/names", models=["m"] * 1001).json()["message"]

    def test_runs_have_last_values_too(self, server: RunningServer) -> None:
        runs = [server.run() for _ in range(3)]
        for i in (0, 2):
            server.ok("runs/log-batch", {"run_id": runs[i], "metrics": [{"key": "once", "value": i or "NaN", "timestamp": 1}]})
        answer = post(server, "/charts/panel", runs=runs, key="once", x="place")
        head, lines = opened(answer.content)
        assert (head["axis"], head["extent"], [list(line.x) for line in lines]) == ("place", [0.5, 3.5], [[1], [3]])
        assert [list(line.flags) for line in lines] == [[1 | 8], [0]]


class TestTable:
    def test_a_column_of_a_dataset_sorts_by_that_dataset(self, server: RunningServer, number: str, models: list[str]) -> None:
        place = f"/experiments/{number}/models"
        assert row_names(page(server, link(page(server, place), "acc · test")))[:2] == ["net 1", "net 0"]  # infinity is more
        assert row_names(page(server, link(page(server, place), "acc")))[0] == "net 2"

    def test_a_filter_may_name_the_dataset_as_the_column_does(
        self, server: RunningServer, number: str, models: list[str]
    ) -> None:
        place = f"/experiments/{number}/models"
        assert row_names(page(server, place, filter="metrics.acc < 0.3")) == ["net 2", "net 0"]  # on whatever dataset
        shown = page(server, place, filter="metrics.`acc · test` < 0.3")
        assert row_names(shown) == ["net 0"]
        assert "metrics.`acc · test` > 0.9" in words(one(shown, "main"))

    def test_columns_are_chosen_and_stay_with_the_rest_of_the_state(
        self, server: RunningServer, number: str, models: list[str]
    ) -> None:
        state = {"layout": "both", "hidden": models[0], "charts": "x:place"}
        soup = page(server, f"/experiments/{number}/models", columns=["params.loss", "metrics.size"], **state)
        assert headings(soup) == ["Name", "Status", "Created", "Source run", "size", "loss", "Id"]
        sorted_ = page(server, link(soup, "size"))
        assert row_names(sorted_) == ["net 0", "net 1", "net 2"]
        assert headings(sorted_)[4:6] == ["size", "loss"]
        assert one(sorted_, "[data-panes]")["data-layout"] == "both"
        assert [row["id"] for row in sorted_.select("tr.eyed")] == [models[0]]
        other = page(server, f"/experiments/{number}/models", columns="params.loss", order="metrics.`acc · test` ASC")
        assert words(one(other, "th[aria-sort=ascending]")) == "acc · test ↑"

    def test_charts_of_more_models_than_a_page_has(self, server: RunningServer) -> None:
        number = server.experiment()
        for i in range(105):
            server.ok("logged-models", {"experiment_id": number, "name": f"m{i}"})
        soup = page(server, f"/experiments/{number}/models")
        assert "Charts draw the 100 logged models of this page." in words(one(soup, "#drawn-runs"))
        more = page(server, f"/experiments/{number}/models", draw=1000)
        assert "Charts draw all 105 logged models" in words(one(more, "#drawn-runs"))
        assert one(more, "#shown-runs").text.count('"id"') == 105
        assert len(more.select("tr[data-model]")) == 100


class TestSize:
    def test_a_hundred_rows_of_usual_content_stay_well_below_the_limit(self, server: RunningServer) -> None:
        """Eight metrics of the digits that training leaves, four params, runs with names: a page may have 200 KB."""
        number, names = server.experiment(), [f"validation_metric_{i}" for i in range(8)]
        run_id, points = server.run(number, run_name="resnet50-sweep-of-november"), []
        params = [
            {"key": key, "value": value} for key, value in (("depth", "18"), ("lr", "0.0003"), ("opt", "adamw"), ("wd", "1e-05"))
        ]
        for i in range(101):
            body = {"experiment_id": number, "name": f"resnet50-fold-{i:03}", "source_run_id": run_id, "params": params}
            model_id = server.ok("logged-models", body)["model"]["info"]["model_id"]
            points += [
                {"key": key, "value": (i + 1) / 7, "timestamp": TIME, "step": 1, "model_id": model_id, **TEST} for key in names
            ]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": points})
        for order in ("", "metrics.validation_metric_3 · test DESC"):
            got = server.client.get(f"/experiments/{number}/models", params={"order": order})
            assert (got.status_code, got.text.count("<tr data-model")) == (200, 100)
            assert len(got.content) < 190_000  # was 215 000 with icons and titles in every cell

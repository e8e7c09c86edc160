"""/compare as a reader without JavaScript gets it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bs4 import BeautifulSoup

from runstone.web import differences
from runstone.web.direction import known_direction
from tests.conftest import RunningServer
from tests.web.reading import link, one, page, words


def log(server: RunningServer, run_id: str, params: dict[str, str], metrics: dict[str, Any], tags: dict[str, str]) -> None:
    listed = [[{"key": key, "value": value} for key, value in pairs.items()] for pairs in (params, tags)]
    points = [{"key": key, "value": value, "timestamp": 1} for key, value in metrics.items()]
    server.ok("runs/log-batch", {"run_id": run_id, "params": listed[0], "tags": listed[1], "metrics": points})


def rows(soup: BeautifulSoup, kind: str) -> dict[str, list[str]]:
    body = one(soup, f"#compare-{kind}")
    return {words(one(row, "th")): [words(cell) for cell in row.select("td")] for row in body.select("tr:not(.title)")}


@pytest.fixture(scope="module")
def run_ids(server: RunningServer) -> list[str]:
    """Three runs of two experiments."""
    ids = [server.run(server.experiment(f"{server.port} one"), run_name="base")]
    other = server.experiment(f"{server.port} other")
    ids += [server.run(other, run_name=name) for name in ("second", "third")]
    nested = {"optimizer": {"name": "adam", "lr": 0.1}, "layers": [1, 2]}
    log(
        server,
        ids[0],
        {"depth": "4", "seed": "1", "config": json.dumps(nested)},
        {"acc": 0.5, "loss": 2.0},
        {"mlflow.source.git.commit": "aaa"},
    )
    nested["optimizer"] = {"name": "adam", "lr": 0.2}
    log(
        server,
        ids[1],
        {"depth": "8", "seed": "1", "config": str(nested)},
        {"acc": 0.75, "loss": "NaN"},
        {"mlflow.source.git.commit": "bbb"},
    )
    log(server, ids[2], {"seed": "1"}, {"acc": 0.25}, {"team": "<script>alert(1)</script>"})
    return ids


class TestCompare:
    def test_shows_what_differs(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare", runs=",".join(run_ids))
        assert rows(soup, "params") == {
            "config.layers": ["[1, 2]", "[1, 2]", "–"],
            "config.optimizer.lr": ["0.1", "0.2", "–"],
            "config.optimizer.name": ["adam", "adam", "–"],
            "depth": ["4", "8", "–"],
        }
        assert rows(soup, "environment") == {"Git commit": ["aaa", "bbb", "–"]}
        assert rows(soup, "tags") == {"team": ["–", "–", "<script>alert(1)</script>"]}
        assert words(one(soup, "#compare-params .title")) == "Params 4 of 5 differ"

    def test_metrics_have_deltas_to_the_chosen_baseline(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare", runs=",".join(run_ids))
        assert rows(soup, "metrics") == {"acc": ["0.5", "0.75 +0.25 best", "0.25 -0.25 worst"], "loss": ["2", "NaN", "–"]}
        soup = page(server, "/compare", runs=",".join(run_ids), baseline=run_ids[1])
        assert rows(soup, "metrics")["acc"] == ["0.5 -0.25 worse", "0.75 best", "0.25 -0.5 worst"]
        assert one(soup, "option[selected]")["value"] == run_ids[1]
        assert words(one(soup, ".best")).startswith("0.75")
        assert one(soup, ".worse small")["title"] == "-0.25"
        assert one(soup, "#compare-metrics tr:has(.worst) th")["title"] == "acc: higher is better, by the name of the metric"

    def test_a_metric_whose_name_tells_no_direction_has_no_verdict(self, server: RunningServer) -> None:
        made = [server.run() for _ in range(2)]
        for i, run_id in enumerate(made):
            log(server, run_id, {}, {"width": float(i), "rmse": float(i)}, {})
        soup = page(server, "/compare", runs=",".join(made))
        assert rows(soup, "metrics") == {"rmse": ["0 best", "1 +1 worst"], "width": ["0", "1 +1"]}
        neutral = next(row for row in soup.select("#compare-metrics tr") if words(one(row, "th")) == "width")
        assert not neutral.select(".best, .better, .worse, .worst")
        assert "does not tell" in str(one(neutral, "th")["title"])
        assert one(neutral, "small[title]")["title"] == "+1.0"

    def test_of_many_names_in_many_runs_the_first_are_shown(self, server: RunningServer) -> None:
        made = [server.run() for _ in range(50)]
        for i, run_id in enumerate(made):
            log(server, run_id, {f"p{k:02}": str(i) for k in range(30)}, {}, {})
        names = ",".join(made)
        soup = page(server, "/compare", runs=names, baseline=made[1])
        assert list(rows(soup, "params")) == [*(f"p{k:02}" for k in range(15)), "Show all 30"]
        soup = page(server, link(soup, "Show all 30"))
        assert len(rows(soup, "params")) == 30
        assert one(soup, "option[selected]")["value"] == made[1]
        assert one(soup, "input[name=lines]")["value"] == "all"

    def test_shows_what_is_the_same_on_request(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare", runs=",".join(run_ids), all="1")
        assert list(rows(soup, "params"))[-1] == "seed"
        assert rows(soup, "params")["seed"] == ["1", "1", "1"]

    def test_names_the_experiments_and_the_runs(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare", runs=run_ids)
        assert link(soup, f"{server.port} other").startswith("/experiments/")
        assert link(soup, "third") == f"/runs/{run_ids[2]}"
        shown = json.loads(one(soup, "#shown-runs").text)
        assert [run["id"] for run in shown] == run_ids

    def test_unknown_runs_are_counted(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare", runs=f"{run_ids[0]},nothing,'\"<x>")
        assert "2 runs of the address do not exist" in words(soup)
        assert words(one(soup, "h1")) == "Compare 1 run"

    def test_without_runs_says_how(self, server: RunningServer) -> None:
        for query in ({}, {"runs": ",,"}, {"runs": "nothing"}):
            assert "No runs to compare" in words(page(server, "/compare", **query))

    def test_the_island_cannot_be_left(self, server: RunningServer) -> None:
        run_id = server.run(run_name="</script><script>alert(1)</script>")
        log(server, run_id, {"a": "</script><!--"}, {"b": 1.0}, {})
        soup = page(server, "/compare", runs=run_id)
        assert json.loads(one(soup, "#shown-runs").text)[0]["name"].startswith("</script>")

    def test_what_plots_are_drawn_from_is_asked_for_apart(self, server: RunningServer, run_ids: list[str]) -> None:
        soup = page(server, "/compare", runs=run_ids)
        found = server.client.get(str(one(soup, "[data-plots]")["data-plots"]))
        assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
        plotted = found.json()
        assert plotted["names"]["metrics"] == ["acc", "loss"]
        assert [run["id"] for run in plotted["runs"]] == run_ids
        assert [run["metrics"] for run in plotted["runs"]] == [[0.5, 2], [0.75, None], [0.25, None]]
        depth = plotted["names"]["params"].index("depth")
        assert [run["params"][depth] for run in plotted["runs"]] == ["4", "8", None]
        nothing = server.client.get("/compare/plotted", params={"runs": "nothing,"}).json()
        assert nothing == {"names": {"params": [], "metrics": []}, "runs": []}


class TestFlattening:
    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ('{"a": {"b": 1, "c": [1, 2]}}', {"k.a.b": "1", "k.a.c": "[1, 2]"}),
            ("{'a': True, 'b': None}", {"k.a": "true", "k.b": "null"}),
            ("{}", {"k": "{}"}),
            ("{1, 2}", {"k": "{1, 2}"}),
            ("{not a dict}", {"k": "{not a dict}"}),
            ("{'a': __import__('os')}", {"k": "{'a': __import__('os')}"}),
            ('{"a": "text"}', {"k.a": "text"}),
            ("[1]", {"k": "[1]"}),
            ("{" * 3000 + "}" * 3000, {"k": "{" * 3000 + "}" * 3000}),
        ],
    )
    def test_of_nested_params(self, value: str, found: dict[str, str]) -> None:
        assert differences.flattened([("k", value)]) == found

    def test_of_a_large_one_is_left_as_it_is(self) -> None:
        text = json.dumps({str(i): i for i in range(501)})
        assert differences.flattened([("k", text)]) == {"k": text}

    def test_of_a_deep_one_stops(self) -> None:
        deep = '{"a":' * 20 + "1" + "}" * 20
        (name,) = differences.flattened([("k", deep)])
        assert name.count(".a") == differences.DEPTH_LIMIT


class TestVerdicts:
    @pytest.mark.parametrize(
        ("name", "values", "found"),
        [
            ("loss", [2.0, 1.0, 3.0, 2.0], ["", "best", "worst", ""]),
            ("acc", [2.0, 1.0, 3.0, 1.5], ["", "worst", "best", "worse"]),
            ("acc", [2.0, 3.0, 3.0, None], ["worst", "best", "best", ""]),
            ("acc", [2.0, 2.0], ["", ""]),
            ("acc", [2.0, float("nan"), float("inf")], ["", "", ""]),
            ("acc", [None, 1.0, 2.0, 1.5], ["", "worst", "best", ""]),
            ("width", [1.0, 2.0], ["", ""]),
        ],
    )
    def test_of_a_line(self, name: str, values: list[Any], found: list[str]) -> None:
        (line,) = differences.lines([{} if value is None else {name: value} for value in values], 0)
        assert line.verdicts == found

    @pytest.mark.parametrize(
        ("names", "found"),
        [
            ("loss val/trainLoss error_rate RMSE mae test-mse perplexity latency_ms fit_time crossentropyloss", "lower"),
            ("accuracy val_acc F1 macroF1 f1-score roc_auc precision recall@5 r2 R2 test_score bleu4 rougeL rouge_1", "higher"),
            ("lr epoch width accuracy_loss score_time entropy system/memory system/disk_error timestamp f r", ""),
        ],
    )
    def test_know_directions_by_name(self, names: str, found: str) -> None:
        assert {name: known_direction(name) for name in names.split()} == dict.fromkeys(names.split(), found)

"""Long lists of a run: searched and given a page at a time, with links that need no script."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.reading import HTML, link, one, page, row_names, words

PAGE_LIMIT = 200_000


@pytest.fixture(scope="module")
def wide(server: RunningServer) -> str:
    """12 000 metrics, 500 params of which every tenth has 5 000 characters, 200 tags of which every fifth has as many."""
    run_id = server.run(server.experiment(), run_name="wide")
    names = [f"layer_{i // 100:03}/norm_{i:05}" for i in range(12_000)]
    for start in range(0, len(names), 1000):
        metrics = [{"key": name, "value": 1.5, "timestamp": 1, "step": 2} for name in names[start : start + 1000]]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics})
    machine = [{"key": f"system/gpu_{i:02}", "value": i, "timestamp": 1} for i in range(20)]
    server.ok("runs/log-batch", {"run_id": run_id, "metrics": machine})
    for start in range(0, 500, 100):
        params = [{"key": f"p{i:03}", "value": f"v{i}" if i % 10 else f"v{i} " + "x" * 4995} for i in range(start, start + 100)]
        server.ok("runs/log-batch", {"run_id": run_id, "params": params})
    for start in range(0, 200, 100):
        tags = [{"key": f"t{i:03}", "value": f"w{i}" if i % 5 else f"w{i} " + "y" * 4995} for i in range(start, start + 100)]
        server.ok("runs/log-batch", {"run_id": run_id, "tags": tags})
    return f"/runs/{run_id}"


def said(soup: BeautifulSoup, kind: str) -> str:
    return words(one(soup, f"#{kind}-rows .pager > span"))


def names(soup: BeautifulSoup, kind: str) -> list[str]:
    return row_names(one(soup, f"#{kind}-rows"))


def part(server: RunningServer, path: str, kind: str, current: str = "") -> tuple[BeautifulSoup, str]:
    """What a script gets for one list, and the address that it is told to show."""
    headers = HTML | {"HX-Request": "true", "HX-Target": f"{kind}-rows", "HX-Current-URL": server.url + (current or path)}
    answer = server.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text[:1000]
    return BeautifulSoup(answer.text, "html.parser"), answer.headers["hx-replace-url"]


class TestPages:
    def test_a_page_of_12_000_metrics_is_a_page_like_any_other(self, server: RunningServer, wide: str) -> None:
        answer = server.client.get(wide, headers=HTML)
        assert len(answer.content) < PAGE_LIMIT
        soup = page(server, wide)
        assert words(one(soup, "#metrics h2")) == "Metrics 12 000"
        assert said(soup, "metrics") == "1 to 100 of 12 000 metrics"
        assert names(soup, "metrics")[0] == "layer_000/norm_00000"
        assert len(names(soup, "metrics")) == 100

    def test_links_lead_through_all_of_them(self, server: RunningServer, wide: str) -> None:
        second = page(server, link(one(page(server, wide), "#metrics-rows .pages"), "Next"))
        assert names(second, "metrics")[0] == "layer_001/norm_00100"
        last = page(server, link(one(second, "#metrics-rows .pages"), "Last"))
        assert names(last, "metrics")[-1] == "layer_119/norm_11999"
        assert said(last, "metrics") == "11 901 to 12 000 of 12 000 metrics"
        assert [words(a) for a in last.select("#metrics-rows .pages a")] == ["First", "Previous"]

    @pytest.mark.parametrize("number", ["0", "-1", "x", "999999", "99999999999999999999", "１"])
    def test_a_page_that_is_none_is_the_nearest_one(self, server: RunningServer, wide: str, number: str) -> None:
        assert len(names(page(server, wide, metrics_page=number), "metrics")) == 100

    def test_metrics_of_the_machine_stand_apart(self, server: RunningServer, wide: str) -> None:
        soup = page(server, wide)
        assert names(soup, "system-metrics") == [f"system/gpu_{i:02}" for i in range(20)]
        assert not any(name.startswith("system/") for name in names(page(server, wide, metrics="gpu"), "metrics"))


class TestSearch:
    def test_finds_what_has_all_the_words_in_any_case(self, server: RunningServer, wide: str) -> None:
        soup = page(server, wide, metrics="NORM_000 layer_000")
        assert said(soup, "metrics") == "100 matching metrics, 12 000 in all"
        assert one(soup, "#find-metrics")["value"] == "NORM_000 layer_000"

    @pytest.mark.parametrize("text", ["%", "_____x", "'", "\\", "nothing like this"])
    def test_signs_of_patterns_are_only_signs(self, server: RunningServer, wide: str, text: str) -> None:
        soup = page(server, wide, metrics=text)
        assert names(soup, "metrics") == []
        assert said(soup, "metrics").startswith("No metric has")

    def test_params_and_tags_are_found_by_their_values_too(self, server: RunningServer, wide: str) -> None:
        soup = page(server, wide, params="v123", tags="w77")
        assert names(soup, "params") == ["p123"]
        assert [one(li, ".what").text for li in soup.select("#tags-rows li")] == ["t077"]

    def test_what_was_found_is_turned_over_and_kept_beside_another_list(self, server: RunningServer, wide: str) -> None:
        soup = page(server, wide, metrics="norm_001", params="v1")
        target = parse_qs(urlsplit(link(one(soup, "#params-rows .pages"), "Next")).query)
        assert target == {"metrics": ["norm_001"], "params": ["v1"], "params_page": ["2"]}
        form = one(soup, "#metrics > form")
        assert {str(field["name"]): field.get("value") for field in form.select("input")} == {
            "params": "v1",
            "metrics": "norm_001",
        }


class TestLongValues:
    def test_are_cut_in_a_long_list_and_whole_when_searched_for(self, server: RunningServer, wide: str) -> None:
        soup = page(server, wide)
        cell = one(soup, "#params-rows tbody tr:first-child td")
        assert words(cell).endswith("All 4 998 characters")
        found = page(server, str(one(cell, "a")["href"]))
        assert one(found, "#params-rows tbody td").text == "v0 " + "x" * 4995

    def test_a_tag_is_changed_where_it_is_whole(self, server: RunningServer, wide: str) -> None:
        first = page(server, wide).select("#tags-rows li")[0]
        assert not first.select("input[name=value]")
        found = page(server, str(one(first, ".long a")["href"]))
        assert one(found, "#tags-rows input[name=value]")["value"] == "w0 " + "y" * 4995


class TestParts:
    def test_a_script_gets_the_rows_and_the_address_that_says_what_is_shown(self, server: RunningServer, wide: str) -> None:
        soup, shown = part(
            server, f"{wide}?metrics=norm_002&metrics_page=1&params=stale", "metrics", f"{wide}?params=v1&params_page=2"
        )
        assert len(soup.find_all("h1")) == 0
        assert names(soup, "metrics")[0] == "layer_002/norm_00200"
        assert parse_qs(urlsplit(shown).query) == {
            "params": ["v1"],
            "params_page": ["2"],
            "metrics": ["norm_002"],
            "metrics_page": ["1"],
        }

    @pytest.mark.parametrize("kind", ["metrics", "system-metrics", "params", "tags", "system-tags", "nested"])
    def test_of_every_list(self, server: RunningServer, wide: str, kind: str) -> None:
        soup, _ = part(server, f"{wide}?{kind}=a", kind)
        assert soup.select(f"#{kind}-rows")
        assert not soup.select("section")

    def test_while_the_run_goes_on_the_shown_page_is_put_anew(self, server: RunningServer, wide: str) -> None:
        headers = HTML | {"HX-Request": "true", "HX-Current-URL": f"{server.url}{wide}?metrics=norm_003&metrics_page=1"}
        soup = BeautifulSoup(server.client.get(f"{wide}/live", headers=headers).text, "html.parser")
        assert one(soup, "#metrics-rows")["hx-swap-oob"] == "true"
        assert names(soup, "metrics")[0] == "layer_003/norm_00300"
        assert not soup.select("#find-metrics")  # what is being typed is left alone

    def test_a_run_that_is_as_it_was_is_not_read_again(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        headers = HTML | {"HX-Request": "true", "HX-Current-URL": f"{server.url}/runs/{run_id}"}

        def live(path: str) -> BeautifulSoup:
            return BeautifulSoup(server.client.get(path, headers=headers).text, "html.parser")

        changes: list[Callable[[], object]] = [
            lambda: server.ok("runs/log-metric", {"run_id": run_id, "key": "loss", "value": 1, "timestamp": 1}),
            lambda: server.ok("runs/log-parameter", {"run_id": run_id, "key": "lr", "value": "1"}),
            lambda: server.ok("runs/set-tag", {"run_id": run_id, "key": "mlflow.user", "value": "ada"}),
            lambda: server.run(number, tags=[{"key": "mlflow.parentRunId", "value": run_id}]),
            lambda: server.ok("runs/set-tag", {"run_id": run_id, "key": "mlflow.note.content", "value": "It **learns**."}),
            lambda: server.ok("runs/update", {"run_id": run_id, "run_name": "renamed"}),
        ]

        asked = str(one(page(server, f"/runs/{run_id}"), "#poll")["hx-get"])
        for change in changes:
            still = live(asked)
            assert one(still, "#run-duration")["hx-swap-oob"] == "true"
            assert not still.select("#overview")
            change()
            found = live(asked)
            assert found.select("#overview")
            asked = str(one(found, "#poll[hx-swap-oob]")["hx-get"])
        whole = live(f"/runs/{run_id}/live")
        assert "ada" in one(whole, "#overview").text
        assert one(whole, "#note[hx-swap-oob] strong").text == "learns"
        assert one(whole, "h1[hx-swap-oob]").text == "renamed"
        server.ok("runs/update", {"run_id": run_id, "status": "FINISHED"})
        assert server.client.get(asked, headers=headers).headers["hx-refresh"] == "true"


class TestOfAVersion:
    def test_metrics_and_params_of_its_run_are_turned_over(self, server: RunningServer, wide: str) -> None:
        server.ok("registered-models/create", {"name": "of a wide run"})
        run_id = wide.removeprefix("/runs/")
        server.ok("model-versions/create", {"name": "of a wide run", "source": f"runs:/{run_id}/model", "run_id": run_id})
        place = "/models/of%20a%20wide%20run/versions/1"
        assert len(server.client.get(place, headers=HTML).content) < PAGE_LIMIT
        assert names(page(server, place, metrics="norm_119"), "metrics")[0] == "layer_119/norm_11900"
        second = page(server, link(one(page(server, place), "#metrics-rows .pages"), "Next"))
        assert names(second, "metrics")[0] == "layer_001/norm_00100"
        soup, _ = part(server, f"{place}?params=v123", "params")
        assert names(soup, "params") == ["p123"]


class TestOfALoggedModel:
    def test_its_params_are_searched(self, server: RunningServer) -> None:
        params = [{"key": f"q{i:03}", "value": f"u{i}"} for i in range(150)]
        body = {"experiment_id": server.experiment(), "name": "many params", "params": params[:100]}
        model_id = server.ok("logged-models", body)["model"]["info"]["model_id"]
        server.ok(f"logged-models/{model_id}/params", {"params": params[100:]})
        place = f"/logged-models/{model_id}"
        assert said(page(server, place), "params") == "1 to 100 of 150 params"
        assert names(page(server, place, params="u77"), "params") == ["q077"]
        soup, shown = part(server, f"{place}?params=q1&params_page=1", "params")
        assert len(names(soup, "params")) == 50
        assert shown.endswith("?params=q1")

"""The pages as a reader without JavaScript gets them."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg onload=alert(1)>", "{{7*7}}", "{% raw %}", "javascript:alert(1)",
    "</title><script>alert(1)</script>", "<a href='javascript:alert(1)'>x</a>", "&lt;b&gt;", "\u202egnp.exe", "שלום עולם", "a" * 400,
]  # fmt: skip
HTML = {"Accept": "text/html"}


def page(server: RunningServer, path: str, status: int = 200, /, **query: Any) -> BeautifulSoup:
    answer = server.client.get(path, params=query or None, headers=HTML)
    assert answer.status_code == status, answer.text[:2000]
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    soup = BeautifulSoup(answer.text, "html.parser")
    assert len(soup.find_all("h1")) == 1
    assert soup.html is not None
    assert soup.html["lang"] == "en"
    for tag in soup.find_all(["script", "link", "img"]):
        source = str(tag.get("src") or tag.get("href"))
        assert source.startswith("/static/"), source
        assert tag.name != "script" or tag.text == ""
    return soup


def post(server: RunningServer, path: str, **fields: str) -> httpx.Response:
    return server.client.post(path, data=fields, headers={"Origin": server.url, "Sec-Fetch-Site": "same-origin"})


def text_of(soup: BeautifulSoup) -> str:
    return re.sub(r"\s+", " ", soup.get_text(" "))


class TestExperiments:
    def test_the_list_shows_names_counts_and_tags(self, server: RunningServer) -> None:
        number = server.experiment("listed one", tags=[{"key": "team", "value": "red"}])
        for _ in range(3):
            server.run(number, start_time=1700000000000)
        row = page(server, "/experiments", search="listed one").find("tbody")
        assert row is not None
        assert "listed one" in row.text
        assert "red" in row.text
        assert row.find("td", class_="number").text == "3"  # type: ignore[union-attr]
        assert row.find("time")["datetime"].startswith("2023-11-14T22:13:20")  # type: ignore[index,union-attr]

    def test_nothing_found_and_nothing_there_say_what_to_do(self, server: RunningServer) -> None:
        assert "No experiment matches" in text_of(page(server, "/experiments", search="zzz"))
        empty = page(server, f"/experiments/{server.experiment('empty one')}")
        assert server.url in empty.find("pre").text  # type: ignore[union-attr]

    def test_create_rename_delete_undo(self, server: RunningServer) -> None:
        made = post(server, "/experiments/create", name="made by form")
        assert made.status_code == 303
        path = made.headers["location"]
        assert "made by form" in text_of(page(server, path))
        again = post(server, "/experiments/create", name="made by form")
        assert again.status_code == 400
        field = BeautifulSoup(again.text, "html.parser").find("input", {"name": "name"})
        assert field is not None
        assert field["value"] == "made by form", "a form never forgets what was typed"
        assert "exists already" in again.text
        assert post(server, f"{path}/rename", name="renamed by form").status_code == 303
        deleted = post(server, f"{path}/delete")
        undo = page(server, deleted.headers["location"]).find("form", {"action": f"{path}/restore"})
        assert undo is not None
        assert "renamed by form" in text_of(page(server, "/experiments", view="deleted"))
        assert post(server, f"{path}/restore").status_code == 303
        assert "renamed by form" in text_of(page(server, "/experiments", search="renamed"))

    def test_forms_of_other_sites_are_refused(self, server: RunningServer) -> None:
        answer = server.client.post(
            "/experiments/create", data={"name": "forged"}, headers={"Origin": "https://evil.example", **HTML}
        )
        assert answer.status_code == 403

    def test_search_text_is_data(self, server: RunningServer) -> None:
        for text in ("'", "%", "_", "\\", "' OR 1=1 --"):
            page(server, "/experiments", search=text)
            page(server, "/models", search=text)


@pytest.fixture(scope="module")
def filled(server: RunningServer) -> str:
    number = server.experiment()
    for i in range(105):
        run_id = server.run(number, run_name=f"run {i:03}", start_time=1700000000000 + i)
        metrics = [
            {"key": "loss", "value": 1 / (i + 1), "timestamp": 1, "step": 0},
            {"key": "my acc", "value": i, "timestamp": 1},
        ]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": [{"key": "lr", "value": str(i)}]})
        server.ok("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 1700000060000 + i})
    return number


class TestRuns:
    def test_newest_first_with_the_common_columns(self, server: RunningServer, filled: str) -> None:
        soup = page(server, f"/experiments/{filled}")
        rows = soup.select("tbody tr")
        assert len(rows) == 100
        assert rows[0].th is not None
        assert rows[0].th.text.strip() == "run 104"
        headings = [th.text.strip() for th in soup.select("thead th")]
        assert headings == ["Run", "Status", "Started", "Duration", "User", "loss", "my acc", "lr"]
        assert "1 min 00 s" in rows[0].text
        assert "Finished" in rows[0].text
        assert "100 of 105 runs" in text_of(soup)
        following = soup.find("a", {"rel": "next"})
        assert following is not None
        rest = page(server, str(following["href"]))
        assert [row.th.text.strip() for row in rest.select("tbody tr") if row.th] == [f"run {i:03}" for i in range(4, -1, -1)]

    def test_sorting_by_a_heading_and_back(self, server: RunningServer, filled: str) -> None:
        soup = page(server, f"/experiments/{filled}")
        link = next(a for a in soup.select("thead th a") if a.text.strip() == "my acc")
        down = page(server, str(link["href"]))
        assert down.select("tbody tr th")[0].text.strip() == "run 104"
        current = down.find("th", {"aria-sort": "descending"})
        assert current is not None
        assert current.a is not None
        up = page(server, str(current.a["href"]))
        assert up.select("tbody tr th")[0].text.strip() == "run 000"

    def test_filter_and_its_errors(self, server: RunningServer, filled: str) -> None:
        found = page(server, f"/experiments/{filled}", filter="params.lr IN ('7', '9') OR metrics.`my acc` > 103")
        assert [th.text.strip() for th in found.select("tbody th")] == ["run 104", "run 009", "run 007"]
        wrong = page(server, f"/experiments/{filled}", 400, filter="metrcs.loss > 1")
        problem = wrong.find(id="filter-problem")
        assert problem is not None
        assert "Did you mean 'metrics'" in problem.text
        field = wrong.find("input", {"name": "filter"})
        assert field is not None
        assert field["value"] == "metrcs.loss > 1"
        assert "No run matches" in text_of(page(server, f"/experiments/{filled}", filter="metrics.loss > 99"))

    def test_chosen_columns(self, server: RunningServer, filled: str) -> None:
        soup = page(server, f"/experiments/{filled}", columns=["params.lr", "tags.mlflow.runName"])
        assert [th.text.strip() for th in soup.select("thead th")][5:] == ["lr", "mlflow.runName"]

    def test_one_run(self, server: RunningServer, filled: str) -> None:
        run_id = server.run(filled, run_name="detailed", start_time=1700000000000)
        server.ok(
            "runs/set-tag",
            {"run_id": run_id, "key": "mlflow.note.content", "value": "# Title\n[x](javascript:alert(1)) <b>raw</b> **bold**"},
        )
        points = [
            {"key": "loss", "value": value, "timestamp": i, "step": i} for i, value in enumerate([1, "NaN", "Infinity", 0.25])
        ]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": points, "params": [{"key": "depth", "value": "4"}]})
        assert (
            server.client.put(
                f"/api/2.0/mlflow-artifacts/artifacts/{filled}/{run_id}/artifacts/d/f.txt", content=b"abc"
            ).status_code
            == 200
        )
        soup = page(server, f"/runs/{run_id}")
        text = text_of(soup)
        assert "detailed" in text
        assert "depth 4" in text
        note = soup.find(class_="note")
        assert note is not None
        assert note.find("strong") is not None
        assert note.find("b") is None
        assert not [a for a in note.find_all("a") if "javascript" in str(a.get("href"))]
        row = next(tr for tr in soup.select("#metrics tbody tr") if tr.th and tr.th.text == "loss")
        assert [td.text.strip() for td in row.select("td")][:5] == ["0.25", "0.25", "∞", "3", "4"]
        chart = soup.select_one("[data-chart]")
        assert chart is not None
        data = server.client.get(str(chart["data-chart"])).json()
        assert data == {"axis": "step", "note": "4 points, 1 NaN", "x": [0, 1, 2, 3], "y": [1, None, None, 0.25]}
        inside = page(server, f"/runs/{run_id}", path="d")
        download = inside.find("a", {"download": True})
        assert download is not None
        assert server.client.get(str(download["href"])).content == b"abc"
        gone = post(server, f"/runs/{run_id}/delete")
        assert page(server, gone.headers["location"]).find("form", {"action": f"/runs/{run_id}/restore"})

    def test_a_long_series_keeps_its_spike(self, server: RunningServer) -> None:
        run_id = server.run()
        for start in range(0, 5000, 1000):
            points = [
                {"key": "m", "value": 999.0 if i == 2345 else 1.0, "timestamp": i, "step": i} for i in range(start, start + 1000)
            ]
            server.ok("runs/log-batch", {"run_id": run_id, "metrics": points})
        data = server.client.get(f"/runs/{run_id}/chart", params={"key": "m"}).json()
        assert len(data["x"]) <= 1001
        assert max(data["high"]) == 999.0
        assert min(data["low"]) == 1.0

    def test_what_is_not_there(self, server: RunningServer) -> None:
        for path in (
            "/runs/none",
            "/experiments/999999",
            "/models/none",
            "/models/none/versions/1",
            "/logged-models/m-none",
            "/nowhere",
        ):
            soup = page(server, path, 404)
            assert soup.find(id="request-id").text  # type: ignore[union-attr]
        assert "valid integer" in text_of(page(server, "/experiments/abc", 400))
        assert server.client.get("/runs/none").json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


class TestModels:
    def test_models_versions_aliases(self, server: RunningServer) -> None:
        run_id = server.run(run_name="its source")
        server.ok("registered-models/create", {"name": "forest 50%", "description": "**Good** one"})
        server.ok("model-versions/create", {"name": "forest 50%", "source": f"runs:/{run_id}/m", "run_id": run_id})
        server.ok("registered-models/alias", {"name": "forest 50%", "alias": "champion", "version": "1"})
        link = page(server, "/models", search="forest").select("tbody th a")[0]
        model = page(server, str(link["href"]))
        assert "@champion" in text_of(model)
        assert "its source" in text_of(model)
        version = page(server, str(model.select("tbody th a")[0]["href"]))
        assert "models:/forest 50%/1" in version.find("pre").text  # type: ignore[union-attr]
        assert "No model matches" in text_of(page(server, "/models", search="zzz"))

    def test_logged_models(self, server: RunningServer) -> None:
        number = server.experiment()
        assert "No logged models yet" in text_of(page(server, f"/experiments/{number}/models"))
        model = server.ok("logged-models", {"experiment_id": number, "name": "net", "params": [{"key": "layers", "value": "3"}]})[
            "model"
        ]["info"]
        listed = page(server, f"/experiments/{number}/models")
        single = page(server, str(listed.select("tbody th a")[0]["href"]))
        assert "layers 3" in text_of(single)
        assert model["model_id"] in text_of(single)


class TestHostileText:
    def test_is_shown_and_never_markup(self, server: RunningServer) -> None:
        number = server.experiment("hostile" + HOSTILE[0])
        for i, text in enumerate(HOSTILE):
            tags = [
                {"key": "mlflow.note.content", "value": text},
                {"key": "plain", "value": text},
                {"key": "mlflow.source.name", "value": text},
            ]
            run_id = server.run(number, run_name=text, user_id=text, tags=tags)
            server.ok("runs/log-batch", {"run_id": run_id, "params": [{"key": "p", "value": text}], "metrics": []})
            server.post("registered-models/create", {"name": f"h{i}", "description": text, "tags": [{"key": "k", "value": text}]})
            for path in (f"/runs/{run_id}", f"/experiments/{number}", "/models", f"/models/h{i}"):
                soup = page(server, path)
                assert not soup.find("svg", onload=True)
                assert not soup.find(onerror=True)
                assert not [a for a in soup.find_all("a") if str(a.get("href")).startswith("javascript")]
            assert text[:20] in soup.get_text() or text in ("&lt;b&gt;", "{% raw %}") or i == 0


class TestStatic:
    def test_files_are_cached_for_good_and_nothing_else_is_served(self, server: RunningServer) -> None:
        sheet = page(server, "/experiments").find("link", rel="stylesheet")
        assert sheet is not None
        answer = server.client.get(str(sheet["href"]))
        assert answer.headers["content-type"].startswith("text/css")
        assert "immutable" in answer.headers["cache-control"]
        for path in (
            "/static/x/..%2f..%2fpyproject.toml",
            "/static/x/../../pyproject.toml",
            "/static/x/css",
            "/static/x/nope.css",
        ):
            assert server.client.get(path).status_code in (400, 404)

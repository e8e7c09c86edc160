"""Everything that a client can name, shown on every page: as text, isolated, and never as markup."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.hostile import HOSTILE
from tests.web.reading import one, page


def assert_harmless(soup: BeautifulSoup) -> None:
    for tag in soup.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on")], tag
        for name in ("href", "src", "action", "hx-get"):
            value = str(tag.get(name, "/"))
            assert value.startswith(("/", "#", "?", "https://example.com", "mailto:")), value
    assert not soup.find_all(["iframe", "base", "style", "object", "embed", "math"])
    assert all(script.get("src") or script.get("type") == "application/json" for script in soup.find_all("script"))


@pytest.fixture(scope="module")
def experiment_id(server: RunningServer) -> str:
    tags = [{"key": f"k{i}", "value": text} for i, text in enumerate(HOSTILE)]
    return server.experiment("hostile " + HOSTILE[0], tags=[*tags, {"key": "mlflow.note.content", "value": "\n\n".join(HOSTILE)}])


class TestHostileText:
    @pytest.mark.parametrize("number", range(len(HOSTILE)))
    def test_is_shown_and_never_markup(self, server: RunningServer, experiment_id: str, number: int) -> None:
        text = HOSTILE[number]
        tags = [
            {"key": name, "value": text}
            for name in ("mlflow.note.content", "plain", "mlflow.source.name", "mlflow.source.git.commit", "mlflow.user")
        ]
        run_id = server.run(experiment_id, run_name=text, user_id=text, tags=tags)
        dataset = {"name": text, "digest": text[:36], "source_type": "local", "source": text}
        server.ok("runs/log-batch", {"run_id": run_id, "params": [{"key": "p", "value": text}]})
        server.ok(
            "runs/log-inputs",
            {"run_id": run_id, "datasets": [{"tags": [{"key": "mlflow.data.context", "value": text}], "dataset": dataset}]},
        )
        server.ok("registered-models/create", {"name": f"h{number}", "description": text, "tags": [{"key": "k", "value": text}]})
        version = {
            "name": f"h{number}",
            "source": f"runs:/{run_id}/m",
            "run_id": run_id,
            "description": text,
            "tags": [{"key": "k", "value": text}],
        }
        server.ok("model-versions/create", version)
        server.ok("runs/log-metric", {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1})
        paths = (
            f"/runs/{run_id}",
            f"/runs/{run_id}/metric?key=m",
            f"/compare?runs={run_id}",
            f"/compare/media?runs={run_id}",
            f"/compare/files?runs={run_id}",
            f"/experiments/{experiment_id}",
            "/models",
            f"/models/h{number}",
            f"/models/h{number}/versions/1",
        )
        for path in paths:
            soup = page(server, path)
            assert_harmless(soup)
            if path == f"/runs/{run_id}":
                name = one(soup, "h1 bdi")
                assert name.text == text, "names are isolated, so that their direction changes nothing beside them"
                assert text in one(soup, "#params td").text

    def test_in_searches_and_filters(self, server: RunningServer, experiment_id: str) -> None:
        for text in HOSTILE:
            assert_harmless(page(server, "/experiments", search=text))
            assert_harmless(page(server, "/models", search=text))
            answer = server.client.get(
                f"/experiments/{experiment_id}",
                params={"filter": text, "columns": f"tags.{text}"},
                headers={"Accept": "text/html"},
            )
            assert answer.status_code in (200, 400)
            assert_harmless(BeautifulSoup(answer.text, "html.parser"))

    def test_in_names_of_files(self, server: RunningServer, experiment_id: str) -> None:
        run_id = server.run(experiment_id)
        for name in ("<img src=x onerror=alert(1)>", "a&b=c d%.txt", "שלום.txt", "'\";--"):
            path = f"{experiment_id}/{run_id}/artifacts/{name}"
            assert (
                server.client.put(
                    "/api/2.0/mlflow-artifacts/artifacts/" + path.replace("%", "%25"), content=b"inside"
                ).status_code
                == 200
            )
        soup = page(server, f"/runs/{run_id}")
        assert_harmless(soup)
        for item in soup.select("#artifacts li"):
            assert server.client.get(str(one(item, "a[download]")["href"])).content == b"inside"
            assert one(page(server, str(item.select("a")[0]["href"])), "#artifacts .files pre").text == "inside"

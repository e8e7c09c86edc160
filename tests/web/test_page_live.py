"""What pages are told by, when something of them changed: another mark after each change, and the same while there is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import RunningServer
from tests.web.reading import one, page

TIME = 1_700_000_000_000


def mark(server: RunningServer, path: str, place: str) -> str:
    return str(one(page(server, path), place)["data-mark"])


def differs(server: RunningServer, path: str, place: str, *acts: Callable[[], object]) -> None:
    before = mark(server, path, place)
    for number, act in enumerate(acts):
        assert mark(server, path, place) == before
        act()
        now = mark(server, path, place)
        assert now != before, number
        before = now


def test_a_run_that_has_ended(server: RunningServer) -> None:
    run_id = server.run(server.experiment(), run_name="done")
    server.ok("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": TIME})
    metric = {"run_id": run_id, "key": "loss", "value": 1, "timestamp": TIME}
    place = f"/runs/{run_id}"
    differs(
        server,
        place,
        "#poll",
        lambda: server.ok("runs/set-tag", {"run_id": run_id, "key": "a", "value": "b"}),
        lambda: server.ok("runs/set-tag", {"run_id": run_id, "key": "mlflow.note.content", "value": "b"}),
        lambda: server.ok("runs/delete-tag", {"run_id": run_id, "key": "a"}),
        lambda: server.ok("runs/log-metric", metric),
        lambda: server.ok("runs/delete", {"run_id": run_id}),
        lambda: server.ok("runs/restore", {"run_id": run_id}),
        lambda: server.ok("runs/update", {"run_id": run_id, "run_name": "other"}),
    )
    known = mark(server, place, "#poll")
    still = server.client.get(f"{place}/live", params={"mark": known, "ended": "1"})
    assert 'id="poll"' not in still.text
    server.ok("runs/set-tag", {"run_id": run_id, "key": "late", "value": "b"})
    changed = server.client.get(f"{place}/live", params={"mark": known, "ended": "1"})
    assert 'id="poll"' in changed.text
    assert "HX-Refresh" not in changed.headers
    assert server.client.get(f"{place}/live", params={"mark": known}).headers["HX-Refresh"] == "true"


@pytest.mark.parametrize("listed", [False, True])
def test_logged_models(server: RunningServer, listed: bool) -> None:
    number = server.experiment()
    run_id = server.run(number)
    make = {"experiment_id": number, "name": "net"}
    model_id = server.ok("logged-models", make)["model"]["info"]["model_id"]
    path = f"/experiments/{number}/models" if listed else f"/logged-models/{model_id}"
    metric = {"key": "acc", "value": 1, "timestamp": TIME, "model_id": model_id}
    api = f"/api/2.0/mlflow/logged-models/{model_id}"
    acts: list[Callable[[], object]] = [
        lambda: server.ok("runs/log-batch", {"run_id": run_id, "metrics": [metric]}),
        lambda: server.ok(f"logged-models/{model_id}/params", {"params": [{"key": "p", "value": "1"}]}),
        lambda: server.client.patch(api, json={"status": "LOGGED_MODEL_READY"}),
    ]
    if listed:
        acts += [lambda: server.ok("logged-models", make), lambda: server.client.delete(api)]
    else:
        acts += [
            lambda: server.client.patch(f"{api}/tags", json={"tags": [{"key": "a", "value": "b"}]}),
            lambda: server.client.patch(f"{api}/tags", json={"tags": [{"key": "a", "value": "c"}]}),
            lambda: server.client.delete(f"{api}/tags/a"),
            lambda: server.client.delete(api),
        ]
    differs(server, path, "#page-live", *acts)
    assert server.client.get("/logged-models/m-none/events").status_code == 404
    assert server.client.get("/runs/none/events").status_code == 404
    assert server.client.get("/experiments/987654/models/events").status_code == 404

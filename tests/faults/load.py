"""A client that does what training does, remembers what was acknowledged, and checks it all afterwards."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import Any

import httpx

API = "/api/2.0/mlflow"
STORE = "/api/2.0/mlflow-artifacts/artifacts"
METRICS, PARAMS, TAGS = 20, 5, 5
# Points of a finished run: enough to be sealed.
SERIES = 100


@dataclass
class Acknowledged:
    metrics: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    params: list[int] = field(default_factory=list)
    created: dict[int, str] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    artifacts: list[int] = field(default_factory=list)

    def count(self) -> int:
        return sum(len(kind) for kind in vars(self).values())


class Trainer(threading.Thread):
    """Works until the server is gone, or, if `patient`, sends again what was refused until told to stop."""

    def __init__(self, url: str, run_id: str, name: str, *, patient: bool = False) -> None:
        super().__init__(daemon=True)
        self.url, self.run_id, self.label, self.patient = url, run_id, name, patient
        self.done, self.stop, self.unexpected = Acknowledged(), threading.Event(), list[str]()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as client:
            for number in range(1_000_000):
                try:
                    for step in (self.metric, self.batch, self.tag, self.param, self.create, self.artifact):
                        step(client, number)
                except httpx.TransportError:
                    return
                except InterruptedError:
                    return

    def send(self, client: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
        while not self.stop.is_set():
            answer = client.request(method, path, **content)
            if answer.status_code == 200:
                return answer
            if answer.status_code not in (429, 503, 507) or "retry-after" not in answer.headers:
                self.unexpected.append(f"{path}: {answer.status_code} {answer.text}")
                break
            if not self.patient:
                break
            self.stop.wait(0.05)
        raise InterruptedError

    def post(self, client: httpx.Client, path: str, **body: Any) -> Any:
        return self.send(client, "POST", f"{API}/{path}", json=body).json()

    def metric(self, client: httpx.Client, n: int) -> None:
        self.post(client, "runs/log-metric", run_id=self.run_id, key=f"{self.label}.m", value=n, timestamp=n, step=n)
        self.done.metrics.append(n)

    def batch(self, client: httpx.Client, n: int) -> None:
        metrics = [{"key": f"{self.label}.b{i}", "value": n, "timestamp": n, "step": n} for i in range(METRICS)]
        params = [{"key": f"{self.label}.bp.{n}.{i}", "value": str(n)} for i in range(PARAMS)]
        tags = [{"key": f"{self.label}.bt.{n}.{i}", "value": str(n)} for i in range(TAGS)]
        self.post(client, "runs/log-batch", run_id=self.run_id, metrics=metrics, params=params, tags=tags)
        self.done.batches.append(n)

    def tag(self, client: httpx.Client, n: int) -> None:
        self.post(client, "runs/set-tag", run_id=self.run_id, key=f"{self.label}.t{n}", value=str(n))
        self.done.tags.append(n)

    def param(self, client: httpx.Client, n: int) -> None:
        self.post(client, "runs/log-parameter", run_id=self.run_id, key=f"{self.label}.p{n}", value=str(n))
        self.done.params.append(n)

    def create(self, client: httpx.Client, n: int) -> None:
        tags = [{"key": f"c{i}", "value": str(n)} for i in range(TAGS)]
        made = self.post(client, "runs/create", experiment_id="0", run_name=f"{self.label}-{n}", start_time=n, tags=tags)
        run_id = self.done.created[n] = made["run"]["info"]["run_id"]
        series = [{"key": "series", "value": n, "timestamp": i, "step": n} for i in range(SERIES)]
        self.post(client, "runs/log-batch", run_id=run_id, metrics=series)
        self.post(client, "runs/update", run_id=run_id, status="FINISHED", end_time=n + 1, run_name=f"{self.label}-{n}-done")
        self.done.finished.append(n)

    def artifact(self, client: httpx.Client, n: int) -> None:
        self.send(client, "PUT", f"{STORE}/faults/{self.label}/{n}.bin", content=self.bytes_of(n))
        self.done.artifacts.append(n)

    def bytes_of(self, n: int) -> bytes:
        return hashlib.sha256(f"{self.label} {n}".encode()).digest() * (1 + n % 4000)

    def check(self, client: httpx.Client) -> None:
        """What was acknowledged is there, and of everything else either all or nothing."""
        assert not self.unexpected, self.unexpected
        run = client.get(f"{API}/runs/get", params={"run_id": self.run_id}).json()["run"]
        params = {pair["key"]: pair["value"] for pair in run["data"].get("params", [])}
        tags = {pair["key"]: pair["value"] for pair in run["data"].get("tags", [])}
        histories = [self.history(client, self.run_id, f"{self.label}.b{i}") for i in range(METRICS)]
        self.covers(self.history(client, self.run_id, f"{self.label}.m"), self.done.metrics, "log-metric")
        assert all(history == histories[0] for history in histories), "half of a batch's metrics are there"
        self.covers(histories[0], self.done.batches, "log-batch")
        for kind, stored, count in (("bp", params, PARAMS), ("bt", tags, TAGS)):
            expected = {f"{self.label}.{kind}.{n}.{i}": str(n) for n in histories[0] for i in range(count)}
            found = {key: value for key, value in stored.items() if key.startswith(f"{self.label}.{kind}.")}
            assert found == expected, f"a batch's {kind} are not those of its metrics"
        assert all(tags.get(f"{self.label}.t{n}") == str(n) for n in self.done.tags), "a tag is gone"
        assert all(params.get(f"{self.label}.p{n}") == str(n) for n in self.done.params), "a param is gone"
        self.check_created(client)
        self.check_artifacts(client)

    def history(self, client: httpx.Client, run_id: str, key: str) -> list[int]:
        query = {"run_id": run_id, "metric_key": key}
        found = client.get(f"{API}/metrics/get-history", params=query).json().get("metrics", [])
        assert all(point["value"] == point["step"] for point in found)
        return [point["step"] for point in found]

    def covers(self, found: list[int], acknowledged: list[int], what: str) -> None:
        """At most one more than was acknowledged: the request whose answer never came."""
        assert found[: len(acknowledged)] == acknowledged, f"an acknowledged {what} is gone"
        assert len(found) <= len(acknowledged) + 1

    def check_created(self, client: httpx.Client) -> None:
        for n, run_id in self.done.created.items():
            answer = client.get(f"{API}/runs/get", params={"run_id": run_id})
            assert answer.status_code == 200, "a created run is gone"
            run = answer.json()["run"]
            tags = {pair["key"]: pair["value"] for pair in run["data"]["tags"]}
            assert all(tags[f"c{i}"] == str(n) for i in range(TAGS))
            if n in self.done.finished:
                assert run["info"]["status"] == "FINISHED", "an acknowledged update is gone"
                assert run["info"]["end_time"] == n + 1
            done = run["info"]["status"] == "FINISHED"
            series = self.history(client, run_id, "series")
            assert series == [n] * SERIES or (not series and not done), "a finished run's points are not all there, once"
            assert run["info"]["run_name"] == (f"{self.label}-{n}-done" if done else f"{self.label}-{n}"), "half an update"

    def check_artifacts(self, client: httpx.Client) -> None:
        listed = client.get(STORE, params={"path": f"faults/{self.label}"}).json().get("files", [])
        names = {int(entry["path"].removesuffix(".bin")) for entry in listed}
        assert names >= set(self.done.artifacts), "an uploaded artifact is gone"
        for n in names:
            found = client.get(f"{STORE}/faults/{self.label}/{n}.bin").content
            assert found == self.bytes_of(n), "an artifact is not whole"

"""The tables of the three servers, as `seed.fill` writes them. Runstone's change: keep them in step with `runs/tables.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.bench.dataset import BEGIN, Run
from tests.bench.seed import Columns, Rows

Points = list[tuple[int, int, float]]
Select = Callable[[str], list[Any]]

RUNSTONE_NUMBERED = ("experiments", "runs", "keys")
WORKSPACE = 1


class RunstoneSchema:
    columns: Columns = {
        "experiments": "id, workspace_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time",
        "keys": "id, name",
        "runs": "id, run_id, workspace_id, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri",
        "run_params": "run_pk, key_id, workspace_id, value",
        "run_tags": "run_pk, key_id, workspace_id, value",
        "points": "run_pk, key_id, timestamp, step, value, is_nan",
        "series": "run_pk, key_id, workspace_id, last_step, last_timestamp, last_value, last_is_nan, count, nan_count, "
        "min_value, max_value, first_step, max_step",
    }

    def __init__(self, select: Select) -> None:
        self._keys: dict[str, int] = dict(select("SELECT name, id FROM keys"))
        self._next_run = (select("SELECT max(id) FROM runs")[0][0] or 0) + 1
        self._run_pks: dict[str, int] = {}  # of the runs with long series

    def begin(self, experiments: Sequence[tuple[int, str]]) -> Rows:
        rows = [(i, WORKSPACE, name, f"mlflow-artifacts:/{i}", "active", BEGIN, BEGIN) for i, name in experiments]
        return {"experiments": rows}

    def runs(self, runs: list[Run], experiment_id: int) -> Rows:
        names = [key for run in runs for key, _ in (*run.params, *run.tags, *run.metrics)]
        rows: Rows = {"keys": self._new_keys(names), "runs": [], "run_params": [], "run_tags": [], "points": [], "series": []}
        for run in runs:
            pk = self._next_run
            self._next_run += 1
            if run.number < 0:
                self._run_pks[run.run_id] = pk
            uri = f"mlflow-artifacts:/{experiment_id}/{run.run_id}/artifacts"
            info = (run.name, "bench", "FINISHED", run.start, run.end, "active", uri)
            rows["runs"].append((pk, run.run_id, WORKSPACE, experiment_id, *info))
            rows["run_params"] += [(pk, self._keys[key], WORKSPACE, value) for key, value in run.params]
            rows["run_tags"] += [(pk, self._keys[key], WORKSPACE, value) for key, value in run.tags]
            for key, value in run.metrics:
                rows["points"].append((pk, self._keys[key], run.start, 0, value, 0))
                rows["series"].append((pk, self._keys[key], WORKSPACE, 0, run.start, value, 0, 1, 0, value, value, 0, 0))
        return rows

    def points(self, run_id: str, key: str, points: Points) -> Rows:
        new, pk = self._new_keys([key]), self._run_pks[run_id]
        key_id = self._keys[key]
        return {"keys": new, "points": [(pk, key_id, timestamp, step, value, 0) for timestamp, step, value in points]}

    def summary(self, run_id: str, key: str, points: Callable[[], Iterator[tuple[int, int, float]]]) -> Rows:
        values = [value for _, _, value in points()]
        last = len(values) - 1
        head = (self._run_pks[run_id], self._keys[key], WORKSPACE, last, BEGIN + last, values[-1], 0, len(values), 0)
        return {"series": [(*head, min(values), max(values), 0, last)]}

    def _new_keys(self, names: list[str]) -> list[tuple[Any, ...]]:
        new = []
        for name in dict.fromkeys(names):
            if name not in self._keys:
                self._keys[name] = max(self._keys.values(), default=0) + 1
                new.append((self._keys[name], name))
        return new


class MlflowSchema:
    columns: Columns = {
        "experiments": "experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time",
        "runs": "run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, "
        "source_version, lifecycle_stage, artifact_uri, experiment_id",
        "params": "run_uuid, key, value",
        "tags": "run_uuid, key, value",
        "metrics": "run_uuid, key, timestamp, step, value, is_nan",
        "latest_metrics": "run_uuid, key, timestamp, step, value, is_nan",
    }

    def __init__(self, select: Select) -> None:
        self._row = (select("SELECT count(*) FROM runs")[0][0]) or 0

    def begin(self, experiments: Sequence[tuple[int, str]]) -> Rows:
        return {"experiments": [(i, name, f"mlflow-artifacts:/{i}", "active", BEGIN, BEGIN) for i, name in experiments]}

    def runs(self, runs: list[Run], experiment_id: int) -> Rows:
        rows: Rows = {table: [] for table in self.columns if table != "experiments"}
        for run in runs:
            uri = f"mlflow-artifacts:/{experiment_id}/{run.run_id}/artifacts"
            info = ("UNKNOWN", "", "", "bench", "FINISHED", run.start, run.end, "", "active", uri, experiment_id)
            rows["runs"].append((run.run_id, run.name, *info, *self.run_more()))
            rows["params"] += [(run.run_id, key, value) for key, value in run.params]
            rows["tags"] += [(run.run_id, key, value) for key, value in run.tags]
            for key, value in run.metrics:
                point = (run.run_id, key, run.start, 0, value, False, *self.point_more(0))
                rows["metrics"].append(point)
                rows["latest_metrics"].append(point)
        return rows

    def points(self, run_id: str, key: str, points: Points) -> Rows:
        return {"metrics": [(run_id, key, at, step, value, False, *self.point_more(step)) for at, step, value in points]}

    def summary(self, run_id: str, key: str, points: Callable[[], Iterator[tuple[int, int, float]]]) -> Rows:
        *_, (timestamp, step, value) = points()
        return {"latest_metrics": [(run_id, key, timestamp, step, value, False, *self.point_more(step))]}

    def run_more(self) -> tuple[Any, ...]:
        """Columns that only the other server has."""
        return ()

    def point_more(self, number: int) -> tuple[Any, ...]:
        return ()


class FasttrackmlSchema(MlflowSchema):
    """Nearly MLflow's, with namespaces, contexts and counters of its own."""

    columns: Columns = {
        **MlflowSchema.columns,
        "experiments": MlflowSchema.columns["experiments"] + ", namespace_id",
        "runs": MlflowSchema.columns["runs"] + ", row_num",
        "params": "run_uuid, key, value_str",
        "metrics": MlflowSchema.columns["metrics"] + ", iter, context_id",
        "latest_metrics": MlflowSchema.columns["latest_metrics"] + ", last_iter, context_id",
    }

    def begin(self, experiments: Sequence[tuple[int, str]]) -> Rows:
        return {"experiments": [(*row, 1) for row in super().begin(experiments)["experiments"]]}

    def run_more(self) -> tuple[Any, ...]:
        self._row += 1
        return (self._row - 1,)

    def point_more(self, number: int) -> tuple[Any, ...]:
        return (number + 1, 1)

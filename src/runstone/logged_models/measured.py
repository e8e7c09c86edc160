"""What was measured on logged models, one metric on one dataset at a time: its names, its points, the last values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, distinct, func, select

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.logged_models import queries
from runstone.logged_models.search import BETWEEN
from runstone.logged_models.tables import logged_model_metrics, logged_models

_METRICS = logged_model_metrics.c
# (timestamp, step, value, is_nan), as runs/chunks.py takes points.
Point = tuple[int, int, float, int]


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric on a dataset. '' for no dataset, and for a digest that none other stands beside: then it may be any."""

    key: str
    dataset: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        return BETWEEN.join(part for part in (self.key, self.dataset, self.digest) if part)


def measures(connection: Connection, scope: Scope, pks: Sequence[int]) -> list[Measure]:
    """What was measured on the models, the most frequent first. Values on different data are told apart by their digests.

    Costs one statement for a thousand models, and reads each row of their metrics once.
    """
    counted: Counter[tuple[int, str, str]] = Counter()
    columns = (_METRICS.key_id, _METRICS.dataset_name, _METRICS.dataset_digest)
    for part in queries.parts(list(pks)):
        statement = scoped(logged_model_metrics, scope, *columns, func.count(distinct(_METRICS.model_pk)).label("models"))
        for row in connection.execute(statement.where(_METRICS.model_pk.in_(part)).group_by(*columns)):
            counted[tuple(row)[:3]] += row.models
    names = keyvalue.key_names(connection, {key_id for key_id, _, _ in counted})
    digests: dict[str, set[str]] = defaultdict(set)
    for _, dataset, digest in counted:
        digests[dataset].add(digest)
    found: Counter[Measure] = Counter()
    for (key_id, dataset, digest), number in counted.items():
        found[Measure(names[key_id], dataset, digest if len(digests[dataset]) > 1 else "")] += number
    return sorted(found, key=lambda measure: (-found[measure], measure.name))


def points(connection: Connection, scope: Scope, pks: Sequence[int], name: str) -> dict[int, list[Point]]:
    """By model the points of what `Measure.name` calls `name`, the last one at the end. One statement for a thousand models."""
    found: dict[Measure, dict[int, list[Point]]] = {}
    columns = (_METRICS.model_pk, _METRICS.timestamp, _METRICS.step, _METRICS.value, _METRICS.is_nan)
    for measure, where in _readings(connection, name):
        found[measure] = defaultdict(list)
        for part in queries.parts(list(pks)):
            statement = scoped(logged_model_metrics, scope, *columns).where(_METRICS.model_pk.in_(part), where)
            order = (_METRICS.timestamp, _METRICS.step, _METRICS.run_id.desc(), _METRICS.value)  # as a table is sorted by it
            for row in connection.execute(statement.order_by(_METRICS.model_pk, *order)):
                found[measure][row.model_pk].append(tuple(row)[1:])
        if found[measure]:
            return found[measure]
    return {}


def last_values(
    connection: Connection, scope: Scope, pks: Sequence[int], shown: Sequence[Measure]
) -> dict[int, dict[str, float]]:
    """By model and `Measure.name` the last value of what is shown. One statement for a thousand models."""
    numbers = {number: key for key in {measure.key for measure in shown} if (number := keyvalue.key_id_of(connection, key))}
    place: Mapping[tuple[str, str, str], Measure] = {(one.key, one.dataset, one.digest): one for one in shown}
    latest = (_METRICS.timestamp.desc(), _METRICS.step.desc(), _METRICS.run_id, _METRICS.value.desc())
    columns = (_METRICS.model_pk, _METRICS.key_id, _METRICS.dataset_name, _METRICS.dataset_digest)
    first = func.row_number().over(partition_by=columns, order_by=latest).label("first")
    more = (_METRICS.timestamp, _METRICS.step, _METRICS.value, _METRICS.is_nan, first)
    found: dict[int, dict[str, float]] = defaultdict(dict)
    newest: dict[tuple[int, str], tuple[int, int]] = {}
    for part in queries.parts(list(pks)):
        rows = scoped(logged_model_metrics, scope, *columns, *more).where(
            _METRICS.model_pk.in_(part), _METRICS.key_id.in_(list(numbers))
        )
        every = rows.subquery()
        for row in connection.execute(select(every).where(every.c.first == 1)):  # found in scope
            key = (numbers[row.key_id], row.dataset_name)
            measure = place.get((*key, row.dataset_digest)) or place.get((*key, ""))
            at = (row.timestamp, row.step)
            if measure is None or newest.get((row.model_pk, measure.name), at) > at:
                continue
            newest[row.model_pk, measure.name] = at
            found[row.model_pk][measure.name] = float("nan") if row.is_nan else row.value
    return found


def named(connection: Connection, scope: Scope, experiment_id: int, name: str) -> Measure:
    """What `name` means in an experiment: `acc · a · b` is on the dataset `a · b`, or on `a` with the digest `b`."""
    for measure, where in _readings(connection, name):
        joined = logged_model_metrics.join(logged_models, logged_models.c.id == _METRICS.model_pk)
        statement = scoped(logged_model_metrics, scope, _METRICS.model_pk).select_from(joined)
        if connection.execute(statement.where(logged_models.c.experiment_id == experiment_id, where).limit(1)).first():
            return measure
    return Measure(name)


def _readings(connection: Connection, name: str) -> Iterator[tuple[Measure, ColumnElement[bool]]]:
    """What `name` may mean, and where its rows are: no metric has `BETWEEN` in its name, but a dataset may, beside its digest."""
    key, *rest = name.split(BETWEEN)
    key_id = keyvalue.key_id_of(connection, key)
    if key_id is None:
        return
    for cut in range(len(rest), 0, -1) if rest else (0,):
        measure = Measure(key, BETWEEN.join(rest[:cut]), BETWEEN.join(rest[cut:]))
        digest = (_METRICS.dataset_digest == measure.digest,) if measure.digest else ()
        yield measure, and_(_METRICS.key_id == key_id, _METRICS.dataset_name == measure.dataset, *digest)

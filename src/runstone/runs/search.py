"""What runs can be filtered and sorted by."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Text, literal_column

from runstone.core.kept import Kept
from runstone.runs.tables import (
    INDEXED_PREFIX,
    NAME_PREFIX,
    datasets,
    run_dataset_tags,
    run_datasets,
    run_params,
    run_tags,
    runs,
    series,
)
from runstone.search.drivers import Filter, compile_forms
from runstone.search.fields import Attributes, Column, FieldMap, Indexed, KeyValue, MetricValue, Related
from runstone.search.order import Order, Tie, compile_order

_TEXT = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")

# Word by word the expression of ix_runs_name.
_BEGINNING: ColumnElement[str] = literal_column(f"lower(substr(runs.name, 1, {NAME_PREFIX}))", Text())

FIELDS = FieldMap(
    entities={
        "attribute": Attributes(
            {
                "run_id": Column(runs.c.run_id),
                "run_name": Column(
                    runs.c.name,
                    indexed=Indexed(_BEGINNING, NAME_PREFIX, runs.c.id),
                    walked=True,
                    walked_length=NAME_PREFIX,
                ),
                "user_id": Column(runs.c.user_id),
                "status": Column(runs.c.status),
                "artifact_uri": Column(runs.c.artifact_uri),
                "start_time": Column(runs.c.start_time, "number"),
                "end_time": Column(runs.c.end_time, "number", nullable=True, walked=True),
                "duration": Column(runs.c.end_time - runs.c.start_time, "number", nullable=True),
            },
            aliases={
                "run name": "run_name",
                "Run name": "run_name",
                "Run Name": "run_name",
                "name": "run_name",
                "created": "start_time",
                "Created": "start_time",
            },
        ),
        "metric": MetricValue(
            runs.c.id,
            series.c.run_pk,
            series.c.key_id,
            series.c.last_value,
            series.c.last_is_nan,
            series.c.min_value,
            series.c.max_value,
        ),
        "parameter": KeyValue(
            runs.c.id,
            run_params.c.run_pk,
            run_params.c.value,
            key_id=run_params.c.key_id,
            indexed_prefix=INDEXED_PREFIX,
        ),
        "tag": KeyValue(
            runs.c.id,
            run_tags.c.run_pk,
            run_tags.c.value,
            key_id=run_tags.c.key_id,
            indexed_prefix=INDEXED_PREFIX,
        ),
        "dataset": Related(
            runs.c.id,
            run_datasets.c.run_pk,
            run_datasets.join(datasets, datasets.c.id == run_datasets.c.dataset_id).outerjoin(
                run_dataset_tags,
                (run_dataset_tags.c.run_dataset_id == run_datasets.c.id) & (run_dataset_tags.c.key == "mlflow.data.context"),
            ),
            {
                "name": Column(datasets.c.name, operators=_TEXT),
                "digest": Column(datasets.c.digest, operators=_TEXT),
                "context": Column(run_dataset_tags.c.value, operators=_TEXT, nullable=True),
            },
        ),
    },
    prefixes={
        "metric": "metric",
        "metrics": "metric",
        "param": "parameter",
        "params": "parameter",
        "parameter": "parameter",
        "parameters": "parameter",
        "tag": "tag",
        "tags": "tag",
        "attribute": "attribute",
        "attributes": "attribute",
        "attr": "attribute",
        "run": "attribute",
        "dataset": "dataset",
        "datasets": "dataset",
    },
)

_TIES = (Tie("start_time", runs.c.start_time, descending=True), Tie("run_id", runs.c.run_id))


# Characters of texts whose forms are kept: a form takes some thousand times as much memory as its text.
_filters: Kept[Filter] = Kept(20_000)
_orders: Kept[Order] = Kept(20_000)


def filter_of(text: str | None, dialect: str) -> Filter | None:
    if not text:
        return None
    kept = _filters.find((text, dialect))
    if kept is not None:
        return kept
    made = compile_forms(text, FIELDS, dialect)
    return None if made is None else _filters.keep((text, dialect), made, len(text))


def order_of(items: Sequence[str], dialect: str) -> Order:
    """As asked, then newest first, then by run id."""
    key = (dialect, *items)
    kept = _orders.find(key) if all(isinstance(item, str) for item in items) else None
    if kept is not None:
        return kept
    return _orders.keep(key, compile_order(items, FIELDS, dialect, _TIES), 20 + sum(map(len, items)))

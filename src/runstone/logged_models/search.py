"""What logged models can be filtered and sorted by. Prefixes are plural here, as the wire has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, select

from runstone.errors import InvalidParameter
from runstone.logged_models.schemas import Dataset, OrderBy
from runstone.logged_models.tables import (
    INDEXED_PREFIX,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from runstone.search.compile import compile_filter
from runstone.search.fields import Attributes, Clause, Column, FieldMap, KeyValue, Measurements
from runstone.search.grammar import comparisons
from runstone.search.order import ITEM_LIMIT, Order, Tie, compile_order, measured_keys

DATASETS_LIMIT = 100
# `acc · test` is the metric acc on the dataset test, `acc · test · 5f3a` on the one with that digest: no metric has this in its name.
BETWEEN = " · "

_STATUS = {"PENDING": 1, "READY": 2, "UPLOAD_FAILED": 3}


def _status(text: Any) -> Any:
    """People write READY, the wire LOGGED_MODEL_READY, old clients 2."""
    names = {str(number): name for name, number in _STATUS.items()} | {name: name for name in _STATUS}
    name = names.get(str(text).removeprefix("LOGGED_MODEL_"))
    return f"LOGGED_MODEL_{name}" if name else text


_ATTRIBUTES = Attributes(
    {
        "name": Column(logged_models.c.name),
        "model_id": Column(logged_models.c.model_id),
        "model_type": Column(logged_models.c.model_type),
        "status": Column(logged_models.c.status, spelling=_status),
        "source_run_id": Column(logged_models.c.source_run_id),
        "experiment_id": Column(logged_models.c.experiment_id, "id", operators=("=", "!=", "IN", "NOT IN")),
        "creation_timestamp": Column(logged_models.c.creation_timestamp_ms, "number"),
        "last_updated_timestamp": Column(logged_models.c.last_updated_timestamp_ms, "number"),
    },
    aliases={
        "creation_time": "creation_timestamp",
        "creation_timestamp_ms": "creation_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
    },
)

_TIES = (
    Tie("creation_timestamp", logged_models.c.creation_timestamp_ms, descending=True),
    Tie("model_id", logged_models.c.model_id),
)


def where_of(text: str | None, datasets: Sequence[Dataset], dialect: str) -> list[Clause]:
    """Metric clauses look at the `datasets` only; without one, a model must have some metric on one of them. A name may say its dataset."""
    if len(datasets) > DATASETS_LIMIT:
        raise InvalidParameter(f"A search can name at most {DATASETS_LIMIT} datasets, got {len(datasets)}.")
    if not all(dataset.dataset_name for dataset in datasets):
        raise InvalidParameter(
            "`dataset_name` in the `datasets` clause must be specified. Leave out the clause for all datasets."
        )
    only = or_(*(_on(dataset.dataset_name, dataset.dataset_digest) for dataset in datasets)) if datasets else None
    clause = compile_filter(text, _fields(only), dialect)
    found = [] if clause is None else [clause]
    if only is not None and not any(found.field.entity == "metrics" for found in comparisons(text)):
        found.append(logged_models.c.id.in_(select(logged_model_metrics.c.model_pk).where(only)))  # of scoped models
    return found


def order_of(items: Sequence[OrderBy], dialect: str, *, exact: bool = False) -> Order:
    """`exact`: a metric without a dataset is sorted by what was measured on none; on the wire by whatever was measured last."""
    if len(items) > ITEM_LIMIT:
        raise InvalidParameter(f"Invalid order_by: at most {ITEM_LIMIT} items can be sorted by.")
    fields = _fields(None)
    order = Order()
    seen: set[tuple[str, str | None, str | None]] = set()
    for item in items:
        field_name = item.field_name or ""
        name = _ATTRIBUTES.aliases.get(field_name, field_name)
        if (name, item.dataset_name, item.dataset_digest) in seen:
            raise InvalidParameter(f"order_by names the field '{field_name}' twice. Name it once.")
        seen.add((name, item.dataset_name, item.dataset_digest))
        descending = item.ascending is False
        entity, dot, key = field_name.partition(".")
        if dot:
            if entity != "metrics" or not key:
                raise InvalidParameter(f"Invalid order by field name: {field_name[:200]}. Only metrics are supported.")
            only = _on(item.dataset_name, item.dataset_digest) if item.dataset_name or item.dataset_digest else None
            if only is None and exact:
                only = logged_model_metrics.c.dataset_name == ""
            order.keys += measured_keys(_measurements(only), key, descending)
        elif _ATTRIBUTES.find(field_name) is None:
            raise InvalidParameter(f"Invalid order by field name: {field_name[:200]}")
        else:
            text = f"`{field_name}` {'DESC' if descending else 'ASC'}"
            order.keys += compile_order([text], fields, dialect, ()).keys
    asked = {name for name, _, _ in seen}
    order.keys += compile_order((), fields, dialect, [tie for tie in _TIES if tie.name not in asked]).keys
    return order


def _on(name: str | None, digest: str | None) -> Clause:
    clauses = []
    if name:
        clauses.append(logged_model_metrics.c.dataset_name == name)
    if digest:
        clauses.append(logged_model_metrics.c.dataset_digest == digest)
    return and_(*clauses)


def _named(name: str) -> tuple[str, Clause | None]:
    """A dataset may have `BETWEEN` in its name: then both readings count."""
    key, *rest = name.split(BETWEEN)
    readings = [_on(BETWEEN.join(rest[:cut]), BETWEEN.join(rest[cut:])) for cut in range(len(rest), 0, -1)]
    return key, or_(*readings) if readings else None


def _measurements(only: Clause | None) -> Measurements:
    metrics = logged_model_metrics.c
    latest = (metrics.timestamp.desc(), metrics.step.desc(), metrics.run_id.asc(), metrics.value.desc())
    return Measurements(logged_models.c.id, metrics.model_pk, metrics.key_id, metrics.value, metrics.is_nan, latest, only, _named)


def _fields(only: Clause | None) -> FieldMap:
    pk = logged_models.c.id
    params, tags = logged_model_params.c, logged_model_tags.c
    return FieldMap(
        entities={
            "attribute": _ATTRIBUTES,
            "metric": _measurements(only),
            "param": KeyValue(pk, params.model_pk, params.value, key_id=params.key_id, indexed_prefix=INDEXED_PREFIX),
            "tag": KeyValue(pk, tags.model_pk, tags.value, key_id=tags.key_id, indexed_prefix=INDEXED_PREFIX),
        },
        prefixes={"attributes": "attribute", "metrics": "metric", "params": "param", "tags": "tag"},
    )

"""From a log-metric, log-batch, log-parameter or set-tag body to a checked `Batch`. No SQL, no HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runstone.core import names, wire
from runstone.core.scope import Scope
from runstone.errors import InvalidParameter

METRICS_LIMIT = 1000
PARAMS_LIMIT = 100
TAGS_LIMIT = 100
ENTITIES_LIMIT = 1000

# (timestamp in ms, step, value, is_nan); the value is 0 when it is NaN.
Point = tuple[int, int, float, int]
# A point that also measures a logged model: (model id, dataset name, dataset digest, key, point).
ModelPoint = tuple[str, str, str, str, Point]

_INT64_MIN, _INT64_MAX = wire.INT64
_INFINITIES = (float("inf"), float("-inf"))
_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


@dataclass(slots=True)
class Batch:
    """What one request adds to one run: all of it or nothing."""

    scope: Scope
    run_id: str
    points: dict[str, list[Point]] = field(default_factory=dict)  # by metric name
    model_points: list[ModelPoint] = field(default_factory=list)
    params: list[tuple[str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    one_param: bool = False  # log-parameter and log-batch tell a conflict in different words


_PLAIN = {"key", "value", "timestamp", "step"}  # of a metric that is no model's


def add_metric(batch: Batch, metric: Any, path: str, checked: set[str]) -> None:
    """Check one metric of the wire. `checked` holds the keys that were found good before."""
    prefix = f"{path}." if path else ""
    if not isinstance(metric, dict):
        raise wire.invalid_value(path, metric)
    key = metric.get("key")
    if type(key) is not str or not key:
        raise _wrong(key, f"{prefix}key")
    if key not in checked:
        names.check_key(key, f"{prefix}name", "Metric name")
        checked.add(key)
    value = metric.get("value")
    if type(value) is not float:
        value = _number(value, f"{prefix}value")
    if value >= wire.MAX_DOUBLE or value <= -wire.MAX_DOUBLE:
        # The wire shows infinities as the largest double, and clients log again what they read: it is one value.
        value = _INFINITIES[0] if value > 0 else _INFINITIES[1]
    timestamp = metric.get("timestamp")
    if type(timestamp) is not int or not 0 <= timestamp <= _INT64_MAX:
        timestamp = _timestamp(timestamp, key, value, prefix)
    step = metric.get("step", 0)
    if type(step) is not int or not _INT64_MIN <= step <= _INT64_MAX:
        step = 0 if step is None else _integer(step, f"{prefix}step")
    point = (timestamp, step, value, 0) if value == value else (timestamp, step, 0.0, 1)
    batch.points.setdefault(key, []).append(point)
    if not metric.keys() <= _PLAIN:
        _add_model_point(batch, metric, prefix, key, point)


def add_param(batch: Batch, param: Any, path: str, *, truncate: bool) -> None:
    key, value = _pair(param, path)
    names.check_key(key, f"{path}.key" if path else "key", "Param key")
    batch.params.append((key, cut(value, names.PARAM_VALUE_LIMIT, "Param value", truncate=truncate)))


def add_tag(batch: Batch, tag: Any, path: str, *, truncate: bool) -> None:
    key, value = _pair(tag, path)
    prefix = f"{path}." if path else ""
    names.check_key(key, f"{prefix}key")
    batch.tags[key] = cut(value, names.RUN_TAG_VALUE_LIMIT, f"{prefix}value", truncate=truncate)


def cut(value: str, limit: int, name: str, *, truncate: bool) -> str:
    """Clients count on long values being cut, so that is the default; `RUNSTONE_TRUNCATE_LONG_VALUES=false` refuses them."""
    return value[:limit] if truncate else names.check_length(value, limit, name)


def within_limits(metrics: int, params: int, tags: int) -> bool:
    return (
        metrics <= METRICS_LIMIT and params <= PARAMS_LIMIT and tags <= TAGS_LIMIT and metrics + params + tags <= ENTITIES_LIMIT
    )


def check_limits(metrics: int, params: int, tags: int) -> None:
    for name, number, limit in (
        ("metrics", metrics, METRICS_LIMIT),
        ("params", params, PARAMS_LIMIT),
        ("tags", tags, TAGS_LIMIT),
        ("metrics, params, and tags", metrics + params + tags, ENTITIES_LIMIT),
    ):
        if number > limit:
            raise InvalidParameter(
                f"A batch logging request can contain at most {limit} {name}. Got {number} {name}. Please split up {name} "
                "across multiple requests and try again."
            )


def check_unique_params(batch: Batch) -> None:
    keys = [key for key, _ in batch.params]
    if len(set(keys)) == len(keys):
        return
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    raise InvalidParameter(
        f"Duplicate parameter keys have been submitted: {repeated}. Please ensure the request contains only one param value "
        "per param key."
    )


def _pair(item: Any, path: str) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise wire.invalid_value(path, item)
    prefix = f"{path}." if path else ""
    key, value = item.get("key"), item.get("value")
    if not isinstance(key, str) or not key:
        raise _wrong(key, f"{prefix}key")
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise wire.invalid_value(f"{prefix}value", value)
    return key, value


def _wrong(value: Any, name: str) -> InvalidParameter:
    return wire.missing_value(name) if value is None or value == "" else wire.invalid_value(name, value)


def _number(value: Any, name: str) -> float:
    if isinstance(value, str):
        word = _WORDS.get(value)
        if word is not None:
            return word
    if value is None or value == "":
        raise wire.missing_value(name)
    number = wire.as_double(value)
    if number is None or number in _INFINITIES:
        raise wire.invalid_value(name, value)
    return number


def _integer(value: Any, name: str) -> int:
    number = wire.as_integer(value)
    if number is None:
        raise wire.invalid_value(name, value)
    return number


def _timestamp(timestamp: Any, key: str, value: float, prefix: str) -> int:
    if timestamp is None or timestamp == "":
        raise wire.missing_value(f"{prefix}timestamp")
    number = _integer(timestamp, f"{prefix}timestamp")
    if number < 0:
        raise InvalidParameter(
            f"Invalid value {number} for parameter '{prefix}timestamp' supplied: metric {names.shown(key)} (value={value}). "
            "Timestamp must be a nonnegative long (64-bit integer) "
        )
    return number


def _add_model_point(batch: Batch, metric: dict[str, Any], prefix: str, key: str, point: Point) -> None:
    found: list[str] = []
    for snake, camel, limit in (
        ("model_id", "modelId", 64),
        ("dataset_name", "datasetName", 500),
        ("dataset_digest", "datasetDigest", 36),
    ):
        value = metric.get(snake, metric.get(camel))
        if value is not None and not isinstance(value, str):
            raise wire.invalid_value(f"{prefix}{snake}", value)
        found.append(names.check_length(value or "", limit, f"{prefix}{snake}"))
    if bool(found[1]) != bool(found[2]):
        raise InvalidParameter(
            f"Both dataset_name and dataset_digest must be provided if one is provided. {prefix}"
            f"{'dataset_digest' if found[1] else 'dataset_name'} is missing."
        )
    if found[0]:
        batch.model_points.append((found[0], found[1], found[2], key, point))

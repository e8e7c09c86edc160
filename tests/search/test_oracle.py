"""Generated filters and orders, compared with a plain-Python evaluator, on both databases."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from runstone.app import open_database
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE
from runstone.runs import pages, queries
from runstone.runs.append import append_batches
from runstone.runs.batch import Batch, Point
from runstone.runs.schemas import CreateRun
from runstone.runs.search import filter_of, order_of
from runstone.runs.starts import start
from runstone.settings import Settings
from tests.conftest import Databases

NAMES = [
    "alpha",
    "Alpha",
    "beta_1",
    "beta-2",
    "a%b",
    "größe",
    "GRÖSSE",
    "",
    "it's",
    "100",
    "z" * 300,
    "z" * 299 + "y",
    "back\\slash",
]
NUMBERS = [0.0, 1.0, -1.0, 0.5, 1e-9, 1e300, float("inf"), float("-inf"), float("nan"), 3.0]
METRICS, PARAMS, TAGS = ["loss", "val/acc", "my metric"], ["lr", "batch size"], ["team", "mlflow.user"]


@dataclass
class Row:
    """What the evaluator knows of a run."""

    run_id: str
    name: str
    status: str
    start_time: int
    end_time: int | None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[float]] = field(default_factory=dict)  # by step


@pytest.fixture(scope="module")
def filled(dialect: str, databases: Databases) -> Any:
    db = open_database(Settings(backend_store_uri=databases.make(dialect)))
    dice = random.Random(7)
    rows = [make_run(db, dice, i) for i in range(60)]
    yield db, rows
    db.close()


def make_run(db: Database, dice: random.Random, number: int) -> Row:
    row = Row(
        "",
        dice.choice([name for name in NAMES if name]),
        dice.choice(["RUNNING", "FINISHED", "FAILED"]),
        dice.randint(0, 20),
        None,
    )
    body = CreateRun(experiment_id="0", run_name=row.name, start_time=row.start_time)
    made = db.write_now(lambda c: start(c, DEFAULT_SCOPE, body, truncate=True))
    row.run_id = made.run_id
    row.end_time = dice.choice([None, dice.randint(0, 20)])
    row.params = {key: dice.choice(NAMES) for key in PARAMS if dice.random() < 0.7}
    row.params |= {"kind": dice.choice("ab")} if dice.random() < 0.9 else {}
    row.tags = {key: dice.choice(NAMES) for key in TAGS if dice.random() < 0.7}
    row.metrics = {key: [dice.choice(NUMBERS) for _ in range(dice.randint(1, 3))] for key in METRICS if dice.random() < 0.7}
    row.metrics |= {"flag": [dice.choice([0.0, 0.0, 1.0, math.nan])]} if dice.random() < 0.9 else {}
    points: dict[str, list[Point]] = {
        key: [(1, step, 0.0 if math.isnan(value) else value, int(math.isnan(value))) for step, value in enumerate(values)]
        for key, values in row.metrics.items()
    }
    batch = Batch(DEFAULT_SCOPE, row.run_id, points, [], list(row.params.items()), row.tags)

    def add(connection: Any) -> None:
        queries.change(connection, made.id, status=row.status, end_time=row.end_time)
        assert append_batches(connection, [batch]) == [None]

    db.write_now(add)
    row.tags = row.tags | {"mlflow.runName": row.name}
    assert number >= 0
    return row


Test = Callable[[Row], bool]


def like(pattern: str, ignore_case: bool) -> Callable[[str], bool]:
    text = pattern.lower() if ignore_case else pattern
    regex = re.compile("".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in text), re.DOTALL)
    return lambda value: regex.fullmatch(value.lower() if ignore_case else value) is not None


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def text_test(dice: random.Random, get: Callable[[Row], str | None], name: str, *, null: bool) -> tuple[str, Test]:
    operator = dice.choice(["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"] + (["IS NULL", "IS NOT NULL"] if null else []))
    if operator in ("IS NULL", "IS NOT NULL"):
        return f"{name} {operator}", lambda row: (get(row) is None) == (operator == "IS NULL")
    if operator in ("LIKE", "ILIKE") and dice.random() < 0.3:
        return (
            f"{name} NOT {operator} 'a%'",
            lambda row: (value := get(row)) is None or not like("a%", operator == "ILIKE")(value),
        )
    if operator in ("IN", "NOT IN"):
        values = dice.sample(NAMES, 3)
        return (
            f"{name} {operator} ({', '.join(map(quoted, values))})",
            lambda row: (value := get(row)) is not None and (value in values) == (operator == "IN"),
        )
    if operator in ("LIKE", "ILIKE"):
        pattern = dice.choice(
            ["a%", "%a", "%A%", "_lpha", "beta__", "%\\%", "%%%", "gr%", "z%", "GRÖ%", "%ÖSSE", "z" * 250 + "%"]
        )
        matches = like(pattern, operator == "ILIKE")
        return f"{name} {operator} {quoted(pattern)}", lambda row: (value := get(row)) is not None and matches(value)
    wanted = dice.choice(NAMES)
    return (
        f"{name} {operator} {quoted(wanted)}",
        lambda row: (value := get(row)) is not None and (value == wanted) == (operator == "="),
    )


def number_test(dice: random.Random, get: Callable[[Row], float | None], name: str, *, null: bool = True) -> tuple[str, Test]:
    operators = ["=", "!=", "<", "<=", ">", ">=", "BETWEEN", "IN", "NOT IN"]
    operator = dice.choice(operators + (["IS NULL", "IS NOT NULL"] if null else []))
    if operator in ("IS NULL", "IS NOT NULL"):
        return f"{name} {operator}", lambda row: (get(row) is None) == (operator == "IS NULL")
    low, high = dice.choice([0, 0, 0.5, -1, -2, 3, 1e300]), dice.choice([0, 1, 5, 1e301])
    if operator in ("IN", "NOT IN"):
        return (
            f"{name} {operator} ({low}, {high})",
            lambda row: (value := get(row)) is not None and (value in (low, high)) == (operator == "IN"),
        )
    if operator == "BETWEEN":
        return f"{name} BETWEEN {low} AND {high}", lambda row: (value := get(row)) is not None and low <= value <= high

    def test(row: Row) -> bool:
        value = get(row)
        if value is None:
            return False
        compared = {
            "=": value == low,
            "!=": value != low,
            "<": value < low,
            "<=": value <= low,
            ">": value > low,
            ">=": value >= low,
        }
        return compared[operator]

    return f"{name} {operator} {low}", test


def comparison(dice: random.Random) -> tuple[str, Test]:
    kind = dice.randrange(7)
    if kind == 0:
        key = dice.choice(PARAMS)
        return text_test(dice, lambda row: row.params.get(key), f"params.`{key}`", null=True)
    if kind == 1:
        key = dice.choice([*TAGS, "mlflow.runName"])
        return text_test(dice, lambda row: row.tags.get(key), dice.choice([f"tags.{key}", f'tag."{key}"']), null=True)
    if kind == 2:
        return text_test(
            dice, lambda row: row.name, dice.choice(["run_name", "attributes.`Run name`", "run.run_name"]), null=False
        )
    if kind == 3:
        return number_test(dice, lambda row: row.start_time, "start_time", null=False)
    if kind == 4:
        return number_test(dice, lambda row: row.end_time, "attribute.end_time")
    key = dice.choice(METRICS)
    name = f"metrics.`{key}`"
    function = dice.choice(["", "MIN", "MAX", "LATEST"])
    if function in ("MIN", "MAX"):
        pick = min if function == "MIN" else max

        def extreme(row: Row) -> float | None:
            found = [value for value in row.metrics.get(key, []) if not math.isnan(value)]
            return pick(found) if found else None

        return number_test(dice, extreme, f"{function}({name})")
    return number_test(
        dice, lambda row: row.metrics[key][-1] if key in row.metrics else None, f"LATEST({name})" if function else name
    )


def tree(dice: random.Random, depth: int) -> tuple[str, Test]:
    choice = dice.random()
    if depth == 0 or choice < 0.3:
        return comparison(dice)
    left, right = tree(dice, depth - 1), tree(dice, depth - 1)
    if choice < 0.55:
        return f"({left[0]} AND {right[0]})", lambda row: left[1](row) and right[1](row)
    if choice < 0.8:
        return f"({left[0]} or {right[0]})", lambda row: left[1](row) or right[1](row)
    return f"NOT ({left[0]})", lambda row: not left[1](row)


class TestFilters:
    @pytest.mark.parametrize("seed", range(40))
    def test_generated_filters_find_what_the_evaluator_finds(self, filled: Any, dialect: str, seed: int) -> None:
        db, rows = filled
        dice = random.Random(seed)
        for _ in range(15):
            text, test = tree(dice, 3)
            order = order_of([], dialect)
            expected = {row.run_id for row in rows if test(row)}
            for _ in range(3):  # built, made to text, answered by that text
                found = db.read_now(partial(_whole, filter_of(text, dialect), order))
                assert {row.run_id for row in found} == expected, text


class TestRanges:
    @pytest.mark.parametrize("seed", range(10))
    def test_comparisons_of_one_field_find_what_fits_them_all(self, filled: Any, dialect: str, seed: int) -> None:
        db, rows = filled
        dice = random.Random(seed)
        order = order_of([], dialect)
        for _ in range(40):
            key = dice.choice([*METRICS, "flag"])

            def latest(row: Row, key: str = key) -> float | None:
                return row.metrics[key][-1] if key in row.metrics else None

            tests = [number_test(dice, latest, f"metrics.`{key}`") for _ in range(dice.randint(2, 3))]
            text = " AND ".join(text for text, _ in tests)
            expected = {row.run_id for row in rows if all(test(row) for _, test in tests)}
            found = db.read_now(partial(_whole, filter_of(text, dialect), order))
            assert {row.run_id for row in found} == expected, text


class TestOrders:
    @pytest.mark.parametrize("seed", range(25))
    def test_pages_under_any_order_are_the_whole_sort(self, filled: Any, dialect: str, seed: int) -> None:
        db, rows = filled
        dice = random.Random(seed)
        items = [
            "metrics.loss",
            "metrics.`my metric`",
            "params.lr",
            "tags.`team`",
            "start_time",
            "attributes.end_time",
            "run_name",
            "status",
        ]
        asked = [(item, dice.random() < 0.5) for item in dice.sample(items, dice.randint(0, 3))]
        texts = [f"{item} {'DESC' if descending else dice.choice(['ASC', ''])}" for item, descending in asked]
        order, after, found = order_of(texts, dialect), None, []
        while True:
            page = db.read_now(partial(_seven, order, after))
            found += [row.run_id for row in page]
            if len(page) < 7:
                break
            after = order.cursor(page[-1])
        expected = sorted(rows, key=lambda row: row.run_id)
        expected.sort(key=lambda row: -row.start_time)
        for item, descending in reversed(asked):
            expected.sort(key=partial(sort_value, item), reverse=descending)
            expected.sort(key=partial(sort_rank, item))
        assert found == [row.run_id for row in expected], texts


def both(left: tuple[str, Test], right: tuple[str, Test]) -> tuple[str, Test]:
    return f"{left[0]} AND {right[0]}", lambda row: left[1](row) and right[1](row)


def either(left: tuple[str, Test], right: tuple[str, Test]) -> tuple[str, Test]:
    return f"{left[0]} OR {right[0]}", lambda row: left[1](row) or right[1](row)


# Values that are all different, that many runs share, that few runs have, that nobody has.
ORDERED = [
    *("start_time", "end_time", "run_name"),
    *("metrics.loss", "metrics.`my metric`", "metrics.flag", "metrics.nobody"),
    *("params.lr", "params.kind", "params.nobody", "tags.team"),
]


class TestPlans:
    """Each way to find a page, forced, finds the same: `FEW` runs are found from a driver, else `WINDOW` rows are walked,
    then as many as may be needed or `FAR`, then `MANY` are found from a driver.
    """

    @pytest.mark.parametrize(
        ("few", "many", "window", "far"),
        [
            (10**6, 0, 1, 0),
            (10, 30, 5, 0),
            (0, 0, 1, 0),
            (0, 0, 7, 40),
            (0, 0, 3, 10**6),
            (0, 0, 10, 10**6),
            (0, 0, 10**6, 0),
            (0, 10**6, 1, 0),
        ],
    )
    @pytest.mark.parametrize("experiments", [[0], [0, 999]], ids=["one", "two"])
    def test_filtered_pages_are_the_whole_sort(
        self,
        filled: Any,
        dialect: str,
        few: int,
        many: int,
        window: int,
        far: int,
        experiments: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        db, rows = filled
        for name, value in {"FEW": few, "MANY": many, "WINDOW": window, "FAR": far, "WINDOW_PAGES": 0}.items():
            monkeypatch.setattr(pages, name, value)
        pages._ways.clear()
        dice = random.Random(few + many + window + far)
        for _ in range(40):
            one, other = comparison(dice), comparison(dice)
            text, test = dice.choice([one, both(one, other), either(one, other), tree(dice, 2), ("", lambda _row: True)])
            item = dice.choice(ORDERED)
            descending = dice.random() < 0.5
            order = order_of([f"{item} {'DESC' if descending else 'ASC'}"], dialect)
            found, after = [], None
            while True:
                page = db.read_now(partial(_filtered, experiments, filter_of(text, dialect), order, after))
                found += [row.run_id for row in page]
                if len(page) < 7:
                    break
                after = order.cursor(page[-1])
            expected = sorted([row for row in rows if test(row)], key=lambda row: row.run_id)
            expected.sort(key=lambda row: -row.start_time)
            expected.sort(key=partial(sort_value, item), reverse=descending)
            expected.sort(key=partial(sort_rank, item))
            assert found == [row.run_id for row in expected], (text, item, descending)


def _filtered(experiments: list[int], wanted: Any, order: Any, after: list[Any] | None, connection: Any) -> Any:
    stages = ["active", "deleted"] if len(experiments) > 1 else ["active"]
    return pages.search(connection, DEFAULT_SCOPE, experiments, stages, wanted, order, after, 7)


def raw_value(row: Row, item: str) -> Any:
    values: dict[str, Any] = {
        "metrics.loss": row.metrics.get("loss", [None])[-1],
        "metrics.`my metric`": row.metrics.get("my metric", [None])[-1],
        "metrics.nobody": None,
        "end_time": row.end_time,
        "metrics.flag": row.metrics.get("flag", [None])[-1],
        "params.lr": row.params.get("lr"),
        "params.kind": row.params.get("kind"),
        "params.nobody": None,
        "tags.team": row.tags.get("team"),
        "tags.`team`": row.tags.get("team"),
        "start_time": row.start_time,
        "attributes.end_time": row.end_time,
        "run_name": row.name,
        "status": row.status,
    }
    return values[item]


def _whole(wanted: Any, order: Any, connection: Any) -> Any:
    return pages.search(connection, DEFAULT_SCOPE, [0], ["active"], wanted, order, None, 1000)


def _seven(order: Any, after: list[Any] | None, connection: Any) -> Any:
    return pages.search(connection, DEFAULT_SCOPE, [0], ["active"], None, order, after, 7)


def sort_rank(item: str, row: Row) -> int:
    value = raw_value(row, item)
    return 2 if value is None else 1 if isinstance(value, float) and math.isnan(value) else 0


def sort_value(item: str, row: Row) -> Any:
    value = raw_value(row, item)
    if sort_rank(item, row):
        return b"" if item.startswith(("params", "tags")) else 0.0
    return value.encode() if isinstance(value, str) else value

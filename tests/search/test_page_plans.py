"""How pages of experiments, registered models, versions and logged models are read: in the order of an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from runstone.app import open_database
from runstone.core.scope import DEFAULT_SCOPE, Context
from runstone.core.state import token_key
from runstone.experiments import routes as experiments
from runstone.experiments.schemas import SearchExperiments
from runstone.logged_models import routes as logged_models
from runstone.logged_models.schemas import SearchLoggedModels
from runstone.registry import routes as models
from runstone.registry import version_routes as versions
from runstone.registry.schemas import Search
from runstone.settings import Settings
from tests.conftest import Databases

Read = Callable[[Connection, Context, dict[str, Any]], Any]
READS: dict[str, Read] = {
    "experiments": lambda c, ctx, body: experiments._page(c, ctx, SearchExperiments.model_validate(body, context={}), 10),
    "models": lambda c, ctx, body: models._page(c, ctx, Search.model_validate(body, context={}), 10),
    "versions": lambda c, ctx, body: versions._page(c, ctx, Search.model_validate(body, context={}), 10),
    "logged models": lambda c, ctx, body: logged_models._page(
        c, ctx, SearchLoggedModels.model_validate({"experiment_ids": ["0"]} | body, context={}), 10
    ),
}
# (what is read, how, the index that gives its order)
ORDERED = [
    ("experiments", {}, "ix_experiments_created"),
    ("experiments", {"order_by": ["last_update_time DESC"]}, "ix_experiments_updated"),
    ("models", {}, "sqlite_autoindex_registered_models_1"),
    ("models", {"order_by": ["last_updated_timestamp DESC"]}, "ix_registered_models_updated"),
    ("versions", {}, "ix_model_versions_updated"),
    ("logged models", {}, "ix_logged_models_page"),
]
FOUND = [
    ("experiments", {"filter": "name = 'a'"}, "name=?)"),
    ("models", {"filter": "name = 'a'"}, "name=?)"),
    ("versions", {"filter": "run_id = 'a'"}, "ix_model_versions_run_id"),
    ("versions", {"filter": "name = 'a'"}, "sqlite_autoindex_model_versions_1 (registered_model_id=?)"),
    ("logged models", {"filter": "params.a = 'b'"}, "ix_logged_model_params_value"),
]


@pytest.fixture(scope="module")
def ctx(dialect: str, databases: Databases) -> Iterator[Context]:
    settings = Settings(backend_store_uri=databases.make(dialect))
    db = open_database(settings)
    yield Context(db, settings, DEFAULT_SCOPE, db.read_now(token_key))
    db.close()


def plan(ctx: Context, name: str, body: dict[str, Any]) -> str:
    """Of the statement that finds the page."""
    seen: list[tuple[str, Any]] = []
    listener = lambda *args: seen.append(args[2:4])  # noqa: E731
    event.listen(ctx.db.read_engine, "before_cursor_execute", listener)
    try:
        ctx.db.read_now(lambda c: READS[name](c, ctx, body))
    finally:
        event.remove(ctx.db.read_engine, "before_cursor_execute", listener)
    statement, values = next(found for found in seen if "sort_0" in found[0])
    word = "EXPLAIN QUERY PLAN" if ctx.db.dialect == "sqlite" else "EXPLAIN"
    rows = ctx.db.read_now(lambda c: c.exec_driver_sql(f"{word} {statement}", values).all())
    return "\n".join(str(row[-1]) for row in rows)


class TestPlans:
    @pytest.mark.parametrize(("name", "body", "index"), ORDERED)
    def test_a_page_is_read_in_its_order(self, ctx: Context, name: str, body: dict[str, Any], index: str) -> None:
        explained = plan(ctx, name, body)
        if ctx.db.dialect == "sqlite":
            assert index in explained
            assert "TEMP B-TREE FOR ORDER BY" not in explained
        else:
            assert "Seq Scan" not in explained

    @pytest.mark.parametrize(("name", "body", "index"), FOUND)
    def test_what_few_have_is_found_by_its_index(self, ctx: Context, name: str, body: dict[str, Any], index: str) -> None:
        explained = plan(ctx, name, body)
        if ctx.db.dialect == "sqlite":
            assert index in explained
        else:
            assert "Seq Scan" not in explained

    def test_prompts_are_not_listed_to_leave_them_out(self, ctx: Context) -> None:
        for name in ("models", "versions"):
            explained = plan(ctx, name, {})
            assert "LIST SUBQUERY" not in explained
            assert "hashed SubPlan" not in explained

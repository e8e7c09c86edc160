"""create_app(): middleware, THE list of routers, error handlers."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Connection

import runstone.artifacts.direct_routes
import runstone.artifacts.routes
import runstone.experiments.routes
import runstone.logged_models.routes
import runstone.previews.routes
import runstone.registry.routes
import runstone.registry.version_routes
import runstone.runs.metric_routes
import runstone.runs.routes
import runstone.status
import runstone.web.charts
import runstone.web.compare
import runstone.web.compare_files
import runstone.web.compare_media
import runstone.web.compare_models
import runstone.web.edit_pages
import runstone.web.everywhere
import runstone.web.experiments
import runstone.web.logged_models
import runstone.web.models_changes
import runstone.web.models_table
import runstone.web.page_live
import runstone.web.registry
import runstone.web.registry_activity
import runstone.web.registry_changes
import runstone.web.registry_live
import runstone.web.registry_made
import runstone.web.registry_removed
import runstone.web.run_family
import runstone.web.runs
import runstone.web.runs_bulk
import runstone.web.runs_changes
import runstone.web.runs_export
import runstone.web.runs_live
import runstone.web.runs_names
import runstone.web.runs_rows
import runstone.web.runs_table
import runstone.web.static
import runstone.web.views
from runstone import upkeep
from runstone.artifacts import recovering
from runstone.artifacts.archive import Archives
from runstone.artifacts.lasting import Lasting
from runstone.artifacts.published import Published
from runstone.artifacts.records import recorded
from runstone.artifacts.write_behind import WriteBehind
from runstone.core import address, failures, frame, jobs, memory, migrate, textmark
from runstone.core.db import Database
from runstone.core.dispatch import ExactPaths, HotPaths
from runstone.core.scope import DEFAULT_SCOPE
from runstone.core.state import token_key
from runstone.experiments import lifecycle as experiment_lifecycle
from runstone.experiments.queries import create_default
from runstone.previews.readers import Readers
from runstone.runs import queries as run_queries
from runstone.search.folding import register_sqlite_functions
from runstone.settings import Settings
from runstone.storage.roots import Roots
from runstone.storage.s3_client import S3Access
from runstone.web.failures import error_page
from runstone.web.image_folders import ImageFolders

ROUTERS = (
    runstone.runs.metric_routes.router,
    runstone.runs.routes.router,
    runstone.experiments.routes.router,
    runstone.logged_models.routes.router,
    runstone.registry.routes.router,
    runstone.registry.version_routes.router,
    runstone.artifacts.routes.router,
    runstone.artifacts.direct_routes.router,
    runstone.previews.routes.router,
    runstone.status.router,
    runstone.web.static.router,
    runstone.web.edit_pages.router,
    runstone.web.everywhere.router,
    runstone.web.experiments.router,
    runstone.web.logged_models.router,
    runstone.web.models_changes.router,
    runstone.web.models_table.router,
    runstone.web.runs_table.router,
    runstone.web.runs_rows.router,
    runstone.web.runs_names.router,
    runstone.web.runs_bulk.router,
    runstone.web.runs_changes.router,
    runstone.web.runs_live.router,
    runstone.web.runs_export.router,
    runstone.web.runs.router,
    runstone.web.run_family.router,
    runstone.web.charts.router,
    runstone.web.compare.router,
    runstone.web.compare_files.router,
    runstone.web.compare_media.router,
    runstone.web.compare_models.router,
    runstone.web.page_live.router,
    runstone.web.registry.router,
    runstone.web.registry_activity.router,
    runstone.web.registry_changes.router,
    runstone.web.registry_live.router,
    runstone.web.registry_made.router,
    runstone.web.registry_removed.router,
    runstone.web.views.router,
)


def create_app(settings: Settings, roots: Roots | None = None, database: Database | None = None) -> FastAPI:
    """The application. What is not handed over is opened when it starts; all of it is closed when it stops."""
    app = FastAPI(
        title="Runstone",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.settings, app.state.roots, app.state.db = settings, roots, database
    app.state.draining = False
    app.state.archives, app.state.readers, app.state.published = Archives(), Readers(), Published()
    app.state.image_folders = ImageFolders()
    app.state.lasting, app.state.behind = Lasting(), WriteBehind(on=settings.s3_write_behind)
    experiment_lifecycle.followers[:] = [run_queries.follow_experiment]
    for router in ROUTERS:
        # One flat list, which core/dispatch.py looks up by exact path; included routers would be nested.
        app.router.routes.extend(router.routes)
    failures.install(app, error_page)
    app.router.middleware_stack = ExactPaths(app.router)
    return app


def framed(app: FastAPI) -> frame.Frame:
    """What the HTTP server calls."""
    return frame.Frame(HotPaths(app), app.state.settings)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    memory.share_arenas()
    settings: Settings = app.state.settings
    app.state.roots = app.state.roots or open_roots(settings)
    app.state.db = app.state.db or open_database(settings)
    app.state.token_key = app.state.db.read_now(token_key)
    app.state.checks = runstone.status.checks(app)
    memory.spare_the_collector()
    try:
        if settings.serve_artifacts:
            await app.state.behind.begin(app.state.db, app.state.roots)
            await app.state.behind.look()
            app.state.roots.ask(partial(recorded, app.state.db))
            await app.state.lasting.begin(app.state.db, app.state.roots)
            await recovering.at_start(app.state.db, app.state.roots, app.state.lasting)
        async with jobs.running(app.state.db, upkeep.jobs(settings, app.state.roots, app.state.lasting, app.state.behind)):
            yield
    finally:
        await app.state.readers.close()
        await app.state.published.all_settled()
        await app.state.lasting.finish()
        await app.state.behind.finish()
        app.state.archives.close()
        app.state.db.close()
        app.state.roots.close()


def open_roots(settings: Settings) -> Roots:
    """The artifact folders, ready for use. Raises OSError in words for the operator."""
    always = settings.download_check == "always"
    roots = Roots(settings.artifacts_destination, settings.default_artifact_root, S3Access.of(settings), check_always=always)
    roots.prepare(served=settings.serve_artifacts)
    return roots


def _give_sqlite_functions(connection: sqlite3.Connection) -> None:
    register_sqlite_functions(connection)
    textmark.register(connection)


def open_database(settings: Settings) -> Database:
    """The database with this release's tables. Raises `DatabaseRefused` with a sentence for the operator."""
    db = Database.open(address.parse(settings.backend_store_uri), settings.database_pool, _give_sqlite_functions)
    try:
        migrate.prepare(db)

        def default(connection: Connection) -> Any:
            return create_default(connection, DEFAULT_SCOPE, settings.experiment_root)

        db.write_now(default)
    except BaseException:
        db.close()
        raise
    return db

"""/<thing>/edit and /<thing>/tags of experiments, runs, logged models, registered models and versions."""

from __future__ import annotations

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import names, wire
from runstone.core.scope import Ctx, Scope
from runstone.errors import AlreadyExists, InvalidParameter
from runstone.experiments import queries as experiment_queries
from runstone.experiments import tags as experiment_tags
from runstone.experiments.guards import EditExperiment, ReadableWorkspace, WritableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.logged_models.guards import EditModel
from runstone.logged_models.lifecycle import TAG_VALUE_LIMIT, checked_tags
from runstone.logged_models.schemas import Pair
from runstone.registry import changes as registry_changes
from runstone.registry import naming
from runstone.registry import queries as registry_queries
from runstone.registry.guards import EditRegisteredModel, EditVersion, RegisteredModelGuard, VersionGuard
from runstone.registry.routes import DESCRIPTION_LIMIT
from runstone.runs import queries as run_queries
from runstone.runs.guards import EditRun
from runstone.web import editing
from runstone.web.editing import Editable
from runstone.web.experiments import change_name
from runstone.web.formats import segment
from runstone.web.toasts import named

router = wire.ApiRouter()

NOTE_TAG = "mlflow.note.content"


def _own(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((key, value) for key, value in pairs if not key.startswith("mlflow."))


class ExperimentSubject:
    def __init__(self, experiment_id: str, scope: Scope) -> None:
        self.guard = EditExperiment(experiment_id, scope)
        self.base = f"/experiments/{self.guard.number}"

    def load(self, connection: Connection) -> Editable:
        row = self.guard.load(connection)
        tags = experiment_queries.tags_of(connection, self.guard.scope, [row.id])[row.id]
        return Editable(
            "experiment",
            row.name,
            dict(tags).get(NOTE_TAG, ""),
            _own(tags),
            row.name,
            [("/experiments", "Experiments")],
            "Description",
        )

    def save(self, connection: Connection, name: str | None, text: str) -> None:
        change_name(connection, self.guard, name or "")
        if text:
            experiment_tags.put(connection, self.guard, [experiment_tags.checked(NOTE_TAG, _fitting(text, 20_000), "")])
        else:
            experiment_queries.delete_tag(connection, self.guard.number, NOTE_TAG)

    def put_tag(self, connection: Connection, key: str, value: str) -> None:
        experiment_tags.put(connection, self.guard, [experiment_tags.checked(key, value, "")])

    def drop_tag(self, connection: Connection, key: str) -> None:
        self.guard.load_active(connection)
        experiment_queries.delete_tag(connection, self.guard.number, key)


class RunSubject:
    def __init__(self, run_id: str, scope: Scope) -> None:
        self.guard = EditRun(run_id, scope)
        self.base = f"/runs/{segment(run_id)}"

    def load(self, connection: Connection) -> Editable:
        row = self.guard.load(connection)
        tags = run_queries.tags_of(connection, self.guard.scope, [row.id])[row.id]
        experiment = EditExperiment(str(row.experiment_id), self.guard.scope).load(connection)
        crumbs = [("/experiments", "Experiments"), (f"/experiments/{experiment.id}", experiment.name)]
        limit = names.RUN_TAG_VALUE_LIMIT
        return Editable("run", row.name, dict(tags).get(NOTE_TAG, ""), _own(tags), row.name, crumbs, name_limit=limit)

    def save(self, connection: Connection, name: str | None, text: str) -> None:
        row = self.guard.load_active(connection)
        if not name:
            raise InvalidParameter("Give the run a name.")
        names.check_length(name, names.RUN_TAG_VALUE_LIMIT, "name")
        run_queries.change(connection, row.id, name=name)
        tags = [(run_queries.RUN_NAME_TAG, name)] + ([(NOTE_TAG, _fitting(text, names.RUN_TAG_VALUE_LIMIT))] if text else [])
        run_queries.set_tags(connection, self.guard.scope, row.id, tags)
        if not text:
            run_queries.delete_tag(connection, row.id, NOTE_TAG)

    def put_tag(self, connection: Connection, key: str, value: str) -> None:
        row = self.guard.load_active(connection)
        names.check_key(key, "key")
        names.check_length(value, names.RUN_TAG_VALUE_LIMIT, "value")
        run_queries.set_tags(connection, self.guard.scope, row.id, [(key, value)])

    def drop_tag(self, connection: Connection, key: str) -> None:
        run_queries.delete_tag(connection, self.guard.load_active(connection).id, key)


class LoggedModelSubject:
    """Its name is said when it is made, and stays."""

    def __init__(self, model_id: str, scope: Scope) -> None:
        self.guard = EditModel(model_id, scope)
        self.base = f"/logged-models/{segment(model_id)}"

    def load(self, connection: Connection) -> Editable:
        row = self.guard.load(connection)
        tags = model_queries.tags_of(connection, self.guard.scope, [row.id])[row.id]
        experiment = EditExperiment(str(row.experiment_id), self.guard.scope).load(connection)
        here = f"/experiments/{experiment.id}"
        crumbs = [("/experiments", "Experiments"), (here, experiment.name), (f"{here}/models", "Logged models")]
        return Editable("logged model", None, dict(tags).get(NOTE_TAG, ""), _own(tags), row.name, crumbs)

    def save(self, connection: Connection, name: str | None, text: str) -> None:
        del name
        row = self.guard.load_active(connection)
        if text:
            model_queries.set_tags(connection, self.guard.scope, row.id, [(NOTE_TAG, _fitting(text, TAG_VALUE_LIMIT))])
        else:
            model_queries.delete_tag(connection, row.id, NOTE_TAG)

    def put_tag(self, connection: Connection, key: str, value: str) -> None:
        tags = checked_tags([Pair(key=key, value=value)])
        model_queries.set_tags(connection, self.guard.scope, self.guard.load_active(connection).id, tags.items())

    def drop_tag(self, connection: Connection, key: str) -> None:
        model_queries.delete_tag(connection, self.guard.load_active(connection).id, key)


class ModelSubject:
    def __init__(self, name: str, scope: Scope) -> None:
        self.guard, self.reader = EditRegisteredModel(name, scope), RegisteredModelGuard(name, scope)
        self.base = f"/models/{segment(name)}"

    def load(self, connection: Connection) -> Editable:
        row = self.reader.load(connection)
        tags = registry_queries.model_tags(connection, self.guard.scope, [row.id])[row.id]
        crumbs = [("/models", "Models")]
        return Editable("model", row.name, row.description or "", _own(tags), row.name, crumbs, "Description", 256, "models")

    def save(self, connection: Connection, name: str | None, text: str) -> None:
        row = self.guard.load(connection)
        name = name or ""
        naming.check_name(name)
        registry_changes.describe(connection, self.guard.scope, row, _fitting(text, DESCRIPTION_LIMIT))
        if name != row.name and not registry_changes.rename(connection, self.guard.scope, row, name):
            raise AlreadyExists(f"A model or prompt is called {named(name)} already. Choose another name.")

    def put_tag(self, connection: Connection, key: str, value: str) -> None:
        row = self.guard.load(connection)
        registry_changes.set_tag(connection, self.guard.scope, row, *naming.checked_tag(key, value))

    def drop_tag(self, connection: Connection, key: str) -> None:
        registry_changes.delete_tag(connection, self.guard.scope, self.guard.load(connection), key)


class VersionSubject:
    def __init__(self, name: str, version: str, scope: Scope) -> None:
        self.guard, self.reader = EditVersion(name, version, scope), VersionGuard(name, version, scope)
        self.base = f"/models/{segment(name)}/versions/{self.guard.version}"

    def load(self, connection: Connection) -> Editable:
        row = self.reader.load(connection)
        tags = registry_queries.version_tags(connection, self.guard.scope, [row.id])[row.id]
        crumbs = [("/models", "Models"), (f"/models/{segment(row.model_name)}", row.model_name)]
        title = f"Version {row.version}"
        called = f"{title} of {named(row.model_name)}"
        return Editable(
            "model version", None, row.description or "", _own(tags), title, crumbs, "Description", 0, "models", called
        )

    def save(self, connection: Connection, name: str | None, text: str) -> None:
        del name
        row = self.guard.load(connection)
        registry_changes.describe_version(connection, self.guard.scope, row, _fitting(text, DESCRIPTION_LIMIT))

    def put_tag(self, connection: Connection, key: str, value: str) -> None:
        row = self.guard.load(connection)
        registry_changes.set_version_tag(connection, self.guard.scope, row, *naming.checked_tag(key, value))

    def drop_tag(self, connection: Connection, key: str) -> None:
        registry_changes.delete_version_tag(connection, self.guard.scope, self.guard.load(connection), key)


def _fitting(text: str, limit: int) -> str:
    if len(text) > limit:
        raise InvalidParameter(
            f"The text has {len(text)} characters, and {limit} is the most. Shorten it, or log it as an artifact."
        )
    return text


@router.get("/experiments/{experiment_id}/edit")
async def edit_experiment(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await editing.show(request, ctx, ExperimentSubject(experiment_id, ctx.scope))


@router.post("/experiments/{experiment_id}/edit")
async def save_experiment(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.save(request, ctx, ExperimentSubject(experiment_id, ctx.scope))


@router.post("/experiments/{experiment_id}/tags")
async def tag_experiment(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.tag(request, ctx, ExperimentSubject(experiment_id, ctx.scope))


@router.get("/runs/{run_id}/edit")
async def edit_run(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await editing.show(request, ctx, RunSubject(run_id, ctx.scope))


@router.post("/runs/{run_id}/edit")
async def save_run(request: Request, run_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.save(request, ctx, RunSubject(run_id, ctx.scope))


@router.post("/runs/{run_id}/tags")
async def tag_run(request: Request, run_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.tag(request, ctx, RunSubject(run_id, ctx.scope))


@router.get("/logged-models/{model_id}/edit")
async def edit_logged_model(request: Request, model_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await editing.show(request, ctx, LoggedModelSubject(model_id, ctx.scope))


@router.post("/logged-models/{model_id}/edit")
async def save_logged_model(request: Request, model_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.save(request, ctx, LoggedModelSubject(model_id, ctx.scope))


@router.post("/logged-models/{model_id}/tags")
async def tag_logged_model(request: Request, model_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.tag(request, ctx, LoggedModelSubject(model_id, ctx.scope))


@router.get("/models/{name}/edit")
async def edit_model(request: Request, name: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await editing.show(request, ctx, ModelSubject(name, ctx.scope))


@router.post("/models/{name}/edit")
async def save_model(request: Request, name: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.save(request, ctx, ModelSubject(name, ctx.scope), lambda new: f"/models/{segment(new)}")


@router.post("/models/{name}/tags")
async def tag_model(request: Request, name: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.tag(request, ctx, ModelSubject(name, ctx.scope))


@router.get("/models/{name}/versions/{version}/edit")
async def edit_version(request: Request, name: str, version: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await editing.show(request, ctx, VersionSubject(name, version, ctx.scope))


@router.post("/models/{name}/versions/{version}/edit")
async def save_version(request: Request, name: str, version: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.save(request, ctx, VersionSubject(name, version, ctx.scope))


@router.post("/models/{name}/versions/{version}/tags")
async def tag_version(request: Request, name: str, version: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    return await editing.tag(request, ctx, VersionSubject(name, version, ctx.scope))

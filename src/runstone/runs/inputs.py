"""What a run read and made: datasets in, logged models in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, tuple_
from sqlalchemy import func as sql

from runstone.core import names, upsert
from runstone.core.scope import Scope, scoped
from runstone.errors import InvalidParameter
from runstone.runs.queries import parts, touch
from runstone.runs.schemas import DatasetInput, LogInputs, ModelOutput
from runstone.runs.tables import datasets, run_dataset_tags, run_datasets, run_models

CONTEXT_TAG = "mlflow.data.context"
DATASETS_LIMIT = 2000
SUMMARIES_LIMIT = 1000
SUMMARY_EXPERIMENTS_LIMIT = 20

Key = tuple[str, str]  # the name and digest of a dataset


def check(body: LogInputs) -> None:
    if len(body.datasets) + len(body.models) > DATASETS_LIMIT:
        raise InvalidParameter(f"A request can log at most {DATASETS_LIMIT} inputs. Split them across several requests.")
    for item in body.datasets:
        dataset = item.dataset
        assert dataset is not None
        names.check_length(dataset.name, 500, "name")
        names.check_length(dataset.digest, 36, "digest")
        names.check_length(dataset.source, 65_535, "source")
        names.check_length(dataset.schema_text or "", 1_048_575, "schema")
        names.check_length(dataset.profile or "", 16_777_215, "profile")
        for tag in item.tags:
            names.check_length(tag.key, 255, "key")
            names.check_length(tag.value or "", 500, "value")


def add_datasets(connection: Connection, scope: Scope, run: Row[Any], items: Sequence[DatasetInput]) -> None:
    """A dataset is known by (name, digest) in its experiment, an input by (run, dataset): the first to come stays.

    A fixed number of statements for some hundreds of items.
    """
    touch(connection, [run.id])
    firsts = dict[Key, DatasetInput]()
    for item in items:
        firsts.setdefault(_key(item), item)
    if not firsts:
        return
    numbers = _dataset_ids(connection, scope, run.experiment_id, firsts)
    edges = [{"run_pk": run.id, "dataset_id": numbers[key], "workspace_id": scope.workspace_id} for key in firsts]
    statement = upsert.insert(connection, run_datasets).on_conflict_do_nothing()
    made = connection.execute(statement.returning(run_datasets.c.dataset_id, run_datasets.c.id), edges)
    added = {dataset_id: edge_id for dataset_id, edge_id in made}  # noqa: C416 (for the types)
    tags = [
        {"run_dataset_id": added[numbers[key]], "key": name, "workspace_id": scope.workspace_id, "value": value}
        for key, item in firsts.items()
        if numbers[key] in added
        for name, value in {tag.key: tag.value for tag in item.tags}.items()
    ]
    if tags:
        # Without RETURNING each row would be a statement of its own.
        connection.execute(insert(run_dataset_tags).returning(run_dataset_tags.c.run_dataset_id), tags)


def add_models(connection: Connection, scope: Scope, run: Row[Any], direction: str, models: Sequence[tuple[str, int]]) -> None:
    """Edges (model id, step) of a run; one that exists already stays as it is, so a retry is safe."""
    touch(connection, [run.id])
    where = (run_models.c.run_pk == run.id, run_models.c.direction == direction)
    position = connection.execute(
        select(sql.count()).select_from(scoped(run_models, scope, run_models.c.model_id).where(*where).subquery())
    ).scalar_one()
    rows = [
        {
            "run_pk": run.id,
            "direction": direction,
            "model_id": model_id,
            "workspace_id": scope.workspace_id,
            "step": step,
            "position": position + i,
        }
        for i, (model_id, step) in enumerate(dict(models).items())
    ]
    if rows:
        connection.execute(upsert.insert(connection, run_models).on_conflict_do_nothing(), rows)


def outputs(models: Sequence[ModelOutput]) -> list[tuple[str, int]]:
    return [(names.check_length(model.model_id, 64, "model_id"), model.step or 0) for model in models]


def datasets_of(connection: Connection, scope: Scope, run_pks: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The wire's `dataset_inputs` of each run that has some."""
    found: dict[int, list[dict[str, Any]]] = {}
    for part in parts(run_pks):
        columns = (run_datasets.c.run_pk, run_datasets.c.id, *datasets.columns)
        statement = (
            scoped(run_datasets, scope, *columns)
            .join(datasets, datasets.c.id == run_datasets.c.dataset_id)
            .where(run_datasets.c.run_pk.in_(part))
            .order_by(run_datasets.c.id)
        )
        rows = connection.execute(statement).all()
        tags = _tags_of(connection, scope, [row[1] for row in rows])
        for row in rows:
            found.setdefault(row.run_pk, []).append(_input_json(row, tags.get(row[1], [])))
    return found


def models_of(
    connection: Connection, scope: Scope, run_pks: Sequence[int], directions: Sequence[str]
) -> dict[tuple[int, str], list[tuple[str, int]]]:
    """(run_pk, direction) to the (model id, step) pairs in the order they were logged."""
    found: dict[tuple[int, str], list[tuple[str, int]]] = {}
    columns = (run_models.c.run_pk, run_models.c.direction, run_models.c.model_id, run_models.c.step)
    for part in parts(run_pks):
        where = (run_models.c.run_pk.in_(part), run_models.c.direction.in_(directions))
        statement = scoped(run_models, scope, *columns).where(*where).order_by(run_models.c.run_pk, run_models.c.position)
        for run_pk, direction, model_id, step in connection.execute(statement):
            found.setdefault((run_pk, direction), []).append((model_id, step))
    return found


def summaries(connection: Connection, scope: Scope, experiment_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The distinct (experiment, dataset, context) of `experiment_ids`, at most 1 000."""
    statement = (
        scoped(
            datasets,
            scope,
            datasets.c.experiment_id,
            datasets.c.name,
            datasets.c.digest,
            run_dataset_tags.c.value,
        )
        .join(run_datasets, run_datasets.c.dataset_id == datasets.c.id)
        .outerjoin(
            run_dataset_tags,
            (run_dataset_tags.c.run_dataset_id == run_datasets.c.id) & (run_dataset_tags.c.key == CONTEXT_TAG),
        )
        .where(datasets.c.experiment_id.in_(experiment_ids))
        .distinct()
        .limit(SUMMARIES_LIMIT)
    )
    found = []
    for experiment_id, name, digest, context in connection.execute(statement):
        summary = {"experiment_id": str(experiment_id), "name": name, "digest": digest}
        found.append(summary if context is None else summary | {"context": context})
    return found


def _key(item: DatasetInput) -> Key:
    assert item.dataset is not None
    return item.dataset.name, item.dataset.digest


def _dataset_ids(connection: Connection, scope: Scope, experiment_id: int, firsts: Mapping[Key, DatasetInput]) -> dict[Key, int]:
    """The numbers of the datasets, made where there was none."""
    columns = (datasets.c.name, datasets.c.digest, datasets.c.id)
    # In one order, so that two requests do not wait for each other.
    rows = [_dataset_row(scope, experiment_id, firsts[key]) for key in sorted(firsts)]
    statement = upsert.insert(connection, datasets).on_conflict_do_nothing().returning(*columns)
    found = {(name, digest): number for name, digest, number in connection.execute(statement, rows)}
    for part in parts([key for key in firsts if key not in found]):
        where = (datasets.c.experiment_id == experiment_id, tuple_(datasets.c.name, datasets.c.digest).in_(part))
        for name, digest, number in connection.execute(scoped(datasets, scope, *columns).where(*where)):
            found[name, digest] = number
    return found


def _dataset_row(scope: Scope, experiment_id: int, item: DatasetInput) -> dict[str, Any]:
    dataset = item.dataset
    assert dataset is not None
    return {
        "workspace_id": scope.workspace_id,
        "experiment_id": experiment_id,
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
        "schema": dataset.schema_text,
        "profile": dataset.profile,
    }


def _tags_of(connection: Connection, scope: Scope, edges: Sequence[int]) -> dict[int, list[dict[str, str]]]:
    found: dict[int, list[dict[str, str]]] = {}
    columns = (run_dataset_tags.c.run_dataset_id, run_dataset_tags.c.key, run_dataset_tags.c.value)
    for part in parts(edges):
        statement = scoped(run_dataset_tags, scope, *columns).where(run_dataset_tags.c.run_dataset_id.in_(part))
        for edge, key, value in connection.execute(statement.order_by(run_dataset_tags.c.key)):
            found.setdefault(edge, []).append({"key": key, "value": value})
    return found


def _input_json(row: Row[Any], tags: list[dict[str, str]]) -> dict[str, Any]:
    dataset = {"name": row.name, "digest": row.digest, "source_type": row.source_type, "source": row.source}
    for name in ("schema", "profile"):
        value = row._mapping[datasets.c[name]]
        if value is not None:
            dataset[name] = value
    return ({"tags": tags} if tags else {}) | {"dataset": dataset}

"""/compare?runs=a,b,...: runs of any experiments side by side, what differs first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import keyvalue, wire
from runstone.core.clock import now_ms
from runstone.core.scope import Context, Ctx, scoped
from runstone.experiments.guards import ReadableWorkspace
from runstone.experiments.tables import experiments
from runstone.runs import queries
from runstone.runs.tables import series
from runstone.web import colours, compared, differences, formats
from runstone.web.early import Certain, early_page, nobody
from runstone.web.islands import data, shown_runs
from runstone.web.listed import listed

router = wire.ApiRouter()

RUNS_LIMIT = 500
PLOTTED_LIMIT = 200  # names that the plots offer of each kind
# What a run says about where it comes from, by the tags that clients set.
ENVIRONMENT = {
    "mlflow.source.name": "Source", "mlflow.source.type": "Source type", "mlflow.source.git.commit": "Git commit",
    "mlflow.source.git.branch": "Git branch", "mlflow.source.git.repoURL": "Git repository", "mlflow.source.git.dirty": "Git dirty",
    "mlflow.project.entryPoint": "Entry point", "mlflow.project.env": "Project environment", "mlflow.docker.image.uri": "Docker image",
    "mlflow.autologging": "Autologging",
}  # fmt: skip


@router.get("/compare")
async def compare(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs seven statements, for two runs as for five hundred."""
    query = request.query_params
    asked = listed(query, "runs")
    return await early_page(
        request, "compare/page.html",
        lambda certain: ctx.db.read(lambda c: load(c, ctx, asked[:RUNS_LIMIT], query.get("baseline", ""), certain)),
        area="experiments", asked=asked, everything=query.get("all") == "1",
        whole=query.get("lines") == "all", now=now_ms(),
    )  # fmt: skip


def load(connection: Connection, ctx: Context, run_ids: list[str], baseline: str, certain: Certain = nobody) -> dict[str, Any]:
    rows = queries.find_all(connection, ctx.scope, run_ids)
    runs = [rows[run_id] for run_id in run_ids if run_id in rows]
    certain()
    base = next((i for i, run in enumerate(runs) if run.run_id == baseline), 0)
    pks = [run.id for run in runs]
    params = queries.params_of(connection, ctx.scope, pks)
    tags = {pk: dict(pairs) for pk, pairs in queries.tags_of(connection, ctx.scope, pks).items()}
    metrics = latest(connection, ctx, pks)
    places = _names(connection, ctx, {run.experiment_id for run in runs})
    flat = {pk: differences.flattened(params[pk]) for pk in pks}
    own = {pk: {k: v for k, v in tags[pk].items() if not k.startswith("mlflow.")} for pk in pks}
    made = {pk: {label: tags[pk][key] for key, label in ENVIRONMENT.items() if key in tags[pk]} for pk in pks}
    looks = colours.looks({run.run_id: tags[run.id].get(colours.COLOUR_TAG) for run in runs})
    return {
        "runs": runs,
        "looks": looks,
        "baseline": base,
        "missing": len(run_ids) - len(runs),
        "experiments": places,
        "cut": formats.shared_prefix([run.name for run in runs]),
        "params": differences.lines([flat[pk] for pk in pks]),
        "metrics": differences.lines([metrics[pk] for pk in pks], base if runs else None),
        "tags": differences.lines([own[pk] for pk in pks]),
        "environment": differences.lines([made[pk] for pk in pks]),
        "shown_runs": shown_runs(runs, looks),
    }


@router.get("/compare/plotted")
async def compare_plotted(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """What the plots of the compared runs are drawn from (`plotted`), as JSON, for when they come into view. Costs six statements."""
    asked = listed(request.query_params, "runs")[:RUNS_LIMIT]

    def load_plotted(connection: Connection) -> dict[str, Any]:
        runs, looks, _ = compared.load(connection, ctx, asked)
        pks = [run.id for run in runs]
        params = {pk: differences.flattened(own) for pk, own in queries.params_of(connection, ctx.scope, pks).items()}
        return plotted([(run.id, run.run_id, run.name) for run in runs], params, latest(connection, ctx, pks), looks)

    return data(await ctx.db.read(load_plotted))


def _names(connection: Connection, ctx: Context, numbers: set[int]) -> dict[int, str]:
    statement = scoped(experiments, ctx.scope, experiments.c.id, experiments.c.name).where(experiments.c.id.in_(numbers))
    return {row.id: row.name for row in connection.execute(statement)}


def latest(connection: Connection, ctx: Context, pks: list[int]) -> dict[int, dict[str, float]]:
    """The latest value of every metric of the runs."""
    found: dict[int, dict[str, float]] = {pk: {} for pk in pks}
    columns = (series.c.run_pk, series.c.key_id, series.c.last_value, series.c.last_is_nan)
    rows = connection.execute(scoped(series, ctx.scope, *columns).where(series.c.run_pk.in_(pks))).all()
    names = keyvalue.key_names(connection, {row.key_id for row in rows})
    for row in rows:
        found[row.run_pk][names[row.key_id]] = float("nan") if row.last_is_nan else float(row.last_value)
    return found


def plotted(
    things: Sequence[tuple[int, str, str]],
    params: Mapping[int, Mapping[str, str]],
    metrics: Mapping[int, Mapping[str, Any]],
    looks: Mapping[str, int],
) -> dict[str, Any]:
    """{names: {params, metrics}, runs: [{id, name, look, params, metrics}]}: what the plots can show, what most have first.

    `things`: (number, id, name) of runs or logged models; `params` and `metrics` are by number, `looks` by id.
    """
    names = {}
    for kind, values in (("params", params), ("metrics", metrics)):
        counted = Counter(name for number, _, _ in things for name in values[number])
        names[kind] = sorted(counted, key=lambda name: (-counted[name], name))[:PLOTTED_LIMIT]
    listed = [
        {
            "id": known_as,
            "name": name or known_as,
            "look": looks[known_as],
            "params": [params[number].get(param) for param in names["params"]],
            "metrics": [metrics[number].get(metric) for metric in names["metrics"]],
        }
        for number, known_as, name in things
    ]
    return {"names": names, "runs": listed}

"""Metric histories, and the hot appends: log-metric, log-batch, log-parameter, set-tag.

The appends are bare Starlette endpoints that read plain dicts: measured, the dependency solver and a pydantic model
per point cost more than everything behind them. Their guard is opened in `append_batches`, inside the transaction.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from runstone.core import paging, wire
from runstone.core.jsonbody import decode_object
from runstone.core.scope import Context, Ctx, Scope, context_of
from runstone.core.wire import answer
from runstone.errors import InvalidParameter
from runstone.runs import batch, decode, history
from runstone.runs.append import append_batches
from runstone.runs.batch import Batch
from runstone.runs.guards import EditRun, ReadableRun, ReadableRuns, named_run
from runstone.runs.schemas import GetMetricHistory, GetMetricHistoryBulk, GetMetricHistoryBulkInterval

router = wire.ApiRouter()

RUNS_LIMIT = 100
HISTORY_PAGE = 25_000
SAMPLES_LIMIT = 2500


DONE = Response(b"{}", media_type="application/json")


@router.hot("/api/2.0/mlflow/runs/log-metric", guard=EditRun)
async def log_metric(request: Request) -> Response:
    raw = await wire.read_json(request)
    ctx = context_of(request)
    added = decode.log_metric(raw, ctx.scope) or metric_of(decode_object(raw), ctx.scope)
    await ctx.db.append(append_batches, added)
    return DONE


@router.hot("/api/2.0/mlflow/runs/log-parameter", guard=EditRun)
async def log_parameter(request: Request) -> Response:
    raw = await wire.fields(request)
    ctx = context_of(request)
    added = Batch(ctx.scope, named_run(raw), one_param=True)
    batch.add_param(added, raw, "", truncate=ctx.settings.truncate_long_values)
    await ctx.db.append(append_batches, added)
    return DONE


@router.hot("/api/2.0/mlflow/runs/set-tag", guard=EditRun)
async def set_tag(request: Request) -> Response:
    raw = await wire.fields(request)
    ctx = context_of(request)
    added = Batch(ctx.scope, named_run(raw))
    batch.add_tag(added, raw, "", truncate=ctx.settings.truncate_long_values)
    await ctx.db.append(append_batches, added)
    return DONE


@router.hot("/api/2.0/mlflow/runs/log-batch", guard=EditRun)
async def log_batch(request: Request) -> Response:
    raw = await wire.read_json(request)
    ctx = context_of(request)
    truncate = ctx.settings.truncate_long_values
    added = decode.log_batch(raw, ctx.scope, truncate=truncate) or batch_of(decode_object(raw), ctx)
    await ctx.db.append(append_batches, added)
    return DONE


def metric_of(raw: dict[str, Any], scope: Scope) -> Batch:
    """The whole body checked; raises `InvalidParameter` that names the first wrong field."""
    added = Batch(scope, named_run(raw))
    batch.add_metric(added, raw, "", set())
    return added


def batch_of(raw: dict[str, Any], ctx: Context) -> Batch:
    """The whole body checked; raises `InvalidParameter` that names the first wrong item."""
    added = Batch(ctx.scope, named_run(raw))
    metrics, params, tags = (_listed(raw, name) for name in ("metrics", "params", "tags"))
    batch.check_limits(len(metrics), len(params), len(tags))
    checked: set[str] = set()
    for i, metric in enumerate(metrics):
        batch.add_metric(added, metric, f"metrics[{i}]", checked)
    truncate = ctx.settings.truncate_long_values
    for i, param in enumerate(params):
        batch.add_param(added, param, f"params[{i}]", truncate=truncate)
    for i, tag in enumerate(tags):
        batch.add_tag(added, tag, f"tags[{i}]", truncate=truncate)
    batch.check_unique_params(added)
    return added


def _listed(raw: dict[str, Any], name: str) -> list[Any]:
    value = raw.get(name, [])
    if not isinstance(value, list):
        raise wire.invalid_value(name, value)
    return value


@router.get("/api/2.0/mlflow/metrics/get-history")
async def get_metric_history(
    body: Annotated[GetMetricHistory, wire.body(GetMetricHistory)], ctx: Ctx, run: ReadableRun
) -> Response:
    limit = body.max_results
    if limit is not None and limit <= 0:
        raise InvalidParameter(f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer.")
    query = paging.fingerprint("history", ctx.scope.workspace_id, run.run_id, body.metric_key)
    after = paging.decode(ctx.token_key, query, body.page_token) if body.page_token else None
    run_id, key = run.run_id, body.metric_key

    def load(connection: Any, limit: int) -> bytes:
        # Rendered in the reader's thread, so that a long page does not hold up the event loop.
        found = history.page(connection, ctx.scope, run_id, key, after, limit + 1)
        if len(found) <= limit:
            return b'{"metrics":[%b]}' % history.objects(key, found) if len(found) else b"{}"
        token = orjson.dumps(paging.encode(ctx.token_key, query, list(found.at(limit - 1))))
        return b'{"metrics":[%b],"next_page_token":%b}' % (history.objects(key, found.first(limit)), token)

    if limit is not None:
        return Response(await ctx.db.read(functools.partial(load, limit=limit)), media_type="application/json")
    pages = _pages(ctx, run_id, key, after)
    first = await anext(pages)
    return StreamingResponse(_whole(first, pages), media_type="application/json") if first else answer({})


async def _whole(first: bytes, pages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A history that was asked for without a limit: read and sent page by page, so that memory stays flat."""
    yield b'{"metrics":[' + first
    async for rendered in pages:
        if rendered:  # behind a page that was full, there may be nothing more
            yield b"," + rendered
    yield b"]}"


async def _pages(ctx: Context, run_id: str, key: str, after: list[Any] | None) -> AsyncIterator[bytes]:
    """At least one, which is empty when there is nothing."""

    def load(connection: Any, position: list[Any] | None) -> tuple[bytes, list[Any] | None]:
        found = history.page(connection, ctx.scope, run_id, key, position, HISTORY_PAGE)
        end = list(found.at(len(found) - 1)) if len(found) == HISTORY_PAGE else None
        return (history.objects(key, found) if len(found) else b""), end

    while True:
        rendered, after = await ctx.db.read(functools.partial(load, position=after))
        yield rendered
        if after is None:
            return


@router.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk")
async def get_metric_history_bulk(
    body: Annotated[GetMetricHistoryBulk, wire.body(GetMetricHistoryBulk)], ctx: Ctx, _: ReadableRuns
) -> Response:
    if not body.run_id:
        raise InvalidParameter("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(body.run_id) > RUNS_LIMIT:
        raise InvalidParameter(
            f"GetMetricHistoryBulk request cannot specify more than {RUNS_LIMIT} run_ids. Received {len(body.run_id)} run_ids."
        )
    if body.metric_key is None:
        raise InvalidParameter("GetMetricHistoryBulk request must specify a metric_key.")
    limit = HISTORY_PAGE if body.max_results is None else body.max_results
    if not limit >= 1:
        raise InvalidParameter(f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer.")
    key, run_ids, most = body.metric_key, body.run_id, min(limit, HISTORY_PAGE)

    def load(connection: Any) -> bytes:
        found = b'{"metrics":[%b]}' % b",".join(history.of_runs(connection, ctx.scope, run_ids, key, most))
        return found.replace(b'"value":"NaN"', b'"value":NaN')  # this one answer of the contract has the bare token

    return Response(await ctx.db.read(load), media_type="application/json")


@router.get("/api/2.0/mlflow/metrics/get-history-bulk-interval")
async def get_metric_history_bulk_interval(
    body: Annotated[GetMetricHistoryBulkInterval, wire.body(GetMetricHistoryBulkInterval)],
    ctx: Ctx,
    _: ReadableRuns,
) -> Response:
    if len(body.run_ids) > RUNS_LIMIT:
        raise InvalidParameter(
            f"GetMetricHistoryBulkInterval request must specify at most {RUNS_LIMIT} run_ids. "
            f"Received {len(body.run_ids)} run_ids."
        )
    buckets = SAMPLES_LIMIT if body.max_results is None else body.max_results
    if not 1 <= buckets <= SAMPLES_LIMIT:
        raise InvalidParameter(f"max_results must be between 1 and {SAMPLES_LIMIT}.")
    steps = _steps(body)

    def load(connection: Any) -> bytes:
        found = history.sampled(connection, ctx.scope, body.run_ids, body.metric_key, steps, buckets)
        return b'{"metrics":[%b]}' % b",".join(found) if found else b"{}"

    return Response(await ctx.db.read(load), media_type="application/json")


def _steps(body: GetMetricHistoryBulkInterval) -> tuple[int, int] | None:
    if body.start_step is None and body.end_step is None:
        return None
    if body.start_step is None or body.end_step is None:
        raise InvalidParameter("If either start step or end step are specified, both must be specified.")
    if body.start_step > body.end_step:
        raise InvalidParameter(
            f"end_step must be greater than start_step. Found start_step={body.start_step} and end_step={body.end_step}."
        )
    return body.start_step, body.end_step

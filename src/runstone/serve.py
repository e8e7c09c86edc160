"""Run the HTTP server: one process on SQLite, one or several on Postgres."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from runstone.app import create_app, framed, open_database, open_roots
from runstone.core import address, log
from runstone.core.address import DatabaseRefused
from runstone.core.connection import GuardedProtocol
from runstone.core.direct import DirectProtocol
from runstone.core.frame import Frame
from runstone.settings import Settings

# How long a thread may keep the interpreter from another that waits. The default of 5 ms is longer than a whole group
# commit, which gives the interpreter away at each statement and must get it back.
SWITCH_SECONDS = 0.0005
# A request that runs when the server is told to stop has this long to end.
GRACE_SECONDS = 25


# Kept free for the database, artifacts and log when connections take the rest of the file descriptors.
DESCRIPTORS_KEPT = 256


class _Server(uvicorn.Server):
    """Says when it is ready, once, in words; and, told to stop, first has load balancers send requests elsewhere."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], app: FastAPI, drain_seconds: float = 0) -> None:
        super().__init__(config)
        self._ready, self._app, self._drain_seconds = ready, app, drain_seconds
        self._stop_at = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._drain_seconds and not self._stop_at:
            self._stop_at = time.monotonic() + self._drain_seconds
            self._app.state.draining = GuardedProtocol.draining = True
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if self._stop_at and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A server that was told to stop and did so has not failed: no signal is raised again behind it."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def run(settings: Settings, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT. Raises `DatabaseRefused` and OSError before anything is served."""
    place = address.parse(settings.backend_store_uri)
    if settings.workers > 1 and place.dialect == "sqlite":
        raise DatabaseRefused(
            f"--workers {settings.workers} needs Postgres: a SQLite file has one server process, which uses the disk as fast as "
            "several would. Leave --workers out, or name a Postgres database."
        )
    listener = listen(settings.host, settings.port)
    log.configure(settings.log_level)
    sys.setswitchinterval(SWITCH_SECONDS)
    roots, database = open_roots(settings), open_database(settings)
    if settings.workers == 1:
        _limit(settings)
        app = create_app(settings, roots, database)
        _Server(_config(framed(app)), ready, app, settings.drain_seconds).run([listener])
        return
    database.close()
    roots.close()
    for name, value in settings.model_dump(exclude_none=True).items():
        os.environ[f"RUNSTONE_{name.upper()}"] = str(value)
        os.environ.pop(f"RUNSTONE_{name.upper()}_FILE", None)
    config = _config("runstone.serve:worker_app", settings.workers)
    ready()
    Multiprocess(config, [listener]).run()


def worker_app() -> Frame:
    """The application of one of several processes; its settings come through the environment."""
    settings = Settings()
    log.configure(settings.log_level)
    sys.setswitchinterval(SWITCH_SECONDS)
    _limit(settings)
    return framed(create_app(settings))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything else, so that a port in use is told at once."""
    if not host:
        raise OSError(errno.EADDRNOTAVAIL, "no address is given", "")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except UnicodeError as error:
        listener.close()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from error
    except BaseException:
        listener.close()
        raise
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener


def _limit(settings: Settings) -> None:
    """How much this process takes in at once: as many connections as the operating system lets it hold."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + DESCRIPTORS_KEPT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        GuardedProtocol.connection_limit = max(16, min(settings.max_connections, soft - DESCRIPTORS_KEPT))
    else:
        GuardedProtocol.connection_limit = settings.max_connections
    GuardedProtocol.request_limit = settings.max_requests


def _config(app: Frame | str, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        loop="uvloop",
        http=DirectProtocol,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
        proxy_headers=False,
    )

"""The command line. Option names are MLflow's where they mean the same, so that a team swaps one command for the other."""

from __future__ import annotations

import asyncio
import errno
import inspect
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import typer
from pydantic import ValidationError

from runstone import __version__
from runstone.core import address
from runstone.core.address import DatabaseRefused
from runstone.errors import RunstoneError
from runstone.settings import SecretRefused, Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
database = typer.Typer(no_args_is_help=True, help="Look after the database's tables.")
app.add_typer(database, name="db")
points = typer.Typer(no_args_is_help=True, help="Look after the points of metrics.")
app.add_typer(points, name="points")

artifacts = typer.Typer(no_args_is_help=True, help="Look after the files of runs and models.")
app.add_typer(artifacts, name="artifacts")

# Of the commands that work beside a server, with the names that they have there.
URI = typer.Option(None, "--backend-store-uri", help="Database; the setting unless given.", show_default=False)
DESTINATION = typer.Option(None, "--artifacts-destination", help="Artifact store; the setting unless given.", show_default=False)
SHORT = {"host": "-h", "port": "-p", "workers": "-w"}


def main() -> None:
    app()


@app.callback(invoke_without_command=True)
def runstone(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    """Runstone: a self-hosted experiment tracking server."""
    if version:
        print(f"runstone {__version__}")
        raise typer.Exit


def _options(command: Callable[[Settings], None]) -> Callable[..., None]:
    """Give `command` an option for each setting that has one: the option wins over the environment, that over the default."""

    def run(**given: Any) -> None:
        command(_settings({name: value for name, value in given.items() if value is not None}))

    parameters = []
    for name, field in Settings.model_fields.items():
        option = (field.json_schema_extra or {}).get("option")  # type: ignore[union-attr]
        if not isinstance(option, str):
            continue
        kind: Any = {"bool": bool, "int": int}.get(getattr(field.annotation, "__name__", ""), str)
        shown = "" if field.default in (None, "") else f" [default: {field.default}]"
        names = (option, SHORT[name]) if name in SHORT else (option,)
        help_text = f"{field.description}{shown} [env: RUNSTONE_{name.upper()}]"
        default = typer.Option(None, *names, help=help_text, show_default=False)
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind | None))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = command.__doc__
    return run


def _server(settings: Settings) -> None:
    """Serve the API and the pages."""
    from runstone import serve  # noqa: PLC0415 (half a second that --help does not need)
    from runstone.storage import locations  # noqa: PLC0415

    def ready() -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        print(f"Runstone {__version__} is ready on http://{host}:{settings.port}{settings.static_prefix}", flush=True)
        print(f"  database   {address.parse(settings.backend_store_uri).shown}", flush=True)
        root = locations.own_root(settings.artifacts_destination)
        print(f"  artifacts  {root if isinstance(root, Path) else settings.artifacts_destination}", flush=True)

    try:
        serve.run(settings, ready)
    except DatabaseRefused as error:
        _stop(str(error))
    except OSError as error:
        _stop(_why(error, settings))


def _why(error: OSError, settings: Settings) -> str:
    place = f"{settings.host} port {settings.port}"
    if isinstance(error, socket.gaierror):
        return f"{settings.host!r} is no address of this machine: {error.strerror}. Choose one with --host, such as 127.0.0.1."
    if error.errno == errno.EADDRINUSE:
        return f"Port {settings.port} on {settings.host} is taken by another program. Choose one with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{settings.host!r} is no address of this machine. Choose one with --host, such as 127.0.0.1, or 0.0.0.0 for all."
    if error.errno == errno.EACCES and error.filename is None:
        return f"This user may not listen on {place}. Choose a port above 1023 with --port."
    if error.filename is not None:
        return (
            f"The artifacts folder {error.filename} cannot be used: {error.strerror}. Choose one with --artifacts-destination that "
            "this user may write."
        )
    return f"The server cannot start: {error.strerror or error}."


app.command("server")(_options(_server))


@database.command("upgrade")
def upgrade(uri: str = typer.Argument(None, help="Database; the backend store setting unless given.")) -> None:
    """Bring the tables to this release's revision; a SQLite file is copied first."""
    from runstone.core import migrate  # noqa: PLC0415

    with _Opened(uri, make=True) as db:
        before, after = migrate.upgrade(db)
        print(f"Already at revision {after}." if before == after else f"Upgraded from {before or 'empty'} to {after}.")


@database.command("check")
def check(uri: str = typer.Argument(None, help="Database; the backend store setting unless given.")) -> None:
    """Exit with 0 when the tables are this release's, with 1 when they need an upgrade."""
    from runstone.core import migrate  # noqa: PLC0415

    with _Opened(uri) as db:
        found, wanted = db.read_now(migrate.current), migrate.head()
        migrate.refuse_newer(found)
        if found != wanted:
            _stop(f"The database has revision {found or 'none'}, this release needs {wanted}. Run: runstone db upgrade")
        print(f"The database has this release's revision {wanted}.")


@database.command("current")
def current(uri: str = typer.Argument(None, help="Database; the backend store setting unless given.")) -> None:
    """Print the database's revision."""
    from runstone.core import migrate  # noqa: PLC0415

    with _Opened(uri) as db:
        print(db.read_now(migrate.current) or "none")


@points.command("seal")
def seal(uri: str = typer.Argument(None, help="Database; the backend store setting unless given.")) -> None:
    """Seal old points into compressed chunks now, as a server does by and by."""
    from runstone.core import migrate  # noqa: PLC0415
    from runstone.runs import seal_job, shrink_job  # noqa: PLC0415

    with _Opened(uri) as db:
        migrate.prepare(db)
        sealed = seal_job.seal_everything(db)
        asyncio.run(shrink_job.whole(db))
        print(f"Sealed {sealed} points.")


@artifacts.command("verify")
def verify(
    adopt: bool = typer.Option(False, "--adopt", help="Record the files that have no record, as they are now."),
    quick: bool = typer.Option(False, "--quick", help="Compare sizes only; read no bytes."),
    uri: str = URI,
    destination: str = DESTINATION,
) -> None:
    """Compare the artifact store with its records, also beside a running server. Exit with 1 when a file is missing or altered."""
    from runstone import chores  # noqa: PLC0415

    settings = _beside(uri, destination)
    with _Opened(settings.backend_store_uri, alone=False) as db:
        if not chores.verify(settings, db, _say, quick=quick, adopt=adopt):
            raise typer.Exit(1)


@app.command("gc")
def collect(
    delete: bool = typer.Option(False, "--delete", help="Remove it for good. Without this the report says what would go."),
    older_than: str = typer.Option("30d", help="Only what was deleted so long ago: 30d, 12h, 1d12h30m."),
    run_ids: str = typer.Option(None, help="Only these runs, comma-separated."),
    experiment_ids: str = typer.Option(None, help="Only these experiments with all that is in them, comma-separated."),
    logged_model_ids: str = typer.Option(None, help="Only these logged models, comma-separated."),
    uri: str = URI,
    destination: str = DESTINATION,
) -> None:
    """Remove what has been in the trash long enough, and files that nothing names, also beside a running server."""
    from runstone import chores  # noqa: PLC0415

    settings = _beside(uri, destination)
    numbers = _listed(experiment_ids)
    try:
        age = chores.seconds(older_than)
        experiments = None if numbers is None else [int(number) for number in numbers]
    except ValueError as error:
        _stop(str(error) if "--older-than" in str(error) else "--experiment-ids takes numbers, such as 3,17.")
    with _Opened(settings.backend_store_uri, alone=False) as db:
        named: Any = {"run_ids": _listed(run_ids), "experiment_ids": experiments, "model_ids": _listed(logged_model_ids)}
        if not chores.collect(settings, db, _say, older_than=age, delete=delete, **named):
            raise typer.Exit(1)


def _listed(text: str | None) -> list[str] | None:
    return [word.strip() for word in text.split(",") if word.strip()] if text is not None else None


def _beside(uri: str | None, destination: str | None) -> Settings:
    given = {"backend_store_uri": uri, "artifacts_destination": destination}
    return _settings({name: value for name, value in given.items() if value is not None})


def _say(line: str) -> None:
    print(line, flush=True)


class _Opened:
    """The database of a command; whatever refuses it becomes one line. One that may have a server is `alone=False`: it must
    be of this release already.
    """

    def __init__(self, uri: str | None, *, make: bool = False, alone: bool = True) -> None:
        self._uri, self._make, self._alone = uri, make, alone

    def __enter__(self) -> Any:
        from runstone.core.db import Database  # noqa: PLC0415

        try:
            place = address.parse(self._uri or _settings({}).backend_store_uri)
            if place.dialect == "sqlite" and not self._make and not place.file.exists():
                _stop(f"There is no database {place.shown} yet. Make it with: runstone db upgrade")
            self._db = Database.open(place, 2, alone=self._alone)
            if not self._alone:
                self._refuse_other_revision()
        except DatabaseRefused as error:
            _stop(str(error))
        return self._db

    def _refuse_other_revision(self) -> None:
        from runstone.core import migrate  # noqa: PLC0415

        found, wanted = self._db.read_now(migrate.current), migrate.head()
        migrate.refuse_newer(found)
        if found != wanted:
            raise DatabaseRefused(
                f"The database has revision {found or 'none'}, this release needs {wanted}. Run: runstone db upgrade"
            )

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        self._db.close()
        if isinstance(error, DatabaseRefused | RunstoneError):
            _stop(str(error))
        if isinstance(error, OSError) and error.filename is not None:
            _stop(
                f"The artifacts folder {error.filename} cannot be used: {error.strerror}. Name it with --artifacts-destination."
            )


def _settings(given: dict[str, Any]) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # several settings together
            _stop(f"{first['msg'].removeprefix('Value error, ')}.")
        name = str(first["loc"][0])
        _stop(f"RUNSTONE_{name.upper()} (--{name.replace('_', '-')}): {first['msg']}.")
    except SecretRefused as error:
        _stop(str(error))


def _stop(message: str) -> NoReturn:
    print(f"runstone: {message}", file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    main()

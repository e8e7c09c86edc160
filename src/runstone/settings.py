"""Every setting, once: name, type, default and one sentence. Nothing else reads the environment.

Each field is also the environment variable `RUNSTONE_<NAME>`; those with a server option carry its name in
`json_schema_extra["option"]`. The README's table and `runstone server --help` are made from this class.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def _setting(default: Any, option: str | None, sentence: str, **bounds: Any) -> Any:
    return Field(default=default, description=sentence, json_schema_extra={"option": option}, **bounds)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RUNSTONE_", extra="ignore", frozen=True)

    backend_store_uri: str = _setting(
        "sqlite:///runstone.db",
        "--backend-store-uri",
        "Database: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    default_artifact_root: str | None = _setting(
        None,
        "--default-artifact-root",
        "Root of the artifact locations given to new experiments; unset means mlflow-artifacts:/ (through this server).",
    )
    artifacts_destination: str = _setting(
        "./runstone-artifacts",
        "--artifacts-destination",
        "Folder where artifacts sent through this server are kept.",
    )
    serve_artifacts: bool = _setting(
        True,
        "--serve-artifacts/--no-serve-artifacts",
        "Whether clients upload and download artifacts through this server.",
    )
    host: str = _setting("127.0.0.1", "--host", "Address to listen on.")
    port: int = _setting(5000, "--port", "Port to listen on.", ge=0, le=65535)
    workers: int = _setting(1, "--workers", "Server processes; more than one needs Postgres.", ge=1, le=64)
    static_prefix: str = _setting("", "--static-prefix", "Path put before every URL, such as /tracking; starts with a slash.")
    allowed_hosts: str = _setting(
        "",
        "--allowed-hosts",
        "Comma-separated Host headers that are answered, * for all; empty means this machine and private addresses.",
    )
    cors_allowed_origins: str = _setting(
        "",
        "--cors-allowed-origins",
        "Comma-separated origins whose pages may call the API; empty means only this server's own.",
    )
    max_json_bytes: int = _setting(
        32 * 1024 * 1024, None, "Largest JSON request body, in bytes; larger ones answer 413.", ge=65536
    )
    max_artifact_bytes: int = _setting(0, None, "Largest artifact upload, in bytes; 0 means no limit but the disk's.", ge=0)
    truncate_long_values: bool = _setting(
        True,
        None,
        "Whether params over 6000 and run tags over 8000 characters are cut (as MLflow does) or refused.",
    )
    database_pool: int = _setting(8, None, "Database connections kept per server process.", ge=1, le=256)
    seal_seconds: float = _setting(
        5, None, "How often, in seconds, old metric points are sealed into compressed chunks; 0 turns it off.", ge=0, le=86_400
    )
    log_level: str = _setting("info", None, "Least severe log lines written: debug, info, warning or error.")

    @field_validator("static_prefix")
    @classmethod
    def _plain_prefix(cls, value: str) -> str:
        if value and (not value.startswith("/") or value.endswith("/") or re.search(r"[^A-Za-z0-9/._~-]|//", value)):
            raise ValueError("a static prefix starts with a slash, does not end with one, and is plain, such as /tracking")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError("it must be debug, info, warning or error")
        return value.lower()

    @property
    def experiment_root(self) -> str:
        """Where the artifacts of a new experiment are said to be: below this, by experiment id."""
        root = self.default_artifact_root or ("mlflow-artifacts:/" if self.serve_artifacts else self.artifacts_destination)
        # Clients have folders of their own to be relative to.
        return root if ":" in root.partition("/")[0] else str(Path(root).absolute())

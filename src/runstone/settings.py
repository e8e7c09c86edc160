"""Every setting, once: name, type, default and one sentence. Nothing else reads the environment.

Each field is also the environment variable `RUNSTONE_<NAME>`; those with a server option carry its name in
`json_schema_extra["option"]`; those marked as secrets may also stand in a file that `RUNSTONE_<NAME>_FILE` names, so that
no password is in an environment or a process list. The README's table and `runstone server --help` are made from this class.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

# A password is a line; a file of another size is some other file.
SECRET_FILE_LIMIT = 64 * 1024


def _setting(default: Any, option: str | None, sentence: str, *, secret: bool = False, **bounds: Any) -> Any:
    extra: dict[str, Any] = {"option": option, "secret": secret}
    return Field(default=default, description=sentence, repr=not secret, json_schema_extra=extra, **bounds)


def is_secret(field: FieldInfo) -> bool:
    """Whether the setting may be read from a file that `RUNSTONE_<NAME>_FILE` names."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("secret"))


class SecretRefused(ValueError):
    """A secret cannot be read; the text is a sentence for the operator and holds no secret."""


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets from the files that `RUNSTONE_<NAME>_FILE` names."""

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = f"RUNSTONE_{field_name.upper()}"
        file = os.environ.get(f"{variable}_FILE") if is_secret(field) else None
        if not file:
            return None, field_name, False
        if os.environ.get(variable):
            raise SecretRefused(f"{variable} and {variable}_FILE are both set. Keep one of them.")
        return _secret_in(file, f"{variable}_FILE"), field_name, False


def _secret_in(file: str, variable: str) -> str:
    """What stands in `file`, without the line's end. Raises `SecretRefused`."""
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(SECRET_FILE_LIMIT + 1)
        value = content.decode("utf-8").strip()
    except OSError as error:
        raise SecretRefused(f"{variable} names a file that cannot be read: {error.strerror} ({file}).") from error
    except UnicodeDecodeError as error:
        raise SecretRefused(f"{variable} names a file that is not text ({file}).") from error
    if not value or len(content) > SECRET_FILE_LIMIT:
        raise SecretRefused(f"{variable} names a file that is {'empty' if not value else 'too large for a secret'} ({file}).")
    return value


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RUNSTONE_", extra="ignore", frozen=True)

    backend_store_uri: str = _setting(
        "sqlite:///runstone.db",
        "--backend-store-uri",
        "Database: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
        secret=True,
    )
    default_artifact_root: str | None = _setting(
        None,
        "--default-artifact-root",
        "Root of the artifact locations given to new experiments; unset means mlflow-artifacts:/ (through this server).",
    )
    artifacts_destination: str = _setting(
        "./runstone-artifacts",
        "--artifacts-destination",
        "Where artifacts sent through this server are kept: a folder, or s3://BUCKET/PREFIX.",
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
    workspace_quota_bytes: int = _setting(
        0,
        None,
        "Most bytes of artifacts that one workspace may keep, parts of unfinished uploads included; 0 means no limit but the store's. With "
        "a quota, uploads to S3 pass through this server.",
        ge=0,
    )
    direct_transfer: Literal["auto", "on", "off"] = _setting(
        "auto",
        None,
        "Whether clients are given signed URLs to send and fetch large artifacts in parts: on, off, or auto: always for a folder, "
        "for S3 when RUNSTONE_S3_PUBLIC_ENDPOINT_URL is set or the store is AWS.",
    )
    download_check: Literal["changed", "always"] = _setting(
        "changed",
        None,
        "Which downloads are hashed and compared with their records: those of files that this process has not hashed within an hour, or "
        "that were touched since (changed), or all of them (always).",
    )
    public_url: str = _setting(
        "",
        None,
        "Where clients reach this server, such as https://runstone.example.org; empty means by the Host header of each request.",
    )
    s3_endpoint_url: str = _setting("", None, "The S3 store's URL; empty means AWS.")
    s3_public_endpoint_url: str = _setting(
        "", None, "The S3 store's URL as clients reach it, for signed URLs; empty means the same as RUNSTONE_S3_ENDPOINT_URL."
    )
    s3_region: str = _setting("us-east-1", None, "The S3 store's region.")
    s3_access_key_id: str = _setting(
        "", None, "Access key of the S3 store; empty means what the AWS SDK finds: its variables, its files, the machine's role."
    )
    s3_secret_access_key: str = _setting("", None, "Secret of the S3 access key.", secret=True)
    s3_addressing_style: Literal["auto", "path", "virtual"] = _setting(
        "auto", None, "Whether the bucket stands in the path or in the host of S3 URLs: auto, path or virtual."
    )
    s3_sse: Literal["none", "AES256", "aws:kms"] = _setting(
        "none", None, "Encryption that the S3 store is told to apply: none, AES256 or aws:kms."
    )
    s3_sse_kms_key_id: str = _setting("", None, "KMS key for aws:kms; empty means the store's own.")
    # A put takes an S3 store longer than all else that is done for a small file. Off where others read the bucket itself and
    # cannot wait ten seconds for what was acknowledged, or where the database is to hold no bytes of artifacts, not for a moment.
    s3_write_behind: bool = _setting(
        True,
        None,
        "Whether small files (64 KB) for S3 are acknowledged when the database holds them, and placed in the store a moment later; "
        "off where others read the bucket past this server.",
    )
    max_requests: int = _setting(
        1000, None, "Requests worked on at once per server process; more answer 503 with Retry-After.", ge=4
    )
    max_connections: int = _setting(
        8000, None, "Connections open at once per server process; more answer 503 and are closed.", ge=16
    )
    drain_seconds: float = _setting(
        0,
        None,
        "How long, in seconds, a server of one process that is told to stop goes on answering, while /readyz sends load balancers "
        "elsewhere.",
        ge=0,
        le=600,
    )
    truncate_long_values: bool = _setting(
        True,
        None,
        "Whether params over 6000 and run tags over 8000 characters are cut (as MLflow does) or refused.",
    )
    database_pool: int = _setting(8, None, "Database connections kept per server process.", ge=1, le=256)
    seal_seconds: float = _setting(
        5,
        None,
        "How often, in seconds, old metric points are sealed into compressed chunks, and their room is given back; 0 turns it off.",
        ge=0,
        le=86_400,
    )
    log_level: str = _setting("info", None, "Least severe log lines written: debug, info, warning or error.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, _SecretFiles(settings_cls), env_settings

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

    @field_validator("public_url", "s3_endpoint_url", "s3_public_endpoint_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", value):
            raise ValueError("a URL begins with http:// or https:// and holds no user, query or fragment")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _whole_credentials(self) -> Self:
        if bool(self.s3_access_key_id) != bool(self.s3_secret_access_key):
            raise ValueError(
                "an S3 access key needs its secret, and a secret its key: set both RUNSTONE_S3_ACCESS_KEY_ID and the other"
            )
        if self.s3_sse_kms_key_id and self.s3_sse != "aws:kms":
            raise ValueError("RUNSTONE_S3_SSE_KMS_KEY_ID needs RUNSTONE_S3_SSE=aws:kms")
        return self

    @property
    def experiment_root(self) -> str:
        """Where the artifacts of a new experiment are said to be: below this, by experiment id."""
        root = self.default_artifact_root or ("mlflow-artifacts:/" if self.serve_artifacts else self.artifacts_destination)
        # Clients have folders of their own to be relative to.
        return root if ":" in root.partition("/")[0] else str(Path(root).absolute())

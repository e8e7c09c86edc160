"""Around every request: request id, static prefix, who may ask (Host, Origin), security headers, the access line.

Plain ASGI, because every request passes here; outside of everything else, so that no answer lacks its headers.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from runstone.core import ids
from runstone.core.bodies import HELD_LIMIT, Bodies
from runstone.core.dispatch import HotPaths
from runstone.core.failures import json_answer
from runstone.core.headers import header
from runstone.errors import EndpointNotFound, InvalidParameter, PermissionDenied, RunstoneError
from runstone.settings import Settings

log = logging.getLogger("runstone.access")

UNGUARDED = ("/health", "/livez", "/readyz", "/version")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS_LIMIT = 32 * 1024
KNOWN_LIMIT = 100

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::(?P<port>[0-9]{1,5}))?\Z")
# What follows is a permission: it stays out of the log.
_SIGNED = re.compile(r"(/mlflow-artifacts/direct/).*", re.DOTALL)
_LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]", "host.docker.internal"}

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
DEFAULT_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'")


class Frame:
    def __init__(self, app: HotPaths, settings: Settings) -> None:
        self.app = app
        self.prefix = settings.static_prefix.rstrip("/")
        self._hosts = listed(settings.allowed_hosts)
        self._origins = listed(settings.cors_allowed_origins)
        self._bodies = Bodies(max(HELD_LIMIT, settings.max_json_bytes))
        self._known: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        request_id = ids.request_id()
        state = scope.setdefault("state", {})
        state["request_id"], state["bodies"] = request_id, self._bodies
        sender = _Sender(send, request_id, self._cors(scope))
        started = time.perf_counter()
        try:
            self._admit(scope)
        except RunstoneError as error:
            await json_answer(error)(scope, receive, sender)
        else:
            try:
                await self._answer(scope, receive, sender)
            except Exception:
                if not sender.finished:
                    raise  # cuts the connection: the asker must not take half an answer for a whole one
            finally:
                self._bodies.give_back(scope)
        self.log_answer(scope, sender.status, request_id, started)

    async def _answer(self, scope: Scope, receive: Receive, sender: _Sender) -> None:
        if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method"):
            await _preflight(sender)
        else:
            await self.app(scope, receive, sender)

    def _admit(self, scope: Scope) -> None:
        """Set the path free of the prefix. Raises for a foreign Host, a foreign page, oversized headers."""
        path: str = scope["path"]
        if path.startswith("//"):  # an address that ends with a slash, and a path that begins with one
            path = scope["path"] = "/" + path.lstrip("/")
        if self.prefix:
            if path.startswith(self.prefix + "/"):
                scope["path"] = path[len(self.prefix) :]
            elif path == self.prefix:
                scope["path"] = "/"
            elif path not in UNGUARDED:
                raise EndpointNotFound(f"Everything is below {self.prefix}/ on this server.")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_LIMIT:
            raise InvalidParameter(f"The request's headers are larger than {HEADERS_LIMIT} bytes in all.")
        if scope["path"] not in UNGUARDED and not self._host_allowed(header(scope, b"host")):
            raise PermissionDenied(
                "Invalid Host header - possible DNS rebinding attack detected. Start the server with --allowed-hosts naming "
                "the name that you use for it."
            )
        if scope["method"] not in SAFE_METHODS and not self._origin_allowed(scope):
            raise PermissionDenied(
                "Cross-origin request blocked. Start the server with --cors-allowed-origins naming the page's origin."
            )

    def knows(self, host: bytes) -> bool:
        """Whether requests that name this host are answered; for the few hosts that nearly all of them name."""
        if host in self._known:
            return True
        allowed = self._host_allowed(host.decode("latin-1"))
        if allowed and len(self._known) < KNOWN_LIMIT:
            self._known.add(host)
        return allowed

    def _host_allowed(self, host: str) -> bool:
        if "*" in self._hosts:
            return True
        match = _HOST.match(host)
        if match is None or int(match.group("port") or 0) > 65_535:
            return False
        name = match.group("name").lower()
        if self._hosts:
            return name in self._hosts or host.lower() in self._hosts
        return name in _LOCAL_NAMES or _is_private(name)

    def _origin_allowed(self, scope: Scope) -> bool:
        """A browser says where a page is from; a page of another site may not write here. Programs say nothing."""
        origin = header(scope, b"origin").lower()
        site = header(scope, b"sec-fetch-site").lower()
        if origin in self._origins or "*" in self._origins:
            return True
        if site and site not in ("same-origin", "none"):
            return False
        # Browsers hide the origin of a form on a page with no-referrer; which site it is from they still say.
        if not origin or (origin == "null" and site == "same-origin"):
            return True
        return origin in {
            f"http://{header(scope, b'host').lower()}",
            f"https://{header(scope, b'host').lower()}",
        }

    def _cors(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        origin = header(scope, b"origin")
        if not origin or (origin.lower() not in self._origins and "*" not in self._origins):
            return []
        return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]

    def log_answer(self, scope: Scope, status: int, request_id: str, started: float) -> None:
        level = logging.ERROR if status >= 500 else logging.INFO if status >= 400 else logging.DEBUG
        if not log.isEnabledFor(level):
            return  # a line per good request would cost more than many of the requests
        log.log(
            level,
            "request",
            extra={
                "method": scope["method"][:16],
                "path": _SIGNED.sub(r"\1...", scope["path"])[:300],
                "status": status,
                "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                "request_id": request_id,
            },
        )


class _Sender:
    """Adds the headers that every answer has, and remembers the status."""

    def __init__(self, send: Send, request_id: str, extra: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._request_id = request_id
        self.extra = extra
        self.status = 0
        self.finished = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
            headers.append((b"x-request-id", self._request_id.encode("ascii")))
            headers += self.extra
            if not any(name == b"content-security-policy" for name, _ in headers):
                headers.append(DEFAULT_POLICY)
        elif message["type"] == "http.response.body":
            self.finished = not message.get("more_body", False)
        await self._send(message)


async def _preflight(sender: _Sender) -> None:
    headers: list[Any] = [(b"content-length", b"0"), (b"access-control-max-age", b"600")]
    if sender.extra:
        headers += [
            (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
            (b"access-control-allow-headers", b"authorization, content-type, x-mlflow-workspace"),
        ]
    await sender({"type": "http.response.start", "status": 200 if sender.extra else 403, "headers": headers})
    await sender({"type": "http.response.body", "body": b""})


def listed(text: str) -> set[str]:
    """The lower-cased items of a comma-separated setting."""
    return {item.strip().lower().rstrip("/") for item in text.split(",") if item.strip()}


def _is_private(name: str) -> bool:
    try:
        found = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return found.is_private and not found.is_unspecified and not found.is_link_local

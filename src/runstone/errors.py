"""Every error that a caller can be told about: a wire code, an HTTP status and a message that says what to do.

RunstoneError
  InvalidParameter     400 INVALID_PARAMETER_VALUE
  BadRequest           400 BAD_REQUEST
  AlreadyExists        400 RESOURCE_ALREADY_EXISTS   (400 and not 409: clients key on the code)
  PermissionDenied     403 PERMISSION_DENIED
  NotFound             404 RESOURCE_DOES_NOT_EXIST
  EndpointNotFound     404 ENDPOINT_NOT_FOUND
  MethodNotAllowed     405 ENDPOINT_NOT_FOUND
  RequestTimeout       408 BAD_REQUEST
  ChangedMeanwhile     409 RESOURCE_CONFLICT         (of pages: somebody else was quicker, and nobody's text is lost)
  DataLoss             409 DATA_LOSS                 (409 and not 500: clients repeat those, and the file stays as it is)
  PayloadTooLarge      413 INVALID_PARAMETER_VALUE
  QuotaExceeded        413 RESOURCE_EXHAUSTED        (413 and not 429 or 507: sending it again changes nothing)
  RangeNotSatisfiable  416 INVALID_PARAMETER_VALUE
  HeadersTooLarge      431 BAD_REQUEST
  NotImplementedHere   501 NOT_IMPLEMENTED
  Unavailable          503 TEMPORARILY_UNAVAILABLE   (with Retry-After)
  StorageFull          507 RESOURCE_EXHAUSTED        (with Retry-After)
"""

from __future__ import annotations

from typing import Any, ClassVar


class RunstoneError(Exception):
    """The public part is `message`; a private cause travels as `__cause__` and only reaches the log."""

    error_code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    retry_after: ClassVar[int | None] = None
    # The few answers that the wire wants as plain text, not in the one shape.
    plain_text: ClassVar[bool] = False

    def __init__(self, message: str, **headers: str) -> None:
        super().__init__(message)
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.retry_after is not None:
            self.headers.setdefault("Retry-After", str(self.retry_after))

    def body(self) -> dict[str, Any]:
        return {"error_code": self.error_code, "message": self.message}


class InvalidParameter(RunstoneError):
    error_code = "INVALID_PARAMETER_VALUE"
    status = 400


class BadRequest(RunstoneError):
    error_code = "BAD_REQUEST"
    status = 400


class AlreadyExists(RunstoneError):
    error_code = "RESOURCE_ALREADY_EXISTS"
    status = 400


class PermissionDenied(RunstoneError):
    error_code = "PERMISSION_DENIED"
    status = 403


class NotFound(RunstoneError):
    error_code = "RESOURCE_DOES_NOT_EXIST"
    status = 404


class EndpointNotFound(RunstoneError):
    error_code = "ENDPOINT_NOT_FOUND"
    status = 404


class MethodNotAllowed(RunstoneError):
    error_code = "ENDPOINT_NOT_FOUND"
    status = 405


class RequestTimeout(RunstoneError):
    error_code = "BAD_REQUEST"
    status = 408


class HeadersTooLarge(RunstoneError):
    error_code = "BAD_REQUEST"
    status = 431


class PayloadTooLarge(RunstoneError):
    error_code = "INVALID_PARAMETER_VALUE"
    status = 413


class ChangedMeanwhile(RunstoneError):
    error_code = "RESOURCE_CONFLICT"
    status = 409


class DataLoss(RunstoneError):
    error_code = "DATA_LOSS"
    status = 409


class QuotaExceeded(RunstoneError):
    error_code = "RESOURCE_EXHAUSTED"
    status = 413


class RangeNotSatisfiable(RunstoneError):
    error_code = "INVALID_PARAMETER_VALUE"
    status = 416


class NotImplementedHere(RunstoneError):
    error_code = "NOT_IMPLEMENTED"
    status = 501


class Unavailable(RunstoneError):
    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    retry_after = 2


class StorageFull(RunstoneError):
    error_code = "RESOURCE_EXHAUSTED"
    status = 507
    retry_after = 30

"""The one shape of every error, ``{"detail": text}``, and the words for what was malformed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from qbm.config.problem import printable
from qbm.config.refusals import (
    AlreadyThere,
    ChangedMeanwhile,
    NameRefused,
    NameReserved,
    NoSuchConfig,
    NotEditable,
)
from qbm.errors import QbmError, ShuttingDown

Clean: TypeAlias = Callable[[str], str]

_STATUS: Final[Mapping[type[QbmError], int]] = {
    NoSuchConfig: 404,
    NameReserved: 403,
    NameRefused: 400,
    NotEditable: 400,
    AlreadyThere: 409,
    ChangedMeanwhile: 409,
    ShuttingDown: 503,
}
"""Any other error is no fault of the request: 500."""

_FAULTS: Final[Mapping[str, str]] = {
    "missing": "it is missing",
    "json_invalid": "it is no JSON",
    "model_attributes_type": "it must be a JSON object, {{…}}",
    "model_type": "it must be a JSON object, {{…}}",
    "dict_type": "it must be a JSON object, {{…}}",
    "list_type": "it must be a list, […]",
    "string_type": "it must be a text",
    "string_too_short": "it is empty",
    "string_too_long": "it is longer than {max_length} characters",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "int_parsing_size": "the number is far too large",
    "greater_than_equal": "it must be {ge} or more",
    "less_than_equal": "it must be {le} or less",
    "enum": "it must be {expected}",
    "literal_error": "it must be {expected}",
    "value_error": "{error}",
}
_OF_FASTAPI: Final = "There was an error parsing the body"
_PLACES: Final = frozenset({"body", "query", "path", "header"})


class Detail(BaseModel):
    """What went wrong, where, and what to do."""

    detail: str


Responses: TypeAlias = dict[int | str, dict[str, Any]]


def errors(*statuses: int) -> Responses:
    """The ``responses`` of a route that can answer with these errors, for OpenAPI."""
    return {each: {"model": Detail, "description": HTTPStatus(each).phrase} for each in statuses}


def refusal(
    status: int, detail: str, clean: Clean, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error's answer, without secrets."""
    return JSONResponse({"detail": sendable(clean(detail))}, status, dict(headers or {}))


def sendable(text: str) -> str:
    """The text with what is no character (a file name can have it) replaced."""
    return text.encode(errors="replace").decode()


def speak_of_errors(app: FastAPI, clean: Clean) -> None:
    """Have every error that a route raises answered in the one shape."""

    async def raised(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
        return refusal(error.status_code, _told(request, error), clean, error.headers)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
        detail = explained(error.errors())
        if isinstance(error.body, bytes):
            said = printable(request.headers.get("content-type", ""))
            detail = f"The body is called {said}: send JSON, with Content-Type: application/json."
        return refusal(400, detail, clean)

    async def failed(_: Request, error: Exception) -> Response:
        status = next((_STATUS[each] for each in type(error).__mro__ if each in _STATUS), 500)
        return refusal(status, str(error), clean)

    handlers: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: raised,
        RequestValidationError: malformed,
        QbmError: failed,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def explained(problems: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with a request, field by field, without the values: they may be secrets."""
    return "; ".join(_explained(each).removesuffix(".") for each in problems) + "."


def _explained(problem: Mapping[str, Any]) -> str:
    place, *field = problem["loc"]
    if problem["type"] == "json_invalid":
        where = f", at character {field[0]}" if field else ""
        return f"The body is no JSON ({problem['ctx']['error']}{where})."
    if place == "body" and not field:
        where = "The body"
    else:
        keys = field if place in _PLACES else [place]
        if place == "query":
            keys = keys[:1]  # how many times it is said is no matter
        where = ".".join(printable(str(each)) for each in keys)
    fault = _FAULTS.get(problem["type"], "it is not allowed")
    return f"{where}: {fault.format_map(problem.get('ctx', {}))}."


def _told(request: Request, error: HTTPException) -> str:
    """The error's own words, or better ones than the phrase of its status."""
    if error.detail == _OF_FASTAPI:
        return _unreadable(error.__cause__)
    if error.detail != HTTPStatus(error.status_code).phrase:
        return error.detail
    path = printable(request.url.path)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"There is nothing at {path}. /api/docs-ui lists what there is."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        return f"{path} does not take {printable(request.method)}; it takes {allowed}."
    return error.detail


def _unreadable(cause: BaseException | None) -> str:
    """Why a body could not be parsed at all."""
    match cause:
        case RecursionError():
            why = "it is nested too deeply"
        case UnicodeError():
            why = "it is not UTF-8"
        case _:
            why = "a number in it is far too long"
    return f"The body cannot be read: {why}."

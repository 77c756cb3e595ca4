"""Kinds of values in request bodies, beyond what JSON lets through."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from qbm.config.problem import printable

DEEPEST: Final = 40
"""Levels of nesting; a config has six."""


def _whole(text: str) -> str:
    """JSON can write half of a surrogate pair, which no file and no database takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds what is no character (half of a surrogate pair)") from None
    return text


def _shallow(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    level = [value]
    for _ in range(DEEPEST):
        level = [each for parent in level for each in _children(parent)]
        if not level:
            return value
    raise ValueError(f"it is nested too deeply (more than {DEEPEST} levels)")


def _children(value: Any) -> list[Any]:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return [*map(_whole, value), *value.values()]
    if isinstance(value, str):
        _whole(value)
    return value if isinstance(value, list) else []


Text: TypeAlias = Annotated[str, AfterValidator(_whole)]
Data: TypeAlias = Annotated[dict[str, Any], AfterValidator(_shallow)]
"""A config as JSON: bounded in depth, and all its texts can be written."""

_B = TypeVar("_B", bound=BaseModel)


class _Request(Request):
    """One whose body says nothing twice."""

    async def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The body; raises HTTPException, 400, if a field has two values."""
        if not hasattr(self, "_json"):
            self._json = json.loads(await self.body(), object_pairs_hook=_said_once)
        return self._json


class BodyRoute(APIRoute):
    """A route whose body may give no field two values: of two dry_run neither is the right one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As any other's, with that check before."""
        handle = super().get_route_handler()

        async def handle_checked(request: Request) -> Response:
            return await handle(_Request(request.scope, request.receive))

        return handle_checked


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found and found[name] != value:
            detail = f"{printable(name)} is there twice, with different values."
            raise HTTPException(400, detail)
        found[name] = value
    return found


def read_as(kind: type[_B]) -> Callable[[Request], Awaitable[_B]]:
    """A dependency that reads the body as this, whatever content type it claims to have."""

    async def read(request: Request) -> _B:
        raw = await request.body()
        with suppress(ValueError, RecursionError):  # no JSON: told below
            json.loads(raw, object_pairs_hook=_said_once)
        try:
            return kind.model_validate_json(raw)
        except ValidationError as error:
            errors = error.errors(include_input=False, include_url=False)
            raise RequestValidationError(
                [{**each, "loc": ("body", *each["loc"])} for each in errors]
            ) from None  # it quotes the body

    return read


def schema_of(kind: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI is told of a body that ``read_as`` reads."""
    content = {"application/json": {"schema": kind.model_json_schema()}}
    return {"requestBody": {"content": content, "required": True}}

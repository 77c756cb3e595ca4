"""Kinds of values in request bodies, beyond what JSON lets through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ValidationError
from starlette.requests import Request

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


def read_as(kind: type[_B]) -> Callable[[Request], Awaitable[_B]]:
    """A dependency that reads the body as this, whatever content type it claims to have."""

    async def read(request: Request) -> _B:
        try:
            return kind.model_validate_json(await request.body())
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

"""Kinds of values in request bodies, beyond what JSON lets through."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator

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

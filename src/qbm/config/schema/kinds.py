"""Kinds of values that several sections take, in every form that people write them in."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from qbm.config.schema.section import is_blank, wrong
from qbm.model.names import is_category_name

LARGEST_NUMBER = 2**31
_T = TypeVar("_T", bound=Hashable)


def listed(value: object) -> list[object]:
    """One item without a list is a list of one; items without a value are none."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return [item for item in items if not is_blank(item)]


def split_text(value: object) -> list[object]:
    """Text is split at its commas; the items of a list stay whole."""
    items = value.split(",") if isinstance(value, str) else value
    return listed(items)


def _split_items(value: object) -> list[object]:
    """Text, and every item of a list, is split at its commas."""
    return [part for item in listed(value) for part in split_text(item)]


def without_repeats(items: tuple[_T, ...]) -> tuple[_T, ...]:
    """Each item once, in the order of their first."""
    return tuple(dict.fromkeys(items))


def _without_comma(tag: str) -> str:
    if "," in tag:
        raise wrong("qBittorrent takes a tag with a comma for several tags", "a tag without comma")
    return tag


def _creatable(category: str) -> str:
    if not is_category_name(category):
        raise wrong(
            "qBittorrent cannot have a category of this name",
            "a name without \\, and with / only between two names",
        )
    return category


Name: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
CategoryName: TypeAlias = Annotated[Name, AfterValidator(_creatable)]
Tag: TypeAlias = Annotated[Name, AfterValidator(_without_comma)]
Tags: TypeAlias = Annotated[
    tuple[Name, ...], BeforeValidator(_split_items), AfterValidator(without_repeats)
]
"""A list, or text with commas: a tag with a comma is several, as it is in qBittorrent."""
Texts: TypeAlias = Annotated[
    tuple[Name, ...], BeforeValidator(split_text), AfterValidator(without_repeats)
]
"""A list of words, phrases or names, which may hold commas; or text that commas separate."""
Items: TypeAlias = Annotated[tuple[Name, ...], BeforeValidator(listed)]
"""A list, or one item; no comma has a meaning."""
Paths: TypeAlias = Annotated[Items, Field(min_length=1)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]

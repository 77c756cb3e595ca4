"""What is wrong with a value, in words: pydantic's kinds of error, told without the value.

Pydantic's own messages can repeat what stands in the file, which may be a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import get_args

from pydantic_core import ErrorDetails

from qbm.config.reading.values import Keys, Value
from qbm.config.schema import Config, Section

_A_LIST_OF_ALL_IS_SHORT = 12

_TOLD: Mapping[str, tuple[str, str]] = {
    "missing": ("a value is required here", ""),
    "bool_parsing": ("it is neither true nor false", "true or false"),
    "bool_type": ("it is neither true nor false", "true or false"),
    "int_parsing": ("it is no whole number", "a whole number"),
    "int_type": ("it is no whole number", "a whole number"),
    "int_parsing_size": ("the number is far too large", "a whole number"),
    "greater_than_equal": ("the number is too small", "{ge} or more"),
    "less_than_equal": ("the number is too large", "{le} or less"),
    "string_type": ("it is no text", "text; in quotes if it begins with {{ or ["),
    "string_too_short": ("it is empty", "text"),
    "too_short": ("it has no path", "a path, a pattern with *, or a list of them"),
    "too_long": ("there are too many here", "one"),
    "dict_type": ("it is no section", "keys with values, each in its own line below, indented"),
    "model_type": ("it is no section", "keys with values, each in its own line below, indented"),
}

_NO_NEW_CATEGORY = (
    "there is no category to move on to, and cat_change cannot take a category away",
    "the name of a category",
)


def told(error: ErrorDetails, value: Value) -> tuple[str, str]:
    """The reason and what is allowed, for an error of the schema at ``value``."""
    context = error.get("ctx", {})
    if error["type"] == "qbm":
        return context["reason"], context["allowed"]
    if error["type"] == "extra_forbidden":
        return _unknown_key(error["loc"])
    if error["type"] == "missing" and error["loc"][:1] == ("cat_change",):
        return _NO_NEW_CATEGORY
    reason, allowed = _TOLD.get(error["type"], ("this is not allowed here", ""))
    if error["type"] in ("dict_type", "model_type") and _is_key_without_space(value):
        return "there is no space after the colon", "key: value"
    return reason, allowed.format_map(context)


def _is_key_without_space(value: Value) -> bool:
    return isinstance(value, str) and ":" in value and not value.startswith(("http:", "https:"))


def _unknown_key(at: Keys) -> tuple[str, str]:
    key = str(at[-1])
    section = section_at(at[:-1])
    known = sorted(section.known_keys() - section.renamed.keys())
    if near := difflib.get_close_matches(key.lower(), known, n=1):
        return f"unknown key; did you mean {near[0]}?", ""
    homes = [name for name, home in _sections(Config).items() if key in home.known_keys()]
    if homes:
        return f"unknown key here; it belongs under {homes[0]}", ""
    return "unknown key", ", ".join(known) if len(known) <= _A_LIST_OF_ALL_IS_SHORT else ""


def section_at(at: Keys) -> type[Section]:
    """The model of the section that stands at ``at``."""
    section: type[Section] = Config
    for key in at:
        section = _sections(section).get(str(key), section)
    return section


@cache
def _sections(parent: type[Section]) -> dict[str, type[Section]]:
    """The sections right below a section, or below each of its entries."""
    return {
        field.alias or name: found
        for name, field in parent.model_fields.items()
        if (found := _section_in(field.annotation)) is not None
    }


def _section_in(annotation: object) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for each in get_args(annotation) if (found := _section_in(each))), None)

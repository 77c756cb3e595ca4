"""What all sections have in common, and how a finding of our own is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

Keys: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of mappings and numbers of list items."""


def wrong(reason: str, allowed: str) -> PydanticCustomError:
    """A finding of our own; neither text may repeat the value, which can be a secret."""
    return PydanticCustomError("qbm", "{reason}", {"reason": reason, "allowed": allowed})


def all_wrong(findings: Iterable[tuple[Keys, PydanticCustomError]]) -> None:
    """Raise all findings, each with the way to it, as one error; nothing if there are none."""
    errors = [InitErrorDetails(type=error, loc=at, input=None) for at, error in findings]
    if errors:
        raise ValidationError.from_exception_data("config", errors)


def is_blank(value: object) -> bool:
    """There is no value: none at all, or blank text."""
    return value is None or (isinstance(value, str) and not value.strip())


class Section(BaseModel):
    """A mapping with known keys; a key without a value, or with blank text, has its default."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
        defer_build=True,  # Config builds all of them in one go
    )

    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of older files, each with today's."""
    short: ClassVar[str] = ""
    """The key that a value stands for which is given instead of the section; "" if none."""

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_said(cls, given: object) -> object:
        if given is None:
            return {}
        if cls.short and not isinstance(given, (Mapping, cls)):
            given = {cls.short: given}
        if not isinstance(given, Mapping):
            return given
        known = cls.known_keys()
        said = {
            key: value for key, value in given.items() if key not in known or not is_blank(value)
        }
        today = {cls.renamed[old]: said.pop(old) for old in cls.renamed if old in said}
        return {**today, **said}

    @classmethod
    @cache
    def known_keys(cls) -> frozenset[str]:
        """Every key that may stand in this section, as files spell it."""
        today = (field.alias or name for name, field in cls.model_fields.items())
        return frozenset((*today, *cls.renamed))

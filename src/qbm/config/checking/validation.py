"""The schema applied to a file's values, so that everything that is wrong is found at once."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from qbm.config.checking.older import as_written
from qbm.config.reading.values import Keys, Value, Values
from qbm.config.schema import Config

_NO_SERVER = (("qbt",), ("qbt", "host"))
_A_SERVER: dict[str, Value] = {"qbt": {"host": "localhost"}}
"""Stands in for the one required key, so that the rest can be looked at without it."""
_FOLLOWS = "default_factory_not_called"
"""The kind of error of a default that is made from a value which is wrong itself."""


def checked(data: dict[str, Value], values: Values) -> tuple[Config | None, list[ErrorDetails]]:
    """The config without what is wrong, and all that is.

    What is wrong is left out and the rest looked at again, since an entry that is wrong
    keeps the schema from the rules that look at several entries.
    """
    if data.get("qbt") is None:
        data = {**data, "qbt": {}}  # so that what is missing is its host
    context = {"folder": values.source.folder, "secrets": values.secrets}
    found: list[ErrorDetails] = []
    left_out: set[Keys] = set()
    while True:
        try:
            return Config.model_validate(data, context=context), found
        except ValidationError as error:
            errors = error.errors(include_input=False, include_url=False)
        entries = [(_entry(each, values), each) for each in errors if each["type"] != _FOLLOWS]
        new = [(entry, each) for entry, each in entries if not _is_below(entry, left_out)]
        if not new:
            return None, found
        found += (each for _, each in new)
        left_out |= {entry for entry, _ in new}
        data = without(data, left_out)
        if not left_out.isdisjoint(_NO_SERVER):
            data |= _A_SERVER


def _entry(error: ErrorDetails, values: Values) -> Keys:
    """What to leave out: an unknown key alone, else the section's key or entry around it."""
    at = as_written(error["loc"], values)
    return at if error["type"] == "extra_forbidden" else at[:2]


def _is_below(at: Keys, left_out: Collection[Keys]) -> bool:
    return any(at[:end] in left_out for end in range(len(at) + 1))


def without(data: dict[str, Value], out: Collection[Keys]) -> dict[str, Value]:
    """The data without what stands at ``out``; an item of a list leaves a gap."""
    return {
        key: _without(value, below) if (below := _below(key, out)) else value
        for key, value in data.items()
        if (key,) not in out
    }


def _without(value: Value, out: Collection[Keys]) -> Value:
    if isinstance(value, dict):
        return without(value, out)
    if isinstance(value, list):
        return [
            None if (number,) in out else _without(item, _below(number, out))
            for number, item in enumerate(value)
        ]
    return value


def _below(key: str | int, out: Collection[Keys]) -> set[Keys]:
    return {at[1:] for at in out if at[0] == key and len(at) > 1}

"""Ways of older files: where in the file a value of the schema stands, and what to call it today.

The models take the older ways by themselves; here they are found again.
"""

from __future__ import annotations

from collections.abc import Iterator

from qbm.config.checking.texts import section_at
from qbm.config.problem import Kind, Problem
from qbm.config.reading.values import Keys, Values
from qbm.config.schema import Webhooks

_FUNCTION = ("webhooks", "function")


def as_written(at: Keys, values: Values) -> Keys:
    """The way in the file to what the schema has at ``at``."""
    if at in values.places:
        return at
    if at[:2] == _FUNCTION and ("webhooks", *at[2:3]) in values.keys:
        return ("webhooks", *at[2:])
    if at[:1] == ("nohardlinks",) and ("nohardlinks", 0) in values.places:
        return _in_list(at, values)
    for old, new in section_at(at[:-1]).renamed.items():
        if at[-1:] == (new,) and (*at[:-1], old) in values.keys:
            return (*at[:-1], old)
    return at


def _in_list(at: Keys, values: Values) -> Keys:
    """The same for an item of ``nohardlinks`` that is a mapping."""
    section, category = at[0], at[1:2]
    number = 0
    while (section, number) in values.places:
        if (section, number, *category) in values.keys:
            return (section, number, *at[1:])
        number += 1
    return at


def older_keys(values: Values) -> Iterator[Problem]:
    """Every key of older files, with the one of today."""
    for at, mark in values.keys.items():
        today = _today(at)
        if not today:
            continue
        if (*at[:-1], *today) in values.keys:
            reason = f"it has no effect, for {today[-1]} is there as well"
        else:
            reason = f"a key of older files; today it is {'.'.join(today)}"
        yield values.problem(mark, at, reason, kind=Kind.LEGACY)


def _today(at: Keys) -> tuple[str, ...]:
    """The way from the section to the key of today; () if this is one."""
    *section, key = at
    if section == ["webhooks"] and key in Webhooks.moved:
        return ("function", str(key))
    renamed = section_at(tuple(section)).renamed
    return (renamed[str(key)],) if key in renamed else ()

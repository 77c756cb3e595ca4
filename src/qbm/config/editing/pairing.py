"""What stays of a mapping or list that is to become another one, and what is new in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from difflib import SequenceMatcher
from typing import Generic, TypeVar

from msgspec import Struct

from qbm.config.editing.meaning import Json, json_of, says
from qbm.config.editing.written import List, Map, Node, aliases_in, entries_of, is_merge, target

_MOST_COMPARED = 250_000
"""Pairs of items; longer lists that change all over are taken item by item."""

_Key = TypeVar("_Key", str, int)


class Pairing(Struct, Generic[_Key], frozen=True):
    """Parts of the old collection, by number, and keys of the wanted one.

    ``stays`` has the key that a part stays for, None for a merge key; ``new`` has the keys that
    come, each with the number of the part after which it comes, -1 before all.
    """

    stays: Mapping[int, _Key | None]
    new: Sequence[tuple[int, _Key]]


def paired_entries(node: Map, wanted: Mapping[str, Json], stale: AbstractSet[str]) -> Pairing[str]:
    """The entries by name.

    Merge keys stay that bring nothing which is not wanted, or has changed: ``stale`` are the
    anchors whose value does.
    """
    merges = {
        number: value
        for number, (key, value) in enumerate(node.entries)
        if is_merge(key, value)
        and stale.isdisjoint(aliases_in(value))
        and _brought(value).keys() <= wanted.keys()
    }
    own: dict[str, int] = {}
    for number, (key, value) in enumerate(node.entries):
        if not is_merge(key, value):
            own.setdefault(key.value, number)
    names = {number: name for name, number in own.items() if name in wanted}
    stays: dict[int, str | None] = {**dict.fromkeys(merges), **names}
    return Pairing(stays, _new_entries(wanted, own, merges))


def _new_entries(
    wanted: Mapping[str, Json], own: Mapping[str, int], merges: Mapping[int, Node]
) -> list[tuple[int, str]]:
    """Each after the part of the one that is wanted before it."""
    brought: dict[str, Node] = {}
    for value in merges.values():
        brought = _brought(value) | brought
    new: list[tuple[int, str]] = []
    last = -1
    for name, json in wanted.items():
        if name in own:
            last = own[name]
        elif name not in brought or not says(brought[name], json):
            new.append((last, name))
    return new


def _brought(value: Node) -> dict[str, Node]:
    """The keys that a merge key takes in."""
    node = target(value)
    found: dict[str, Node] = {}
    for each in node.items if isinstance(node, List) else (node,):
        mapping = target(each)
        if isinstance(mapping, Map):
            found = entries_of(mapping) | found
    return found


def paired_items(items: Sequence[Node], wanted: Sequence[Json]) -> Pairing[int]:
    """The items by number: those that say it already, then neighbours."""
    stays = _stays(items, wanted)
    old = {new: number for number, new in stays.items()}
    new: list[tuple[int, int]] = []
    last = -1
    for number in range(len(wanted)):
        if number in old:
            last = old[number]
        else:
            new.append((last, number))
    return Pairing(stays, new)


def _stays(items: Sequence[Node], wanted: Sequence[Json]) -> dict[int, int]:
    shorter = min(len(items), len(wanted))
    start = next((n for n in range(shorter) if not says(items[n], wanted[n])), shorter)
    rest = range(shorter - start)
    end = next((n for n in rest if not says(items[-1 - n], wanted[-1 - n])), len(rest))
    old, new = range(start, len(items) - end), range(start, len(wanted) - end)
    if len(old) * len(new) > _MOST_COMPARED:
        return {n: n for n in range(shorter)}
    pairs = {n: n for n in range(start)}
    pairs |= {len(items) - n: len(wanted) - n for n in range(1, end + 1)}
    return pairs | _compared(items, wanted, old, new)


def _compared(
    items: Sequence[Node], wanted: Sequence[Json], old: range, new: range
) -> dict[int, int]:
    """The pairs among the ``old`` items and the ``new`` wanted ones, which change all over."""
    old_ids = [_first_that_says(items, json_of(items[n])) for n in old]
    found = [_first_that_says(items, wanted[n]) for n in new]
    new_ids = [first if first >= 0 else -1 - place for place, first in enumerate(found)]
    pairs: dict[int, int] = {}
    matcher = SequenceMatcher(None, old_ids, new_ids, autojunk=False)
    for _, i, j, k, m in matcher.get_opcodes():
        pairs |= dict(zip(old[i:j], new[k:m], strict=False))
    return pairs


def _first_that_says(items: Sequence[Node], wanted: Json) -> int:
    return next((number for number, item in enumerate(items) if says(item, wanted)), -1)

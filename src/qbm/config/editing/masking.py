"""Secrets of a config: shown as ``***``, and put back where ``***`` comes back.

What is secret the schema says by its types. Names and addresses are a second line of
defence, for keys that it does not know and for what people write in the wrong place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct
from pydantic import SecretStr

from qbm.config.editing.meaning import SPECIAL, Json, json_of
from qbm.config.editing.written import List, Map, Node, Text, entries_of, target
from qbm.config.problem import shown_path
from qbm.config.refusals import NotEditable
from qbm.config.schema import Config
from qbm.config.schema.secrets import is_mapping, types_below
from qbm.model.tracker import without_passkey

MASK = "***"
"""Stands for a secret: in an answer there is one, in a request it is to stay."""

_RECEIVERS = frozenset({"apprise", "notifiarr"})
"""Sections in which every address is a secret; under ``webhooks`` their names may stand."""
_NAME = re.compile(
    r"password|passwd|passphrase|passkey|api[_-]?key|token|secret|(?<![a-z])pass(?![a-z])",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"://[^/@\s]*:[^/@\s]*@")
_KEY_LIKE = re.compile(r"[0-9A-Za-z]{20,}")


class _Place(Struct, frozen=True):
    """A place in a config: the way there, the schema's types of it, and whether it is secret."""

    way: tuple[str, ...] = ()
    types: tuple[object, ...] = (Config,)
    is_hidden: bool = False

    def below(self, key: str) -> _Place:
        types = tuple(each for one in self.types for each in types_below(one, key))
        is_named_freely = any(is_mapping(each) for each in self.types)
        is_hidden = self.is_hidden or SecretStr in types
        if not is_named_freely:
            is_hidden = is_hidden or _NAME.search(key) is not None
        return _Place((*self.way, key), types, is_hidden)

    def hides(self, text: Text) -> bool:
        """Whether a value here is a secret; a variable's or a file's name is none."""
        value = json_of(text)
        if value is None or value == "" or text.tag in SPECIAL:
            return False
        section = self.way[0] if self.way else ""
        if section == "webhooks":
            return str(value).strip().lower() not in _RECEIVERS
        return self.is_hidden or (isinstance(value, str) and _is_secret_address(value, section))

    def names(self, keys: Iterable[str]) -> dict[str, str]:
        """The keys as they are shown, each with the real one; a passkey in a key is left out."""
        if self.way != ("tracker",):
            return {key: key for key in keys}
        taken: Counter[str] = Counter()
        names = {}
        for key in keys:
            name = without_passkey(key) if _KEY_LIKE.search(key) else key
            taken[name] += 1
            names[name if taken[name] == 1 else f"{name} ({taken[name]})"] = key
        return names


def masked(root: Node) -> dict[str, Json]:
    """A file's values as JSON, with ``***`` for each secret; {} if it is no mapping."""
    return _masked_entries(root, _Place()) if isinstance(root, Map) else {}


def unmasked(root: Node, wanted: Mapping[str, Json]) -> dict[str, Json]:
    """What is wanted, with the file's own value for each ``***``.

    Raises:
        NotEditable: a ``***`` for which it is not plain what the file has there.
    """
    return _unmasked_entries(root, wanted, _Place())


def _masked(node: Node, place: _Place) -> Json:
    match target(node):
        case Text() as text:
            return MASK if place.hides(text) else json_of(text)
        case List(items=items):
            return [_masked(item, place) for item in items]
        case Map() as mapping:
            return _masked_entries(mapping, place)


def _masked_entries(node: Map, place: _Place) -> dict[str, Json]:
    entries = entries_of(node)
    return {
        name: _masked(entries[key], place.below(key)) for name, key in place.names(entries).items()
    }


def _unmasked(node: Node | None, wanted: Json, place: _Place) -> Json:
    if wanted == MASK:
        return _kept(node, place)
    if isinstance(wanted, list):
        return _unmasked_items(_items(node), wanted, place)
    if isinstance(wanted, dict):
        return _unmasked_entries(node, wanted, place)
    return wanted


def _kept(node: Node | None, place: _Place) -> Json:
    if node is None or _masked(node, place) != MASK:
        raise NotEditable(
            f"{shown_path(place.way)}: {MASK} stands for the secret that the file has there, "
            "and it has none; write the value itself"
        )
    return json_of(node)


def _unmasked_entries(
    node: Node | None, wanted: Mapping[str, Json], place: _Place
) -> dict[str, Json]:
    old = target(node) if node is not None else None
    entries = entries_of(old) if isinstance(old, Map) else {}
    names = place.names(entries)
    found: dict[str, Json] = {}
    for name, value in wanted.items():
        key = names.get(name, name)
        below = place.below(key)
        if key in found:
            raise NotEditable(f"{shown_path(below.way)}: the key is wanted twice")
        found[key] = _unmasked(entries.get(key), value, below)
    return found


def _unmasked_items(old: tuple[Node, ...], wanted: list[Json], place: _Place) -> list[Json]:
    """Items with a secret go by what is shown of them, in order, or else by their number."""
    shown = [_masked(item, place) for item in old]
    found: list[Json] = []
    for number, item in enumerate(wanted):
        if not _has_mask(item):
            found.append(item)
        elif shown.count(item) == wanted.count(item):
            nth = wanted[:number].count(item)
            same = [node for node, each in zip(old, shown, strict=True) if each == item]
            found.append(json_of(same[nth]))
        elif len(old) == len(wanted) and not _is_shown_elsewhere(number, item, shown):
            found.append(_unmasked(old[number], item, place))
        else:
            raise NotEditable(
                f"{shown_path(place.way)}: it is not plain which of the hidden values stay; "
                "write out the ones that do"
            )
    return found


def _is_shown_elsewhere(number: int, item: Json, shown: list[Json]) -> bool:
    return any(each == item for other, each in enumerate(shown) if other != number)


def _items(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; one item may stand without a list."""
    match None if node is None else target(node):
        case List(items=items):
            return items
        case Text() as text if not text.is_null:
            return (text,)
        case _:
            return ()


def _has_mask(value: Json) -> bool:
    if isinstance(value, list):
        return any(map(_has_mask, value))
    if isinstance(value, dict):
        return any(map(_has_mask, value.values()))
    return value == MASK


def _is_secret_address(value: str, section: str) -> bool:
    if "://" not in value:
        return False
    is_key_like = _KEY_LIKE.search(value) or _CREDENTIALS.search(value)
    return section in _RECEIVERS or is_key_like is not None

"""What is written as JSON: numbers and yes or no told apart from text, ``!ENV X`` as "!ENV X"."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TypeAlias

from qbm.config.editing.written import NULLS, YAML_TAG, List, Map, Node, Text, entries_of, target

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What JSON can say."""

SPECIAL = frozenset({"!ENV", "!FILE"})
"""Tags of values that stand elsewhere."""

_TEXT_TAGS = frozenset({"!", f"{YAML_TAG}str"})
_GUESSED_TAGS = frozenset({"", *(YAML_TAG + each for each in ("int", "float", "bool"))})
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,15})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
BOOLS = {
    spelling: value
    for value, words in ((True, ("true", "yes", "on")), (False, ("false", "no", "off")))
    for word in words
    for spelling in (word, word.title(), word.upper())
}
"""What the schema takes for yes or no, in the spellings that YAML 1.1 has for it."""


def json_of(node: Node) -> Json:
    """A node as JSON, secrets and all."""
    match target(node):
        case Text() as text:
            return _scalar_json(text)
        case List(items=items):
            return [json_of(item) for item in items]
        case Map() as mapping:
            return {name: json_of(value) for name, value in entries_of(mapping).items()}


def _scalar_json(text: Text) -> Json:
    if text.is_null:
        return None
    if text.tag in SPECIAL:
        return f"{text.tag} {text.value.strip()}"
    if text.tag in _TEXT_TAGS or (text.style and not text.tag):
        return text.value
    if text.tag in _GUESSED_TAGS:
        return plain_value(text.value)
    return f"{text.tag} {text.value}"


def plain_value(word: str) -> Json:
    """A word without quotes as JSON: no value, true or false, a number, or text.

    YAML 1.2's core schema: ``yes`` and ``no`` are text, and may well be tags. A number that
    JSON or its readers would change (``007``, ``0x1F``, twenty digits) is text, too.
    """
    if word in NULLS:
        return None
    if word in BOOLS and word.lower() in ("true", "false"):
        return BOOLS[word]
    if _INT.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word) and not word.lstrip("+-").isdecimal():
        number = float(word)
        return number if math.isfinite(number) else word
    return word


def meant_by(word: str) -> Json:
    """The same where yes or no may be meant: people write those and on and off, too."""
    return BOOLS[word] if word in BOOLS else plain_value(word)


def says(node: Node, wanted: Json) -> bool:
    """Whether a node means ``wanted`` already, so that it need not be written again.

    Quotes make no difference where a number or yes or no is wanted, nor does a list of one.
    """
    match target(node):
        case Text() as text:
            return _text_says(text, wanted)
        case List(items=items):
            return (
                isinstance(wanted, list)
                and len(items) == len(wanted)
                and all(map(says, items, wanted))
            )
        case Map() as mapping:
            return isinstance(wanted, dict) and _map_says(entries_of(mapping), wanted)


def _map_says(entries: Mapping[str, Node], wanted: Mapping[str, Json]) -> bool:
    return entries.keys() == wanted.keys() and all(
        says(value, wanted[name]) for name, value in entries.items()
    )


def _text_says(text: Text, wanted: Json) -> bool:
    if isinstance(wanted, list) and len(wanted) == 1:
        (only,) = wanted
        return only is not None and not isinstance(only, list) and _text_says(text, only)
    if wanted is None or text.is_null:
        return wanted is None and text.is_null
    shown = _scalar_json(text)
    if isinstance(wanted, str):
        return wanted in (shown, text.value if text.tag in _GUESSED_TAGS else shown)
    meant = meant_by(text.value) if text.tag in _GUESSED_TAGS | _TEXT_TAGS else shown
    return same_scalar(meant, wanted)


def same_scalar(one: Json, other: Json) -> bool:
    """Equality that knows yes from 1, and does not know 2 from 2.0, as JSON's readers don't."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)

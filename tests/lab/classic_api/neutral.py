"""Answers without what differs from one recording to the next, and without the older tool's prose.

Key order is kept. Numbers that differ become 0, texts become placeholders of the same type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_LONGEST_TEXT = 100
_MOST_LOG_LINES = 5
_VOLATILE_NUMBERS = frozenset({"size", "recent_log_entries"})
_LOG_LINE = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,]+\] ")
# In this order: what is replaced first is out of the way of the next. Days without an hour are
# those of configs, and stay.
_PATTERNS = (
    (re.compile(r"(\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+)\$[^$\s]+\$[^$\s]+"), r"\1$<salt>$<hash>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}"), "<time with microseconds>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"), "<time>"),
    (re.compile(r"\d\d:\d\d [AP]M"), "<hour>"),
    (re.compile(r"\| [^|]+ until"), "| <duration> until"),
    (re.compile(r"at \d{4}-\d\d-\d\d "), "at <day> "),
    (re.compile(r"(?<=_)\d{8}_\d{6}(?=\.)"), "<stamp>"),
)


def neutral_body(body: bytes, content_type: str, known: Mapping[str, str]) -> Any:
    """The body: JSON as its value, a page as ``<page>``, other text as it is; None for nothing."""
    if not body:
        return None
    if content_type.startswith("application/json"):
        return _neutral(json.loads(body), known)
    if content_type.startswith("text/plain"):
        return neutral_text(body.decode(), known)
    return "<page>"


def neutral_text(text: str, known: Mapping[str, str]) -> str:
    """The text with ``known`` values and times as placeholders, whatever its length."""
    # The longest first: a folder's path is the start of its files'.
    for placeholder, value in sorted(known.items(), key=lambda item: -len(item[1])):
        text = text.replace(value, placeholder)
    for pattern, placeholder in _PATTERNS:
        text = pattern.sub(placeholder, text)
    return text


def _neutral(value: Any, known: Mapping[str, str], key: str = "") -> Any:
    match value:
        case dict() if "openapi" in value:
            return {"openapi": value["openapi"], "paths": _methods(value["paths"])}
        case dict():
            return {name: _neutral(item, known, name) for name, item in value.items()}
        case list():
            return [_neutral(item, known) for item in _steady(value, key)]
        case str() if key == "correlationId":
            return "<twelve hex digits>"
        case str() if _LOG_LINE.match(value):
            return "<log line>"
        case str():
            return _short(neutral_text(value, known))
        case int() if key in _VOLATILE_NUMBERS:
            return 0
        case _:
            return value


def _steady(items: list[Any], key: str) -> list[Any]:
    """The list, the same at each recording."""
    match key:
        case "results":  # those of a pattern: in the folder's own order
            return sorted(items, key=lambda item: item["config_file"])
        case "logs":
            return items[:_MOST_LOG_LINES]
        case _:
            return items


def _short(text: str) -> str:
    """The text itself where it is an answer, its first words where it is prose."""
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[: _LONGEST_TEXT // 2].rsplit(' ', 1)[0]} <cut>"


def _methods(paths: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    return {path: sorted(methods) for path, methods in paths.items()}

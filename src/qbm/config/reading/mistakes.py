"""What usually is behind a YAML error, in words that do not need a knowledge of YAML.

The parser's own texts can quote the file, and so a password; ours never do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ruamel.yaml.error import MarkedYAMLError, StringMark

from qbm.config.problem import Mark

QUOTES = "put the whole value in single quotes"


class BrokenYamlError(Exception):
    """The text is no YAML that we read; nothing can be said about what follows ``mark``."""

    def __init__(self, mark: Mark, reason: str, allowed: str = "") -> None:
        super().__init__(reason)
        self.mark = mark
        self.reason = reason
        self.allowed = allowed


_WHERE_IT_BEGAN = (
    ("quoted scalar: found un", "the quote that begins here is never closed", "a closing quote"),
    ("flow mapping: expected", "{ begins a mapping, and it is not closed with }", QUOTES),
    ("flow sequence: expected", "[ begins a list, and it is not closed with ]", QUOTES),
    ("an alias", "* stands for a value named elsewhere, when not in quotes", QUOTES),
    ("an anchor", "& names a value for later, when not in quotes", QUOTES),
    (" tag", "! begins a type or !ENV and !FILE, when not in quotes", QUOTES),
    ("undefined tag handle", "! begins a type or !ENV and !FILE, when not in quotes", QUOTES),
    ("block scalar", "| or > begins a text of several lines, when not in quotes", QUOTES),
)
"""Told at the place where the thing began: part of the parser's text, reason, what to do."""

_WHERE_IT_ENDED = (
    ("'\\t'", "a tab character", "spaces for indentation"),
    ("cannot start any token", "a value may not begin with this character", QUOTES),
    ("expected the node content", "a value may not begin with this character", QUOTES),
    ("escape", "a backslash is special in double quotes", "single quotes around the value"),
    ("found '-'", "a list item where a key is expected", "the same indentation as its neighbours"),
    ("found '<scalar>'", "the value goes on after it has ended", QUOTES),
    ("found '<alias>'", "the value goes on after it has ended", QUOTES),
    ("<block end>", "the indentation does not fit the lines above", "the same as its neighbours"),
    ("sequence entries", "a list does not begin in the line of its key", "a new line before -"),
    ("incompatible YAML", "the %YAML line asks for another version", "YAML 1.1 or 1.2"),
    ("document start", "the lines above end the document, with ... or % or a bracket", "one"),
)

_NO_COLON = ("there is no colon after the key", "key: value, with a space after the colon")
_NO_SPACE = ("there is no space after the colon", "key: value")
_NO_DASH_SPACE = ("there is no space after the dash", "- value")


def explained(error: MarkedYAMLError, lines: Sequence[str]) -> BrokenYamlError:
    """The error with a hint at the usual cause; ``lines`` are those of the text."""
    told = f"{error.context or ''}: {error.problem or ''}"
    ended = _mark(error.problem_mark) or _mark(error.context_mark) or Mark(1, 1)
    if "mapping values" in told:
        return _misplaced_colon(ended, lines)
    began = _mark(error.context_mark) or ended
    if "expected ':'" in told:
        text = _line(lines, began.line).strip()
        return BrokenYamlError(began, *(_NO_DASH_SPACE if text.startswith("-") else _NO_COLON))
    if "escape" not in told:
        for part, reason, allowed in _WHERE_IT_BEGAN:
            if part in told:
                return BrokenYamlError(began, reason, allowed)
    for part, reason, allowed in _WHERE_IT_ENDED:
        if part in told:
            return BrokenYamlError(ended, reason, allowed)
    return BrokenYamlError(ended, "this is not valid YAML")


def _misplaced_colon(mark: Mark, lines: Sequence[str]) -> BrokenYamlError:
    """A colon too many: the line has two, or the line above it was read as part of its key."""
    line = _line(lines, mark.line)
    if _has_colon(line[: mark.column - 1]):
        return BrokenYamlError(mark, "a second colon in the line, with a space after it", QUOTES)
    above = mark.line - 1
    while above and not _line(lines, above).split("#")[0].strip():
        above -= 1
    if not above:
        return BrokenYamlError(mark, "a colon does not belong here", QUOTES)
    text = _line(lines, above)
    place = Mark(above, len(text) - len(text.lstrip()) + 1)
    if not _has_colon(text):
        return BrokenYamlError(place, *(_NO_SPACE if ":" in text else _NO_COLON))
    here = Mark(mark.line, len(line) - len(line.lstrip()) + 1)
    return BrokenYamlError(
        here, "the line above has a value already", "the same indentation as its neighbours"
    )


def _has_colon(text: str) -> bool:
    return re.search(r":(\s|$)", text) is not None


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _mark(mark: StringMark | None) -> Mark | None:
    return None if mark is None else Mark(mark.line + 1, mark.column + 1)

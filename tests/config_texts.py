"""Config files as Hypothesis draws them: every layout that people and editors produce.

A drawn file has comments that are all different, so that a test can tell which one is where.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

KEYS = st.sampled_from(
    ["cat", "films", "films-4k", "a|b", "no", "2023", "x.org", "Ähre", "tag", "with space", "k:v"]
)
WORDS = st.sampled_from(
    [
        *("word", "two words", "/data/x y", "1080p", "C:\\x", "http://h:1/p", "~share_limit"),
        *(
            "10",
            "-1",
            "1.50",
            "007",
            "0x1F",
            "true",
            "Yes",
            "off",
            "null",
            "~",
            "2024-01-01",
            "1e3",
        ),
        *(
            "- dash",
            "a: b",
            "a #b",
            "#c",
            "*star",
            "&and",
            "!bang",
            "it's",
            'say "x"',
            "[x]",
            "{y}",
        ),
        *("", " lead", "trail ", "x,y", "Ünï", "😀", "tab\there", "line\nbreak\n", "\u2028", "%x"),
        *("!ENV VARIABLE", "!FILE secrets/x", "@at", "`tick", "=", "<<", "...", "--- x", "key:"),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    WORDS,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
_PLAIN = st.sampled_from(
    [
        *("word", "two words", "/data/x y", "10", "2.0", "1.10", "007", "true", "False", "yes"),
        *("", "~", "null", "x#y", "a:b", "!ENV VARIABLE", "!FILE secrets/x", "!!str 5", "-1"),
        *("'single'", "'it''s'", '"double"', '"10"', "'true'", '"a\\tb"', "''", "30d"),
    ]
)


@dataclass
class Layout:
    """How one file is written."""

    step: int
    dash: int
    has_comments: bool
    has_anchors: bool
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    anchors: list[str] = field(default_factory=list)

    def comment(self) -> str:
        """A comment that no other line has."""
        return f"# note {next(self._numbers)};"

    def anchor(self) -> str:
        """A new name for a value."""
        return f"n{next(self._numbers)}"


@st.composite
def texts(draw: st.DrawFn, *, anchors: bool = False) -> str:
    """A config file."""
    layout = Layout(
        step=draw(st.sampled_from([2, 4])),
        dash=draw(st.sampled_from([0, 2])),
        has_comments=draw(st.booleans()),
        has_anchors=anchors,
    )
    lines = _mapping(draw, layout, 0, 3)
    if layout.has_comments:
        lines = [layout.comment(), "", *lines, layout.comment()]
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    start = draw(st.sampled_from(["", "", "\ufeff", "---\n"])).replace("\n", newline)
    return start + newline.join(lines) + draw(st.sampled_from([newline, newline, ""]))


def _mapping(draw: st.DrawFn, layout: Layout, indent: int, levels: int) -> list[str]:
    keys = draw(st.lists(KEYS, min_size=1, max_size=3, unique=True))
    lines: list[str] = []
    for key in keys:
        lines += _noise(draw, layout, indent)
        first, *others = _value(draw, layout, indent, levels, layout.step)
        if indent and draw(st.integers(0, 7)) == 0:
            lines += [
                f"{' ' * indent}? {_key(key)}{_trailing(draw, layout)}",
                f"{' ' * indent}:{first}",
            ]
        else:
            lines.append(f"{' ' * indent}{_key(key)}:{first}")
        lines += others
    if layout.anchors and draw(st.integers(0, 5)) == 0:
        name = draw(st.sampled_from(layout.anchors))
        if name.startswith("m"):
            lines.append(f"{' ' * indent}<<: *{name}")
    return lines


def _list(draw: st.DrawFn, layout: Layout, indent: int, levels: int) -> list[str]:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        lines += _noise(draw, layout, indent)
        if levels and draw(st.integers(0, 3)) == 0:
            nested = _mapping(draw, layout, indent + 2, levels - 1)
            while not nested[0].strip() or nested[0].strip().startswith("#"):
                nested.pop(0)
            lines += [f"{' ' * indent}- {nested[0].strip()}", *nested[1:]]
        else:
            lines.append(f"{' ' * indent}- {draw(_PLAIN)}{_trailing(draw, layout)}")
    return lines


def _value(draw: st.DrawFn, layout: Layout, indent: int, levels: int, step: int) -> list[str]:
    """What follows a key's colon, and the lines below."""
    kind = draw(st.sampled_from(["plain", "plain", "flow", "text", "list", "mapping", "alias"]))
    name = ""
    if kind == "alias" and layout.anchors:
        return [f" *{draw(st.sampled_from(layout.anchors))}{_trailing(draw, layout)}"]
    if levels == 0 and kind in ("list", "mapping"):
        kind = "plain"
    if layout.has_anchors and kind in ("list", "mapping", "flow") and draw(st.booleans()):
        new = f"{kind[0]}{layout.anchor()}"
        name = f" &{new}"
    else:
        new = ""
    if kind == "list":
        below = _list(draw, layout, indent + layout.dash, levels - 1)
        found = [f"{name}{_trailing(draw, layout)}", *below]
    elif kind == "mapping":
        below = _mapping(draw, layout, indent + step, levels - 1)
        found = [f"{name}{_trailing(draw, layout)}", *below]
    elif kind == "flow":
        flow = draw(
            st.sampled_from(["[]", "[a, 'b', 3]", "[ x ]", "{}", "{a: 1, b: [c]}", "{ a: }"])
        )
        found = [f"{name} {flow}{_trailing(draw, layout)}"]
    elif kind == "text":
        header = draw(st.sampled_from(["|", "|-", ">", "|+", ">-"]))
        spaces = " " * (indent + step)
        found = [f" {header}{_trailing(draw, layout)}", f"{spaces}one", "", f"{spaces}  two"]
    else:
        found = [f" {draw(_PLAIN)}{_trailing(draw, layout)}"]
    if new:
        layout.anchors.append(new)
    return found


def _key(key: str) -> str:
    return f'"{key}"' if ":" in key else key


def _trailing(draw: st.DrawFn, layout: Layout) -> str:
    if layout.has_comments and draw(st.integers(0, 3)) == 0:
        return f"  {layout.comment()}"
    return ""


def _noise(draw: st.DrawFn, layout: Layout, indent: int) -> list[str]:
    if not layout.has_comments:
        return []
    kinds = st.sampled_from(["", "", "blank", "comment", "comment at the margin"])
    match draw(kinds):
        case "blank":
            return [""]
        case "comment":
            return [f"{' ' * indent}{layout.comment()}"]
        case "comment at the margin":
            return [layout.comment()]
        case _:
            return []


@st.composite
def edits(draw: st.DrawFn, data: dict[str, Any]) -> dict[str, Any]:
    """The data with a few changes, anywhere in it."""
    for _ in range(draw(st.integers(1, 3))):
        data = _changed(draw, data)
    return data


def _changed(draw: st.DrawFn, value: Any) -> Any:
    go_deeper = draw(st.integers(0, 2)) > 0
    if isinstance(value, dict):
        kind = draw(st.sampled_from(["change", "change", "remove", "add", "add first"]))
        if kind.startswith("add") or not value:
            new = {draw(KEYS | st.text(max_size=3)): draw(JSON)}
            return {**new, **value, **new} if kind == "add first" else {**value, **new}
        key = draw(st.sampled_from(sorted(value)))
        if kind == "remove":
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: _changed(draw, value[key]) if go_deeper else draw(JSON)}
    if isinstance(value, list):
        kind = draw(st.sampled_from(["change", "remove", "add", "reverse"]))
        at = draw(st.integers(0, len(value)))
        if kind == "add" or not value:
            return [*value[:at], draw(JSON), *value[at:]]
        if kind == "reverse":
            return value[::-1]
        at = min(at, len(value) - 1)
        if kind == "remove":
            return value[:at] + value[at + 1 :]
        new = _changed(draw, value[at]) if go_deeper else draw(JSON)
        return [*value[:at], new, *value[at + 1 :]]
    return draw(JSON)

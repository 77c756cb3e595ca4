"""Whatever is changed in whatever file: the new text says it, and the rest stays as it was."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qbm.config import SAMPLE
from qbm.config.editing import data_of, edited, written_anew
from qbm.config.editing.masking import MASK
from qbm.config.editing.meaning import Json, json_of, meant_by, says
from qbm.config.editing.parsing import read
from qbm.config.reading.document import compose
from qbm.config.reading.values import Source, Value, Values
from qbm.config.refusals import NotEditable
from tests.config_texts import JSON, KEYS, edits, texts

CASES = Path(__file__).parents[1] / "cases" / "config"
FILES = [
    SAMPLE.read_text(encoding="utf-8"),
    *(
        (CASES / f"{name}.yml").read_text(encoding="utf-8")
        for name in ("anchors_and_merges", "every_section", "patterns_and_nesting", "yaml_1_1")
    ),
]

_NOTE = re.compile(r"# note \d+;")
_SOURCE = Source("config.yml", Path(), {})
_TAGGED = re.compile(r"!(ENV|FILE) .*")


@given(texts(anchors=True))
def test_saved_unchanged_a_file_is_equal_to_the_byte(text: str) -> None:
    assert edited(text, data_of(text)) == text


@given(texts(anchors=True))
def test_a_node_says_what_it_is_shown_as(text: str) -> None:
    root = read(text.removeprefix("\ufeff"))
    assert says(root, json_of(root))


@given(st.data())
def test_an_edited_file_says_what_was_wanted(data: st.DataObject) -> None:
    text = data.draw(texts(anchors=True))
    wanted = data.draw(edits(data_of(text)))
    assume(MASK not in repr(wanted))
    new = edited(text, wanted)
    assert _means(_as_a_run_reads(new), wanted)
    assert edited(new, wanted) == new
    assert edited(new, data_of(new)) == new


@settings(max_examples=settings().max_examples // 4)  # each is long: reading it is the time
@given(st.data())
def test_a_file_as_people_have_it_says_what_was_wanted(data: st.DataObject) -> None:
    text, shown = data.draw(st.sampled_from(_shown_files()))
    wanted = data.draw(edits(shown))
    try:
        new = edited(text, wanted)
    except NotEditable:
        assert MASK in repr(wanted)
        return
    assert edited(new, data_of(new)) == new
    assume(MASK not in repr(shown))
    assert says(read(new), wanted) or not wanted


@given(st.dictionaries(KEYS | st.text(max_size=5), JSON, max_size=4))
def test_a_new_file_says_what_was_wanted(wanted: dict[str, Any]) -> None:
    assume(MASK not in repr(wanted))
    new = written_anew(wanted)
    assert _means(_as_a_run_reads(new), wanted)
    shown = data_of(new)
    assume(MASK not in repr(shown))  # a drawn key may be the name of a secret
    assert shown == wanted


@given(st.data())
def test_lines_of_sections_that_stay_are_untouched(data: st.DataObject) -> None:
    text = data.draw(texts())
    before = data_of(text)
    wanted = data.draw(edits(before))
    assume(MASK not in repr(wanted))
    new = edited(text, wanted)
    assume(not re.search(r"[|>][-+]? *(#.*)?\r?\n", text))  # YAML says where one ends
    assert new.startswith("\ufeff") == text.startswith("\ufeff")
    assert ("\r\n" in new) == ("\r\n" in text) or new.count("\n") <= 1
    for name, value in before.items():
        if name in wanted and _same(wanted[name], value):
            section = _section(text, name)
            assert section in new, name


@given(st.data())
def test_one_scalar_changed_is_one_line_changed(data: st.DataObject) -> None:
    text = data.draw(texts())
    wanted = data_of(text)
    ways = [way for way in _scalars(wanted) if "\n" not in str(_at(wanted, way))]
    assume(ways)
    way = data.draw(st.sampled_from(ways))
    value = data.draw(st.sampled_from(["other", "a: b", 7, "7", 2.5, "it's", "!ENV OTHER", ""]))
    assume(not _same(_at(wanted, way), value))
    new = edited(text, _with(wanted, way, value))
    assert new.count("\n") == text.count("\n")
    pairs = zip(text.split("\n"), new.split("\n"), strict=True)
    assert sum(old != line for old, line in pairs) <= 1
    assert _NOTE.findall(new) == _NOTE.findall(text)


@given(st.data())
def test_a_new_key_leaves_every_line_that_is_there(data: st.DataObject) -> None:
    text = data.draw(texts())
    assume(text.endswith("\n"))  # a text below | that ends with the file has no last line break
    wanted = data_of(text)
    ways = [way for way in _maps(wanted) if way == () or _at(wanted, way)]
    way = data.draw(st.sampled_from(ways))
    new = edited(text, _with(wanted, (*way, "new key"), data.draw(JSON.filter(_has_no_mask))))
    assert _NOTE.findall(new) == _NOTE.findall(text)
    flows = len(re.findall(r"\{", text))
    missing = Counter(re.split(r"\r?\n", text)) - Counter(re.split(r"\r?\n", new))
    assert missing.total() <= (1 if flows else 0), missing


@given(st.data())
def test_a_key_that_goes_takes_no_comment_of_another_with_it(data: st.DataObject) -> None:
    text = data.draw(texts())
    wanted = data_of(text)
    name = data.draw(st.sampled_from(sorted(wanted)))
    assume(len(wanted) > 1)
    new = edited(text, {key: value for key, value in wanted.items() if key != name})
    gone = set(_NOTE.findall(text)) - set(_NOTE.findall(new))
    assert gone <= set(_NOTE.findall(_section(text, name, with_comments_inside=True)))


@cache
def _shown_files() -> list[tuple[str, dict[str, Json]]]:
    return [(text, data_of(text)) for text in FILES]


def _as_a_run_reads(text: str) -> Value:
    """The file by the other reader, the one that runs use."""
    values = Values(_SOURCE)
    tree = compose(text.removeprefix("\ufeff"))
    return values.read(tree)


def _means(value: Value, wanted: Any) -> bool:
    """Whether a run takes a value for the wanted one; it sees text, and no nulls in lists."""
    if isinstance(wanted, dict):
        if value is None:
            return not wanted
        return (
            isinstance(value, dict)
            and value.keys() == wanted.keys()
            and all(_means(value[key], each) for key, each in wanted.items())
        )
    if isinstance(wanted, list):
        there = [each for each in wanted if each is not None and not _is_elsewhere(each)]
        items = value if isinstance(value, list) else [] if value is None else [value]
        return len(items) == len(there) and all(map(_means, items, there))
    if wanted is None or _is_elsewhere(wanted):
        return value is None
    if isinstance(wanted, str):
        return value == wanted
    meant = meant_by(value) if isinstance(value, str) else value
    return meant == wanted and isinstance(meant, bool) == isinstance(wanted, bool)


def _is_elsewhere(value: Any) -> bool:
    """Variables and secret files are not there in these tests."""
    return isinstance(value, str) and _TAGGED.fullmatch(value) is not None


def _has_no_mask(value: Any) -> bool:
    return MASK not in repr(value)


def _same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


def _section(text: str, name: str, *, with_comments_inside: bool = False) -> str:
    """The lines of a top-level entry; those after its last value only if asked for."""
    lines = text.split("\n")
    starts = [
        number for number, line in enumerate(lines) if re.match(r"[^\s#\-\ufeff]|\ufeff", line)
    ]
    key = f'"{name}"' if ":" in name else name
    begin = next(n for n in starts if lines[n].removeprefix("\ufeff").startswith(f"{key}:"))
    end = next((n for n in starts if n > begin), len(lines))
    section = lines[begin:end]
    while not with_comments_inside and re.match(r"\s*(#.*)?$", section[-1]) and len(section) > 1:
        section.pop()
    return "\n".join(section).removeprefix("\ufeff").rstrip("\r")


def _scalars(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    match value:
        case dict():
            return [found for key, each in value.items() for found in _scalars(each, (*way, key))]
        case list():
            items = enumerate(value)
            return [found for number, each in items for found in _scalars(each, (*way, number))]
        case _:
            return [way]


def _maps(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict):
        return []
    below = [found for key, each in value.items() for found in _maps(each, (*way, key))]
    return [way, *below]


def _at(value: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        value = value[key]
    return value


def _with(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    if not way:
        return new
    key, *others = way
    if isinstance(value, list):
        return [
            _with(each, tuple(others), new) if n == key else each for n, each in enumerate(value)
        ]
    return {**value, key: _with(value.get(key), tuple(others), new)}

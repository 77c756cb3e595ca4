"""One value changed is one line changed, in files as people have them."""

from __future__ import annotations

import difflib
import time
from pathlib import Path
from typing import Any

import pytest

from qbm.config import SAMPLE
from qbm.config.editing import data_of, edited, written_anew
from qbm.config.loading import load_text
from qbm.config.refusals import NotEditable, NotReadable


def readable(path: Path) -> bool:
    """Whether a case is of what a file means, not of broken YAML."""
    try:
        data_of(path.read_text(encoding="utf-8"))
    except (NotReadable, UnicodeDecodeError):
        return False
    return True


CASES = [*filter(readable, sorted(Path(__file__).parents[1].glob("cases/config/*.yml")))]

FILE = """\
# My server at home.

qbt:
  host: "localhost:8080"   # the container
  user: admin
  # From the environment:
  pass: !ENV QBT_PASS

# --- Categories ---
cat:
  films: /data/films
  series:      # two disks
  - /data/a
  - "/data/b"  # the new one
  # anime: /data/anime

tracker:
  one.example.org: &one
    tag: [first, public]
    cat: films
  two.example.org: *one
  other: {tag: other}

settings: {cat_update_all: yes, stalled_tag: 'stalled'}
share_limits:
  keep:
    max_ratio: "2.0"
    custom_tag: >-
      long
      tag
"""


def changed(text: str, wanted: dict[str, Any]) -> list[str]:
    """The lines that differ after an edit, as - old and + new."""
    new = edited(text, wanted)
    lines = list(difflib.unified_diff(text.split("\n"), new.split("\n"), n=0))[2:]
    return [f"{line[0]} {line[1:]}" for line in lines if line[0] in "+-"]


def wanting(*way: str | int, value: Any) -> dict[str, Any]:
    """The data of the file with one value changed."""
    data: Any = data_of(FILE)
    place = data
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = value
    assert isinstance(data, dict)
    return data


def without(*way: str | int) -> dict[str, Any]:
    """The data of the file without one value."""
    data: Any = data_of(FILE)
    place = data
    for key in way[:-1]:
        place = place[key]
    del place[way[-1]]
    assert isinstance(data, dict)
    return data


def test_the_data_are_what_the_file_says() -> None:
    assert data_of(FILE) == {
        "qbt": {"host": "localhost:8080", "user": "admin", "pass": "!ENV QBT_PASS"},
        "cat": {"films": "/data/films", "series": ["/data/a", "/data/b"]},
        "tracker": {
            "one.example.org": {"tag": ["first", "public"], "cat": "films"},
            "two.example.org": {"tag": ["first", "public"], "cat": "films"},
            "other": {"tag": "other"},
        },
        "settings": {"cat_update_all": "yes", "stalled_tag": "stalled"},
        "share_limits": {"keep": {"max_ratio": "2.0", "custom_tag": "long tag"}},
    }


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *[
            ("true", True),
            ("False", False),
            ("yes", "yes"),
            ("off", "off"),
            ("~", None),
            ("", None),
        ],
        *[("12", 12), ("-3", -3), ("1.50", 1.5), ("1e3", 1000.0), ("30d", "30d"), ("'12'", "12")],
        *[("007", "007"), ("0x1F", "0x1F"), ("12345678901234567890", "12345678901234567890")],
        *[("1e999", "1e999"), (".nan", ".nan"), ("2024-01-02", "2024-01-02"), ("1_000", "1_000")],
        *[
            ("!!str 5", "5"),
            ("!ENV  A", "!ENV A"),
            ("'!ENV A'", "!ENV A"),
            ("!other x", "!other x"),
        ],
        *[("[a, 1, ~]", ["a", 1, None]), ("{no: no}", {"no": "no"}), ("[]", []), ("{}", {})],
    ],
)
def test_a_word_is_shown_as_the_json_that_it_is(word: str, value: Any) -> None:
    assert data_of(f"key: {word}\n") == {"key": value}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "- a\n- b\n", "word\n"])
def test_a_file_without_a_mapping_has_no_data(text: str) -> None:
    assert data_of(text) == {}


@pytest.mark.parametrize("path", [*CASES, SAMPLE], ids=lambda path: path.stem)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "BOM"])
def test_saved_unchanged_a_file_is_equal_to_the_byte(path: Path, newline: str, mark: str) -> None:
    text = mark + path.read_text(encoding="utf-8").replace("\n", newline)
    assert edited(text, data_of(text)) == text


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("settings", "cat_update_all"), True),
        (("share_limits", "keep", "max_ratio"), 2),
        (("share_limits", "keep", "max_ratio"), 2.0),
        (("cat", "films"), ["/data/films"]),
    ],
)
def test_what_means_the_same_is_not_written_again(way: tuple[str, ...], value: Any) -> None:
    assert changed(FILE, wanting(*way, value=value)) == []


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (
            wanting("qbt", "host", value="h:1"),
            ['-   host: "localhost:8080"   # the container', '+   host: "h:1"   # the container'],
        ),
        (wanting("qbt", "user", value=None), ["-   user: admin", "+   user:"]),
        (wanting("qbt", "user", value="10"), ["-   user: admin", "+   user: '10'"]),
        (wanting("qbt", "pass", value="!FILE p"), ["-   pass: !ENV QBT_PASS", "+   pass: !FILE p"]),
        (
            wanting("cat", "series", 1, value="/data/c"),
            ['-   - "/data/b"  # the new one', '+   - "/data/c"  # the new one'],
        ),
        (
            wanting("settings", "cat_update_all", value=False),
            [
                "- settings: {cat_update_all: yes, stalled_tag: 'stalled'}",
                "+ settings: {cat_update_all: no, stalled_tag: 'stalled'}",
            ],
        ),
        (
            wanting("settings", "stalled_tag", value="it's, here"),
            [
                "- settings: {cat_update_all: yes, stalled_tag: 'stalled'}",
                "+ settings: {cat_update_all: yes, stalled_tag: 'it''s, here'}",
            ],
        ),
        (
            wanting("settings", "new", value=["a", 1]),
            [
                "- settings: {cat_update_all: yes, stalled_tag: 'stalled'}",
                "+ settings: {cat_update_all: yes, stalled_tag: 'stalled', new: ['a', 1]}",
            ],
        ),
        (
            wanting("share_limits", "keep", "max_ratio", value=3),
            ['-     max_ratio: "2.0"', "+     max_ratio: 3"],
        ),
    ],
)
def test_one_value_changed_is_one_line_changed(wanted: dict[str, Any], lines: list[str]) -> None:
    found = [line.rstrip() for line in changed(FILE, wanted)]
    assert found == lines


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (without("qbt", "user"), ["-   user: admin"]),
        (without("cat", "series", 0), ["-   - /data/a"]),
        (without("tracker", "two.example.org"), ["-   two.example.org: *one"]),
        (
            without("cat"),
            [
                "- cat:",
                "-   films: /data/films",
                "-   series:      # two disks",
                "-   - /data/a",
                '-   - "/data/b"  # the new one',
                "-   # anime: /data/anime",
            ],
        ),
    ],
)
def test_a_key_that_goes_takes_its_own_lines_with_it(
    wanted: dict[str, Any], lines: list[str]
) -> None:
    assert changed(FILE, wanted) == lines


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (wanting("cat", "music", value="/data/m"), ["+   music: /data/m"]),
        (wanting("cat", "series", value=["/data/a", "/x", "/data/b"]), ['+   - "/x"']),
        (
            wanting("recyclebin", value={"enabled": True, "dirs": ["a"], "none": {}}),
            ["+ recyclebin:", "+   enabled: true", "+   dirs:", "+   - a", "+   none: {}", "+ "],
        ),
        (
            {"commands": {"dry_run": True}, **data_of(FILE)},
            ["+ ", "+ commands:", "+   dry_run: true"],
        ),
    ],
)
def test_what_is_new_is_laid_out_as_its_neighbours_are(
    wanted: dict[str, Any], lines: list[str]
) -> None:
    assert changed(FILE, wanted) == lines


def test_a_new_category_stands_where_it_was_put_for_the_first_that_fits_counts() -> None:
    data = data_of(FILE)
    cat: Any = data["cat"]
    new = edited(FILE, {**data, "cat": {"a": "/a", "films": cat["films"], "b": "/b", **cat}})
    again: Any = data_of(new)
    assert list(again["cat"]) == ["a", "films", "b", "series"]


def test_the_order_of_keys_is_the_files() -> None:
    data = data_of(FILE)
    assert edited(FILE, dict(reversed(data.items()))) == FILE


def test_a_value_of_another_kind_is_written_anew_alone() -> None:
    data = wanting("cat", "series", value="/data/s")
    data["cat"]["films"] = {"a": [1]}
    assert changed(FILE, data) == [
        "-   films: /data/films",
        "-   series:      # two disks",
        "-   - /data/a",
        '-   - "/data/b"  # the new one',
        "+   films:",
        "+     a:",
        "+     - 1",
        "+   series: /data/s      # two disks  # the new one",
    ]


def test_an_alias_whose_anchor_changes_keeps_its_value() -> None:
    data = wanting("tracker", "one.example.org", "cat", value="other")
    assert changed(FILE, data) == [
        "+     cat: other",
        "+   two.example.org:",
        "+     tag:",
        "+     - first",
        "+     - public",
        "-   two.example.org: *one",
    ]


def test_an_alias_that_changes_leaves_its_anchor() -> None:
    data = wanting("tracker", "two.example.org", value={"tag": "second"})
    assert changed(FILE, data) == [
        "-   two.example.org: *one",
        "+   two.example.org:",
        "+     tag: second",
    ]


MERGED = """\
base: &base {a: 1, b: 2}
one:
  <<: *base  # takes in
  c: 3
two:
  <<: *base
"""


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        ({"one": {"a": 1, "b": 5, "c": 3}}, ["+   b: 5"]),
        ({"one": {"a": 1, "b": 2, "c": 4}}, ["-   c: 3", "+   c: 4"]),
        ({"one": {"a": 1, "c": 3}}, ["-   <<: *base  # takes in", "+   a: 1"]),
        ({"two": {"a": 1}}, ["-   <<: *base", "+   a: 1"]),
    ],
)
def test_merge_keys_stay_where_they_say_what_is_wanted(
    wanted: dict[str, Any], lines: list[str]
) -> None:
    assert changed(MERGED, data_of(MERGED) | wanted) == lines


def test_what_a_merge_key_takes_in_stays_when_its_source_changes() -> None:
    wanted = data_of(MERGED) | {"base": {"a": 9, "b": 2}}
    assert data_of(edited(MERGED, wanted)) == wanted


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_line_ends_and_the_byte_order_mark_are_kept(newline: str, end: str) -> None:
    text = "\ufeff" + f"a: 1 # one\nb:\n  - x\nc: {{}}{end}".replace("\n", newline)
    new = edited(text, {"a": 2, "b": ["x", "y"], "c": {"k": "v"}, "d": {"e": [1]}})
    lines = f"a: 2 # one\nb:\n  - x\n  - y\nc:\n  k: v\nd:\n  e:\n    - 1{end}"
    assert new == "\ufeff" + lines.replace("\n", newline)


@pytest.mark.parametrize(
    ("text", "wanted", "new"),
    [
        ("# notes\n", {"a": 1}, "# notes\na: 1\n"),
        ("# notes", {"a": 1}, "# notes\na: 1\n"),
        ("# notes\na: 1 # x\n# end\n", {}, "# notes\n# end\n"),
        ("# notes\na: 1\n# end\n", {"b": 2}, "# notes\nb: 2\n# end\n"),
        ("{a: 1, b: 2}\n", {"b": 2, "c": [3]}, "{b: 2, c: [3]}\n"),
        ("? a\n: 1\nb: 2 # x\n", {"a": 3, "b": 2}, "? a\n: 3\nb: 2 # x\n"),
        ("a:\n- b: 1 # one\n  c: 2 # two\n", {"a": [{"c": 2}]}, "a:\n- c: 2 # two\n"),
        ("a:\n- c: 2\n", {"a": [{"b": 1, "c": 2}]}, "a:\n- b: 1\n  c: 2\n"),
        ("a:\n-  # later\n  - x\n", {"a": [["x", "y"]]}, "a:\n-  # later\n  - x\n  - y\n"),
        ("a: |\n  one\n  two\nb: 1\n", {"a": "x\ny\n", "b": 1}, "a: |\n  x\n  y\nb: 1\n"),
        ("a: 'x\n  y'\n", {"a": "z"}, "a: 'z'\n"),
        ("a: x\n", {"a": "tab\t\u2028 \x7f"}, 'a: "tab\\t\\U00002028 \\U0000007F"\n'),
        ("---\na: 1\n...\n", {"a": 1, "b": 2}, "---\na: 1\nb: 2\n...\n"),
        ("a: 1\na: 2\n", {"a": 1}, "a: 1\na: 2\n"),
        ("a: 1\na: 2\n", {"a": 3}, "a: 3\n"),
        ("- a\n", {"b": 1}, "b: 1\n"),
        ("a: 1\n", {"a": 1, "<<": None}, "a: 1\n'<<':\n"),
    ],
)
def test_unusual_layouts(text: str, wanted: dict[str, Any], new: str) -> None:
    assert edited(text, wanted) == new
    assert data_of(new) == wanted


QUESTIONS = """\
cat:
  # keep me
  tv: /data/tv   # me too
  ? behind   # a question mark
  : /c   # and its own colon
  ? alone   # without a value
  other: /x
"""


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        ("tv", "/new", ["-   tv: /data/tv   # me too", "+   tv: /new   # me too"]),
        ("behind", "/n", ["-   : /c   # and its own colon", "+   : /n   # and its own colon"]),
        (
            "behind",
            ["a", "b"],
            [
                "-   : /c   # and its own colon",
                "+   :   # and its own colon",
                "+     - a",
                "+     - b",
            ],
        ),
        (
            "alone",
            "/new",
            ["-   ? alone   # without a value", "+   ? alone", "+   : /new   # without a value"],
        ),
        ("another", "/new", ["+   another: /new"]),
    ],
)
def test_comments_stay_beside_a_key_behind_a_question_mark(
    key: str, value: Any, lines: list[str]
) -> None:
    data = data_of(QUESTIONS)
    cat = data["cat"]
    assert isinstance(cat, dict)
    assert changed(QUESTIONS, {"cat": {**cat, key: value}}) == lines


def test_a_key_behind_a_question_mark_goes_with_its_value() -> None:
    new = edited(QUESTIONS, {"cat": {"tv": "/data/tv", "alone": None, "other": "/x"}})
    assert new == QUESTIONS.replace(
        "  ? behind   # a question mark\n  : /c   # and its own colon\n", ""
    )


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"a": float("nan")}, "a: it is no number"),
        ({"a": [float("inf")]}, r"a\.0: it is no number"),
        ({"a": "\ud800"}, "a: it holds half a character"),
        ({"\ud800": 1}, "the key holds half a character"),
        ({"k" * 2000: 1}, "the key is too long"),
        ({"a": 10**400}, "a: the number is too large"),
        ({"a": "x" * 2**21}, "too large"),
    ],
)
def test_what_no_config_can_hold_is_refused(wanted: dict[str, Any], told: str) -> None:
    with pytest.raises(NotEditable, match=told):
        edited("a: 1\n", wanted)
    with pytest.raises(NotEditable, match=told):
        written_anew(wanted)


def test_a_tree_without_end_is_refused() -> None:
    deep: Any = 1
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(NotEditable, match="too deeply nested"):
        written_anew({"a": deep})


@pytest.mark.parametrize("text", ["a: [", "a: *b", "\ta: 1", "a: \x00", "a: 1\n---\nb: 2"])
def test_a_file_that_is_no_yaml_is_not_edited(text: str) -> None:
    with pytest.raises(NotReadable, match=r"line \d+, column \d+: "):
        data_of(text)
    with pytest.raises(NotReadable, match=r"line \d+, column \d+: "):
        edited(text, {"a": 1})


def test_a_file_that_was_edited_is_loaded_like_any_other() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    data: Any = data_of(text)
    data["qbt"]["host"] = "https://example.org/qbt"
    loaded = load_text(edited(text, data), Path("config.yml"), {})
    assert loaded.required().qbt.host == "https://example.org/qbt"


def test_a_long_list_that_changes_all_over_is_edited_in_a_moment() -> None:
    items: list[Any] = [f"/data/{number}" for number in range(3000)]
    text = "a:\n" + "".join(f"- {item}\n" for item in items)
    began = time.monotonic()
    new = edited(text, {"a": items[::-1]})
    assert time.monotonic() - began < 20
    assert data_of(new) == {"a": items[::-1]}

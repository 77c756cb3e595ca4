"""Text on a screen: safe to show, as wide as it says, broken where it may be."""

from __future__ import annotations

import pytest

from qbm.log.screen import columns, isolated, visible, wrapped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a film", "a film"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines", "two\\nlines"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("日本語 · ünï", "日本語 · ünï"),
        ("日本\u3000語\xa0x", "日本\u3000語\xa0x"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_does_not_show_as_itself_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "wide"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("\u2068ab\u2069", 2), ("", 0)]
)
def test_columns_are_those_of_a_terminal(text: str, wide: int) -> None:
    assert columns(text) == wide


def test_lines_are_broken_at_blanks_and_within_long_paths_after_a_slash() -> None:
    text = "its save path /data/torrents/films/uhd has the entry /data/*"
    assert wrapped(text, 24) == [
        "its save path",
        "/data/torrents/films/uhd",
        "has the entry /data/*",
    ]
    assert wrapped("in /data/torrents/films/uhd now", 20, 2) == [
        "in /data/torrents/",
        "  films/uhd now",
    ]


def test_right_to_left_names_are_kept_in_their_place_and_others_as_they_are() -> None:
    assert isolated("שלום") == "\u2068שלום\u2069"
    assert isolated("ünï 日本") == "ünï 日本"

"""What trackers' messages mean (spec: commands, rem_unregistered, step 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from qbm.commands import tracker_messages
from qbm.commands.tracker_lexicon import Meaning, lexicon, meaning_of
from qbm.model.tracker import Tracker, TrackerStatus
from tests.factories import a_config

_URL = "https://tracker.example.org/announce/key"
_BHD = "https://Tracker.Beyond-HD.me:2053/announce/key"
_OLD, _NEW = False, True
OUTAGE, MAINTENANCE, UNREGISTERED, ERROR = Meaning


def _meaning(
    msg: str,
    *,
    url: str = _URL,
    status: TrackerStatus | None = None,
    tells_tracker_errors: bool = _OLD,
    sections: Mapping[str, Any] = {},
) -> Meaning:
    usual = TrackerStatus.TRACKER_ERROR if tells_tracker_errors else TrackerStatus.NOT_WORKING
    words = lexicon(a_config(**sections), tells_tracker_errors=tells_tracker_errors)
    return meaning_of(Tracker(url, status or usual, msg), words)[0]


@pytest.mark.parametrize("tells_tracker_errors", [_OLD, _NEW])
@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        *((text, OUTAGE) for text in tracker_messages.OUTAGE),
        *((text, MAINTENANCE) for text in tracker_messages.MAINTENANCE),
        *((text, MAINTENANCE) for text in tracker_messages.MAINTENANCE_PARTS),
        *((text, MAINTENANCE) for text in tracker_messages.MAINTENANCE_WHOLE),
        *((text, UNREGISTERED) for text in tracker_messages.UNREGISTERED),
    ],
)
def test_every_listed_text_means_what_its_list_says(
    message: str, meaning: Meaning, tells_tracker_errors: bool
) -> None:
    for written in (message, message.upper(), f"  {message.title()} "):
        assert _meaning(written, tells_tracker_errors=tells_tracker_errors) is meaning


@pytest.mark.parametrize(
    "message",
    [
        *tracker_messages.OUTAGE,
        *tracker_messages.MAINTENANCE,
        *tracker_messages.MAINTENANCE_PARTS,
        *tracker_messages.UNREGISTERED,
    ],
)
def test_every_listed_text_is_found_within_a_sentence(message: str) -> None:
    assert _meaning(f"Sorry: {message}, see the forum") is _meaning(message)


@pytest.mark.parametrize("tells_tracker_errors", [_OLD, _NEW])
@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        # The spec's own tests.
        ("Host not found (authoritative)", MAINTENANCE),
        ("Host not found (non-authoritative), try again later", MAINTENANCE),
        ("client is banned", ERROR),
        ("Please re-download the torrent", ERROR),
        ("re-download", ERROR),
        ("Not Found", MAINTENANCE),
        ("not found", MAINTENANCE),
        ("", MAINTENANCE),
        ("Service Unavailable", ERROR),
        # As trackers say it.
        ("Unregistered torrent", UNREGISTERED),
        ("unregistered torrent pass=abc", UNREGISTERED),
        ("Torrent not registered with this tracker.", UNREGISTERED),
        ("This torrent does not exist.", UNREGISTERED),
        ("Torrent not found.", UNREGISTERED),
        ("404: Torrent Not Found", UNREGISTERED),
        ("Trumped: a better one", UNREGISTERED),
        ("InfoHash not found.", UNREGISTERED),
        ("Torrent has been trumped by torrent 123", UNREGISTERED),
        ("Torrent has been postponed", MAINTENANCE),
        ("Invalid passkey", MAINTENANCE),
        ("Unknown passkeys are refused", MAINTENANCE),
        ("torrent_pass: bad torrent_passkey", MAINTENANCE),
        ("tracker is down", OUTAGE),
        ("Down for maintenance", OUTAGE),
        ("timed out", MAINTENANCE),
        ("Connection refused", MAINTENANCE),
        ("tracker sent a failure message", ERROR),
        ("Ratio too low", ERROR),
        ("stream truncated", MAINTENANCE),
        ("The announce was truncated", UNREGISTERED),
        # Whole words only.
        ("download limit reached", ERROR),
        ("a breakdown of ratios", ERROR),
        ("the trumpet", ERROR),
        ("untruncatedness", ERROR),
        # The first class that fits.
        ("tracker is down: unregistered torrent", OUTAGE),
        ("invalid passkey: unregistered torrent", MAINTENANCE),
        ("bad passkey: the tracker may be down", OUTAGE),
        # Line breaks and marks that nobody sees part no phrase.
        ("Torrent\nnot   found", UNREGISTERED),
        ("Torrent\u200b not\tfound", UNREGISTERED),
    ],
)
def test_messages_as_they_come(message: str, meaning: Meaning, tells_tracker_errors: bool) -> None:
    assert _meaning(message, tells_tracker_errors=tells_tracker_errors) is meaning


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("See https://tracker.org/unregistered/torrent-not-found.html", ERROR),
        ("see http://x.org/?passkey=abc", ERROR),
        ("see HTTPS://x.org/down (rules)", ERROR),
        ("http://x.org/down Unregistered torrent", UNREGISTERED),
        ("https://x.org/unregistered", MAINTENANCE),
    ],
)
def test_the_words_of_urls_say_nothing(message: str, meaning: Meaning) -> None:
    assert _meaning(message) is meaning


@pytest.mark.parametrize("row", tracker_messages.UNREGISTERED_AT["tracker.beyond-hd.me"])
def test_a_hosts_own_rows_count_at_that_host_alone_and_before_the_first_colon(row: str) -> None:
    assert _meaning(row.title(), url=_BHD) is UNREGISTERED
    assert _meaning(f"{row.upper()}: see the forum: now", url=_BHD) is UNREGISTERED
    if row not in {"trumped", "torrent has been deleted"}:  # those that every tracker says
        assert _meaning(f"note: {row}", url=_BHD) is ERROR
        assert _meaning(f"{row} or not", url=_BHD) in {ERROR, UNREGISTERED}
        assert _meaning(row) is ERROR
        assert _meaning(row, url="https://beyond-hd.me/announce") is ERROR
        assert _meaning(row, url="https://tracker.beyond-hd.me.evil.org/") is ERROR


def test_other_words_at_that_host_mean_what_they_mean_anywhere() -> None:
    assert _meaning("Another thing", url=_BHD) is ERROR
    assert _meaning("Unregistered torrent", url=_BHD) is UNREGISTERED
    assert _meaning("dead: the tracker is down", url=_BHD) is OUTAGE


@pytest.mark.parametrize("status", [TrackerStatus.NOT_WORKING, TrackerStatus.UNREACHABLE])
def test_where_the_server_tells_refusals_no_other_row_is_unregistered(
    status: TrackerStatus,
) -> None:
    for message in tracker_messages.UNREGISTERED:
        assert _meaning(message, status=status, tells_tracker_errors=_NEW) is ERROR
    assert _meaning("dead", url=_BHD, status=status, tells_tracker_errors=_NEW) is ERROR


_OWN = {"tracker_messages": {"unregistered": ["gone", "forbidden", "host", "not found", "end of"]}}


@pytest.mark.parametrize(
    "message",
    [
        "Gone",
        "Forbidden",
        "Not Found",
        "No such host is known",
        "",
        "End of file",
        "connection reset by host",
    ],
)
def test_what_no_tracker_has_said_is_never_unregistered_on_older_servers(message: str) -> None:
    assert _meaning(message, sections=_OWN) is not UNREGISTERED


def test_the_same_words_in_a_trackers_own_sentence_are() -> None:
    assert _meaning("This torrent is gone", sections=_OWN) is UNREGISTERED
    assert _meaning("gone", tells_tracker_errors=_NEW, sections=_OWN) is UNREGISTERED


@pytest.mark.parametrize(
    ("section", "meaning"),
    [("unregistered", UNREGISTERED), ("maintenance", MAINTENANCE), ("outage", OUTAGE)],
)
def test_the_configs_lists_count_for_all_trackers_or_for_one(
    section: str, meaning: Meaning
) -> None:
    message = "Zut alors: (unregistered)"
    everywhere = {"tracker_messages": {section: ["zut"]}}
    assert _meaning(message, sections=everywhere) is meaning
    phrase = {"tracker_messages": {section: ["Zut  Alors: (un"]}}
    assert _meaning(message, sections=phrase) is meaning
    at_one = {"tracker": {"example.org": {"tag": "a", section: ["zut"]}, "y.org": {"tag": "y"}}}
    assert _meaning("zut", sections=at_one) is meaning
    assert _meaning("zut", url="https://x.org/announce", sections=at_one) is ERROR
    assert _meaning("zut", url="https://y.org/announce", sections=at_one) is ERROR


def test_the_lists_of_other_count_where_no_entry_fits() -> None:
    sections = {
        "tracker": {"example.org": {"tag": "a"}, "other": {"tag": "o", "unregistered": ["zut"]}}
    }
    assert _meaning("zut", sections=sections) is ERROR
    assert _meaning("zut", url="https://x.org/announce", sections=sections) is UNREGISTERED


def test_a_word_of_the_config_is_a_whole_word_and_no_pattern() -> None:
    own = {"tracker_messages": {"unregistered": ["zu.", "a|b"]}}
    assert _meaning("zut", sections=own) is ERROR
    assert _meaning("it says zu.", sections=own) is UNREGISTERED
    assert _meaning("a", sections=own) is ERROR
    assert _meaning("xzu.", sections=own) is ERROR


def test_the_ignore_list_never_means_unregistered() -> None:
    ignored = {"settings": {"rem_unregistered_ignore_list": ["Torrent Not Found", "trump"]}}
    assert _meaning("torrent not found", sections=ignored) is MAINTENANCE
    assert _meaning("you trump it", sections=ignored) is MAINTENANCE
    assert _meaning("trumped", sections=ignored) is UNREGISTERED


def test_an_endless_message_is_read_in_no_time() -> None:
    assert _meaning("a" * 5_000_000) is ERROR
    assert _meaning("http://" * 100_000) is MAINTENANCE
    assert _meaning("torrent not " * 100_000 + "found") is ERROR

"""What one tracker's message means, by the known lists and the config's own.

Source: spec, *rem_unregistered and tag_tracker_error*, step 3. The lists themselves are in
``tracker_messages``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from qbm.commands import tracker_messages as known
from qbm.commands.tracker_entry import matching_entry
from qbm.config import Config, TrackerMessages
from qbm.model.tracker import Tracker, TrackerStatus, as_one_line, host_of, without_urls


class Meaning(StrEnum):
    """What a failing tracker's message means; the first that fits wins."""

    OUTAGE = "outage"
    MAINTENANCE = "maintenance"
    UNREGISTERED = "unregistered"
    ERROR = "error"


class _Words(Struct, frozen=True):
    """What to look for in a message, as patterns over its text in upper case."""

    outage: re.Pattern[str]
    maintenance: re.Pattern[str]
    unregistered: re.Pattern[str]


class Lexicon(Struct, frozen=True):
    """The lists of all trackers, and of those entries of ``tracker`` that have their own.

    ``tells_tracker_errors``: of the server, see ``Snapshot``.
    """

    config: Config
    tells_tracker_errors: bool
    common: _Words
    by_entry: Mapping[tuple[str, ...], _Words]

    def words_for(self, url: str) -> _Words:
        """The lists that count for a tracker."""
        if not self.by_entry:
            return self.common
        match = matching_entry([url], self.config)
        entry = match.entry if match else self.config.other
        return self.by_entry.get(entry.words, self.common) if entry else self.common


def lexicon(config: Config, *, tells_tracker_errors: bool) -> Lexicon:
    """The known lists and the config's, ready to be looked up."""
    ignored = config.settings.rem_unregistered_ignore_list
    return Lexicon(
        config=config,
        tells_tracker_errors=tells_tracker_errors,
        common=_words(ignored, config.tracker_messages),
        by_entry={
            entry.words: _words(ignored, config.tracker_messages, entry.messages)
            for entry in config.tracker.values()
            if entry.messages.outage or entry.messages.maintenance or entry.messages.unregistered
        },
    )


def meaning_of(tracker: Tracker, words: Lexicon) -> tuple[Meaning, str]:
    """The first class that fits, and the word or phrase by which it does."""
    text = _read(tracker.msg)
    lists = words.words_for(tracker.url)
    if found := lists.outage.search(text):
        return Meaning.OUTAGE, found[0].lower()
    if found := lists.maintenance.search(text):
        return Meaning.MAINTENANCE, found[0].lower()
    if text in _MAINTENANCE_WHOLE:
        return Meaning.MAINTENANCE, text.lower()
    found = lists.unregistered.search(text)
    word = found[0] if found else _host_word(tracker, text)
    if word and _is_own_answer(tracker, text, words):
        return Meaning.UNREGISTERED, word.lower()
    return Meaning.ERROR, ""


def _read(msg: str) -> str:
    """The text that is compared."""
    return _upper(without_urls(as_one_line(msg)))


def _upper(text: str) -> str:
    return " ".join(text.upper().split())


def _host_word(tracker: Tracker, text: str) -> str:
    """What stands before the first colon, if that is a row of this tracker's own list."""
    said = text.partition(":")[0].strip()
    return said if said in _UNREGISTERED_AT.get(host_of(tracker.url).lower(), ()) else ""


def _is_own_answer(tracker: Tracker, text: str, words: Lexicon) -> bool:
    """The tracker has said so itself: no web server, resolver or socket of this machine."""
    if words.tells_tracker_errors:
        return tracker.status is TrackerStatus.TRACKER_ERROR
    return text not in _HTTP_REASONS and not _TRANSPORT.search(text)


def _words(ignored: Iterable[str], *extra: TrackerMessages) -> _Words:
    outage = [word for each in extra for word in each.outage]
    maintenance = [word for each in extra for word in each.maintenance]
    unregistered = [word for each in extra for word in each.unregistered]
    return _Words(
        outage=_pattern([*known.OUTAGE, *outage]),
        maintenance=_pattern([*known.MAINTENANCE, *maintenance, *ignored], known.MAINTENANCE_PARTS),
        unregistered=_pattern([*known.UNREGISTERED, *unregistered]),
    )


def _pattern(listed: Iterable[str], parts: Iterable[str] = ()) -> re.Pattern[str]:
    """A single word as a whole word; a phrase, and each of ``parts``, anywhere."""
    texts = [_upper(each) for each in listed]
    single = [each for each in texts if " " not in each]
    anywhere = [each for each in texts if " " in each] + [_upper(each) for each in parts]
    whole_words = rf"(?<!\w)(?:{_any_of(single)})(?!\w)" if single else None
    return re.compile("|".join(filter(None, [_any_of(anywhere), whole_words])))


def _any_of(texts: Iterable[str]) -> str:
    """The longest first, so that a reason names all that was found."""
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


_MAINTENANCE_WHOLE: Final = frozenset(map(_upper, known.MAINTENANCE_WHOLE))
_HTTP_REASONS: Final = frozenset(map(_upper, known.HTTP_REASONS))
_TRANSPORT: Final = _pattern((), known.TRANSPORT)
_UNREGISTERED_AT: Final = {
    host: frozenset(map(_upper, rows)) for host, rows in known.UNREGISTERED_AT.items()
}

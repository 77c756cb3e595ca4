"""Which entry of the ``tracker`` section a torrent belongs to; several commands ask.

Rule (spec, tag_update): the first key in file order that occurs, as a plain substring, in
any of the torrent's real tracker URLs; ``a|b`` is two keys of one entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from qbm.config import Config, TrackerEntry
from qbm.model.tracker import Tracker, host_of, without_passkey


class TrackerMatch(Struct, frozen=True):
    """The entry, the word of its key that was found, and the tracker's host name.

    The latter two are for people: they hold no passkey.
    """

    entry: TrackerEntry
    word: str
    host: str


def real_urls(trackers: Iterable[Tracker]) -> list[str]:
    """The URLs of the real trackers, in the torrent's own order."""
    return [tracker.url for tracker in trackers if tracker.is_real]


def matching_entry(urls: Sequence[str], config: Config) -> TrackerMatch | None:
    """The first entry, other than ``other``, that one of ``urls`` belongs to."""
    for entry in config.tracker.values():
        if entry is config.other:
            continue
        for word in entry.words:
            for url in urls:
                if word in url:
                    return TrackerMatch(entry, without_passkey(word), without_passkey(host_of(url)))
    return None

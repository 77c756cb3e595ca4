"""What a torrent's trackers say of it: the judgement that two commands and ``explain`` share.

Source: spec, *rem_unregistered and tag_tracker_error*, steps 1 to 3, and the rows in
*qBittorrent, as measured*. Only real trackers are looked at, and what could not be read is a
judgement of its own, which matches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from qbm.commands.tracker_lexicon import Lexicon, Meaning, meaning_of
from qbm.config import Settings
from qbm.model.change import RemoveTags
from qbm.model.reason import Code, Reason, because, together
from qbm.model.snapshot import Selection
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.tracker import Tracker, TrackerStatus, host_of, shown_message, without_passkey
from qbm.model.unknown import UNKNOWN


class Finding(Struct, frozen=True):
    """A failing tracker: its host, what it says, and what that means by which words.

    ``host`` and ``message`` are for people: they hold no passkey. ``word`` is "" where no list
    decided.
    """

    host: str
    message: str
    meaning: Meaning
    word: str = ""

    @property
    def reason(self) -> Reason:
        """The finding as a reason."""
        is_silent = self.meaning is Meaning.MAINTENANCE and not self.word
        code = Code.TRACKER_SILENT if is_silent else _SPOKEN[self.meaning]
        return because(code, host=self.host, message=self.message, word=self.word)


class Unread(Struct, frozen=True):
    """The trackers, or the status of one, could not be read."""

    @property
    def reason(self) -> Reason:
        """Why nothing follows from it."""
        return because(Code.TRACKERS_UNKNOWN)


class Healthy(Struct, frozen=True):
    """One tracker works."""

    host: str

    @property
    def reason(self) -> Reason:
        """Which one."""
        return because(Code.TRACKER_WORKS, host=self.host)


class Undecided(Struct, frozen=True):
    """One tracker is being asked, or has not been asked yet; what others say may be old."""

    host: str

    @property
    def reason(self) -> Reason:
        """Which one."""
        return because(Code.TRACKER_UNDECIDED, host=self.host)


class NothingFails(Struct, frozen=True):
    """There is no tracker that is switched on."""

    has_trackers: bool

    @property
    def reason(self) -> Reason:
        """Whether there is one at all."""
        return because(Code.TRACKERS_DISABLED if self.has_trackers else Code.NO_TRACKER)


class Failing(Struct, frozen=True):
    """All trackers that are switched on fail: what each of them says, in the torrent's order."""

    findings: tuple[Finding, ...]

    @property
    def reason(self) -> Reason:
        """All that they say."""
        return together(each.reason for each in self.findings)

    @property
    def unregistered(self) -> tuple[Finding, ...]:
        """The trackers that do not know the torrent."""
        return tuple(each for each in self.findings if each.meaning is Meaning.UNREGISTERED)

    @property
    def may_be_known(self) -> bool:
        """One tracker may know the torrent, but cannot be asked just now."""
        away = {Meaning.OUTAGE, Meaning.MAINTENANCE}
        return any(each.meaning in away for each in self.findings)

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What is no outage."""
        return tuple(each for each in self.findings if each.meaning is not Meaning.OUTAGE)


Judgement: TypeAlias = Unread | Healthy | Undecided | NothingFails | Failing


def judge(torrent: Torrent, words: Lexicon) -> Judgement:
    """What the trackers of a torrent say together."""
    if torrent.trackers is UNKNOWN:
        return Unread()
    trackers = [each for each in torrent.trackers if each.is_real]
    for each in trackers:
        if each.is_working:
            return Healthy(shown_host(each.url))
    if any(each.status is None for each in trackers):
        return Unread()
    for each in trackers:
        if _is_undecided(each):
            return Undecided(shown_host(each.url))
    failing = [each for each in trackers if each.status is not TrackerStatus.DISABLED]
    if not failing:
        return NothingFails(has_trackers=bool(trackers))
    return Failing(tuple(_finding(each, words) for each in failing))


class Seen(Struct, frozen=True):
    """What a real run remembers of the torrents that it may change: see ``Plan``."""

    sighted: frozenset[TorrentHash]
    recovered: frozenset[TorrentHash]


def seen(judgements: Mapping[TorrentHash, Judgement], selection: Selection) -> Seen:
    """Which torrents a tracker does not know, whatever holds back their removal; which work."""
    sighted, recovered = set[TorrentHash](), set[TorrentHash]()
    for each, judgement in judgements.items():
        if selection.hashes is not None and each not in selection.hashes:
            continue
        if isinstance(judgement, Healthy):
            recovered.add(each)
        elif isinstance(judgement, Failing) and judgement.unregistered:
            sighted.add(each)
    return Seen(frozenset(sighted), frozenset(recovered))


def hosts_of(findings: Iterable[Finding]) -> list[str]:
    """The hosts of findings in lower case, each once, in one fixed order."""
    return sorted({each.host.lower() for each in findings})


def tracker_hosts(torrent: Torrent) -> frozenset[str]:
    """The hosts of its real trackers in lower case, as far as they are known."""
    trackers = () if torrent.trackers is UNKNOWN else torrent.trackers
    return frozenset(shown_host(each.url).lower() for each in trackers if each.is_real)


def untagging(torrent: Torrent, judgement: Judgement, tag: str) -> RemoveTags | None:
    """What step 1 takes from a healthy torrent: the tag of tracker errors, if it has it.

    Both commands do, each alone as well (spec: step 5 alone depends on what was asked for).
    """
    if not isinstance(judgement, Healthy) or tag not in torrent.tags:
        return None
    return RemoveTags(torrent.hash, (tag,), before=tuple(sorted(torrent.tags)))


def left_out_as_incomplete(torrent: Torrent, settings: Settings) -> Reason | None:
    """Why an incomplete torrent is neither removed nor tagged, if it is not to be."""
    if not settings.rem_unregistered_filter_completed or torrent.is_complete:
        return None
    percent = int(torrent.progress * 100)
    return because(Code.NOT_COMPLETE, state=torrent.state, percent=percent)


def shown_host(url: str) -> str:
    """The tracker's host as people may see it; in its place the address where it has none."""
    return without_passkey(host_of(url) or url)


def _is_undecided(tracker: Tracker) -> bool:
    is_waiting = tracker.status in {TrackerStatus.NOT_CONTACTED, TrackerStatus.UPDATING}
    return is_waiting or (tracker.is_updating and tracker.status is not TrackerStatus.DISABLED)


def _finding(tracker: Tracker, words: Lexicon) -> Finding:
    meaning, word = meaning_of(tracker, words)
    return Finding(shown_host(tracker.url), shown_message(tracker.msg), meaning, word)


_SPOKEN: Final = {
    Meaning.OUTAGE: Code.TRACKER_OUTAGE,
    Meaning.MAINTENANCE: Code.TRACKER_MAINTENANCE,
    Meaning.UNREGISTERED: Code.TRACKER_UNREGISTERED,
    Meaning.ERROR: Code.TRACKER_ERROR,
}

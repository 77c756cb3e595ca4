"""The answers of the Web API as they come, and what they mean in the model's values.

Fields that a version lacks or adds are no error. Decoding goes from bytes straight to
structs: 10,000 torrents with a tracker each (17 MB) take 30 ms, their conversion 70 ms. The
garbage collector leaves the many small ones alone (``gc=False``: they hold no cycle), which
else costs three times as much in a process that has more to look through.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from qbm.gateways.qbittorrent.limits import (
    ratio_limit,
    share_limit_action,
    share_limits_mode,
    time_limit,
)
from qbm.model.limit import Limit, ShareLimits
from qbm.model.snapshot import Category
from qbm.model.torrent import State, Torrent, TorrentFile, TorrentHash, parse_hash
from qbm.model.tracker import Tracker, TrackerStatus, host_of
from qbm.model.unknown import UNKNOWN, Unknown

T = TypeVar("T")

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_YEAR_10000: Final = 253_402_300_800
_NEVER: Final = 0xFFFF_FFFF
"""-1 as an unsigned number of 32 bits, as old servers write it."""
_NO_METADATA: Final = -1
"""``total_size`` of a magnet link whose ``.torrent`` has yet to arrive."""
_MOST_RATIO: Final = 9999.0
"""Servers write a ratio above it as -1."""
_STATES: Final[Mapping[str, State]] = {state.value: state for state in State}
_STATUSES: Final[Mapping[int, TrackerStatus]] = {status.value: status for status in TrackerStatus}


class WireTracker(Struct, frozen=True, gc=False):
    """A row of ``torrents/trackers``, or of ``trackers`` in ``torrents/info``."""

    url: str = ""
    status: int = -1
    msg: str = ""
    updating: bool = False

    @property
    def is_pseudo(self) -> bool:
        """It stands for DHT, PeX or LSD (``** [DHT] **``)."""
        return self.url.startswith("** [")


class WireFile(Struct, frozen=True, gc=False):
    """A file of ``torrents/files``, or of ``files`` in ``torrents/info``."""

    name: str = ""
    size: int = 0
    progress: float = 0.0
    priority: int = 1


class WireProperties(Struct, frozen=True):
    """The part of ``torrents/properties`` that is read."""

    seeding_time: int | UnsetType = UNSET


class WireTorrent(Struct, frozen=True, gc=False):
    """A torrent of ``torrents/info`` or ``sync/maindata`` (there, its hash is its key)."""

    hash: str = ""
    name: str = ""
    infohash_v1: str = ""
    infohash_v2: str = ""
    category: str = ""
    tags: str = ""
    state: str = ""
    progress: float = 0.0
    save_path: str = ""
    content_path: str = ""
    auto_tmm: bool = False
    added_on: int = 0
    completion_on: int = 0
    total_size: int | UnsetType = UNSET
    private: bool | UnsetType | None = UNSET
    trackers: tuple[WireTracker, ...] | UnsetType = UNSET
    files: tuple[WireFile, ...] | UnsetType = UNSET
    download_path: str | UnsetType = UNSET
    ratio: float | UnsetType = UNSET
    num_complete: int = -1
    seeding_time: int | UnsetType = UNSET
    last_activity: int = 0
    up_limit: int = 0
    ratio_limit: float = Limit.GLOBAL.value
    seeding_time_limit: int = Limit.GLOBAL.value
    inactive_seeding_time_limit: int | UnsetType = UNSET
    share_limit_action: str | UnsetType = UNSET
    share_limits_mode: str | UnsetType = UNSET


class WireCategory(Struct, frozen=True):
    """A category of ``torrents/categories`` or ``sync/maindata``."""

    name: str = ""
    save_path: str = field(default="", name="savePath")


class WireMainData(Struct, frozen=True):
    """``sync/maindata``; ``trackers`` maps a URL to the torrents that have it, unordered."""

    full_update: bool = False
    torrents: dict[str, WireTorrent] = {}
    categories: dict[str, WireCategory] = {}
    trackers: dict[str, list[str]] | UnsetType = UNSET


def decoded(body: bytes, kind: type[T]) -> T:
    """The answer as ``kind``; text that is no proper Unicode is mended, not refused.

    Qt writes half a surrogate pair as it finds it, such as in a name cut off by its maker.

    Raises:
        ValueError: it is not JSON, or not of this shape.
    """
    try:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(_mended(body), type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _mended(body: bytes) -> bytes:
    text = json.dumps(json.loads(body.decode(errors="replace")), ensure_ascii=False)
    return text.encode(errors="replace")


def torrents_of(wires: Iterable[WireTorrent]) -> dict[TorrentHash, Torrent]:
    """The torrents by their hash; what the server did not say of one is ``UNKNOWN``.

    Raises:
        ValueError: one has no hash.
    """
    torrents = map(_torrent, wires)
    return {torrent.hash: torrent for torrent in torrents}


def categories_of(wires: Mapping[str, WireCategory]) -> dict[str, Category]:
    """The categories by name."""
    return {name: Category(name, _folder(wire.save_path)) for name, wire in wires.items()}


def with_urls(
    torrents: Mapping[str, WireTorrent], urls: Mapping[str, Iterable[str]]
) -> list[WireTorrent]:
    """The torrents of ``sync/maindata`` with their hash and the trackers of its map.

    The map tells neither status nor order; here, the URLs of a torrent are sorted.
    """
    rows: dict[str, list[WireTracker]] = {each: [] for each in torrents}
    for url in sorted(urls):
        row = WireTracker(url)
        for each in urls[url]:
            rows.setdefault(each, []).append(row)
    return [replace(wire, hash=each, trackers=tuple(rows[each])) for each, wire in torrents.items()]


def has_several_hosts(wire: WireTorrent) -> bool:
    """It matters which of its trackers comes first."""
    rows = () if wire.trackers is UNSET else wire.trackers
    return len(rows) > 1 and len({host_of(row.url) for row in rows}) > 1


def _torrent(wire: WireTorrent) -> Torrent:
    return Torrent(
        hash=_hash(wire),
        name=wire.name,
        infohash_v1=wire.infohash_v1,
        infohash_v2=wire.infohash_v2,
        category=wire.category,
        tags=frozenset(wire.tags.split(", ")) if wire.tags else frozenset(),
        state=_STATES.get(wire.state, State.UNKNOWN),
        progress=wire.progress,
        save_path=_folder(wire.save_path) or UNKNOWN,
        content_path=_folder(wire.content_path) or UNKNOWN,
        auto_tmm=wire.auto_tmm,
        added_on=_instant(wire.added_on) or _EPOCH,
        completion_on=_instant(wire.completion_on),
        private=_private(wire),
        trackers=_trackers(wire),
        download_path="" if wire.download_path is UNSET else _folder(wire.download_path),
        total_size=_known(wire.total_size),
        ratio=_ratio(wire.ratio),
        num_complete=_known(wire.num_complete),
        seeding_time=_duration(wire.seeding_time),
        last_activity=_instant(wire.last_activity) or UNKNOWN,
        up_limit=max(0, wire.up_limit),  # 4.2.5 writes "none" as -1
        share_limits=_share_limits(wire),
        files=_files(wire),
    )


def _hash(wire: WireTorrent) -> TorrentHash:
    parsed = parse_hash(wire.hash)
    if parsed is None:
        raise ValueError(f"a torrent with the hash {wire.hash!r}")
    return parsed


def _trackers(wire: WireTorrent) -> tuple[Tracker, ...] | Unknown:
    """In the server's order, which is that of their tiers.

    The rows for DHT, PeX and LSD are left out: ``includeTrackers`` has none, and so all
    servers' lists are alike.
    """
    if wire.trackers is UNSET:
        return UNKNOWN
    return tuple(
        Tracker(row.url, _STATUSES.get(row.status), row.msg, row.updating)
        for row in wire.trackers
        if not row.is_pseudo
    )


def _private(wire: WireTorrent) -> bool | Unknown:
    """The server's word, or what the rows for DHT, PeX and LSD give away.

    With a private torrent they carry the message "This torrent is private" in the server's
    language; no other torrent's carry any. A magnet link without metadata is neither.
    """
    if isinstance(wire.private, bool):
        return wire.private
    if wire.private is None or wire.trackers is UNSET or wire.total_size == _NO_METADATA:
        return UNKNOWN
    pseudo = [row for row in wire.trackers if row.is_pseudo]
    return any(row.msg for row in pseudo) if pseudo else UNKNOWN


def _share_limits(wire: WireTorrent) -> ShareLimits:
    inactive, action = wire.inactive_seeding_time_limit, wire.share_limit_action
    mode = wire.share_limits_mode
    return ShareLimits(
        ratio_limit=ratio_limit(wire.ratio_limit),
        seeding_time_limit=time_limit(wire.seeding_time_limit),
        inactive_seeding_time_limit=None if inactive is UNSET else time_limit(inactive),
        share_limit_action=None if action is UNSET else share_limit_action(action),
        share_limits_mode=None if mode is UNSET else share_limits_mode(mode),
    )


def _files(wire: WireTorrent) -> tuple[TorrentFile, ...] | Unknown:
    """Every torrent has a file; only a magnet link without metadata has none yet.

    No server shows the ``.!qB`` at the end of an incomplete file's name.
    """
    if not wire.files and wire.total_size == _NO_METADATA:
        return ()
    if wire.files is UNSET or not wire.files:
        return UNKNOWN
    return tuple(
        TorrentFile(each.name, each.size, each.progress, each.priority) for each in wire.files
    )


def _known(count: int | UnsetType) -> int | Unknown:
    return UNKNOWN if count is UNSET or count < 0 else count


def _ratio(number: float | UnsetType) -> float | Unknown:
    if number is UNSET:
        return UNKNOWN
    return number if number >= 0 else _MOST_RATIO


def _duration(seconds: int | UnsetType) -> timedelta | Unknown:
    if seconds is UNSET or not 0 <= seconds < _YEAR_10000:
        return UNKNOWN
    return timedelta(seconds=seconds)


def _folder(path: str) -> str:
    """``path`` without a slash at its end: 4.2.5 has one there, later servers have not."""
    return path.rstrip("/") or path[:1]


def _instant(seconds: int) -> datetime | None:
    """Seconds since 1970, aware; None for "never", which servers write as 0 or -1."""
    if 0 < seconds < _YEAR_10000 and seconds != _NEVER:
        return datetime.fromtimestamp(seconds, UTC)
    return None

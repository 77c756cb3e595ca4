"""Tell the log what a run decides and does: one event per torrent, with its reason.

Events carry fields; the door that shows them (``log``) words them. What people read
in the history, the API and the page is made from the same values, never from the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, TypeAlias, assert_never

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from qbm.engine.batches import Numbered
from qbm.engine.request import Concluded, Mode, RunReport
from qbm.model.change import (
    AddTags,
    Change,
    Content,
    CreateCategory,
    DeleteFile,
    Disposal,
    FileChange,
    MoveFile,
    Recheck,
    RemoveTags,
    RemoveTorrent,
    RestoreTorrent,
    SetAutoManagement,
    SetCategory,
    SetPreferences,
    SetShareLimits,
    SetUploadLimit,
    Start,
    torrent_of,
)
from qbm.model.limit import GlobalLimits, Limit, ShareLimits
from qbm.model.paths import legible
from qbm.model.plan import Applied, Deferred, Plan, Planned, Skipped, Stale
from qbm.model.torrent import TorrentHash

_NONE: Final = "(none)"
_KIB: Final = 1024
_Limit: TypeAlias = float | timedelta | Limit | str | None
"""A limit, or what is done at one."""


def describe(change: Change) -> str:
    """The change in words, without the torrent's name."""
    match change:
        case CreateCategory(name=name, save_path=save_path):
            return f"create category {name} with save path {save_path}"
        case SetCategory(before=before, after=after):
            return f"category {before or _NONE} → {after or _NONE}"
        case SetAutoManagement(after=enabled):
            return f"Automatic Torrent Management {'on' if enabled else 'off'}"
        case AddTags(tags=tags):
            return f"add {_tags(tags)}"
        case RemoveTags(tags=tags):
            return f"remove {_tags(tags)}"
        case SetShareLimits(before=limits, after=wanted):
            return f"share limits: {_limits(limits, wanted)}"
        case SetUploadLimit(after=speed):
            return f"upload limit {_speed(speed)}"
        case Start():
            return "start"
        case Recheck():
            return "recheck"
        case SetPreferences(before=common, after=others):
            return f"qBittorrent's limits for all torrents: {_global_limits(common, others)}"
        case RemoveTorrent(content=content):
            return f"remove{_fate(content)}"
        case RestoreTorrent() | MoveFile() | DeleteFile():
            return _of_files(change)
    assert_never(change)


def described_apart(change: FileChange) -> tuple[str, str]:
    """The file with its size, and what becomes of it, for where these stand side by side."""
    match change:
        case MoveFile(source=source, target=target, stamp=stamp):
            return f"{legible(source)} ({sized(stamp.size)})", _destination(source, target)
        case DeleteFile(path=path, stamp=stamp):
            return f"{legible(path)} ({sized(stamp.size)})", "delete for good"
    assert_never(change)


def _destination(source: str, target: str) -> str:
    """Where a file goes; if only its first folders change, those."""
    old, new = source.split("/"), target.split("/")
    while old and new and old[-1] == new[-1]:
        old.pop()
        new.pop()
    return f"move to {legible('/'.join(new) or '/')}"


def _of_files(change: RestoreTorrent | FileChange) -> str:
    match change:
        case RestoreTorrent(files=files, size=size):
            return f"restore, {_files(len(files), size)} back in place"
        case MoveFile(source=source, target=target, stamp=stamp):
            return f"move {legible(source)} ({sized(stamp.size)}) to {legible(target)}"
        case DeleteFile(path=path, stamp=stamp):
            return f"delete {legible(path)} ({sized(stamp.size)}) for good"
    assert_never(change)


def _limits(before: ShareLimits, after: ShareLimits) -> str:
    """Those that change, as they will be."""
    words = [
        ("ratio", before.ratio_limit, after.ratio_limit),
        ("seeding time", before.seeding_time_limit, after.seeding_time_limit),
        ("inactive", before.inactive_seeding_time_limit, after.inactive_seeding_time_limit),
        ("action", before.share_limit_action, after.share_limit_action),
        ("mode", before.share_limits_mode, after.share_limits_mode),
    ]
    return _changed(words)


def _global_limits(before: GlobalLimits, after: GlobalLimits) -> str:
    words = [
        ("ratio", before.max_ratio, after.max_ratio),
        ("seeding time", before.max_seeding_time, after.max_seeding_time),
        ("inactive", before.max_inactive_seeding_time, after.max_inactive_seeding_time),
        ("action", before.max_ratio_act, after.max_ratio_act),
    ]
    return _changed(words)


def _changed(words: Iterable[tuple[str, _Limit, _Limit]]) -> str:
    return ", ".join(f"{name} {_limit(after)}" for name, before, after in words if before != after)


def _limit(limit: _Limit) -> str:
    match limit:
        case None:
            return "none"
        case str():
            return limit
        case Limit.UNLIMITED:
            return "none"
        case Limit.GLOBAL:
            return "qBittorrent's own"
        case timedelta():
            return _lasting(limit)
        case _:
            return f"{limit:g}"


def _lasting(time: timedelta) -> str:
    """``3 d 4 h``: the two largest units are enough to recognise a limit."""
    minutes = int(time.total_seconds() // 60)
    units = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    words = [f"{number} {unit}" for number, unit in units if number]
    return " ".join(words) or "0 min"


def _speed(speed: int) -> str:
    return f"{speed / 1024:g} KiB/s" if speed else "none"


def _fate(content: Content | None) -> str:
    """What becomes of a removed torrent's files."""
    if content is None or content.disposal is Disposal.KEEP or not content.files:
        return ", its files stay"
    files = _files(len(content.files), content.size)
    shared = f" ({len(content.shared):,} shared: left)" if content.shared else ""
    if content.disposal is Disposal.RECYCLE:
        return f", {files} into the recycle bin{shared}"
    return f", {files} deleted for good{shared}"


def _files(number: int, size: int) -> str:
    return f"{number:,} file{'' if number == 1 else 's'} ({sized(size)})"


def sized(size: int) -> str:
    """A size in bytes as people read it: ``1.5 GiB``."""
    amount, units = float(size), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while amount >= _KIB and unit != "TiB":
        amount, unit = amount / _KIB, next(units)
    return f"{amount:.3g} {unit}" if amount < _KIB - 24 else f"{amount:.0f} {unit}"


def _tags(tags: Sequence[str]) -> str:
    return f"tag{'s' if len(tags) > 1 else ''} {', '.join(tags)}"


def retell(report: RunReport, log: FilteringBoundLogger) -> None:
    """Tell the log of a run that another process has carried out, as that one told its own."""
    reporter = Reporter(log, report.names, report.mode)
    reporter.decided(report.plan)
    if report.mode is Mode.DRY:
        reporter.changing(report.plan.planned)
    else:
        sent = (each for each in report.concluded if not isinstance(each.outcome, Stale))
        reporter.changing(each.planned for each in sent)
    reporter.concluded(report.concluded)
    reporter.ended(report)


class Reporter(Struct, frozen=True):
    """Writes a run's events to ``log``; ``names`` are the torrents' names."""

    log: FilteringBoundLogger
    names: Mapping[TorrentHash, str]
    mode: Mode

    def decided(self, plan: Plan) -> None:
        """What was left alone, each torrent at debug, and what is said once for many."""
        for notice in plan.notices:
            self.log.info("notice", command=notice.command, reason=str(notice.reason))
        for refused in plan.refused:
            self.log.warning("refused", command=refused.command, reason=str(refused.reason))
        for each in plan.deferred:
            self.log.info("deferred", **self._left(each))
        if self.log.is_enabled_for(logging.DEBUG):  # else thousands are worded for nobody
            for skipped in plan.skipped:
                self.log.debug("left_alone", **self._left(skipped))

    def changing(self, planned: Iterable[Planned]) -> None:
        """Changes being made, or in a dry run those that would be."""
        event = "would_change" if self.mode is Mode.DRY else "change"
        for each in planned:
            self.log.info(event, **self._fields(each))

    def sending(self, batch: Iterable[Numbered]) -> None:
        """The changes of one batch, as they are being made."""
        self.changing(each.planned for each in batch)

    def concluded(self, concluded: Iterable[Concluded]) -> None:
        """Whatever did not come out as planned."""
        for each in concluded:
            if not isinstance(each.outcome, Applied):
                self.log.warning(
                    "not_changed",
                    **self._fields(each.planned),
                    outcome=type(each.outcome).__name__.lower(),
                    detail=each.outcome.detail,
                )

    def ended(self, report: RunReport) -> None:
        """The run as a whole."""
        for text in report.warnings:
            self.log.warning("warning", text=text)
        self.log.info(
            "run_ended",
            run_id=report.run_id,
            config_file=report.config_file,
            mode=report.mode,
            whole=report.is_whole,
            torrents=report.torrents,
            planned=len(report.plan.planned),
            seconds=round(report.seconds, 3),
            stats={name: number for name, number in report.stats.items() if number},
        )

    def _fields(self, planned: Planned) -> dict[str, str]:
        change = planned.change
        fields = {
            "command": planned.command,
            "what": describe(change),
            "reason": str(planned.reason),
        }
        torrent = torrent_of(change)
        if torrent is not None:
            fields |= {"torrent": self.names.get(torrent, ""), "hash": torrent}
        return fields

    def _left(self, left: Skipped | Deferred) -> dict[str, str]:
        return {
            "command": left.command,
            "torrent": self.names.get(left.hash, ""),
            "hash": left.hash,
            "reason": str(left.reason),
        }

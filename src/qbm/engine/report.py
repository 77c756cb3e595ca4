"""Tell the log what a run decides and does: one event per torrent, with its reason.

Events carry fields; the door that shows them (``log``) words them. What people read
in the history, the API and the page is made from the same values, never from the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, assert_never

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from qbm.engine.request import Concluded, Mode, RunReport
from qbm.model.change import (
    AddTags,
    Change,
    CreateCategory,
    RemoveTags,
    SetAutoManagement,
    SetCategory,
)
from qbm.model.plan import Applied, Deferred, Plan, Planned, Skipped, Stale
from qbm.model.torrent import TorrentHash

_NONE: Final = "(none)"


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
    assert_never(change)


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
        if not isinstance(change, CreateCategory):
            fields |= {"torrent": self.names.get(change.hash, ""), "hash": change.hash}
        return fields

    def _left(self, left: Skipped | Deferred) -> dict[str, str]:
        return {
            "command": left.command,
            "torrent": self.names.get(left.hash, ""),
            "hash": left.hash,
            "reason": str(left.reason),
        }

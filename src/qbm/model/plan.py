"""A plan: what a run means to do, what it leaves alone, and why; then what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from qbm.model.change import Change
from qbm.model.command import CommandName
from qbm.model.reason import Reason
from qbm.model.torrent import TorrentHash


class Planned(Struct, frozen=True, gc=False):
    """A change, the command that wants it, and the reason a user can read."""

    change: Change
    command: CommandName
    reason: Reason


class Skipped(Struct, frozen=True, gc=False):
    """A torrent that was looked at and left alone, and why."""

    hash: TorrentHash
    command: CommandName
    reason: Reason


class Deferred(Struct, frozen=True, gc=False):
    """A torrent that a later run will change: a delay is not over, a cap is reached."""

    hash: TorrentHash
    command: CommandName
    reason: Reason


class Notice(Struct, frozen=True):
    """Said once for many torrents, such as a save path that no entry covers."""

    command: CommandName
    reason: Reason


class Refused(Struct, frozen=True):
    """A command that a guard stopped; the others go on."""

    command: CommandName
    reason: Reason


class Plan(Struct, frozen=True):
    """Changes in the order in which they are to be made, and what was decided otherwise.

    ``sighted`` are the torrents seen unregistered, ``recovered`` those that certainly are not:
    what a real run remembers. ``needs_whole`` says that a decision here depends on torrents
    that were not asked for: with a snapshot that is not whole, nothing of it may be applied.
    """

    planned: tuple[Planned, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    notices: tuple[Notice, ...] = ()
    refused: tuple[Refused, ...] = ()
    sighted: frozenset[TorrentHash] = frozenset()
    recovered: frozenset[TorrentHash] = frozenset()
    needs_whole: bool = False

    @classmethod
    def joined(cls, plans: Iterable[Plan]) -> Plan:
        """The plans of several commands as one, in their order."""
        parts = list(plans)
        return cls(
            planned=tuple(each for part in parts for each in part.planned),
            skipped=tuple(each for part in parts for each in part.skipped),
            deferred=tuple(each for part in parts for each in part.deferred),
            notices=tuple(each for part in parts for each in part.notices),
            refused=tuple(each for part in parts for each in part.refused),
            sighted=frozenset().union(*(part.sighted for part in parts)),
            recovered=frozenset().union(*(part.recovered for part in parts)),
            needs_whole=any(part.needs_whole for part in parts),
        )


class Applied(Struct, frozen=True, tag=True):
    """Done, and seen on the server."""


class Stale(Struct, frozen=True, tag=True):
    """Left out: what the change expected to find was no longer so."""

    detail: str


class Failed(Struct, frozen=True, tag=True):
    """The server refused it, or it never took effect because the run was cut off."""

    detail: str


class Unconfirmed(Struct, frozen=True, tag=True):
    """Sent and accepted, but not seen on the server within the time allowed."""

    detail: str


Outcome: TypeAlias = Applied | Stale | Failed | Unconfirmed

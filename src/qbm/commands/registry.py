"""All commands in run order. A new command is a module with ``plan``, and a row here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from qbm.commands import (
    cat_update,
    force_auto_tmm,
    recheck,
    rem_orphaned,
    rem_unregistered,
    share_limits,
    tag_nohardlinks,
    tag_tracker_error,
    tag_update,
)
from qbm.config import Config
from qbm.model.change import Change
from qbm.model.command import CommandName
from qbm.model.plan import Plan
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import Torrent, TorrentHash

Needs: TypeAlias = Mapping[Fact, Callable[[Torrent], bool]]
"""Facts that cost requests, each with the torrents for which it matters."""


def _nothing(_: Config) -> Needs:
    return {}


def _uncounted(_: Change) -> Mapping[str, int]:
    return {}


def _no_torrents(_snapshot: Snapshot, _config: Config, _selection: Selection) -> tuple[()]:
    return ()


class Command(Struct, frozen=True):
    """A command: what it plans from which facts, and what its changes count as.

    ``wants_files`` names the torrents whose files it must know, once it has the other facts,
    ``wants_links`` those whose hard links.
    """

    name: CommandName
    plan: Callable[[Snapshot, Config, Selection, datetime], Plan]
    needs: Callable[[Config], Needs] = _nothing
    counts: Callable[[Change], Mapping[str, int]] = _uncounted
    wants_files: Callable[[Snapshot, Config, Selection], Collection[TorrentHash]] = _no_torrents
    wants_links: Callable[[Snapshot, Config, Selection], Collection[TorrentHash]] = _no_torrents


_FORCE_AUTO_TMM = Command(CommandName.FORCE_AUTO_TMM, force_auto_tmm.plan)

RUN_ORDER: tuple[Command, ...] = (
    _FORCE_AUTO_TMM,
    Command(CommandName.CAT_UPDATE, cat_update.plan, cat_update.needs, cat_update.counts),
    _FORCE_AUTO_TMM,
    Command(CommandName.TAG_UPDATE, tag_update.plan, tag_update.needs, tag_update.counts),
    Command(
        CommandName.REM_UNREGISTERED,
        rem_unregistered.plan,
        rem_unregistered.needs,
        rem_unregistered.counts,
    ),
    Command(
        CommandName.TAG_TRACKER_ERROR,
        tag_tracker_error.plan,
        tag_tracker_error.needs,
        tag_tracker_error.counts,
    ),
    Command(CommandName.RECHECK, recheck.plan, recheck.needs, recheck.counts, recheck.wants_files),
    Command(CommandName.REM_ORPHANED, rem_orphaned.plan, rem_orphaned.needs, rem_orphaned.counts),
    Command(
        CommandName.TAG_NOHARDLINKS,
        tag_nohardlinks.plan,
        tag_nohardlinks.needs,
        tag_nohardlinks.counts,
        wants_links=tag_nohardlinks.wants_links,
    ),
    Command(CommandName.SHARE_LIMITS, share_limits.plan, share_limits.needs, share_limits.counts),
)

_CARRIES_NO_AUTO_TMM = frozenset(
    {
        CommandName.TAG_UPDATE,
        CommandName.REM_ORPHANED,
        CommandName.CLEANUP_DIRS,
        CommandName.RESTORE,
    }
)


def steps(requested: Collection[CommandName], config: Config) -> tuple[Command, ...]:
    """The commands of a run, in order, whatever the order of the request.

    ``force_auto_tmm`` comes along if it is set, unless only ``tag_update`` or
    ``rem_orphaned`` are asked for (spec, cat_update 6).
    """
    wanted = set(requested) - {CommandName.FORCE_AUTO_TMM}
    if config.settings.force_auto_tmm and wanted - _CARRIES_NO_AUTO_TMM:
        wanted.add(CommandName.FORCE_AUTO_TMM)
    return tuple(command for command in RUN_ORDER if command.name in wanted)

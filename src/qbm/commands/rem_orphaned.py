"""``rem_orphaned``: move away the files below the roots that belong to no torrent.

Source: spec, *rem_orphaned*. Whether a file belongs to a torrent, the engine has found out
(``Snapshot.tree``); here is decided which of the others may go, and whether the command may
run at all: it refuses whenever something is not sure. Counter: ``orphaned``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from msgspec.structs import asdict

from qbm.config import Config
from qbm.model.change import Change, DeleteFile, MoveFile
from qbm.model.command import CommandName
from qbm.model.disk import Stray, Tree
from qbm.model.paths import root_folder
from qbm.model.plan import Notice, Plan, Planned, Refused
from qbm.model.reason import Code, Reason, because
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import State, Torrent
from qbm.model.unknown import UNKNOWN

_NAME = CommandName.REM_ORPHANED
_MISPLACED_PERCENT: Final = 20
_NAMES_LISTED: Final = 5
_SUFFIXES: Final = (".!qB", ".parts")
_PREFIXES: Final = (".fuse_hidden", ".nfs")
_STFOLDER: Final = ".stfolder"
_LOADING: Final = frozenset({State.CHECKING_RESUME_DATA, State.UNKNOWN})


def needs(config: Config) -> Mapping[Fact, Callable[[Torrent], bool]]:  # noqa: ARG001 - all commands share one signature
    """The roots, beside all torrents."""
    return {Fact.TREE: lambda _: True}


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    return {"orphaned": 1} if isinstance(change, MoveFile | DeleteFile) else {}


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:  # noqa: ARG001 - it looks at all torrents, whichever were asked for
    """Its orphans by path; or none, and why."""
    if snapshot.tree is UNKNOWN:
        return _refused(because(Code.ORPHANS_TREE_UNKNOWN))
    refusal = next(_objections(snapshot, snapshot.tree), None)
    if refusal is not None:
        return _refused(refusal)
    candidates = [each for each in snapshot.tree.strays if not _is_spared(each, config)]
    orphans = orphans_of(snapshot.tree, config, now)
    most = config.orphaned.max_orphaned_files_to_delete
    if 0 <= most < len(orphans):
        return _refused(because(Code.ORPHANS_TOO_MANY, number=len(orphans), most=most))
    young = len(candidates) - len(orphans)
    minutes = config.orphaned.min_file_age_minutes
    return Plan(
        planned=tuple(_planned(each, config) for each in sorted(orphans, key=_by_path)),
        notices=(Notice(_NAME, because(Code.ORPHANS_YOUNG, number=young, minutes=minutes)),)
        if young
        else (),
    )


def orphans_of(tree: Tree, config: Config, now: datetime) -> list[Stray]:
    """The files without an owner that are neither excluded nor too young."""
    youngest = now - timedelta(minutes=config.orphaned.min_file_age_minutes)
    return [
        each
        for each in tree.strays
        if not _is_spared(each, config)
        and not _is_new(each, tree)
        and _is_old(each, youngest, config)
    ]


def _refused(reason: Reason) -> Plan:
    return Plan(refused=(Refused(_NAME, reason),))


def _objections(snapshot: Snapshot, tree: Tree) -> Iterator[Reason]:
    """All that makes it uncertain which files are orphans, the gravest first."""
    if not snapshot.torrents:
        yield because(Code.ORPHANS_NO_TORRENTS)
    loading = [each for each in snapshot.torrents.values() if each.state in _LOADING]
    if loading:
        yield because(Code.ORPHANS_LOADING, number=len(loading))
    if tree.vanished:
        yield because(Code.ORPHANS_VANISHED, **asdict(tree.vanished))
    for config_file, why in tree.unheard:
        yield because(Code.ORPHANS_UNHEARD, config_file=config_file, why=why)
    for root in tree.absent:
        yield because(Code.ORPHANS_ROOT_ABSENT, root=root)
    for path, why in tree.unreadable:
        yield because(Code.ORPHANS_UNREADABLE, path=path, why=why)
    if tree.listless:
        yield because(Code.ORPHANS_LISTLESS, torrents=_listed(tree.listless))
    if not tree.inside:
        yield because(Code.ORPHANS_NONE_INSIDE)
    missing = len(tree.misplaced)
    if missing * 100 > tree.complete * _MISPLACED_PERCENT:
        first = tree.misplaced[0]
        yield because(
            Code.ORPHANS_MISPLACED,
            number=missing,
            complete=tree.complete,
            percent=_MISPLACED_PERCENT,
            name=first.name,
            path=first.path,
        )


def _is_spared(stray: Stray, config: Config) -> bool:
    """It is none of the files that are never orphans, nor of those the user has excluded."""
    *folders, name = stray.relative.split("/")
    if name.endswith(_SUFFIXES) or name.startswith(_PREFIXES):
        return True
    if _STFOLDER in {*folders, name}:
        return True
    root = config.directory.roots[stray.root].root_dir.rstrip("/")
    ways = {stray.path, f"{root}/{stray.relative}"}
    return any(
        fnmatchcase(way, pattern) for pattern in config.orphaned.exclude_patterns for way in ways
    )


def _is_new(stray: Stray, tree: Tree) -> bool:
    """Somebody has linked or changed it while the disk was read, and is not done yet."""
    return tree.listed_at_ns is not None and stray.changed_at_ns >= tree.listed_at_ns


def _is_old(stray: Stray, youngest: datetime, config: Config) -> bool:
    """Neither written to nor linked lately: a new hard link to an old file has a new ctime."""
    if not config.orphaned.min_file_age_minutes:
        return True
    newest_ns = max(stray.stamp.mtime_ns, stray.changed_at_ns)
    return newest_ns <= youngest.timestamp() * 1e9


def _planned(stray: Stray, config: Config) -> Planned:
    reason = because(Code.ORPHAN)
    if config.orphaned.empty_after_x_days == 0:
        deleted = DeleteFile(path=stray.path, stamp=stray.stamp, links=stray.links)
        return Planned(deleted, _NAME, reason)
    target = _target(stray, config)
    moved = MoveFile(source=stray.path, target=target, stamp=stray.stamp, links=stray.links)
    return Planned(moved, _NAME, reason)


def _target(stray: Stray, config: Config) -> str:
    """Its place in the orphaned folder of its root, or below its root's folder in the only one."""
    directory = config.directory
    roots = [each.root_dir for each in directory.roots]
    if len(directory.orphaned_dir) > 1:
        return f"{directory.orphaned_dir[stray.root].rstrip('/')}/{stray.relative}"
    names = [directory.orphaned_dir[0].rstrip("/"), root_folder(roots, stray.root)]
    return "/".join([*filter(None, names), stray.relative])


def _by_path(stray: Stray) -> str:
    return stray.path


def _listed(names: tuple[str, ...]) -> str:
    listed = ", ".join(names[:_NAMES_LISTED])
    more = len(names) - _NAMES_LISTED
    return f"{listed} and {more:,} more" if more > 0 else listed

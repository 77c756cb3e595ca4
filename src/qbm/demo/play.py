"""Plays the main job on a server that holds the samples, and checks on it what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from rich.cells import set_cell_size

from qbm.demo.samples import BIN, LIMITS, ORPHANED, ORPHANS, SAMPLES, Sample, config_text
from qbm.engine.request import Mode
from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.command import CommandName
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import Torrent

Job: TypeAlias = Callable[[Mode], bool]
"""Carries out the main job, by whichever door; whether that went well."""
Say: TypeAlias = Callable[[str], None]

CONFIG_NAME: Final = "config.yml"
_ABSENT: Final = "absent"
_CONTENT: Final = b"left over" * 100_000
_LIMITS_SHOWN: Final = "ratio 2, 30 days"


COMMANDS: Final = (
    CommandName.CAT_UPDATE,
    CommandName.TAG_UPDATE,
    CommandName.REM_UNREGISTERED,
    CommandName.TAG_TRACKER_ERROR,
    CommandName.RECHECK,
    CommandName.REM_ORPHANED,
    CommandName.TAG_NOHARDLINKS,
    CommandName.SHARE_LIMITS,
)
"""The main job."""


def write_config(url: str, root: PurePosixPath, local: Path, folder: Path, say: Say) -> None:
    """Put a config for the server at ``url`` into ``folder``, and show it.

    The samples lie under ``root``, which on this machine is ``local``.
    """
    config = folder / CONFIG_NAME
    text = config_text(url, root, local)
    config.write_text(text, encoding="utf-8")
    say(f"The config, {config}:\n")
    say("\n".join(f"    {line}" for line in text.splitlines()))


def furnish(local: Path, library: Path) -> None:
    """Put what belongs to no torrent beside the samples under ``local``, and link ``library``.

    Both are folders of one file system.
    """
    for each in ORPHANS:
        (local / each).parent.mkdir(parents=True, exist_ok=True)
        (local / each).write_bytes(_CONTENT)
    for path in (path for sample in SAMPLES if sample.is_linked for path in sample.paths):
        link = library / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.hardlink_to(local / path)


def play(url: str, local: Path, job: Job, say: Say) -> bool:
    """Preview, run, run again; whether server and disk then show what they should.

    The server is at ``url``, and the samples are under ``local`` on this machine.

    Raises:
        ServerError: the server cannot be asked in the end.
    """
    say("\n1. A dry run: what would be done, and why. Nothing is changed.\n")
    went_well = [job(Mode.DRY)]
    say("\n2. The run.\n")
    went_well.append(job(Mode.REAL))
    say("\n3. The same again: there is nothing left to change.\n")
    went_well.append(job(Mode.REAL))
    snapshot = asyncio.run(_shown(url))
    wrong = [*mistakes(snapshot), *misplaced(local)]
    say(f"\nWhat the server shows now:\n\n{table(snapshot)}\n")
    say(f"Where the files of the removed torrents and the orphans are now, below {local}:\n")
    say("\n".join(f"    {each}" for each in _moved(local)) + "\n")
    for each in wrong:
        say(f"WRONG: {each}")
    return not wrong and all(went_well)


async def _shown(url: str) -> Snapshot:
    async with QBittorrent(Connection(url=url)) as server:
        return await server.snapshot(frozenset())


def mistakes(snapshot: Snapshot) -> list[str]:
    """What differs on the server from how the samples should have ended."""
    shown = {each.name: each for each in snapshot.torrents.values()}
    return [
        f"{sample.name}: {_ending(shown.get(sample.name))} instead of {_wanted(sample)}"
        for sample in SAMPLES
        if _ending(shown.get(sample.name)) != _wanted(sample)
    ]


def _ending(torrent: Torrent | None) -> str:
    if torrent is None:
        return _ABSENT
    state = _state(is_limited=_is_limited(torrent), is_stopped=torrent.is_stopped)
    return f"{_in_words(torrent.category, torrent.tags)}, {state}"


def _wanted(sample: Sample) -> str:
    if sample.is_removed:
        return _ABSENT
    state = _state(is_limited=sample.is_limited, is_stopped=False)
    return f"{_in_words(sample.ends_in, sample.ends_with)}, {state}"


def _is_limited(torrent: Torrent) -> bool:
    own = torrent.share_limits
    limits = (own.ratio_limit, own.seeding_time_limit)
    return limits == (LIMITS.ratio_limit, LIMITS.seeding_time_limit)


def _in_words(category: str, tags: frozenset[str]) -> str:
    return f"category {category or '–'}, tags {', '.join(sorted(tags)) or '–'}"


def _state(*, is_limited: bool, is_stopped: bool) -> str:
    limits = "with the group's limits" if is_limited else "without limits"
    return f"{limits}, {'stopped' if is_stopped else 'running'}"


def misplaced(local: Path) -> list[str]:
    """What differs under ``local`` from where the files of the samples should be."""
    wanted = {path for sample in SAMPLES for path in _places(sample)}
    wanted |= {ORPHANED / each for each in ORPHANS}
    removed = {path for sample in SAMPLES if sample.is_removed for path in sample.paths}
    unwanted = removed.union(ORPHANS) - wanted
    return [
        *(f"{each} is not there" for each in sorted(wanted) if not (local / each).is_file()),
        *(f"{each} is still there" for each in sorted(unwanted) if (local / each).exists()),
    ]


def _places(sample: Sample) -> Iterator[PurePosixPath]:
    """Where the files of a complete sample should be in the end, below the root."""
    for path in sample.paths if sample.is_complete else ():
        stays = not sample.is_removed or path in sample.stays
        yield path if stays else BIN / path


def _moved(local: Path) -> Iterator[str]:
    """The files of the removed samples, and the orphans, that are there, below ``local``."""
    for sample in SAMPLES:
        for path in _places(sample) if sample.is_removed else ():
            if (local / path).is_file():
                why = "  (another torrent's as well, so it stays)" if path in sample.stays else ""
                yield f"{path}{why}"
    yield from (str(ORPHANED / each) for each in ORPHANS if (local / ORPHANED / each).is_file())


def table(snapshot: Snapshot) -> str:
    """Name, category, tags and share limits of each torrent, a line each."""
    rows = (
        (
            set_cell_size(each.name, 37),
            f"{each.category or '–':<8}",
            f"{', '.join(sorted(each.tags)):<29}",
            _LIMITS_SHOWN if _is_limited(each) else "",
        )
        for each in sorted(snapshot.torrents.values(), key=lambda torrent: torrent.name)
    )
    return "\n".join(f"    {'  '.join(row)}".rstrip() for row in rows)

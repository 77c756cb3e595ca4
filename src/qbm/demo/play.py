"""Plays the main job on a server that holds the samples, and checks on it what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from rich.cells import set_cell_size

from qbm.demo.samples import SAMPLES, Sample, config_text
from qbm.engine.request import Mode
from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import Torrent

Job: TypeAlias = Callable[[Mode], bool]
"""Carries out the main job, by whichever door; whether that went well."""
Say: TypeAlias = Callable[[str], None]

CONFIG_NAME = "config.yml"


def write_config(url: str, root: PurePosixPath, folder: Path, say: Say) -> None:
    """Put a config for the server at ``url`` into ``folder``, and show it.

    ``root`` is where the samples lie.
    """
    config = folder / CONFIG_NAME
    text = config_text(url, root)
    config.write_text(text, encoding="utf-8")
    say(f"The config, {config}:\n")
    say("\n".join(f"    {line}" for line in text.splitlines()))


def play(url: str, job: Job, say: Say) -> bool:
    """Preview, run, run again; whether the server at ``url`` then shows what it should.

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
    wrong = mistakes(snapshot)
    say(f"\nWhat the server shows now:\n\n{table(snapshot)}\n")
    for each in wrong:
        say(f"WRONG: {each}")
    return not wrong and all(went_well)


async def _shown(url: str) -> Snapshot:
    async with QBittorrent(Connection(url=url)) as server:
        return await server.snapshot(frozenset())


def mistakes(snapshot: Snapshot) -> list[str]:
    """What differs from how the samples should have ended."""
    shown = {each.name: each for each in snapshot.torrents.values()}
    return [
        f"{sample.name}: {_ending(shown.get(sample.name))} instead of {_wanted(sample)}"
        for sample in SAMPLES
        if _ending(shown.get(sample.name)) != _wanted(sample)
    ]


def _ending(torrent: Torrent | None) -> str:
    return "absent" if torrent is None else _in_words(torrent.category, torrent.tags)


def _wanted(sample: Sample) -> str:
    return _in_words(sample.ends_in, sample.ends_with)


def _in_words(category: str, tags: frozenset[str]) -> str:
    return f"category {category or '–'}, tags {', '.join(sorted(tags)) or '–'}"


def table(snapshot: Snapshot) -> str:
    """Name, category and tags of each torrent, a line each."""
    rows = (
        (set_cell_size(each.name, 40), f"{each.category or '–':<10}", ", ".join(sorted(each.tags)))
        for each in sorted(snapshot.torrents.values(), key=lambda torrent: torrent.name)
    )
    return "\n".join(f"    {'  '.join(row)}" for row in rows)

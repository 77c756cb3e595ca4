"""Plays the main job on a server that holds the samples, and checks on it what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from rich.cells import set_cell_size

from qbm.demo.samples import SAMPLES, Sample, config_text
from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import Torrent

Program: TypeAlias = Callable[[Sequence[str]], int]
"""The classic command line: its words, and its exit status."""
Say: TypeAlias = Callable[[str], None]

_JOB = ("--run", "--cat-update", "--tag-update", "--config-file", "config.yml")


def play(url: str, root: PurePosixPath, folder: Path, program: Program, say: Say) -> bool:
    """Preview, run, run again; whether the server then shows what it should.

    ``root`` is where the samples lie, ``folder`` where the config and the state go.

    Raises:
        ServerError: the server cannot be asked in the end.
    """
    config = folder / "config.yml"
    text = config_text(url, root)
    config.write_text(text, encoding="utf-8")
    say(f"The config, {config}:\n")
    say("\n".join(f"    {line}" for line in text.splitlines()))
    job = (*_JOB, "--config-dir", str(folder))
    say("\n1. A dry run: what would be done, and why. Nothing is changed.\n")
    statuses = [program([*job, "--dry-run"])]
    say("\n2. The run.\n")
    statuses.append(program(job))
    say("\n3. The same again: there is nothing left to change.\n")
    statuses.append(program(job))
    snapshot = asyncio.run(_shown(url))
    wrong = mistakes(snapshot)
    say(f"\nWhat the server shows now:\n\n{table(snapshot)}\n")
    for each in wrong:
        say(f"WRONG: {each}")
    return not wrong and not any(statuses)


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

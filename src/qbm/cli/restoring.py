"""``qbm bin restore`` and ``qbm orphans restore``: what is meant, then a run that restores it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from qbm.cli import terminal_run
from qbm.cli.bins import Meant, place_of, refuse
from qbm.cli.nearest import did_you_mean
from qbm.cli.terminal import Asked, Given
from qbm.cli.terminal_bins import Configs
from qbm.engine.restoring.stock import Restorable, identities, stock
from qbm.errors import QbmError, UsageError
from qbm.log.wording import titled
from qbm.model.paths import is_below, key, legible

_BEGINNING: Final = re.compile("[0-9a-f]{6,64}")
_MOST_LISTED: Final = 10


def restore_torrents(words: Sequence[str], asked: Asked, given: Given) -> int:
    """Restore the removed torrents that ``words`` name; answers the exit code."""
    try:
        place = place_of(Configs.of(asked), given)
        found = [
            each for config in place.configs for each in stock(config, place.state.folder).torrents
        ]
        hashes = meant(words, found)
    except QbmError as error:
        return refuse(error, as_json=asked.as_json)
    return _run(asked, hashes, given)


def restore_orphans(paths: Sequence[str], asked: Asked, given: Given) -> int:
    """Restore the orphans at ``paths``, or in these folders; answers the exit code."""
    try:
        place = place_of(Configs.of(asked), given)
        known = {key(each.source): each.target for each in given.moved_orphans(place.state)}
        targets = [_target(each, known, place) for each in paths]
    except QbmError as error:
        return refuse(error, as_json=asked.as_json)
    return _run(asked, targets, given)


def meant(words: Iterable[str], found: Sequence[Restorable]) -> list[str]:
    """The hashes of the torrents that ``words`` name: by hash, by its beginning, or by name.

    Raises:
        UsageError: one names none of them, or several.
    """
    hashes: list[str] = []
    for word in words:
        named = {each.record.hash: each for each in _named(word, found)}
        if not named:
            raise UsageError(_unknown(word, found))
        if len(named) > 1:
            listed = "".join(f"\n  {line}" for line in _listed(named.values()))
            raise UsageError(f"{word!r} may be any of these; name one by its hash:{listed}")
        hashes += [each for each in named if each not in hashes]
    return hashes


def _named(word: str, found: Sequence[Restorable]) -> list[Restorable]:
    lowered = word.strip().lower()
    if _BEGINNING.fullmatch(lowered):
        by_hash = [
            each
            for each in found
            if any(one.startswith(lowered) for one in identities(each.record))
        ]
        if by_hash:
            return by_hash
    exact = [each for each in found if each.record.name == word]
    folded = word.strip().casefold()
    return exact or [each for each in found if each.record.name.strip().casefold() == folded]


def _unknown(word: str, found: Sequence[Restorable]) -> str:
    if not found:
        return f"{word!r} cannot be restored: nothing that was removed is written down here."
    names = [each.record.name for each in found]
    listed = "".join(f"\n  {line}" for line in _listed(found[::-1]))
    return (
        f"No removed torrent is called {word!r} or has that hash.{did_you_mean(word, names)} "
        f"There are:{listed}"
    )


def _listed(found: Iterable[Restorable]) -> Iterator[str]:
    records = [each.record for each in found]
    for record in records[:_MOST_LISTED]:
        removed_at = f"{record.removed_at:%Y-%m-%d %H:%M}"
        yield f"{titled(legible(record.name), record.hash)}, removed {removed_at}"
    if len(records) > _MOST_LISTED:
        yield f"and {len(records) - _MOST_LISTED:,} more (qbm bin list)"


def _target(path: str, known: dict[str, str], place: Meant) -> str:
    """Where the orphan is that is meant by its place now, or by the one that it had.

    Raises:
        UsageError: it is in no folder of orphans.
    """
    absolute = str(Path(path).absolute())
    if key(absolute) in known:
        return known[key(absolute)]
    folders = [each for config in place.configs for each in config.directory.orphaned_dir]
    for each in [absolute, *(f"{folder.rstrip('/')}/{path}" for folder in folders)]:
        if any(is_below(each, folder) for folder in folders) and Path(each).exists():
            return each
    listed = ", ".join(map(legible, folders)) or "none is configured"
    raise UsageError(
        f"{legible(path)} is no orphan that was put away: there is nothing like it in the folder "
        f"of orphans ({listed}). `qbm orphans list` shows what is there."
    )


def _run(asked: Asked, named: Sequence[str], given: Given) -> int:
    asked = replace(asked, hashes=tuple(named))
    return terminal_run.plan(asked, given) if asked.is_dry else terminal_run.run(asked, given)

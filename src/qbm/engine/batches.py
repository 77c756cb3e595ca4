"""Merge equal changes into one request each, without changing what they lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import assert_never

from msgspec import Struct

from qbm.gateways.qbittorrent import MOST_HASHES
from qbm.model.change import (
    AddTags,
    Change,
    CreateCategory,
    DeleteFile,
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
)
from qbm.model.plan import Planned


class Numbered(Struct, frozen=True):
    """A planned change, and its number in the journal."""

    id: int
    planned: Planned


def batches(entries: Sequence[Numbered], most: int = MOST_HASHES) -> Iterator[tuple[Numbered, ...]]:
    """Equal changes of different torrents, at most ``most`` at a time.

    Only changes within an adjacent stretch of one command and one kind are reordered: there,
    each torrent has at most one, so their order does not matter.
    """
    for _, stretch in groupby(entries, key=_stretch):
        equal: dict[object, list[Numbered]] = {}
        for entry in stretch:
            equal.setdefault(_request(entry.planned.change), []).append(entry)
        for same in equal.values():
            for start in range(0, len(same), most):
                yield tuple(same[start : start + most])


def _stretch(entry: Numbered) -> tuple[str, type[Change]]:
    return entry.planned.command, type(entry.planned.change)


def _request(change: Change) -> object:
    """Equal for changes that one request can carry."""
    match change:
        case CreateCategory(name=name):
            return name
        case SetCategory(after=category):
            return category
        case SetAutoManagement(after=enabled):
            return enabled
        case AddTags(tags=tags) | RemoveTags(tags=tags):
            return tags
        case SetShareLimits(after=limits):
            return limits
        case SetUploadLimit(after=speed):
            return speed
        case Start() | Recheck() | SetPreferences() | MoveFile() | DeleteFile():
            return None
        case RemoveTorrent(hash=torrent) | RestoreTorrent(hash=torrent):
            return torrent  # one by one: each is made of steps of its own
    assert_never(change)

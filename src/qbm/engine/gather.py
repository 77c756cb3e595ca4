"""Read what the commands need: once, in bulk, and for the requested torrents only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from qbm.commands.registry import Command, Needs
from qbm.commands.rem_unregistered import removed_at
from qbm.config import Config
from qbm.engine.content import with_content
from qbm.engine.planning import plan_run
from qbm.engine.tools import Tools
from qbm.engine.tree.links import with_links
from qbm.engine.tree.strays import scanned, with_tree
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.change import RemoveTorrent
from qbm.model.projection import project
from qbm.model.snapshot import Fact, Selection, Sighting, Snapshot
from qbm.model.torrent import Torrent, TorrentHash, parse_hash
from qbm.model.unknown import UNKNOWN

_OF_OTHERS: Final = frozenset({Fact.SIGHTINGS, Fact.RECHECKS, Fact.TREE, Fact.LINKS})
"""Facts that the server is not asked for."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a run needs to know, and of which torrents.

    ``hashes`` are as the caller wrote them; none means all torrents. Without ``may_write``
    nothing may be tried on the disk.
    """

    steps: Sequence[Command]
    config: Config
    hashes: Sequence[str]
    run_id: str
    may_write: bool = False

    @property
    def needs(self) -> list[Needs]:
        """The facts of each command."""
        return [command.needs(self.config) for command in self.steps]

    @property
    def facts(self) -> frozenset[Fact]:
        """All their facts."""
        return frozenset(fact for each in self.needs for fact in each)


async def gather(
    wanted: Wanted, tools: Tools, *, whole: bool = False
) -> tuple[Snapshot, Selection]:
    """The facts, and which torrents may be changed; with ``whole``, the facts of all torrents.

    The disk is listed before the server is asked, so that what is added meanwhile is known.

    Raises:
        ServerError: the server could not be read.
        StoreError: what earlier runs remember could not be read.
    """
    needs_tree = Fact.TREE in wanted.facts
    scan = await scanned(wanted.config, tools) if needs_tree else None
    snapshot, selection = await _read(wanted, tools.server, whole=whole or needs_tree)
    snapshot = await _filled(tools.server, snapshot, wanted.needs, selection)
    snapshot = _remembered(wanted, tools, snapshot, selection)
    hashes = {
        each
        for command in wanted.steps
        for each in command.wants_files(snapshot, wanted.config, selection)
    }
    snapshot = await with_content(tools.server, snapshot, hashes, wanted.config)
    now = tools.clock.now()
    if scan is not None:
        snapshot = await with_tree(scan, snapshot, wanted.config, now, tools)
    linked = _links_wanted(wanted, snapshot, selection, now)
    may_write = wanted.may_write
    snapshot = await with_links(snapshot, linked, wanted.config, tools, may_write=may_write)
    return snapshot, selection


def _links_wanted(
    wanted: Wanted, snapshot: Snapshot, selection: Selection, now: datetime
) -> set[TorrentHash]:
    """The torrents whose hard links matter to a command, once the ones before it are done.

    Those that they would remove are among them: a removal may yet be refused.
    """
    hashes: set[TorrentHash] = set()
    for position, command in enumerate(wanted.steps):
        if Fact.LINKS in command.needs(wanted.config):
            before, _ = plan_run(snapshot, wanted.steps[:position], wanted.config, selection, now)
            kept = (
                each.change for each in before.planned if not isinstance(each.change, RemoveTorrent)
            )
            hashes.update(command.wants_links(project(snapshot, kept), wanted.config, selection))
    return hashes


async def _read(wanted: Wanted, server: QBittorrent, *, whole: bool) -> tuple[Snapshot, Selection]:
    facts = wanted.facts - _OF_OTHERS
    if not wanted.hashes:
        return await server.snapshot(facts), Selection()
    if whole:
        snapshot = await server.snapshot(facts)
        return snapshot, _selected(snapshot, wanted.hashes)
    return await _requested(server, facts, wanted.hashes)


async def _requested(
    server: QBittorrent, facts: frozenset[Fact], texts: Sequence[str]
) -> tuple[Snapshot, Selection]:
    """Only the torrents that ``texts`` name, by any of their hashes (decisions: *Hashes*)."""
    known = frozenset(each for each in map(parse_hash, texts) if each is not None)
    snapshot = await server.snapshot(facts, hashes=known)
    unanswered = known - _identities(snapshot.torrents.values())
    if unanswered:
        # The server finds a hybrid by its truncated v2 hash only; qBittorrent's own hook
        # passes the v1 hash. The whole list tells which torrent is meant.
        all_torrents = await server.snapshot(frozenset())
        meant = {
            torrent.hash
            for torrent in all_torrents.torrents.values()
            if not unanswered.isdisjoint(torrent.identities)
        }
        if meant:
            found = await server.snapshot(facts, hashes=meant)
            snapshot = replace(
                snapshot,
                torrents={**snapshot.torrents, **found.torrents},
                categories=found.categories,
            )
    return snapshot, _selected(snapshot, texts)


def _selected(snapshot: Snapshot, texts: Sequence[str]) -> Selection:
    """The torrents of ``snapshot`` that ``texts`` name, and what names none."""
    wanted = {text: parse_hash(text) for text in dict.fromkeys(texts)}
    known = frozenset(each for each in wanted.values() if each is not None)
    answered = _identities(snapshot.torrents.values())
    return Selection(
        hashes=frozenset(
            torrent.hash
            for torrent in snapshot.torrents.values()
            if not known.isdisjoint(torrent.identities)
        ),
        unmatched=tuple(each for each in sorted(known) if each not in answered),
        malformed=tuple(text for text, parsed in wanted.items() if parsed is None),
    )


def _identities(torrents: Iterable[Torrent]) -> frozenset[str]:
    return frozenset(each for torrent in torrents for each in torrent.identities)


async def _filled(
    server: QBittorrent, snapshot: Snapshot, needs: Sequence[Needs], selection: Selection
) -> Snapshot:
    """The facts that did not come in bulk, asked for one by one where they matter."""
    torrents = dict(snapshot.torrents)
    chosen = selection.of(snapshot)
    for each, trackers in (await server.trackers(_missing(Fact.TRACKERS, chosen, needs))).items():
        torrents[each] = replace(torrents[each], trackers=trackers)
    for each, private in (await server.privacy(_missing(Fact.PRIVATE, chosen, needs))).items():
        torrents[each] = replace(torrents[each], private=private)
    untimed = _missing(Fact.SEEDING_TIME, chosen, needs)
    for each, time in (await server.seeding_times(untimed)).items():
        torrents[each] = replace(torrents[each], seeding_time=time)
    return replace(snapshot, torrents=torrents)


def _missing(fact: Fact, torrents: Iterable[Torrent], needs: Iterable[Needs]) -> list[TorrentHash]:
    """The torrents for which ``fact`` matters to a command and is not known."""
    conditions = [each[fact] for each in needs if fact in each]
    return [
        torrent.hash
        for torrent in torrents
        if _value(fact, torrent) is UNKNOWN and any(matters(torrent) for matters in conditions)
    ]


def _value(fact: Fact, torrent: Torrent) -> object:
    return {
        Fact.TRACKERS: torrent.trackers,
        Fact.PRIVATE: torrent.private,
        Fact.SEEDING_TIME: torrent.seeding_time,
    }[fact]


def _remembered(wanted: Wanted, tools: Tools, snapshot: Snapshot, selection: Selection) -> Snapshot:
    """What earlier runs have left in the store, of the torrents that are there."""
    if Fact.SIGHTINGS in wanted.facts:
        sightings = tools.store.sightings(tools.identity, wanted.run_id)
        valid = {each: seen for each, seen in sightings.items() if is_of(seen, each, snapshot)}
        removed = removed_at(tools.store.applied(wanted.run_id))  # by earlier attempts
        snapshot = replace(snapshot, sightings=valid, removed_at=removed)
    conditions = [each[Fact.RECHECKS] for each in wanted.needs if Fact.RECHECKS in each]
    if conditions:
        hashes = [
            torrent.hash
            for torrent in selection.of(snapshot)
            if any(matters(torrent) for matters in conditions)
        ]
        rechecked = tools.store.rechecked(tools.identity, hashes)
        snapshot = replace(snapshot, rechecked=rechecked)
    return snapshot


def is_of(seen: Sighting, torrent: TorrentHash, snapshot: Snapshot) -> bool:
    """Whether a sighting is of the torrent that is there now, and not of one before it."""
    present = snapshot.torrents.get(torrent)
    return present is not None and present.added_on <= seen.first_at


def names_of(snapshot: Snapshot) -> Mapping[TorrentHash, str]:
    """The name of each torrent, for people; nothing is ever keyed by it."""
    return {each.hash: each.name for each in snapshot.torrents.values()}

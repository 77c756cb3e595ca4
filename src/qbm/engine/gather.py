"""Read what the commands need: once, in bulk, and for the requested torrents only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from qbm.commands.registry import Command, Needs
from qbm.config import Config
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import Torrent, TorrentHash, parse_hash
from qbm.model.unknown import UNKNOWN


async def gather(
    server: QBittorrent, steps: Sequence[Command], config: Config, hashes: Sequence[str]
) -> tuple[Snapshot, Selection]:
    """The facts for ``steps``, and which torrents they may change.

    Raises:
        ServerError: the server could not be read.
    """
    needs = [command.needs(config) for command in steps]
    facts = frozenset(fact for each in needs for fact in each)
    if not hashes:
        selection = Selection()
        snapshot = await server.snapshot(facts)
    else:
        snapshot, selection = await _requested(server, facts, hashes)
    return await _filled(server, snapshot, needs, selection), selection


async def _requested(
    server: QBittorrent, facts: frozenset[Fact], texts: Sequence[str]
) -> tuple[Snapshot, Selection]:
    """Only the torrents that ``texts`` name, by any of their hashes (decisions: *Hashes*)."""
    wanted = {text: parse_hash(text) for text in dict.fromkeys(texts)}
    known = frozenset(each for each in wanted.values() if each is not None)
    snapshot = await server.snapshot(facts, hashes=known)
    unanswered = known - _identities(snapshot.torrents.values())
    if unanswered:
        # The server finds a hybrid by its truncated v2 hash only; qBittorrent's own hook
        # passes the v1 hash. The whole list tells which torrent is meant.
        whole = await server.snapshot(frozenset())
        meant = {
            torrent.hash
            for torrent in whole.torrents.values()
            if not unanswered.isdisjoint(torrent.identities)
        }
        if meant:
            found = await server.snapshot(facts, hashes=meant)
            snapshot = replace(
                snapshot,
                torrents={**snapshot.torrents, **found.torrents},
                categories=found.categories,
            )
    answered = _identities(snapshot.torrents.values())
    return snapshot, Selection(
        hashes=frozenset(snapshot.torrents),
        unmatched=tuple(each for each in sorted(known) if each not in answered),
        malformed=tuple(text for text, parsed in wanted.items() if parsed is None),
    )


def _identities(torrents: Iterable[Torrent]) -> frozenset[str]:
    return frozenset(each for torrent in torrents for each in torrent.identities)


async def _filled(
    server: QBittorrent, snapshot: Snapshot, needs: Iterable[Needs], selection: Selection
) -> Snapshot:
    """The facts that did not come in bulk, asked for one by one where they matter."""
    torrents = dict(snapshot.torrents)
    for fact in Fact:
        missing = _missing(fact, selection.of(snapshot), needs)
        if not missing:
            continue
        match fact:
            case Fact.TRACKERS:
                for each, trackers in (await server.trackers(missing)).items():
                    torrents[each] = replace(torrents[each], trackers=trackers)
            case Fact.PRIVATE:
                for each, private in (await server.privacy(missing)).items():
                    torrents[each] = replace(torrents[each], private=private)
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
    return {Fact.TRACKERS: torrent.trackers, Fact.PRIVATE: torrent.private}[fact]


def names_of(snapshot: Snapshot) -> Mapping[TorrentHash, str]:
    """The name of each torrent, for people; nothing is ever keyed by it."""
    return {each.hash: each.name for each in snapshot.torrents.values()}

"""What the client reads of every generation, beside what qbittorrent-api reads of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import qbittorrentapi

from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.snapshot import Fact, Snapshot
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN
from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.proxy import Answer, Proxy, path_is
from tests.lab.servers import Server
from tests.lab.suites import Suite
from tests.lab.torrents import HARD_NAMES, Kind

TRACKERS = frozenset({Fact.TRACKERS})
PRIVATE = frozenset({Fact.PRIVATE})
NO_FACTS: frozenset[Fact] = frozenset()

Z, A = "http://z.example/announce/pass", "http://a.example/announce/pass"
NOT_THERE = TorrentHash("0" * 40)


@pytest.fixture(scope="module")
def content(module_server: Server) -> Mapping[str, TorrentHash]:
    """A torrent of each kind on the module's server: their hashes by name."""
    is_old = module_server.suite is Suite.BULLSEYE
    made = [
        torrents.single("alone", A),
        torrents.single("one host", "http://a.example/announce/1", "udp://a.example:5/2"),
        torrents.single("several hosts", Z, A, "https://m.example/announce"),
        torrents.single("private", Z, A, is_private=True),
        torrents.single("private alone", is_private=True),
        torrents.single("trackerless"),
        torrents.folder("hybrid", A, kind=Kind.HYBRID),
        *([] if is_old else [torrents.folder("v2", Z, A, kind=Kind.V2)]),
        *(torrents.single(name, A) for name in HARD_NAMES),
    ]
    hashes = library.add(module_server, *made, category="films", tags=["b", "a c"])
    missing = torrents.single("missing", A)
    hashes += library.add(module_server, missing, content=Content.MISSING)
    magnet = torrents.single("magnet")
    hashes.append(library.add_magnet(module_server, magnet, is_stopped=True))
    module_server.api.post("torrents/createCategory", category="a/b", savePath="/data/a b")
    names = [each.name for each in (*made, missing, magnet)]
    return {name: TorrentHash(each) for name, each in zip(names, hashes, strict=True)}


@pytest.fixture
def oracle(content: Mapping[str, TorrentHash], shared_server: Server) -> Iterator[Any]:
    with qbittorrentapi.Client(host=shared_server.url, username="x", password="x") as client:
        yield client


async def snapshot_of(
    url: str, facts: frozenset[Fact], hashes: set[TorrentHash] | None = None
) -> Snapshot:
    async with QBittorrent(Connection(url=url)) as client:
        return await client.snapshot(facts, hashes)


def seconds(time: datetime | None) -> int:
    return int(time.timestamp()) if time else -1


def compared(torrent: Torrent, row: Mapping[str, Any]) -> None:
    """Every field of ours against the row of the oracle."""
    assert torrent.hash == row["hash"]
    assert torrent.name == row["name"]
    assert torrent.category == row["category"]
    assert torrent.tags == set(filter(None, row["tags"].split(", ")))
    assert torrent.state == row["state"]
    assert torrent.progress == row["progress"]
    assert torrent.save_path == row["save_path"].rstrip("/")
    assert (torrent.content_path or "") == row.get("content_path", "")
    assert torrent.auto_tmm == row["auto_tmm"]
    assert seconds(torrent.added_on) == row["added_on"]
    assert seconds(torrent.completion_on) == (row["completion_on"] or -1)
    assert torrent.infohash_v1 == row.get("infohash_v1", "")
    assert torrent.infohash_v2 == row.get("infohash_v2", "")
    if torrent.private is not UNKNOWN:
        assert torrent.private == row["private"]
    assert torrent.total_size == (UNKNOWN if row["total_size"] < 0 else row["total_size"])
    assert torrent.ratio == row["ratio"]
    assert torrent.num_complete == row["num_complete"]
    assert (torrent.last_activity or datetime.fromtimestamp(0, UTC)).timestamp() == pytest.approx(
        row["last_activity"], abs=5
    )
    assert torrent.up_limit == max(0, row["up_limit"])
    assert torrent.download_path == row.get("download_path", "")
    if "seeding_time" in row:
        assert torrent.seeding_time is not UNKNOWN
        assert torrent.seeding_time.total_seconds() == pytest.approx(row["seeding_time"], abs=5)


@pytest.mark.parametrize("facts", [NO_FACTS, PRIVATE])
async def test_every_field_is_as_the_oracle_reads_it(
    oracle: Any, shared_server: Server, facts: frozenset[Fact]
) -> None:
    snapshot = await snapshot_of(shared_server.url, facts)
    rows = oracle.torrents_info()
    assert len(snapshot.torrents) == len(rows) >= 20
    for row in rows:
        compared(snapshot.torrents[row["hash"]], row)
        assert snapshot.torrents[row["hash"]].trackers is UNKNOWN
    assert {name: each.save_path for name, each in snapshot.categories.items()} == {
        name: row["savePath"].rstrip("/") for name, row in oracle.torrents_categories().items()
    }
    assert snapshot.categories["a/b"].save_path == "/data/a b"


async def test_files_are_as_the_oracle_reads_them(oracle: Any, shared_server: Server) -> None:
    rows = oracle.torrents_info()
    async with QBittorrent(Connection(url=shared_server.url)) as client:
        found = await client.files([*(row["hash"] for row in rows), NOT_THERE])
        assert await client.files([]) == {}
    assert found.keys() == {row["hash"] for row in rows}
    for row in rows:
        expected = tuple(
            (each["name"], each["size"], each["progress"], each["priority"])
            for each in oracle.torrents_files(row["hash"])
        )
        files = found[row["hash"]]
        assert files is not UNKNOWN
        ours = tuple((each.name, each.size, each.progress, each.priority) for each in files)
        assert ours == expected
        assert bool(ours) is (row["name"] != "magnet")


async def test_seeding_times_are_as_the_oracle_reads_them(
    oracle: Any, shared_server: Server
) -> None:
    rows = oracle.torrents_info()
    async with QBittorrent(Connection(url=shared_server.url)) as client:
        found = await client.seeding_times([*(row["hash"] for row in rows), NOT_THERE])
    assert found.keys() == {row["hash"] for row in rows}
    for each, time in found.items():
        assert time is not UNKNOWN
        expected = oracle.torrents_properties(each)["seeding_time"]
        assert time.total_seconds() == pytest.approx(expected, abs=5)


async def test_the_status_of_trackers_is_as_the_oracle_reads_it(
    oracle: Any, shared_server: Server
) -> None:
    snapshot = await snapshot_of(shared_server.url, frozenset({Fact.TRACKER_STATUS}))
    for torrent in snapshot.torrents.values():
        assert torrent.trackers is not UNKNOWN
        ours = [(each.url, each.status, each.msg) for each in torrent.trackers]
        assert ours == [
            (row["url"], row["status"], row["msg"])
            for row in oracle.torrents_trackers(torrent.hash)
            if not row["url"].startswith("** [")
        ]


async def test_trackers_are_as_the_oracle_reads_them(oracle: Any, shared_server: Server) -> None:
    snapshot = await snapshot_of(shared_server.url, TRACKERS)
    for torrent in snapshot.torrents.values():
        assert torrent.trackers is not UNKNOWN
        ours = [(each.url, each.msg) for each in torrent.trackers]
        rows = oracle.torrents_trackers(torrent.hash)
        real = [row for row in rows if not row["url"].startswith("** [")]
        theirs = [(row["url"], row["msg"]) for row in real]
        told = [each for each in torrent.trackers if each.status is not None]
        if shared_server.suite is Suite.BOOKWORM and len(told) < len(real):
            # The map of sync/maindata has neither order nor status; between trackers of one
            # host neither matters.
            assert sorted(ours) == sorted(theirs)
        else:
            assert ours == theirs
            assert [each.status for each in torrent.trackers] == [row["status"] for row in real]


async def test_trackers_on_several_hosts_keep_their_order(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    snapshot = await snapshot_of(shared_server.url, TRACKERS)
    trackers = snapshot.torrents[content["several hosts"]].trackers
    assert trackers is not UNKNOWN
    assert [each.url for each in trackers] == [Z, A, "https://m.example/announce"]
    assert snapshot.torrents[content["trackerless"]].trackers == ()


async def test_reading_trackers_takes_the_fewest_requests_the_server_allows(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    with Proxy(shared_server.url) as proxy:
        await snapshot_of(proxy.url, TRACKERS)
        counts = proxy.counts
    for frame in ("app/webapiVersion", "app/version", "auth/logout"):
        del counts[frame]
    assert counts.pop("torrents/categories") == 1
    match shared_server.suite:
        case Suite.BULLSEYE:
            # The folder of incomplete torrents stands in the preferences there.
            assert counts == {
                "torrents/info": 1,
                "torrents/trackers": len(content),
                "app/preferences": 1,
            }
        case Suite.BOOKWORM:  # "several hosts", "private" and "v2" have more than one host
            assert counts == {"sync/maindata": 1, "torrents/trackers": 3}
        case _:
            assert counts == {"torrents/info": 1}


async def test_at_most_eight_requests_are_under_way(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    with Proxy(shared_server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            await client.privacy(list(content.values()))
            await client.trackers(list(content.values()))
        assert proxy.peak <= 8
        assert proxy.connections <= 8


async def test_privacy_is_known_but_for_a_magnet_without_metadata(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    async with QBittorrent(Connection(url=shared_server.url)) as client:
        privacy = await client.privacy([*content.values(), NOT_THERE])
    assert privacy == {
        each: UNKNOWN if name == "magnet" else name.startswith("private")
        for name, each in content.items()
    }


async def test_privacy_that_costs_nothing_comes_with_the_snapshot(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    snapshot = await snapshot_of(shared_server.url, PRIVATE)
    is_told = shared_server.suite in {Suite.TRIXIE, Suite.BACKPORTS}
    assert snapshot.torrents[content["private"]].private is (True if is_told else UNKNOWN)
    assert snapshot.torrents[content["alone"]].private is (False if is_told else UNKNOWN)


async def test_only_the_torrents_asked_for_are_read(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    asked = {content[name] for name in ("several hosts", "hybrid", "magnet")}
    for facts in (NO_FACTS, TRACKERS):
        snapshot = await snapshot_of(shared_server.url, facts, asked | {NOT_THERE})
        assert set(snapshot.torrents) == asked
        assert "films" in snapshot.categories
        assert (snapshot.torrents[content["hybrid"]].trackers is UNKNOWN) is (facts == NO_FACTS)


async def test_ten_thousand_hashes_fit_one_request(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    many = {TorrentHash(f"{number:040x}") for number in range(10_000)}
    with Proxy(shared_server.url) as proxy:
        snapshot = await snapshot_of(proxy.url, NO_FACTS, many | {content["alone"]})
        assert proxy.counts["torrents/info"] == 1
    assert set(snapshot.torrents) == {content["alone"]}


async def test_no_hashes_are_no_torrents_rather_than_all(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    async with QBittorrent(Connection(url=shared_server.url)) as client:
        for facts in (NO_FACTS, TRACKERS):
            snapshot = await client.snapshot(facts, set())
            assert snapshot.torrents == {}
            assert snapshot.categories
        assert await client.trackers([]) == {}
        assert await client.privacy([]) == {}


async def test_trackers_are_read_for_the_torrents_that_are_there(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    async with QBittorrent(Connection(url=shared_server.url)) as client:
        found = await client.trackers([content["several hosts"], NOT_THERE, content["magnet"]])
    assert set(found) == {content["several hosts"], content["magnet"]}
    first = found[content["several hosts"]]
    assert first is not UNKNOWN
    assert [each.url for each in first] == [Z, A, "https://m.example/announce"]
    assert found[content["magnet"]] == ()


@pytest.mark.parametrize("module_server", [Suite.BULLSEYE], indirect=True)
async def test_a_torrent_that_vanishes_while_it_is_read_is_left_out(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    with Proxy(shared_server.url) as proxy:
        proxy.inject(Answer(404), path_is("torrents/trackers"))
        assert len((await snapshot_of(proxy.url, TRACKERS)).torrents) == len(content) - 1


@pytest.mark.parametrize("module_server", [Suite.BULLSEYE], indirect=True)
async def test_trackers_that_the_server_fails_to_tell_are_unknown(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    with Proxy(shared_server.url) as proxy:
        proxy.inject(Answer(500), path_is("torrents/trackers"))
        proxy.inject(Answer(200, b"<html>"), path_is("torrents/trackers"))
        snapshot = await snapshot_of(proxy.url, TRACKERS)
    found = [each.trackers for each in snapshot.torrents.values()]
    assert found.count(UNKNOWN) == 2
    assert len(found) == len(content)


async def test_times_are_of_this_moment(
    content: Mapping[str, TorrentHash], shared_server: Server
) -> None:
    snapshot = await snapshot_of(shared_server.url, NO_FACTS)
    added = snapshot.torrents[content["alone"]].added_on
    assert abs((datetime.now(UTC) - added).total_seconds()) < 600


async def test_the_map_of_trackers_follows_what_is_edited(server: Server) -> None:
    [kept, edited] = library.add(
        server, torrents.single("kept", A, Z), torrents.single("edited", A, Z)
    )
    async with QBittorrent(Connection(url=server.url)) as client:
        before = (await client.snapshot(TRACKERS)).torrents
        server.api.post("torrents/addTrackers", hash=edited, urls="http://m.example/announce")
        server.api.post("torrents/removeTrackers", hash=edited, urls=A)
        library.wait_for(lambda: len(server.api.trackers(edited)), lambda count: count == 2)
        after = (await client.snapshot(TRACKERS)).torrents
    for found in (before[TorrentHash(kept)], after[TorrentHash(kept)]):
        assert found.trackers is not UNKNOWN
        assert [each.url for each in found.trackers] == [A, Z]
    changed = after[TorrentHash(edited)].trackers
    assert changed is not UNKNOWN
    # A tracker without a tier joins the first, before the second tier's.
    assert [each.url for each in changed] == ["http://m.example/announce", Z]

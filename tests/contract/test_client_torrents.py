"""What becomes of torrents that are started, rechecked, removed; what is exported of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import libtorrent
import pytest
from msgspec.structs import replace

from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.limit import ShareLimits
from qbm.model.snapshot import Fact, Snapshot
from qbm.model.torrent import CHECKING_STATES, State, Torrent, TorrentHash
from qbm.model.tracker import Tracker as TrackerRow
from qbm.model.tracker import TrackerStatus
from qbm.model.unknown import UNKNOWN
from qbm.simulator import Simulator
from tests.contract.pair import mirrored
from tests.lab import library, torrents
from tests.lab.library import Content, wait_for
from tests.lab.proxy import Answer, Proxy, path_is
from tests.lab.servers import Server
from tests.lab.suites import Suite
from tests.lab.torrents import Kind
from tests.lab.tracker import UNREGISTERED, Tracker, Works

NOT_THERE = TorrentHash("f" * 40)
EVERYTHING = frozenset({Fact.TRACKER_STATUS, Fact.GLOBAL_LIMITS, Fact.PRIVATE})


@pytest.fixture
async def client(server: Server) -> AsyncIterator[QBittorrent]:
    async with QBittorrent(Connection(url=server.url)) as client:
        yield client


def add(server: Server, *added: torrents.Torrent, **how: object) -> list[TorrentHash]:
    return [TorrentHash(each) for each in library.add(server, *added, **how)]  # type: ignore[arg-type]


async def read(client: QBittorrent, torrent: TorrentHash) -> Torrent:
    return (await client.snapshot(frozenset(), {torrent})).torrents[torrent]


def state_of(server: Server, torrent: TorrentHash) -> str:
    return str(server.api.by_hash()[torrent]["state"])


def is_gone(server: Server, torrent: TorrentHash) -> bool:
    return torrent not in server.api.by_hash()


def there(paths: Collection[Path]) -> list[bool]:
    return [path.exists() for path in paths]


async def test_a_stopped_torrent_starts_and_no_other(server: Server, client: QBittorrent) -> None:
    started, other = add(server, *torrents.many(2))
    assert (await read(client, started)).is_stopped
    await client.start([started, NOT_THERE])
    wait_for(lambda: state_of(server, started), State.STALLED_UP.__eq__)
    assert not (await read(client, started)).is_stopped
    await client.start([started])
    assert (await read(client, other)).is_stopped


async def test_a_recheck_finds_content_that_came_later(server: Server, client: QBittorrent) -> None:
    film = torrents.folder("film", size=40_000)
    [torrent] = add(server, film, content=Content.MISSING)
    before = await read(client, torrent)
    assert (before.progress, before.is_complete, before.completion_on) == (0, False, None)
    film.write(server.save_path)
    await client.recheck([torrent, NOT_THERE])
    library.settle(server, [torrent], lambda row: row["progress"] == 1)
    after = await read(client, torrent)
    assert after.is_complete
    assert after.is_stopped
    assert after.completion_on is not None


async def test_a_removed_torrent_leaves_its_files_or_takes_them_along(
    server: Server, client: QBittorrent
) -> None:
    kept, gone = torrents.folder("kept"), torrents.folder("gone")
    stays, leaves = add(server, kept, gone)
    stranger = server.save_path / "gone" / "sub" / "stranger.txt"
    stranger.write_text("not of the torrent")
    await client.remove(stays, with_files=False)
    await client.remove(leaves, with_files=True)
    await client.remove(NOT_THERE, with_files=True)
    wait_for(lambda: is_gone(server, stays) and is_gone(server, leaves), bool)
    wait_for(lambda: there([*gone.paths(server.save_path)]), [False, False, False].__eq__)
    assert all(there([*kept.paths(server.save_path), stranger]))


@pytest.mark.parametrize("kind", list(Kind))
async def test_an_exported_torrent_has_the_same_hashes(
    server: Server, client: QBittorrent, kind: Kind
) -> None:
    if kind is Kind.V2 and server.suite is Suite.BULLSEYE:
        return  # it takes none
    film = torrents.folder("film", "http://a.example/announce/pass", kind=kind)
    [torrent] = add(server, film)
    body = await client.export(torrent)
    if server.suite is Suite.BULLSEYE:
        assert body is None
        return
    assert body is not None
    hashes = libtorrent.load_torrent_buffer(body).info_hashes
    assert (str(hashes.v1) if hashes.has_v1() else "") == film.infohash_v1
    assert (str(hashes.v2) if hashes.has_v2() else "") == film.infohash_v2


async def test_nothing_is_exported_of_a_magnet_link_or_of_nobody(
    server: Server, client: QBittorrent
) -> None:
    magnet = library.add_magnet(server, torrents.single("magnet"), is_stopped=True)
    assert await client.export(TorrentHash(magnet)) is None
    assert await client.export(NOT_THERE) is None
    assert await client.files([TorrentHash(magnet)]) == {magnet: ()}
    assert (await read(client, TorrentHash(magnet))).total_size is UNKNOWN


async def test_a_file_that_is_not_wanted_is_listed_with_priority_zero(
    server: Server, client: QBittorrent
) -> None:
    film = torrents.folder("film", paths=("one.mkv", "sub/two.mkv"), size=40_000)
    [torrent] = add(server, film, content=Content.MISSING)
    server.api.post("torrents/filePrio", hash=torrent, id=1, priority=0)
    wait_for(lambda: server.api.files(torrent)[1]["priority"], (0).__eq__)
    files = (await client.files([torrent]))[torrent]
    assert files is not UNKNOWN
    # 4.2.5 puts what is not wanted into a folder of its own.
    is_old = server.suite is Suite.BULLSEYE
    unwanted = "film/sub/.unwanted/two.mkv" if is_old else "film/sub/two.mkv"
    assert [(each.name, each.size, bool(each.priority)) for each in files] == [
        ("film/one.mkv", 40_000, True),
        (unwanted, 40_000, False),
    ]
    assert (await read(client, torrent)).total_size == 80_000


async def test_incomplete_content_in_a_folder_of_its_own_is_known_everywhere(
    server: Server, client: QBittorrent
) -> None:
    folder = server.save_path / "incomplete"
    wanted = {"temp_path": str(folder), "temp_path_enabled": True, "incomplete_files_ext": True}
    server.api.post("app/setPreferences", json=json.dumps(wanted))
    film = torrents.folder("film", size=40_000)
    film.write(folder, lambda right: right[:20_000] + bytes(len(right) - 20_000))
    [torrent] = add(server, film, content=Content.MISSING, is_stopped=False)
    suffixed = [path.with_name(f"{path.name}.!qB") for path in film.paths(folder)]
    wait_for(lambda: any(path.exists() for path in suffixed), bool)
    assert (await read(client, torrent)).download_path == str(folder)
    files = (await client.files([torrent]))[torrent]
    assert files is not UNKNOWN
    assert {each.name for each in files} == {"film/one.mkv", "film/sub/two.mkv", "film/info.nfo"}


@pytest.mark.parametrize("server", [Suite.BULLSEYE, Suite.TRIXIE], indirect=True)
async def test_a_torrent_whose_files_cannot_be_read_has_unknown_ones(server: Server) -> None:
    first, second = add(server, *torrents.many(2))
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            proxy.inject(Answer(500, b"disk"), path_is("torrents/files"), skip=1)
            found = await client.files([first, second])
            proxy.inject(Answer(500, b"disk"), path_is("torrents/properties"))
            times = await client.seeding_times([first])
    assert sorted(map(bool, found.values())) == [False, True]
    assert UNKNOWN in found.values()
    is_old = server.suite is Suite.BULLSEYE
    assert (times[first] is UNKNOWN) is is_old


async def test_trackers_tell_their_status_and_the_swarms_seeds(
    server: Server, client: QBittorrent, tracker: Tracker
) -> None:
    tracker.answer("good", Works(complete=7))
    tracker.answer("bad", UNREGISTERED)
    good, bad = tracker.url("good"), tracker.url("bad")
    both = torrents.single("both", bad, good)
    [torrent] = add(server, both, is_stopped=False)
    library.announced(server, torrent)
    failed = (
        TrackerStatus.TRACKER_ERROR
        if server.suite is Suite.BACKPORTS
        else TrackerStatus.NOT_WORKING
    )
    expected = (
        TrackerRow(bad, failed, UNREGISTERED.reason),
        TrackerRow(good, TrackerStatus.WORKING),
    )
    snapshot = await client.snapshot(EVERYTHING)
    assert snapshot.torrents[torrent].trackers == expected
    assert await client.trackers([torrent, NOT_THERE]) == {torrent: expected}
    # 4.x shows the swarm a second after the tracker's row.
    wait_for(lambda: server.api.by_hash()[torrent]["num_complete"], (7).__eq__)
    assert (await read(client, torrent)).num_complete == 7


async def test_the_client_reads_the_simulator_as_it_reads_the_server(
    server: Server, client: QBittorrent, tracker: Tracker
) -> None:
    tracker.answer("bad", UNREGISTERED)
    url = tracker.url("bad")
    [running] = add(server, torrents.single("bad", url), is_stopped=False)
    [limited] = add(server, torrents.folder("limited", url), tags=["a"], category="films")
    await client.set_share_limits([limited], ShareLimits(ratio_limit=1.5))
    await client.set_upload_limit([limited], 1000)
    library.announced(server, running)
    add(server, torrents.folder("missing", url), content=Content.MISSING)
    async with AsyncExitStack() as ends:
        there = await ends.enter_async_context(mirrored(server).serve())
        simulated = await ends.enter_async_context(
            QBittorrent(Connection(url=there, user="x", password="x"))
        )
        hashes = (await client.snapshot(frozenset())).torrents
        assert await simulated.files(hashes) == await client.files(hashes)
        assert _timeless(await simulated.snapshot(EVERYTHING)) == _timeless(
            await client.snapshot(EVERYTHING)
        )
        assert (await simulated.seeding_times(hashes)).keys() == hashes.keys()


async def test_the_simulator_keeps_files_as_the_server_does(
    server: Server, client: QBittorrent, tmp_path: Path
) -> None:
    missing, removed, kept = (torrents.folder(name) for name in ("missing", "removed", "kept"))
    hashes = add(server, missing, removed, kept)
    simulator = mirrored(server)
    held = simulator.library.torrents.values()
    simulator = Simulator(simulator.profile, save_path="/downloads", disk=tmp_path)
    simulator.add(replace(each, save_path="") for each in held)
    home = tmp_path / "downloads"
    assert _names(home) == _names(server.save_path)
    async with AsyncExitStack() as ends:
        there = await ends.enter_async_context(simulator.serve())
        simulated = await ends.enter_async_context(
            QBittorrent(Connection(url=there, user="admin", password="adminadmin"))
        )
        for each, folder in ((client, server.save_path), (simulated, home)):
            for path in missing.paths(folder):
                path.unlink()
            (folder / "removed" / "stranger.txt").touch()
            await each.recheck(hashes[:1])
            await each.remove(hashes[1], with_files=True)
            await each.remove(hashes[2], with_files=False)
        library.settle(server, hashes[:1], lambda row: row["progress"] == 0)
        expected = _names(home)
        assert await _ended(simulated, hashes[0]) == await _ended(client, hashes[0])
    wait_for(lambda: _names(server.save_path), expected.__eq__)
    assert "removed/stranger.txt" in expected
    assert "kept/sub/two.mkv" in expected


async def _ended(client: QBittorrent, torrent: TorrentHash) -> tuple[State, float, bool]:
    """The torrent's state, how much it has, and whether it was completed once."""
    while (found := await read(client, torrent)).state in CHECKING_STATES:
        pass
    assert (await client.snapshot(frozenset())).torrents.keys() == {torrent}
    return found.state, found.progress, found.completion_on is not None


def _names(folder: Path) -> set[str]:
    """Files and what folders are left empty, below ``folder``."""
    return {str(each.relative_to(folder)) for each in folder.rglob("*")} - {"temp"}


def _timeless(snapshot: Snapshot) -> Snapshot:
    moment = datetime.fromtimestamp(0, UTC)
    return replace(
        snapshot,
        torrents={
            each.hash: replace(each, last_activity=moment, seeding_time=timedelta(0))
            for each in snapshot.torrents.values()
        },
    )

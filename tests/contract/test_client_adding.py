"""What the client adds and renames, on every generation and its simulator alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.errors import RequestFailed, ServerUnreachable
from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.torrent import Torrent, TorrentHash
from qbm.simulator import Credentials, Simulator, profile_of
from tests.lab import library, torrents
from tests.lab import torrents as made
from tests.lab.proxy import Cut, Moment, ProxyOf, path_is
from tests.lab.servers import Server

_URL = "http://a.example/announce"
NOT_THERE = TorrentHash("f" * 40)


@pytest.fixture
async def both(server: Server, tmp_path: Path) -> AsyncIterator[list[QBittorrent]]:
    """A client of the real server, and one of the simulator of its generation."""
    profile = replace(
        profile_of(server.webapi_version), version=server.version, web_api=server.webapi_version
    )
    simulator = Simulator(
        profile, Credentials(required=False), save_path=str(server.save_path), disk=tmp_path
    )
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(simulator.serve())
        yield [
            await stack.enter_async_context(QBittorrent(Connection(url=each)))
            for each in (server.url, url)
        ]


async def shown(
    client: QBittorrent,
    torrent: TorrentHash,
    is_right: Callable[[Torrent], bool] = lambda _: True,
) -> Torrent:
    """The torrent with its files, once it is there and right."""
    for _ in range(100):
        found = (await client.snapshot(frozenset(), {torrent})).torrents.get(torrent)
        files = (await client.files({torrent})).get(torrent)
        if found is not None and files is not None:
            whole = replace(found, files=files)
            if whole.is_settled and is_right(whole):
                return whole
        await asyncio.sleep(0.1)
    raise AssertionError(f"{client.connection.url} does not show {torrent}, or not so")


def names(torrent: Torrent) -> list[str]:
    assert isinstance(torrent.files, tuple)
    return [each.name for each in torrent.files]


def _facts(torrent: Torrent) -> dict[str, Any]:
    told = ("name", "category", "tags", "progress", "save_path", "auto_tmm", "is_stopped", "files")
    return {each: getattr(torrent, each) for each in told} | {
        "size": torrent.total_size,
        "private": torrent.private,
    }


async def test_a_torrent_is_added_stopped_with_its_path_and_category(
    server: Server, both: list[QBittorrent]
) -> None:
    torrent = torrents.folder("Línea · 日本", _URL, is_private=True)
    known = TorrentHash(library.hash_on(server, torrent))
    folder = server.save_path / "films"
    facts = []
    for client in both:
        await client.create_category("films", str(folder))
        await client.add(torrent.metainfo, save_path=str(folder), category="films")
        facts.append(_facts(await shown(client, known)))
    assert facts[0] == facts[1]
    assert facts[0]["save_path"] == str(folder)
    assert (facts[0]["category"], facts[0]["is_stopped"]) == ("films", True)
    assert (facts[0]["auto_tmm"], facts[0]["progress"]) == (False, 0)


async def test_its_content_is_found_by_a_recheck(server: Server, both: list[QBittorrent]) -> None:
    torrent = torrents.folder("A series", _URL)
    known = TorrentHash(library.hash_on(server, torrent))
    torrent.write(server.save_path)
    real = both[0]
    await real.add(torrent.metainfo, save_path=str(server.save_path))
    await shown(real, known)
    await real.recheck([known])
    found = await shown(real, known, lambda each: each.progress == 1)
    assert found.is_stopped


async def test_a_stopped_torrent_runs_after_its_check_if_it_is_stopped_and_started_in_it(
    server: Server, both: list[QBittorrent]
) -> None:
    torrent = torrents.folder("A series", _URL)
    known = TorrentHash(library.hash_on(server, torrent))
    torrent.write(server.save_path)
    real = both[0]
    await real.add(torrent.metainfo, save_path=str(server.save_path))
    await shown(real, known)
    for ask in (real.recheck, real.stop, real.start):
        await ask([known])
    await shown(real, known, lambda each: each.progress == 1 and not each.is_stopped)


async def test_incomplete_content_may_lie_in_a_folder_of_its_own(
    server: Server, both: list[QBittorrent]
) -> None:
    torrent = torrents.folder("A series", _URL)
    known = TorrentHash(library.hash_on(server, torrent))
    folder = str(server.save_path / "incomplete")
    paths = []
    for client in both:
        await client.add(torrent.metainfo, save_path=str(server.save_path), download_path=folder)
        paths.append((await shown(client, known)).download_path)
    tells = bool(server.version >= "4.5")
    assert paths == [folder, folder] if tells else paths[0] == ""


async def test_a_torrent_that_is_there_is_left_as_it_is(
    server: Server, both: list[QBittorrent]
) -> None:
    torrent = torrents.single("film.mkv", _URL)
    known = TorrentHash(library.hash_on(server, torrent))
    for client in both:
        await client.add(torrent.metainfo, save_path=str(server.save_path))
        before = await shown(client, known)
        elsewhere = str(server.save_path / "other")
        if server.version.startswith("4.2."):  # it says Ok. all the same
            await client.add(torrent.metainfo, save_path=elsewhere)
        else:
            with pytest.raises(RequestFailed, match="already"):
                await client.add(torrent.metainfo, save_path=elsewhere)
        assert await shown(client, known) == before


async def test_what_is_no_torrent_is_refused(both: list[QBittorrent]) -> None:
    for client in both:
        with pytest.raises(RequestFailed, match="415"):
            await client.add(b"nonsense", save_path="/downloads")


async def test_torrents_and_files_get_other_names(server: Server, both: list[QBittorrent]) -> None:
    torrent = torrents.folder("A series", _URL, paths=("one.mkv", "sub/two.mkv"))
    known = TorrentHash(library.hash_on(server, torrent))
    told = []
    for client in both:
        await client.add(torrent.metainfo, save_path=str(server.save_path))
        before = names(await shown(client, known))
        await client.rename(known, "Andere · 日本")
        new = [f"{each.rpartition('/')[0]}/é {each.rpartition('/')[2]}" for each in before]
        for index, (old, other) in enumerate(zip(before, new, strict=True)):
            await client.rename_file(known, index, old, other)
        found = await shown(client, known, lambda each, new=new: names(each) == new)  # type: ignore[misc]
        told.append((found.name, names(found)))
    assert told[0] == told[1]
    assert told[0][0] == "Andere · 日本"


async def test_a_file_gets_another_folder_where_the_server_can_do_that(
    server: Server, both: list[QBittorrent]
) -> None:
    torrent = torrents.folder("A series", _URL, paths=("one.mkv",))
    known = TorrentHash(library.hash_on(server, torrent))
    for client in both:
        await client.add(torrent.metainfo, save_path=str(server.save_path))
        [old] = names(await shown(client, known))
        renaming = client.rename_file(known, 0, old, "Other/one.mkv")
        if server.version.startswith("4.2."):
            with pytest.raises(RequestFailed, match="another folder"):
                await renaming
        else:
            await renaming
            await shown(client, known, lambda each: names(each) == ["Other/one.mkv"])


async def test_files_are_taken_out_of_the_download(server: Server, both: list[QBittorrent]) -> None:
    torrent = torrents.folder("A series", _URL)
    known = TorrentHash(library.hash_on(server, torrent))
    for client in both:
        await client.add(torrent.metainfo, save_path=str(server.save_path))
        await shown(client, known)
        await client.set_file_priority(known, [0, 2], 0)
        found = await shown(
            client,
            known,
            lambda each: [file.priority > 0 for file in each.files or ()] == [False, True, False],
        )
        assert found.progress == 0
        with pytest.raises(RequestFailed, match="409"):
            await client.set_file_priority(known, [7], 0)


async def test_of_an_unknown_torrent_nothing_is_renamed(both: list[QBittorrent]) -> None:
    for client in both:
        for refused in (
            client.rename(NOT_THERE, "name"),
            client.rename_file(NOT_THERE, 0, "old", "new"),
            client.set_file_priority(NOT_THERE, [0], 0),
        ):
            with pytest.raises(RequestFailed, match="404"):
                await refused


async def test_an_upload_whose_answer_is_lost_is_sent_again_and_does_no_harm(
    server: Server, proxy_of: ProxyOf
) -> None:
    torrent = made.single("film.mkv", _URL)
    known = TorrentHash(library.hash_on(server, torrent))
    proxy = proxy_of(server)
    async with QBittorrent(Connection(url=proxy.url)) as client:
        proxy.inject(Cut(Moment.AFTER), path_is("torrents/add"))
        try:
            await client.add(torrent.metainfo, save_path=str(server.save_path))
        except (RequestFailed, ServerUnreachable):
            assert not server.version.startswith("4.2.")
        await shown(client, known)
        assert len([each for each in proxy.exchanges if each.path.endswith("torrents/add")]) == 2
    assert len(server.api.torrents()) == 1

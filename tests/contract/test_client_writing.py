"""What the client writes to every generation, read back; and what they make of odd names."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from qbm.errors import RequestFailed, ServerUnreachable
from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.limit import ShareLimits
from qbm.model.names import is_category_name, tags_in
from qbm.model.snapshot import Category
from qbm.model.torrent import Torrent, TorrentHash
from tests.lab import library, torrents
from tests.lab.library import wait_for
from tests.lab.proxy import Answer, Cut, CutBody, Moment, Proxy, path_is
from tests.lab.servers import Server
from tests.lab.suites import Suite

NOT_THERE = TorrentHash("f" * 40)

ODD_TAGS = (
    "plain",
    "a,b",
    " leading",
    "trailing ",
    ",",
    "x,,y",
    " , ",
    "HD",
    "hd",
    "שלום",
    "\u202ertl",
    "e\u0301",
    "\u00e9",
    "a" * 300,
    "new\nline",
    "tab\t",
    "back\\slash/slash",
    "quote\"'`",
    "\u200bzero width",
    "\u00a0no break\u00a0",
    "\u2028separated",
    "\u3000ideographic\u3000",
    "\u0085next line",
    "\x1cfile separator\x1f",
    "\u180evowel separator",
    "\ufeffmark",
    "🎬",
    "a|b",
    "all",
    "%20+&=?#",
    "nul\x00inside",
)
ODD_CATEGORIES = (
    "plain",
    " leading",
    "trailing ",
    "   ",
    "a/b",
    "x/y/z",
    "a//b",
    "/a",
    "a/",
    "/",
    "a\\b",
    "\\",
    "",
    "new\nline",
    "a,b",
    "HD",
    "hd",
    "שלום",
    "e\u0301",
    "\u00e9",
    "c" * 300,
    "..",
    "a/../b",
    "*",
    "all",
    "Uncategorized",
    "%20+&=?#",
    "🎬",
)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[QBittorrent]:
    async with QBittorrent(Connection(url=server.url)) as client:
        yield client


def added(server: Server, count: int = 1) -> list[TorrentHash]:
    hashes = library.add(server, *torrents.many(count, "http://a.example/announce"))
    return [TorrentHash(each) for each in hashes]


async def read(client: QBittorrent, torrent: TorrentHash) -> Torrent:
    return (await client.snapshot(frozenset(), {torrent})).torrents[torrent]


def tags_on(server: Server, torrent: TorrentHash) -> set[str]:
    [row] = server.api.torrents(hashes=torrent)
    return set(filter(None, row["tags"].split(", ")))


async def test_tags_are_added_and_removed_for_many_at_once(
    server: Server, client: QBittorrent
) -> None:
    hashes = added(server, 3)
    changed, other = hashes[:2], hashes[2]
    await client.add_tags(changed, ["HD", "a b", "שלום"])
    await client.add_tags([*changed, NOT_THERE], ["HD"])
    for each in changed:
        wait_for(lambda each=each: tags_on(server, each), {"HD", "a b", "שלום"}.__eq__)  # type: ignore[misc]
        assert (await read(client, each)).tags == {"HD", "a b", "שלום"}
    await client.remove_tags(changed, ["a b", "HD", "was never there"])
    for each in changed:
        wait_for(lambda each=each: tags_on(server, each), {"שלום"}.__eq__)  # type: ignore[misc]
    assert tags_on(server, other) == set()


async def test_a_category_is_made_set_and_taken_away(server: Server, client: QBittorrent) -> None:
    changed, other = added(server, 2)
    await client.create_category("films", "/data/films")
    await client.create_category("no path", "")
    assert await client.categories() == {
        "films": Category("films", "/data/films"),
        "no path": Category("no path", ""),
    }
    await client.set_category([changed], "films")
    wait_for(lambda: server.api.by_hash()[changed]["category"], "films".__eq__)
    assert (await read(client, changed)).category == "films"
    assert (await read(client, other)).category == ""
    await client.set_category([changed, NOT_THERE], "")
    wait_for(lambda: server.api.by_hash()[changed]["category"], "".__eq__)


async def test_automatic_management_is_switched_on_and_off(
    server: Server, client: QBittorrent
) -> None:
    changed, other = added(server, 2)
    for enabled in (True, False):
        await client.set_auto_management([changed], enabled)
        wait_for(lambda: server.api.by_hash()[changed]["auto_tmm"], enabled.__eq__)
        assert (await read(client, changed)).auto_tmm is enabled
        assert (await read(client, other)).auto_tmm is False


async def test_five_hundred_torrents_are_written_in_one_request(
    server: Server, client: QBittorrent
) -> None:
    hashes = added(server, 500)
    await client.add_tags(hashes, ["many"])
    wait_for(lambda: {row["tags"] for row in server.api.torrents()}, {"many"}.__eq__)


async def test_a_category_that_is_there_already_stays_as_it_is(client: QBittorrent) -> None:
    await client.create_category("films", "/data/films")
    await client.create_category("films", "/data/films")
    with pytest.raises(RequestFailed, match=r"films already.*/data/films instead of /elsewhere"):
        await client.create_category("films", "/elsewhere")
    assert await client.categories() == {"films": Category("films", "/data/films")}


async def test_a_category_that_is_not_there_cannot_be_set(
    server: Server, client: QBittorrent
) -> None:
    [torrent] = added(server)
    with pytest.raises(RequestFailed, match=r"127.*setCategory.*409.*Incorrect category name"):
        await client.set_category([torrent], "nowhere")


async def test_a_parent_category_comes_along_in_the_newest_only(
    server: Server, client: QBittorrent
) -> None:
    await client.create_category("a/b", "/data/b")
    expected = {"a/b": Category("a/b", "/data/b")}
    if server.suite is Suite.BACKPORTS:
        expected["a"] = Category("a", "")
    assert await client.categories() == expected


async def test_the_server_keeps_the_categories_that_the_rules_allow(
    server: Server, client: QBittorrent
) -> None:
    [torrent] = added(server)
    for name in ODD_CATEGORIES:
        if not is_category_name(name):
            with pytest.raises(RequestFailed, match=r"\((400|409)\): .*[Cc]ategory"):
                await client.create_category(name, "/data")
            continue
        await client.create_category(name, "/data")
        assert name in await client.categories(), name
        await client.set_category([torrent], name)
        wait_for(lambda: server.api.by_hash()[torrent]["category"], name.__eq__)


async def test_the_server_makes_of_tags_what_the_rules_say(
    server: Server, client: QBittorrent
) -> None:
    [torrent] = added(server)
    for text in ODD_TAGS:
        expected = set(tags_in(text))
        server.api.post("torrents/addTags", hashes=torrent, tags=text)
        wait_for(lambda: tags_on(server, torrent), expected.__eq__)
        if expected:
            assert (await read(client, torrent)).tags == expected, text
            await client.remove_tags([torrent], list(expected))
            wait_for(lambda: tags_on(server, torrent), set().__eq__)
            await client.add_tags([torrent], list(expected))
            wait_for(lambda: tags_on(server, torrent), expected.__eq__)
            server.api.post("torrents/removeTags", hashes=torrent, tags="")
            wait_for(lambda: tags_on(server, torrent), set().__eq__)


async def test_tags_differ_by_case_and_by_normal_form(server: Server, client: QBittorrent) -> None:
    [torrent] = added(server)
    tags = {"HD", "hd", "e\u0301", "\u00e9"}
    await client.add_tags([torrent], list(tags))
    wait_for(lambda: tags_on(server, torrent), tags.__eq__)
    await client.remove_tags([torrent], ["hd", "\u00e9"])
    wait_for(lambda: tags_on(server, torrent), {"HD", "e\u0301"}.__eq__)


@pytest.mark.parametrize("server", [Suite.TRIXIE], indirect=True)
@pytest.mark.parametrize("tag", ["", ",", "a,b", " a", "a "])
async def test_a_tag_that_the_server_would_change_is_not_sent(
    server: Server, client: QBittorrent, tag: str
) -> None:
    [torrent] = added(server)
    await client.add_tags([torrent], ["kept"])
    wait_for(lambda: tags_on(server, torrent), {"kept"}.__eq__)
    for write in (client.add_tags, client.remove_tags):
        with pytest.raises(RequestFailed, match="cannot have a tag"):
            await write([torrent], ["fine", tag])
        with pytest.raises(ValueError, match="no tags"):
            await write([torrent], [])
    assert tags_on(server, torrent) == {"kept"}


@pytest.mark.parametrize("server", [Suite.TRIXIE], indirect=True)
async def test_only_hashes_are_sent(server: Server) -> None:
    added(server)
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            upper = TorrentHash("F" * 40)
            for wrong in (["all"], ["a|all"], [""], [], [upper], [NOT_THERE] * 501):
                hashes = [TorrentHash(each) for each in wrong]
                for write in (
                    client.add_tags(hashes, ["x"]),
                    client.remove_tags(hashes, ["x"]),
                    client.set_category(hashes, ""),
                    client.set_auto_management(hashes, True),
                    client.start(hashes),
                    client.recheck(hashes),
                    client.set_share_limits(hashes, ShareLimits()),
                    client.set_upload_limit(hashes, 1),
                ):
                    with pytest.raises(ValueError, match="hash"):
                        await write
            everything = TorrentHash("all")
            for question in (client.trackers, client.privacy, client.files, client.seeding_times):
                with pytest.raises(ValueError, match="hash"):
                    await question([everything])
            for about_one in (
                client.export(everything),
                client.remove(everything, with_files=True),
            ):
                with pytest.raises(ValueError, match="hash"):
                    await about_one
        assert proxy.writes == []


async def test_an_idle_connection_that_was_closed_is_opened_again(server: Server) -> None:
    [torrent] = added(server)
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            assert proxy.drop_idle() >= 1
            await client.add_tags([torrent], ["a"])
            proxy.drop_idle()
            assert torrent in (await client.snapshot(frozenset())).torrents
    wait_for(lambda: tags_on(server, torrent), {"a"}.__eq__)


@pytest.mark.parametrize("moment", list(Moment))
async def test_a_write_that_is_cut_off_is_sent_once_more(server: Server, moment: Moment) -> None:
    [torrent] = added(server)
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            for path in ("torrents/addTags", "torrents/createCategory"):
                proxy.inject(Cut(moment), path_is(path))
            await client.add_tags([torrent], ["a"])
            await client.create_category("films", "/data")
        assert (proxy.counts["torrents/addTags"], proxy.counts["torrents/createCategory"]) == (2, 2)
    assert tags_on(server, torrent) == {"a"}
    assert list(server.api.categories()) == ["films"]


async def test_an_answer_that_is_cut_off_is_asked_for_once_more(server: Server) -> None:
    [torrent] = added(server)
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            proxy.inject(CutBody(), path_is("torrents/info"))
            assert torrent in (await client.snapshot(frozenset())).torrents
        assert proxy.counts["torrents/info"] == 2


async def test_a_server_that_keeps_cutting_off_is_unreachable(server: Server) -> None:
    [torrent] = added(server)
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            proxy.inject(Cut(), path_is("torrents/addTags"), times=9)
            with pytest.raises(ServerUnreachable, match="closed the connection"):
                await client.add_tags([torrent], ["a"])
        assert proxy.counts["torrents/addTags"] == 2


async def test_a_server_that_has_gone_is_unreachable(server: Server) -> None:
    async with QBittorrent(Connection(url=server.url)) as client:
        server.stop()
        with pytest.raises(ServerUnreachable, match="refused"):
            await client.snapshot(frozenset())


async def test_an_unforeseen_answer_is_told_with_the_request(server: Server) -> None:
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            proxy.inject(Answer(200, b'[{"hash": "all"}]'), path_is("torrents/info"))
            with pytest.raises(RequestFailed, match="torrents/info with something unforeseen"):
                await client.snapshot(frozenset())
            proxy.inject(Answer(500, b"out of memory"), path_is("torrents/categories"))
            with pytest.raises(RequestFailed, match=r"categories \(500\): out of memory"):
                await client.categories()


@pytest.mark.parametrize("server", [Suite.BULLSEYE], indirect=True)
async def test_the_first_failure_among_many_requests_ends_them_all(server: Server) -> None:
    hashes = added(server, 40)
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            proxy.inject(Cut(), path_is("torrents/trackers"), skip=3, times=999)
            with pytest.raises(ServerUnreachable):
                await client.trackers(hashes)
        assert proxy.counts["torrents/trackers"] < 40

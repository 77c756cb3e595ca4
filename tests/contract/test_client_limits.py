"""Share limits, upload limits and the server's own limits: written, and read back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.limit import GlobalLimits, Limit, ShareLimitAction, ShareLimits, ShareLimitsMode
from qbm.model.snapshot import Fact
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN
from tests.lab import library, torrents
from tests.lab.library import wait_for
from tests.lab.servers import Server
from tests.lab.suites import Suite

NOT_THERE = TorrentHash("f" * 40)
NEW_FIELDS = ("inactive_seeding_time_limit", "share_limit_action", "share_limits_mode")


@pytest.fixture
async def client(server: Server) -> AsyncIterator[QBittorrent]:
    async with QBittorrent(Connection(url=server.url)) as client:
        yield client


def added(server: Server, count: int = 1) -> list[TorrentHash]:
    return [TorrentHash(each) for each in library.add(server, *torrents.many(count))]


async def read(client: QBittorrent, torrent: TorrentHash) -> Torrent:
    return (await client.snapshot(frozenset(), {torrent})).torrents[torrent]


def known_to(server: Server, limits: ShareLimits) -> ShareLimits:
    """``limits`` as far as this generation has such fields."""
    [row, *_] = server.api.torrents()
    return replace(limits, **{name: None for name in NEW_FIELDS if name not in row})


LIMITS = (
    ShareLimits(
        ratio_limit=1.5,
        seeding_time_limit=timedelta(days=3),
        inactive_seeding_time_limit=timedelta(minutes=90),
        share_limit_action=ShareLimitAction.STOP,
        share_limits_mode=ShareLimitsMode.MATCH_ANY,
    ),
    ShareLimits(
        ratio_limit=0.0,
        seeding_time_limit=timedelta(0),
        inactive_seeding_time_limit=timedelta(0),
        share_limit_action=ShareLimitAction.ENABLE_SUPER_SEEDING,
        share_limits_mode=ShareLimitsMode.MATCH_ALL,
    ),
    ShareLimits(
        ratio_limit=Limit.UNLIMITED,
        seeding_time_limit=Limit.UNLIMITED,
        inactive_seeding_time_limit=Limit.UNLIMITED,
        share_limit_action=ShareLimitAction.REMOVE,
        share_limits_mode=ShareLimitsMode.DEFAULT,
    ),
    ShareLimits(
        ratio_limit=1.2345,
        seeding_time_limit=Limit.GLOBAL,
        inactive_seeding_time_limit=timedelta(minutes=1),
        share_limit_action=ShareLimitAction.REMOVE_WITH_CONTENT,
        share_limits_mode=ShareLimitsMode.MATCH_ANY,
    ),
    ShareLimits(
        inactive_seeding_time_limit=Limit.GLOBAL,
        share_limit_action=ShareLimitAction.DEFAULT,
        share_limits_mode=ShareLimitsMode.DEFAULT,
    ),
)


async def test_share_limits_are_read_back_as_they_were_written(
    server: Server, client: QBittorrent
) -> None:
    changed, second, other = added(server, 3)
    untouched = (await read(client, other)).share_limits
    assert untouched == known_to(server, LIMITS[-1])
    for limits in LIMITS:
        expected = known_to(server, limits)
        await client.set_share_limits([changed, second, NOT_THERE], limits)
        for each in (changed, second):
            assert (await read(client, each)).share_limits == expected
        # What this generation lacks need not be there to be written.
        await client.set_share_limits([changed], expected)
        assert (await read(client, changed)).share_limits == expected
        assert (await read(client, other)).share_limits == untouched


async def test_a_ratio_is_stored_in_whole_thousandths(server: Server, client: QBittorrent) -> None:
    [torrent] = added(server)
    await client.set_share_limits([torrent], ShareLimits(ratio_limit=1.2345))
    assert (await read(client, torrent)).share_limits.ratio_limit == 1.2345
    resume = server.torrents_folder / f"{torrent}.fastresume"
    # So it is 1.234 from the server's next start on.
    wait_for(lambda: b"qBt-ratioLimiti1234e" in resume.read_bytes(), bool)


@pytest.mark.parametrize("server", [Suite.BACKPORTS], indirect=True)
async def test_the_server_takes_a_word_that_it_does_not_know_for_default(server: Server) -> None:
    [torrent] = added(server)
    for action, mode in (("stop", "matchany"), ("Bogus", "Bogus"), ("", "")):
        server.api.post(
            "torrents/setShareLimits",
            hashes=torrent,
            ratioLimit=-1,
            seedingTimeLimit=-1,
            inactiveSeedingTimeLimit=-1,
            shareLimitAction=action,
            shareLimitsMode=mode,
        )
        row = server.api.by_hash()[torrent]
        assert (row["share_limit_action"], row["share_limits_mode"]) == ("Default", "Default")


async def test_upload_limits_are_bytes_per_second_and_none_is_zero(
    server: Server, client: QBittorrent
) -> None:
    changed, other = added(server, 2)
    assert (await read(client, changed)).up_limit == 0
    for limit in (102_400, 5, 0):
        await client.set_upload_limit([changed, NOT_THERE], limit)
        wait_for(lambda: max(0, server.api.by_hash()[changed]["up_limit"]), limit.__eq__)
        assert (await read(client, changed)).up_limit == limit
        assert (await read(client, other)).up_limit == 0


async def test_the_servers_own_limits_are_written_where_they_differ(
    server: Server, client: QBittorrent
) -> None:
    fresh = await client.global_limits()
    has_inactive = "max_inactive_seeding_time" in server.api.get("app/preferences")
    none = Limit.UNLIMITED if has_inactive else None
    assert fresh == GlobalLimits(max_inactive_seeding_time=none)
    present = fresh
    for wanted in (
        replace(fresh, max_ratio=2.5, max_seeding_time=timedelta(hours=1)),
        replace(fresh, max_ratio=0.0, max_seeding_time=timedelta(0)),
        replace(fresh, max_ratio_act=ShareLimitAction.REMOVE),
        replace(fresh, max_ratio_act=ShareLimitAction.ENABLE_SUPER_SEEDING),
        replace(fresh, max_ratio_act=ShareLimitAction.REMOVE_WITH_CONTENT),
        replace(
            fresh,
            max_ratio=3,
            max_inactive_seeding_time=timedelta(minutes=7) if has_inactive else None,
        ),
        fresh,
    ):
        await client.set_global_limits(wanted, present)
        assert await client.global_limits() == wanted
        present = wanted
    snapshot = await client.snapshot(frozenset({Fact.GLOBAL_LIMITS}))
    assert snapshot.global_limits == fresh
    assert (await client.snapshot(frozenset())).global_limits is UNKNOWN


async def test_only_what_differs_is_written_to_the_preferences(
    server: Server, client: QBittorrent
) -> None:
    before = await client.global_limits()
    elsewhere = {"max_seeding_time_enabled": True, "max_seeding_time": 60}
    server.api.post("app/setPreferences", json=json.dumps(elsewhere))
    await client.set_global_limits(replace(before, max_ratio=4.0), before)
    found = await client.global_limits()
    assert (found.max_ratio, found.max_seeding_time) == (4.0, timedelta(hours=1))

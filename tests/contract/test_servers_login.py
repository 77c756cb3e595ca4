"""The simulator lets in and turns away as the real servers do, generation by generation."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, DummyCookieJar
from msgspec.structs import replace

from tests.contract.pair import Caller, Pair, mirrored
from tests.lab.servers import StartServer
from tests.lab.suites import Suite

RIGHT = {"username": "admin", "password": "adminadmin"}
WRONG = {"username": "admin", "password": "wrong"}


@pytest.fixture(params=list(Suite), ids=str)
async def guarded(request: pytest.FixtureRequest, start_server: StartServer) -> AsyncIterator[Pair]:
    """An empty server that asks for a login, and its simulator."""
    server = start_server(request.param, login=True)
    simulator = mirrored(server)
    async with simulator.serve() as url, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield Pair(Caller(session, server.url), Caller(session, url), simulator)


async def test_a_login_opens_a_session_and_a_logout_ends_it(guarded: Pair) -> None:
    for path in ("app/version", "torrents/info", "auth/logout", "torrents/nonsense", "nonsense"):
        await guarded.ask("GET", path)
        await guarded.ask("POST", path)
    await guarded.ask("GET", "auth/login", query=WRONG)
    for form in (WRONG, {"username": "Admin", "password": "adminadmin"}, {"username": "admin"}):
        await guarded.ask("POST", "auth/login", form=form)
    await guarded.ask("POST", "auth/login", form=RIGHT, headers={"Referer": "http://x.example"})
    await guarded.ask("POST", "auth/login", form=RIGHT)
    for path in ("app/version", "torrents/info", "torrents/categories", "torrents/tags"):
        await guarded.ask("GET", path)
    await guarded.get("sync/maindata", rid="0")
    await guarded.ask("GET", "app/version", headers={"Cookie": "SID=bogus; QBT_SID=bogus"})
    # A session that is known needs no password.
    await guarded.ask("POST", "auth/login", form=WRONG)
    await guarded.ask("POST", "auth/logout")
    await guarded.ask("GET", "app/version")
    await guarded.ask("POST", "auth/logout")


async def test_five_wrong_passwords_ban_the_address(guarded: Pair) -> None:
    for form in [WRONG, RIGHT, *[WRONG] * 6, RIGHT]:
        guarded.forget_cookies()
        await guarded.ask("POST", "auth/login", form=form)
    await guarded.ask("GET", "app/version")


@pytest.mark.parametrize("guarded", [Suite.BACKPORTS], indirect=True, ids=str)
async def test_an_api_key_stands_for_a_session(guarded: Pair) -> None:
    await guarded.ask("POST", "auth/login", form=RIGHT)
    key = (await guarded.real.ask("POST", "app/rotateAPIKey")).json["apiKey"]
    assert re.fullmatch("qbt_[0-9A-Za-z]{28}", key)
    guarded.forget_cookies()
    guarded.simulator.access.credentials = replace(guarded.simulator.credentials, api_key=key)
    for given in (f"Bearer {key}", f"bearer  {key}", f"Bearer {key}x", "Bearer", key):
        await guarded.ask("GET", "torrents/info", headers={"Authorization": given})
    bearer = {"Authorization": f"Bearer {key}"}
    await guarded.ask("POST", "torrents/createCategory", form={"category": "x"}, headers=bearer)
    await guarded.ask("GET", "torrents/categories", headers=bearer)
    await guarded.ask("GET", "app/version", headers=bearer | {"Referer": "http://evil.example"})
    await guarded.ask("POST", "auth/login", form=RIGHT, headers=bearer)
    await guarded.ask("POST", "auth/logout", headers=bearer)
    await guarded.ask("GET", "app/version")


@pytest.mark.parametrize(
    "guarded", [Suite.BULLSEYE, Suite.BOOKWORM, Suite.TRIXIE], indirect=True, ids=str
)
async def test_older_servers_know_no_api_key(guarded: Pair) -> None:
    bearer = {"Authorization": f"Bearer qbt_{'x' * 32}"}
    await guarded.ask("GET", "app/version", headers=bearer)
    await guarded.ask("POST", "auth/login", form=RIGHT)
    await guarded.ask("POST", "app/rotateAPIKey")
    await guarded.ask("GET", "app/version", headers=bearer)


async def test_loopback_is_let_in_with_a_session_for_each_call_without_a_cookie(
    request: pytest.FixtureRequest, start_server: StartServer
) -> None:
    for suite in Suite:
        server = start_server(suite)
        simulator = mirrored(server)
        async with simulator.serve() as url, ClientSession(cookie_jar=DummyCookieJar()) as session:
            pair = Pair(Caller(session, server.url), Caller(session, url), simulator)
            for path in ("app/version", "torrents/info", "torrents/nonsense", "nonsense"):
                pair.forget_cookies()
                await pair.ask("GET", path)
            pair.forget_cookies()
            await pair.ask("POST", "auth/login", form=WRONG)
            await pair.ask("GET", "app/version")

"""The simulator over HTTP: faults, restarts, other addresses, other clients."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import subprocess
import sys
import time
from io import BytesIO
from urllib.parse import urlencode
from urllib.request import urlopen

import aiohttp
import pytest
import qbittorrentapi
import trustme
from aiohttp import ClientSession

from qbm.simulator import (
    PROFILES,
    Credentials,
    CutAfter,
    CutBefore,
    CutReused,
    Failing,
    ForgottenLogin,
    Html,
    Late,
    Restart,
    SimulatedTorrent,
    Simulator,
    Slow,
    sample_torrents,
)

HASH = "a" * 40
TAG = {"hashes": HASH, "tags": "x"}


def simulator(version: str = "5.1.0", *, login: bool = False, prefix: str = "") -> Simulator:
    server = Simulator(PROFILES[version], Credentials(required=login), prefix=prefix)
    server.add([SimulatedTorrent(name="film", infohash_v1=HASH)])
    return server


async def get(session: ClientSession, url: str, path: str = "app/version") -> tuple[int, str]:
    async with session.get(f"{url}/api/v2/{path}") as answer:
        return answer.status, await answer.text()


async def add_tag(session: ClientSession, url: str) -> int:
    async with session.post(f"{url}/api/v2/torrents/addTags", data=TAG) as answer:
        return answer.status


async def test_a_slow_answer_comes_later() -> None:
    server = simulator()
    server.faults.add(Slow(0.2), "app/version")
    async with server.serve() as url, ClientSession() as session:
        begun = time.perf_counter()
        assert await get(session, url) == (200, "v5.1.0")
        assert time.perf_counter() - begun >= 0.2


async def test_a_failing_request_does_nothing() -> None:
    server = simulator()
    armed = server.faults.add(Failing(503, "busy"), "torrents/*", times=2, skip=1)
    async with server.serve() as url, ClientSession() as session:
        assert (await get(session, url, "torrents/info"))[0] == 200
        assert await add_tag(session, url) == 503
        assert await get(session, url, "torrents/tags") == (503, "busy")
        assert await add_tag(session, url) == 200
    assert armed.hits == 2
    assert [each.status for each in server.requests] == [200, 503, 503, 200]


async def test_a_page_stands_in_for_an_answer() -> None:
    server = simulator()
    server.faults.add(Html(), "torrents/info", times=None)
    async with server.serve() as url, ClientSession() as session:
        for _ in range(2):
            async with session.get(f"{url}/api/v2/torrents/info") as answer:
                assert (answer.status, answer.content_type) == (200, "text/html")
        server.faults.clear()
        assert (await get(session, url, "torrents/info"))[1].startswith("[")


@pytest.mark.parametrize(("fault", "tags"), [(CutBefore(), set()), (CutAfter(), {"x"})])
async def test_a_connection_is_cut_before_or_after_a_write(
    fault: CutBefore | CutAfter, tags: set[str]
) -> None:
    server = simulator()
    server.faults.add(fault, "torrents/addTags")
    async with server.serve() as url, ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await add_tag(session, url)
        assert server.library.torrents[HASH].tags == tags
        assert await add_tag(session, url) == 200


async def test_only_a_reused_connection_is_cut() -> None:
    server = simulator()
    armed = server.faults.add(CutReused(), times=None)
    async with server.serve() as url, ClientSession() as session:
        assert (await get(session, url))[0] == 200
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await add_tag(session, url)
        assert await add_tag(session, url) == 200
    assert armed.hits == 1
    assert len(server.requests) == 3


async def test_an_idle_connection_is_closed() -> None:
    async with simulator().serve(keep_alive=0.05) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /api/v2/app/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), timeout=5)  # up to the end
        writer.close()
        await writer.wait_closed()
    assert b"v5.1.0" in answer


async def test_a_forgotten_login_has_to_be_repeated() -> None:
    server = simulator(login=True)
    login = {"username": "admin", "password": "adminadmin"}
    jar = aiohttp.CookieJar(unsafe=True)
    async with server.serve() as url, ClientSession(cookie_jar=jar) as session:
        assert (await get(session, url))[0] == 403
        await session.post(f"{url}/api/v2/auth/login", data=login)
        assert (await get(session, url))[0] == 200
        server.faults.add(ForgottenLogin(), "app/version")
        assert (await get(session, url))[0] == 403
        assert (await get(session, url))[0] == 403
        await session.post(f"{url}/api/v2/auth/login", data=login)
        assert (await get(session, url))[0] == 200


async def test_a_restarting_server_is_away_and_forgets_its_sessions() -> None:
    server = simulator()
    async with server.serve() as url, ClientSession() as session:
        await get(session, url)
        assert server.access.sessions
        server.faults.add(Restart(1.0), "app/version")
        for _ in range(2):
            with pytest.raises(aiohttp.ClientError):
                await get(session, url)
        assert not server.access.sessions
        await asyncio.sleep(1.1)
        assert (await get(session, url))[0] == 200


async def test_a_late_fault_strikes_writes_alone() -> None:
    server = simulator()
    armed = server.faults.add(Late(reads=1))
    async with server.serve() as url, ClientSession() as session:
        await get(session, url)
        assert await add_tag(session, url) == 200
        assert (await get(session, url, "torrents/tags"))[1] == "[]"
        assert (await get(session, url, "torrents/tags"))[1] == '["x"]'
    assert armed.hits == 1


async def test_a_form_with_fifty_thousand_hashes_is_taken() -> None:
    server = simulator()
    hashes = "|".join([f"{number:040x}" for number in range(50_000)] + [HASH])
    async with server.serve() as url, ClientSession() as session:
        body = BytesIO(urlencode({"hashes": hashes, "tags": "x"}).encode())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        address = f"{url}/api/v2/torrents/addTags"
        async with session.post(address, data=body, headers=headers) as answer:
            assert answer.status == 200
    assert server.library.torrents[HASH].tags == {"x"}


async def test_a_prefix_stands_before_every_path() -> None:
    async with simulator(prefix="/qbt").serve() as url, ClientSession() as session:
        assert url.endswith("/qbt")
        assert (await get(session, url))[0] == 200
        assert (await get(session, url.removesuffix("/qbt")))[0] == 404


async def test_it_speaks_tls() -> None:
    authority = trustme.CA()
    ours, theirs = ssl.create_default_context(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.configure_trust(ours)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    connector = aiohttp.TCPConnector(ssl=ours)
    async with (
        simulator().serve(tls=theirs) as url,
        ClientSession(connector=connector) as session,
    ):
        assert url.startswith("https://")
        assert await get(session, url) == (200, "v5.1.0")
        await session.close()


def test_it_runs_in_a_thread() -> None:
    server = simulator()
    with server.run_in_thread() as url, urlopen(f"{url}/api/v2/app/version") as answer:
        assert answer.read() == b"v5.1.0"
    assert [each.path for each in server.requests] == ["app/version"]


def test_a_taken_port_is_an_error_in_the_thread_that_asked() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(OSError, match="address already in use"),
            simulator().run_in_thread(port=taken.getsockname()[1]),
        ):
            pass


def test_it_runs_from_the_command_line() -> None:
    command = [sys.executable, "-m", "qbm.simulator", "--version", "4.2.5", "--torrents", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = process.stdout.readline()
        with urlopen(f"{said.split()[-1]}/api/v2/torrents/info?limit=3") as answer:
            assert answer.read().startswith(b"[{")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert said.startswith("qBittorrent 4.2.5, simulated, at http://127.0.0.1:")


@pytest.mark.parametrize("version", PROFILES)
def test_another_client_can_talk_to_it(version: str) -> None:
    server = Simulator(PROFILES[version])
    server.add(sample_torrents(20, v2_only=0))
    with server.run_in_thread() as url:
        client = qbittorrentapi.Client(
            host=url, username="admin", password="adminadmin", FORCE_SCHEME_FROM_HOST=True
        )
        assert client.app.version == f"v{version}"
        first, second, *_ = sorted(each.hash for each in client.torrents_info())
        client.torrents_create_category("tv", save_path="/data/tv")
        client.torrents_set_category(category="tv", torrent_hashes=[first, second])
        client.torrents_add_tags(tags=["one", "two"], torrent_hashes=[first])
        client.torrents_set_auto_management(enable=True, torrent_hashes=[second])
        client.torrents_start(torrent_hashes=[first])
        rows = {each.hash: each for each in client.torrents_info(torrent_hashes=[first, second])}
        assert (rows[first].category, rows[first].tags) == ("tv", "one, two")
        assert rows[second].save_path.rstrip("/") == "/data/tv"
        assert len(client.torrents_trackers(torrent_hash=first)) == 4
        assert client.torrents_files(torrent_hash=first)[0].priority in {1, 4}
        assert client.sync_maindata().full_update
        client.auth_log_out()
        with pytest.raises(qbittorrentapi.LoginFailed):
            qbittorrentapi.Client(
                host=url, username="admin", password="wrong", FORCE_SCHEME_FROM_HOST=True
            ).auth_log_in()

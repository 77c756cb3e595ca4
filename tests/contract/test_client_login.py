"""How the client gets in, on every generation."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from qbm.errors import CertificateRejected, LoginRefused, NotQBittorrent, ServerUnreachable
from qbm.gateways.qbittorrent import Connection, QBittorrent, base_url
from tests.lab.proxy import Answer, Proxy, path_is
from tests.lab.servers import Server, StartServer
from tests.lab.suites import Suite


@pytest.fixture(params=list(Suite), ids=str)
def guarded(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """A fresh server of every generation that asks for a login."""
    return start_server(request.param, login=True, password="ünsafe & so/")


def let_in(server: Server, url: str = "") -> Connection:
    return Connection(url=url or server.url, user=server.username, password=server.password)


def status_with(cookie: str, server: Server) -> int:
    try:
        urlopen(Request(f"{server.url}/api/v2/app/version", headers={"Cookie": cookie})).close()
    except HTTPError as error:
        error.close()
        return error.code
    return 200


async def test_without_a_login_the_server_tells_its_versions(server: Server) -> None:
    host = server.url.removeprefix("http://")
    async with QBittorrent(Connection(url=base_url(host))) as client:
        assert client.server.version == f"v{server.version}"
        assert client.server.api_version == server.webapi_version
        assert (await client.snapshot(frozenset())).torrents == {}


async def test_user_and_password_open_a_guarded_server(guarded: Server) -> None:
    async with QBittorrent(let_in(guarded)) as client:
        assert await client.categories() == {}


async def test_the_session_is_kept_and_given_back(guarded: Server) -> None:
    with Proxy(guarded.url) as proxy:
        async with QBittorrent(let_in(guarded, proxy.url)) as client:
            await client.categories()
        login, *others, goodbye = proxy.exchanges
    cookies = {exchange.headers.get("Cookie", "") for exchange in (*others, goodbye)}
    [cookie] = cookies
    assert login.path == "auth/login"
    assert cookie.startswith(f"QBT_SID_{guarded.port}=" if guarded.version >= "5.2" else "SID=")
    assert (goodbye.path, goodbye.status // 100) == ("auth/logout", 2)
    assert status_with(cookie, guarded) == 403


async def test_without_a_login_the_session_is_kept_as_well(server: Server) -> None:
    with Proxy(server.url) as proxy:
        async with QBittorrent(Connection(url=proxy.url)) as client:
            await client.categories()
        first, *others = proxy.exchanges
    assert "Cookie" not in first.headers
    assert len({exchange.headers["Cookie"] for exchange in others}) == 1


@pytest.mark.parametrize(
    ("user", "password"), [("admin", "wrong"), ("nobody", "ünsafe & so/"), ("admin", None)]
)
async def test_a_wrong_login_is_refused(guarded: Server, user: str, password: str | None) -> None:
    with pytest.raises(LoginRefused, match=r"(?s)127\.0\.0\.1.*user name or the password") as error:
        await QBittorrent(Connection(url=guarded.url, user=user, password=password)).__aenter__()
    assert "ünsafe" not in str(error.value)


async def test_no_login_where_one_is_wanted_says_so(guarded: Server) -> None:
    with pytest.raises(LoginRefused, match="wants a login"):
        await QBittorrent(Connection(url=guarded.url)).__aenter__()


async def test_a_banned_address_reads_the_ban(guarded: Server) -> None:
    wrong = Connection(url=guarded.url, user="admin", password="wrong")
    for _ in range(5):
        with pytest.raises(LoginRefused, match="password is wrong"):
            await QBittorrent(wrong).__aenter__()
    with pytest.raises(LoginRefused, match="has banned this address: Your IP address has been"):
        await QBittorrent(let_in(guarded)).__aenter__()


async def test_an_api_key_opens_a_guarded_server(start_server: StartServer) -> None:
    server = start_server(Suite.BACKPORTS, login=True)
    key = json.loads(server.api.post("app/rotateAPIKey"))["apiKey"]
    with Proxy(server.url) as proxy:
        # The key wins over user and password, right or wrong.
        connection = Connection(url=proxy.url, apikey=key, user="admin", password="wrong")
        async with QBittorrent(connection) as client:
            assert await client.categories() == {}
        assert "auth/login" not in proxy.counts


async def test_a_wrong_api_key_is_refused(guarded: Server) -> None:
    with pytest.raises(LoginRefused, match="refused the API key") as error:
        await QBittorrent(Connection(url=guarded.url, apikey="qbt_hunter2")).__aenter__()
    assert "hunter2" not in str(error.value)


async def test_a_base_path_leads_through_a_proxy(guarded: Server) -> None:
    with Proxy(guarded.url, base_path="/my/qbt") as proxy:
        async with QBittorrent(let_in(guarded, base_url(f"{proxy.url}/"))) as client:
            assert await client.categories() == {}


async def test_a_missing_base_path_is_not_qbittorrent(guarded: Server) -> None:
    with Proxy(guarded.url, base_path="/qbt") as proxy:
        connection = let_in(guarded, proxy.url.removesuffix("/qbt"))
        proxy.inject(Answer(404), times=9)
        with pytest.raises(NotQBittorrent, match="path if it is behind a proxy"):
            await QBittorrent(connection).__aenter__()


async def test_a_login_that_the_server_forgot_is_made_again(guarded: Server) -> None:
    async with QBittorrent(let_in(guarded)) as client:
        await client.categories()
        guarded.stop()
        guarded.start()
        assert await client.categories() == {}


async def test_a_login_is_made_again_once_only(guarded: Server) -> None:
    with Proxy(guarded.url) as proxy:
        async with QBittorrent(let_in(guarded, proxy.url)) as client:
            proxy.inject(Answer(403), path_is("torrents/categories"), times=9)
            with pytest.raises(LoginRefused, match="took the login but then refused"):
                await client.categories()
        assert proxy.counts["auth/login"] == 2
        assert proxy.counts["torrents/categories"] == 2


@pytest.mark.parametrize("suite", list(Suite))
async def test_tls_is_trusted_by_the_authority_or_unseen(
    start_server: StartServer, suite: Suite
) -> None:
    server = start_server(suite, tls=True)
    for trusted in (str(server.ca_file), False):
        async with QBittorrent(Connection(url=server.url, verify_certificate=trusted)) as client:
            assert await client.categories() == {}
    with pytest.raises(CertificateRejected, match="verify_certificate"):
        await QBittorrent(Connection(url=server.url, verify_certificate=True)).__aenter__()
    with pytest.raises(ServerUnreachable, match="https://"):
        await QBittorrent(Connection(url=server.url.replace("https:", "http:"))).__aenter__()


@pytest.mark.parametrize("server", [Suite.TRIXIE], indirect=True)
async def test_https_to_a_server_without_tls_says_so(server: Server) -> None:
    # It takes 8 s: the server, like those of the other generations, waits for a line to end.
    with pytest.raises(NotQBittorrent, match="http://"):
        await QBittorrent(Connection(url=server.url.replace("http:", "https:"))).__aenter__()


async def test_the_bittorrent_port_is_not_the_web_ui(server: Server) -> None:
    port = server.api.preferences()["listen_port"]
    with pytest.raises(ServerUnreachable, match="not the Web UI's port"):
        await QBittorrent(Connection(url=f"http://127.0.0.1:{port}")).__aenter__()

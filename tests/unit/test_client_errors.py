"""What stands at an address that is no qBittorrent, on real sockets, and what the user hears."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from msgspec.structs import replace

from qbm.errors import (
    CertificateRejected,
    LoginRefused,
    NotQBittorrent,
    RequestFailed,
    ServerError,
    ServerTimeout,
    ServerUnreachable,
)
from qbm.gateways.qbittorrent import Connection, QBittorrent, Timeouts
from tests.lab.ports import free_port

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HASTY = Timeouts(connect=timedelta(seconds=5), answer=timedelta(seconds=0.2))
NO_LOGIN = Connection(url="")
API_KEY = Connection(url="", apikey="qbt_hunter2")
LOGINS = [NO_LOGIN, Connection(url="", user="admin", password="hunter2"), API_KEY]


@asynccontextmanager
async def web_server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    try:
        yield port
    finally:
        await runner.cleanup()


@asynccontextmanager
async def socket_server(talk: Talk) -> AsyncIterator[int]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def always(response: Callable[[], web.Response]) -> Handler:
    async def handler(_request: web.BaseRequest) -> web.StreamResponse:
        return response()

    return handler


async def failure(
    port: int,
    login: Connection = NO_LOGIN,
    *,
    scheme: str = "http",
    timeouts: Timeouts | None = None,
) -> ServerError:
    """The error of connecting there; whatever it is, it names the address and no secret."""
    url = f"{scheme}://127.0.0.1:{port}"
    with pytest.raises(ServerError) as caught:
        async with QBittorrent(replace(login, url=url), timeouts):
            pass
    assert url in str(caught.value)
    assert "hunter2" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("login", LOGINS)
async def test_a_closed_port_is_unreachable(login: Connection) -> None:
    error = await failure(free_port(), login)
    assert isinstance(error, ServerUnreachable)
    assert "refused" in str(error)
    assert "Web UI's port" in str(error)
    assert "container" in str(error)


async def test_an_unknown_host_name_is_unreachable() -> None:
    with pytest.raises(ServerUnreachable, match=r"host name of http://nas\.invalid:8080 cannot"):
        await QBittorrent(Connection(url="http://nas.invalid:8080")).__aenter__()


async def test_a_socket_that_speaks_something_else_is_not_qbittorrent() -> None:
    async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        await reader.read(1)

    async with socket_server(ssh) as port:
        error = await failure(port)
    assert isinstance(error, NotQBittorrent)
    assert "does not speak HTTP" in str(error)


@pytest.mark.parametrize("login", LOGINS)
async def test_a_socket_that_closes_at_once_is_unreachable(login: Connection) -> None:
    async def closing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with socket_server(closing) as port:
        error = await failure(port, login)
    assert isinstance(error, ServerUnreachable)
    assert "closed the connection" in str(error)
    assert "https://" in str(error)


async def test_an_answer_that_breaks_off_is_unreachable() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n2.8")
        await writer.drain()

    async with socket_server(cut) as port:
        assert isinstance(await failure(port), ServerUnreachable)


@pytest.mark.parametrize("login", LOGINS)
async def test_a_server_that_is_too_slow_times_out(login: Connection) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with socket_server(silent) as port:
        error = await failure(port, login, timeouts=HASTY)
    assert isinstance(error, ServerTimeout)
    assert "within 0.2 s" in str(error)


@pytest.mark.parametrize("login", LOGINS)
async def test_a_web_page_is_not_qbittorrent(login: Connection) -> None:
    page = always(lambda: web.Response(text="<!DOCTYPE html>My NAS", content_type="text/html"))
    async with web_server(page) as port:
        error = await failure(port, login)
    assert isinstance(error, NotQBittorrent)
    assert "path" in str(error)


@pytest.mark.parametrize("status", [400, 404, 405, 501])
@pytest.mark.parametrize("login", LOGINS)
async def test_a_web_server_without_the_web_api_is_not_qbittorrent(
    status: int, login: Connection
) -> None:
    async with web_server(always(lambda: web.Response(status=status))) as port:
        assert isinstance(await failure(port, login), NotQBittorrent)


@pytest.mark.parametrize("login", LOGINS)
async def test_a_redirect_tells_where_it_leads_without_its_query(login: Connection) -> None:
    headers = {"Location": "https://nas.example/login?token=hunter2"}
    redirect = always(lambda: web.Response(status=302, headers=headers))
    async with web_server(redirect) as port:
        error = await failure(port, login)
    assert isinstance(error, NotQBittorrent)
    assert "https://nas.example/login" in str(error)


@pytest.mark.parametrize("login", LOGINS)
async def test_a_proxy_with_a_login_of_its_own_says_so(login: Connection) -> None:
    headers = {"WWW-Authenticate": "Basic realm=x"}
    guarded = always(lambda: web.Response(status=401, headers=headers))
    async with web_server(guarded) as port:
        error = await failure(port, login)
    assert isinstance(error, LoginRefused)
    assert "HTTP basic" in str(error)


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_proxy_with_nothing_behind_it_is_unreachable(status: int) -> None:
    async with web_server(always(lambda: web.Response(status=status))) as port:
        error = await failure(port)
    assert isinstance(error, ServerUnreachable)
    assert str(status) in str(error)


async def test_an_error_of_the_server_is_quoted_but_never_as_a_page() -> None:
    for body, quoted in [
        ("database is\nlocked", "database is locked"),
        ("<html>x", "500 Internal"),
    ]:
        response = always(lambda body=body: web.Response(status=500, text=body))  # type: ignore[misc]
        async with web_server(response) as port:
            error = await failure(port)
        assert isinstance(error, RequestFailed)
        assert quoted in str(error)


async def test_https_spoken_to_a_plain_server_says_so() -> None:
    async with web_server(always(lambda: web.Response(text="2.8.19"))) as port:
        error = await failure(port, scheme="https")
    assert isinstance(error, NotQBittorrent)
    assert "http://" in str(error)


async def test_plain_http_spoken_to_a_server_with_tls_says_so() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with web_server(always(lambda: web.Response(text="2.8.19")), tls) as port:
        error = await failure(port)
    assert isinstance(error, ServerUnreachable)
    assert "https://" in str(error)


async def test_a_certificate_that_is_not_trusted_is_rejected() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with web_server(always(lambda: web.Response(text="2.8.19")), tls) as port:
        error = await failure(port, Connection(url="", verify_certificate=True), scheme="https")
    assert isinstance(error, CertificateRejected)
    assert "unable to get local issuer certificate" in str(error)
    assert "verify_certificate" in str(error)


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CertificateRejected, match=str(file)):
        await QBittorrent(
            Connection(url="https://127.0.0.1:1", verify_certificate=str(file))
        ).__aenter__()


@pytest.mark.parametrize(
    ("login", "advice"),
    [
        (NO_LOGIN, "wants a login"),
        (API_KEY, "refused the API key"),
    ],
)
async def test_a_server_that_forbids_says_what_is_missing(login: Connection, advice: str) -> None:
    async with web_server(always(lambda: web.Response(status=403, text="Forbidden"))) as port:
        error = await failure(port, login)
    assert isinstance(error, LoginRefused)
    assert advice in str(error)


async def test_a_login_whose_cookie_is_lost_says_so() -> None:
    async def forgetful(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.endswith("auth/login"):
            return web.Response(text="Ok.")
        return web.Response(status=403)

    async with web_server(forgetful) as port:
        error = await failure(port, LOGINS[1])
    assert isinstance(error, LoginRefused)
    assert "cookie" in str(error)

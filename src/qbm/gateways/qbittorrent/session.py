"""One HTTP session with a server: login, the cookie, retries, time-outs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from http import HTTPStatus

import aiohttp

from qbm.errors import CertificateRejected, ServerError
from qbm.gateways.qbittorrent.connection import Connection, Timeouts
from qbm.gateways.qbittorrent.failures import Answer, login_refused, unanswered

CONCURRENCY = 6
"""Connections, and so requests under way: the server has one thread, and 4 to 8 serve it best."""
_KEEP_ALIVE = 5.0
"""Seconds an idle connection is kept; servers close theirs after 7 to 9."""
_GOODBYE = 2.0
"""Seconds that logging out may take."""

_FILE = "restored.torrent"
_TORRENT = "application/x-bittorrent"

Form = Mapping[str, str]


class Session:
    """Sends requests to a server's Web API and brings back what it answers.

    It logs in on ``open`` and once more when the server has forgotten it (403, such as after
    a restart), and sends a request a second time if the connection was cut. That goes for
    writes too: each ensures a state ("has these tags"), so that doing it twice does no more
    than once; a category or a torrent that is already there is no error.
    """

    def __init__(self, connection: Connection, timeouts: Timeouts) -> None:
        self._connection = connection
        self._timeouts = timeouts
        self._http: aiohttp.ClientSession | None = None
        self._cookies: dict[str, str] = {}
        self._login = asyncio.Lock()
        self._logins = 0

    async def open(self) -> None:
        """Get ready to send, and log in with user and password if there are any.

        Raises:
            ServerError: the server is not there, or does not let us in.
        """
        connection = self._connection
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONCURRENCY, keepalive_timeout=_KEEP_ALIVE, ssl=_trust(connection)
            ),
            # Kept by hand: qBittorrent 5.3's cookie has a date, which a server whose clock is
            # wrong would have us drop at once.
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_headers(connection),
        )
        if self._logs_in:
            await self._log_in(self._logins)

    async def close(self) -> None:
        """Log out, so that the server need not keep the session for an hour; then hang up."""
        if self._http is None:
            return
        try:
            if self._cookies:
                await self._exchange("auth/logout", form={}, seconds=_GOODBYE)
        except ServerError:
            pass  # it is gone, or did not mind us: nothing is left to say goodbye to
        finally:
            await self._http.close()
            self._http = None

    async def ask(
        self,
        path: str,
        *,
        query: Form | None = None,
        form: Form | None = None,
        torrent: bytes | None = None,
    ) -> Answer:
        """The answer to one request: a POST if there is a ``form``, else a GET.

        ``torrent`` is a ``.torrent`` that goes with the form.

        Raises:
            ServerError: no answer came, or the server does not let us in again.
        """
        logins = self._logins
        answer = await self._exchange(path, query=query, form=form, torrent=torrent)
        if answer.status == HTTPStatus.FORBIDDEN and self._logs_in:
            await self._log_in(logins)
            answer = await self._exchange(path, query=query, form=form, torrent=torrent)
        return answer

    @property
    def _logs_in(self) -> bool:
        return bool(self._connection.user) and not self._connection.apikey

    async def _log_in(self, seen: int) -> None:
        """Log in, unless another request has done so since ``seen`` logins."""
        async with self._login:
            if self._logins != seen:
                return
            self._cookies.clear()
            form = {
                "username": self._connection.user or "",
                "password": self._connection.password or "",
            }
            answer = await self._exchange("auth/login", form=form)
            if answer.status != HTTPStatus.NO_CONTENT and answer.text != "Ok.":
                raise login_refused(answer, self._connection)
            self._logins += 1

    async def _exchange(
        self,
        path: str,
        *,
        query: Form | None = None,
        form: Form | None = None,
        torrent: bytes | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """One request and its answer; on a connection that breaks off, once more."""
        try:
            try:
                return await self._send(path, query, _body(form, torrent), seconds)
            except aiohttp.ClientConnectorError:
                raise
            except _BROKEN_OFF:
                return await self._send(path, query, _body(form, torrent), seconds)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unanswered(error, self._connection, self._timeouts) from error

    async def _send(
        self,
        path: str,
        query: Form | None,
        body: Form | aiohttp.FormData | None,
        seconds: float | None,
    ) -> Answer:
        if self._http is None:
            raise RuntimeError("the session is not open")
        async with self._http.request(
            "GET" if body is None else "POST",
            f"{self._connection.url}/api/v2/{path}",
            params=query,
            data=body,
            headers={"Cookie": _cookie(self._cookies)} if self._cookies else None,
            timeout=aiohttp.ClientTimeout(
                total=seconds or self._timeouts.answer.total_seconds(),
                sock_connect=self._timeouts.connect.total_seconds(),
            ),
            allow_redirects=False,
        ) as response:
            # Also without a login: each request without the cookie makes a new session there.
            self._cookies |= {name: morsel.value for name, morsel in response.cookies.items()}
            return Answer(
                status=response.status,
                body=await response.read(),
                location=response.headers.get("Location", ""),
                wants_basic_login="WWW-Authenticate" in response.headers,
            )


_BROKEN_OFF = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientPayloadError,
)


def _body(form: Form | None, torrent: bytes | None) -> Form | aiohttp.FormData | None:
    """The form, of several parts if a file goes with it; can be sent once."""
    if form is None or torrent is None:
        return form
    parts = aiohttp.FormData(dict(form), default_to_multipart=True)
    parts.add_field("torrents", torrent, filename=_FILE, content_type=_TORRENT)
    return parts


def _headers(connection: Connection) -> dict[str, str]:
    """What goes with each request.

    Neither Origin nor Referer: all four generations let requests without them pass, but a
    pair that does not fit the Host (behind a proxy) is refused as forged.
    """
    headers = {"User-Agent": "qbm"}
    if connection.is_local:
        # Compressing costs a local server a quarter more time (5.1.0, 2,000 torrents with
        # trackers: 154 ms, plain 120 ms); over a network it pays.
        headers["Accept-Encoding"] = "identity"
    if connection.apikey:
        headers["Authorization"] = f"Bearer {connection.apikey}"
    return headers


def _cookie(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _trust(connection: Connection) -> ssl.SSLContext | bool:
    """What aiohttp is to check of a certificate; True is the system's authorities."""
    trusted = connection.verify_certificate
    if isinstance(trusted, bool):
        return trusted
    try:
        return ssl.create_default_context(cafile=trusted)
    except (OSError, ssl.SSLError) as error:
        raise CertificateRejected(
            f"The file {trusted} under verify_certificate cannot be used: {error}. "
            "It must hold the authority's certificate in PEM form."
        ) from error

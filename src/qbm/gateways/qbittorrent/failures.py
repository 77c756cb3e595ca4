"""From what went wrong with a request to the error a user can do something with.

This is the border: nothing of aiohttp gets past it.
"""

from __future__ import annotations

from http import HTTPStatus
from ssl import SSLCertVerificationError

import aiohttp
from msgspec import Struct

from qbm.errors import (
    CertificateRejected,
    LoginRefused,
    NotQBittorrent,
    RequestFailed,
    ServerError,
    ServerFault,
    ServerTimeout,
    ServerUnreachable,
)
from qbm.gateways.qbittorrent.connection import Connection, Timeouts

_MOST_QUOTED = 200
_FOR_A_PROXY = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT},
)
_WITHOUT_WEB_API = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_IMPLEMENTED,
    },
)
_CHECK_WEB_UI = (
    "Is qBittorrent running, is its Web UI switched on, and is this the Web UI's port "
    "(Options → Web UI)?"
)
_IN_A_CONTAINER = (
    "In a container, this address is the container itself: name the other machine or container."
)


class Answer(Struct, frozen=True):
    """What the server answered: status, body, and the two headers that explain a refusal."""

    status: int
    body: bytes
    location: str = ""
    wants_basic_login: bool = False

    @property
    def is_success(self) -> bool:
        """200, or 204 as 5.3.0 answers where there is nothing to say."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_about_no_web_api(self) -> bool:
        """What other web servers say to ``auth/login`` or ``app/webapiVersion``."""
        return self.status in _WITHOUT_WEB_API

    @property
    def text(self) -> str:
        """The body as one short line; "" for an HTML page, which explains nothing."""
        text = " ".join(self.body[: 4 * _MOST_QUOTED].decode(errors="replace").split())
        return "" if text.startswith("<") else text[:_MOST_QUOTED]


def unanswered(
    error: aiohttp.ClientError | TimeoutError, connection: Connection, timeouts: Timeouts
) -> ServerError:
    """The error for a request that got no whole answer."""
    match error:
        case aiohttp.ClientConnectorError():
            return _unreachable(error, connection)
        case TimeoutError():
            return _too_late(error, connection, timeouts)
        case aiohttp.ClientResponseError():
            return NotQBittorrent(
                f"What answers at {connection.url} does not speak HTTP: the port belongs to "
                f"something else. {_CHECK_WEB_UI}"
            )
        case _:
            return ServerUnreachable(_broken_off(connection))


def refused(answer: Answer, path: str, connection: Connection) -> ServerError:
    """The error for an answer that is no success; ``path`` is what was asked."""
    url, status = connection.url, answer.status
    if answer.location:
        return NotQBittorrent(
            f"{url} sends on to {_without_query(answer.location)}. If that is the Web UI, write "
            "its address into the config instead."
        )
    if answer.wants_basic_login:
        return LoginRefused(
            f"A proxy before {url} wants a login of its own (HTTP basic), which cannot be "
            "configured here. Use an address that leads past it."
        )
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return LoginRefused(
                f"qBittorrent at {url} does not take requests for this address (401). See Options "
                "→ Web UI → Host header validation: the host name must be among the server "
                "domains."
            )
        case HTTPStatus.FORBIDDEN:
            return LoginRefused(_forbidden(answer, connection))
        case _ if status in _FOR_A_PROXY:
            return ServerUnreachable(
                f"The proxy at {url} answers {_named(status)}: qBittorrent behind it is not "
                "running, or not where the proxy looks for it."
            )
        case _:
            said = answer.text or _named(status)
            kind = ServerFault if status >= HTTPStatus.INTERNAL_SERVER_ERROR else RequestFailed
            return kind(f"qBittorrent at {url} refused {path} ({status}): {said}")


def login_refused(answer: Answer, connection: Connection) -> ServerError:
    """The error for an answer to ``auth/login`` that lets nobody in."""
    is_wrong = answer.status == HTTPStatus.UNAUTHORIZED and not answer.wants_basic_login
    if is_wrong or answer.text == "Fails.":
        return LoginRefused(
            f"qBittorrent at {connection.url} refused the login of {connection.user!r}: the user "
            "name or the password is wrong. (After some wrong ones it bans this address. If both "
            "are right, see Options → Web UI → Host header validation.)"
        )
    if answer.is_success or answer.is_about_no_web_api:
        return not_qbittorrent(connection)
    return refused(answer, "auth/login", connection)


def not_qbittorrent(connection: Connection) -> NotQBittorrent:
    """The error for a web server that has no Web API where it was looked for."""
    return NotQBittorrent(
        f"A web server answers at {connection.url}, but it is not qBittorrent's Web UI (4.2 or "
        "later). Check the port, and the path if it is behind a proxy."
    )


def misunderstood(
    path: str, connection: Connection, why: ValueError, body: bytes = b""
) -> RequestFailed:
    """The error for a success whose body is not what the Web API promises."""
    if body.lstrip().startswith(b"<"):
        return RequestFailed(
            f"{connection.url} answered {path} with a web page: something stands before "
            "qBittorrent there, such as a proxy's own login. Use an address that leads past it."
        )
    return RequestFailed(
        f"qBittorrent at {connection.url} answered {path} with something unforeseen ({why}). "
        "Please report this, with the version of qBittorrent."
    )


def _forbidden(answer: Answer, connection: Connection) -> str:
    url = connection.url
    if "ban" in answer.text.lower():
        return (
            f"qBittorrent at {url} has banned this address: {answer.text} "
            "Wait an hour or restart qBittorrent, and check the user and password first."
        )
    if connection.apikey:
        return (
            f"qBittorrent at {url} refused the API key. Check it under Options → Web UI; only "
            "qBittorrent 5.2 and later have API keys, before that use user and password."
        )
    if connection.user:
        return (
            f"qBittorrent at {url} took the login but then refused the session it had given. A "
            "proxy may drop its cookie, or the Web UI demands https for it."
        )
    return (
        f"qBittorrent at {url} wants a login: set a user and password, or an API key (from 5.2 on)."
    )


def _unreachable(error: aiohttp.ClientConnectorError, connection: Connection) -> ServerError:
    url = connection.url
    match error:
        case aiohttp.ClientConnectorDNSError():
            return ServerUnreachable(
                f"The host name of {url} cannot be found. Check its spelling; in a container, use "
                "the other container's name or an IP address."
            )
        case aiohttp.ClientConnectorCertificateError():
            return CertificateRejected(
                f"The certificate of {url} is not trusted: {_mistrust(error)}. If it is your own "
                "server's, set verify_certificate to the file of its authority, or to false."
            )
        # qBittorrent hangs up on TLS that it does not want, others answer with what is no TLS.
        case (
            aiohttp.ClientConnectorSSLError()
            | aiohttp.ClientConnectorError(os_error=ConnectionResetError())
        ):
            return NotQBittorrent(
                f"Something answers at {url}, but not with TLS (https). If the Web UI has HTTPS "
                "switched off, write http:// instead."
            )
        case _:
            why = _why_unreachable(error.os_error, url)
            return ServerUnreachable(f"{why} {_IN_A_CONTAINER}" if connection.is_local else why)


def _why_unreachable(error: OSError, url: str) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"Nothing answers at {url}: the connection was refused. {_CHECK_WEB_UI}"
    said = error.strerror or type(error).__name__
    return f"{url} cannot be reached: {said}. Check the address and the network."


def _mistrust(error: aiohttp.ClientConnectorCertificateError) -> str:
    reason = error.certificate_error
    return reason.verify_message if isinstance(reason, SSLCertVerificationError) else str(reason)


def _too_late(error: TimeoutError, connection: Connection, timeouts: Timeouts) -> ServerTimeout:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ServerTimeout(
            f"{connection.url} did not take the connection within "
            f"{timeouts.connect.total_seconds():g} s. Check the address, and firewalls or a VPN "
            "on the way."
        )
    return ServerTimeout(
        f"qBittorrent at {connection.url} did not answer within "
        f"{timeouts.answer.total_seconds():g} s. It may be busy (moving or checking files, a slow "
        "disk): try again later."
    )


def _broken_off(connection: Connection) -> str:
    guess = "" if connection.is_encrypted else "it wants https://, or "
    return (
        f"What listens at {connection.url} closed the connection before it had answered, twice: "
        f"{guess}this is not the Web UI's port, or qBittorrent was stopped just now."
    )


def _without_query(location: str) -> str:
    return location.partition("?")[0][:_MOST_QUOTED]


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)

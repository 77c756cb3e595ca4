"""Where a qBittorrent is and how to get in; the texts of ``qbt.host``."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import AddressValueError, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

_OWN_NAMES = frozenset(
    {"localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1", "::", "0.0.0.0"}  # noqa: S104 - not bound
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_URL = re.compile(r"[\s\x00-\x1f\x7f\\<>\"]")


class Connection(Struct, frozen=True, kw_only=True):
    """A server's address and the way in.

    ``url`` is one that ``base_url`` made. ``apikey`` wins over ``user`` and ``password``;
    without any, the server must let this host in as it is. ``verify_certificate`` is True for
    the system's authorities, a file name for that file's, False to trust anybody (home
    servers sign their own; the caller says so in the log).
    """

    url: str
    user: str | None = None
    password: str | None = None
    apikey: str | None = None
    verify_certificate: bool | str = False

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, user={self.user!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("url", self.url), ("user", self.user)]

    @property
    def is_local(self) -> bool:
        """Its address is this machine's own (or this container's)."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def is_encrypted(self) -> bool:
        """It is spoken to with TLS."""
        return self.url.startswith("https:")


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long to wait for a connection, and for one whole answer.

    4.5.2 needs up to 6 s for 10,000 torrents on a machine of two cores; a small NAS with as
    many is slower by far.
    """

    connect: timedelta = timedelta(seconds=10)
    answer: timedelta = timedelta(seconds=120)


def base_url(text: str) -> str:
    """The base URL that the text of ``qbt.host`` means, without a slash at its end.

    Takes ``host``, ``host:port`` and URLs with http or https, a path (behind a proxy), IPv6 in
    brackets or bare. Scheme and host come back in lower case.

    Raises:
        ValueError: it is none of these; the text says why, for the user.
    """
    parts = _parts(text.strip())
    host = _host(parts)
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def identity(url: str) -> str:
    """The same text for every spelling of one base URL: its port is always there.

    This host's own names are one, so that runs by ``localhost`` and by ``127.0.0.1`` never
    work on one server at a time.
    """
    parts = _parts(url.strip())
    host = "localhost" if parts.hostname in _OWN_NAMES else _host(parts)
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"


def _host(parts: SplitResult) -> str:
    """The host as a URL has it: IPv6 in brackets."""
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host


def _parts(text: str) -> SplitResult:
    """``text`` split, and found to be nothing but scheme, host, port and path."""
    if _NOT_IN_A_URL.search(text):
        raise ValueError("it holds a blank or a character that no address has")
    if _is_bare_ipv6(text):
        text = f"[{text}]"
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError as error:
        raise ValueError(f"its host or port is wrong: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"it starts with {parts.scheme}://, but must with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("it holds a user or password: these belong under user and pass")
    if parts.query or parts.fragment:
        raise ValueError("it goes on after the path with ? or #: leave that out")
    if not parts.hostname or port == 0:
        raise ValueError("it names no host, or port 0")
    return parts


def _is_bare_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True

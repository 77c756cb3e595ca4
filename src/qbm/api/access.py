"""Who may call: a pure decision over what a request says of itself (spec: web-api, decisions).

Nothing here knows of HTTP libraries or of time. What takes long, verifying a password, is
handed back as ``Unproven``.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from hmac import compare_digest
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from qbm.service.settings import Authentication, Method

Address: TypeAlias = IPv4Address | IPv6Address

PUBLIC: Final = frozenset(
    {"/", "/api/health", "/api/version", "/api/get_base_url", "/healthz", "/readyz"}
)
PAGE_FILES: Final = "/static/"
"""Anybody may read ``PUBLIC`` and what is below this: whether it is well, and the page itself."""

TOKEN_HEADER: Final = "x-qbm-token"  # noqa: S105 - a name, no password
_KEY_HEADER: Final = "x-api-key"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PRIVATE: Final = tuple(
    map(
        ip_network,
        (
            "127.0.0.0/8",
            "::1/128",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "fc00::/7",
            "169.254.0.0/16",
            "fe80::/10",
        ),
    )
)
_CHAINS: Final = ("x-forwarded-for", "forwarded", "x-real-ip")
"""Headers in which a proxy names the address that it was called from."""
_FORWARDING: Final = frozenset(
    {
        *_CHAINS,
        "via",
        "client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-forwarded-for",
        "x-original-host",
        "x-originating-ip",
        "x-remote-ip",
        "x-remote-addr",
    }
)
_LOCAL_NAME: Final = re.compile(
    r"[a-z0-9_-]+|(?:[a-z0-9_-]+\.)+(?:local|lan|home\.arpa)", re.IGNORECASE
)
_HOST: Final = re.compile(r"(\[[0-9a-f:.%\w]+\]|[^\[\]:/@\s]+)(?::(\d{1,5}))?", re.IGNORECASE)
_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;,\s"]*)', re.IGNORECASE)
_PORT_OF: Final = {"http": "80", "https": "443"}
_LONGEST_NAME: Final = 80


class Call(Struct, frozen=True, kw_only=True):
    """A request: ``path`` below the base URL, ``address`` the socket's other end.

    ``headers`` has every value of each header, names in lower case.
    """

    method: str
    path: str
    address: str
    headers: Mapping[str, tuple[str, ...]]

    def header(self, name: str) -> str | None:
        """The one value of a header; None if there is none, several joined by commas."""
        values = self.headers.get(name)
        return ", ".join(values) if values else None


class Rules(Struct, frozen=True, kw_only=True):
    """By what is decided; ``names`` are host names, in lower case, that mean this server.

    ``token`` is the command line's secret of this start.
    """

    authentication: Authentication
    names: frozenset[str]
    token: str


class Door(StrEnum):
    """By which a caller came in."""

    PUBLIC = "public"
    TOKEN = "token"  # noqa: S105 - a name, no password
    LOCAL = "local"
    KEY = "key"
    PASSWORD = "password"  # noqa: S105 - a name, no password


class Admitted(Struct, frozen=True):
    """The call may go on."""

    door: Door


class Refused(Struct, frozen=True, kw_only=True):
    """The call ends here. ``is_guess``: it brought credentials, and they were wrong."""

    status: int
    detail: str
    is_guess: bool = False
    asks_for_password: bool = False


class Unproven(Struct, frozen=True, kw_only=True):
    """The call may go on as ``Door.PASSWORD`` if ``password`` fits ``password_hash``.

    ``is_user`` False means that the name is wrong, which must take as long to find out.
    """

    is_user: bool
    password: str
    password_hash: str


Decision: TypeAlias = Admitted | Refused | Unproven

_HOW_TO_OPEN: Final = (
    "set a password or an API key under authentication in qbm_settings.yml "
    "(enabled: true, method: basic or api_only)"
)
_PROXY: Final = (
    "The request came through a proxy that is not trusted: name its address in "
    f"authentication.trusted_proxies of qbm_settings.yml, or {_HOW_TO_OPEN}."
)
_STRANGER: Final = (
    "Without a password, only callers from this machine and private networks are let in: "
    f"{_HOW_TO_OPEN}."
)
_CROSS_SITE: Final = (
    "A page of another site may change nothing here. If it is yours, name its host in "
    "QBM_ALLOWED_HOSTS or in authentication.allowed_hosts of qbm_settings.yml."
)
WRONG_PASSWORD: Final = Refused(
    status=401,
    detail="The user name or the password is wrong.",
    is_guess=True,
    asks_for_password=True,
)


def decide(call: Call, rules: Rules) -> Decision:
    """Whether the call may go on."""
    refused = _refused_host(call, rules) or _refused_site(call, rules)
    if refused:
        return refused
    token = call.header(TOKEN_HEADER)
    if token is not None:
        if _is_same(token, rules.token):
            return Admitted(Door.TOKEN)
        return Refused(status=401, detail="X-QBM-Token is not this server's.", is_guess=True)
    if _is_public(call):
        return Admitted(Door.PUBLIC)
    return _by_settings(call, rules.authentication)


def _is_public(call: Call) -> bool:
    is_for_all = call.path in PUBLIC or call.path.startswith(PAGE_FILES)
    return is_for_all and call.method in _READING


def is_from_local(call: Call, trusted_proxies: Iterable[str]) -> bool:
    """It comes from this machine or a private network, not through somebody's proxy."""
    callers = tuple(_callers(call, trusted_proxies))
    return bool(callers) and all(each is not None and _is_private(each) for each in callers)


def caller(call: Call, trusted_proxies: Iterable[str]) -> str:
    """Whom to count wrong guesses by: the socket's address, or what a trusted proxy names.

    Of IPv6 the first half, as one household has all of the other.
    """
    first = next(_callers(call, trusted_proxies), None) or _address(call.address)
    if isinstance(first, IPv6Address):
        return str(ip_network((int(first), 64), strict=False))
    return str(first) if first else call.address


def _by_settings(call: Call, authentication: Authentication) -> Decision:
    is_local = is_from_local(call, authentication.trusted_proxies)
    if not authentication.enabled or authentication.method is Method.NONE:
        if is_local:
            return Admitted(Door.LOCAL)
        return Refused(status=403, detail=_PROXY if _is_forwarded(call) else _STRANGER)
    key = call.header(_KEY_HEADER)
    if key is not None and authentication.api_key:
        if _is_same(key, authentication.api_key):
            return Admitted(Door.KEY)
        return Refused(status=401, detail="The API key in X-API-Key is wrong.", is_guess=True)
    if authentication.bypass_auth_for_local and is_local:
        return Admitted(Door.LOCAL)
    if authentication.method is Method.API_ONLY:
        return Refused(status=401, detail="An API key is needed, in the header X-API-Key.")
    return _by_password(call, authentication)


def _by_password(call: Call, authentication: Authentication) -> Decision:
    said = call.header("authorization")
    if said is None:
        return Refused(
            status=401,
            detail="A user name and a password are needed (HTTP Basic).",
            asks_for_password=True,
        )
    credentials = _basic(said)
    if credentials is None or not authentication.username or not authentication.password_hash:
        return WRONG_PASSWORD
    user, password = credentials
    return Unproven(
        is_user=_is_same(user, authentication.username),
        password=password,
        password_hash=authentication.password_hash,
    )


def _basic(header: str) -> tuple[str, str] | None:
    """User and password of an ``Authorization`` header; None if it has none (RFC 7617)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, separator, password = (
            b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
    except (NotBase64, ValueError):
        return None
    return (user, password) if separator else None


def _is_same(said: str, right: str) -> bool:
    return bool(right) and compare_digest(said.encode(errors="replace"), right.encode())


def _refused_host(call: Call, rules: Rules) -> Refused | None:
    """A page whose name was pointed at this machine (DNS rebinding) says that name."""
    hosts = call.headers.get("host", ())
    name = _host(hosts[0])[0] if len(hosts) == 1 else ""
    if name and (_is_local_name(name) or name in rules.names):
        return None
    shown = "".join(each if each.isprintable() else "?" for each in ", ".join(hosts))
    return Refused(
        status=403,
        detail=(
            f"This server does not answer to the name {shown[:_LONGEST_NAME]!r}. If it is yours, "
            "name it in QBM_ALLOWED_HOSTS (several with commas), or in "
            "authentication.allowed_hosts of qbm_settings.yml."
        ),
    )


def _refused_site(call: Call, rules: Rules) -> Refused | None:
    """A write that a browser sends for a page of another site.

    Scripts say neither ``Origin`` nor ``Sec-Fetch-Site``; browsers always say the former, and
    no page can forge either.
    """
    if call.method in _READING:
        return None
    origin, site = call.header("origin"), call.header("sec-fetch-site")
    if origin is not None and _host(_netloc(origin))[0] in rules.names:
        return None
    if site is not None:
        is_ours = site in ("same-origin", "none")
    else:
        is_ours = origin is None or _is_own_origin(origin, call.header("host") or "")
    return None if is_ours else Refused(status=403, detail=_CROSS_SITE)


def _netloc(origin: str) -> str:
    """The ``host:port`` of an origin; "" for ``null`` and what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _is_own_origin(origin: str, host: str) -> bool:
    default = _PORT_OF.get(origin.partition("://")[0].lower(), "")
    name, port = _host(_netloc(origin))
    own_name, own_port = _host(host)
    return bool(name) and (name, port or default) == (own_name, own_port or default)


def _host(text: str) -> tuple[str, str]:
    """Name in lower case and port of ``host:port``; two empty texts for what is none."""
    found = _HOST.fullmatch(text.strip())
    if not found:
        return "", ""
    return found[1].lower().rstrip("."), found[2] or ""


def _is_local_name(name: str) -> bool:
    return _address(name) is not None or _LOCAL_NAME.fullmatch(name) is not None


def _is_forwarded(call: Call) -> bool:
    return any(name in _FORWARDING or name.startswith("x-forwarded") for name in call.headers)


def _callers(call: Call, trusted_proxies: Iterable[str]) -> Iterator[Address | None]:
    """Whom the call may come from, None for somebody unknown.

    Several, when a trusted proxy's headers name several: one of them may be a forgery that the
    proxy has only passed on, so all must be local.
    """
    socket = _address(call.address)
    if not _is_forwarded(call):
        yield socket
        return
    trusted = _Trusted(trusted_proxies)
    chains = [_chain(name, call.headers[name]) for name in _CHAINS if name in call.headers]
    if socket is None or socket not in trusted or not chains:
        yield None
        return
    for chain in chains:
        yield _last_untrusted(chain, trusted)


def _last_untrusted(chain: Iterable[Address | None], trusted: _Trusted) -> Address | None:
    """The right-most address that no trusted proxy has; what is left of it may be forged."""
    address = None
    for address in reversed(list(chain)):
        if address is None or address not in trusted:
            break
    return address


def _chain(name: str, values: Iterable[str]) -> Iterator[Address | None]:
    """The addresses of a forwarding header, the farthest first; None for what is none."""
    for element in ",".join(values).split(","):
        if name == "forwarded":
            found = _FOR.findall(element)
            yield _address_with_port(found[0].strip('"')) if len(found) == 1 else None
        else:
            yield _address_with_port(element.strip().strip('"'))


def _address_with_port(text: str) -> Address | None:
    host, _ = _host(text)
    return _address(host) or _address(text)


def _address(text: str) -> Address | None:
    """The address, an IPv4 one also when it is dressed as IPv6 (``::ffff:10.0.0.1``)."""
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _is_private(address: Address) -> bool:
    return any(address in network for network in _PRIVATE)


class _Trusted:
    """Addresses and subnets of proxies; what is neither is trusted by nobody."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._networks = [network for each in proxies for network in _networks(each)]

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _networks(text: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(text.strip(), strict=False)]
    except ValueError:
        return []

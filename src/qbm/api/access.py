"""Who may call: a pure decision over what a request says of itself (spec: web-api, decisions).

Nothing here knows of HTTP libraries or of time. What takes long, verifying a password, is
handed back as ``Unproven``.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from enum import StrEnum
from hmac import compare_digest
from typing import Final, TypeAlias

from msgspec import Struct

from qbm.api.callers import Call, is_forwarded, is_from_local, is_from_proxy
from qbm.api.hosts import host_and_port, is_local_name, is_origin_of, netloc_of
from qbm.service.settings import Authentication, Method

PUBLIC: Final = frozenset(
    {"/", "/api/health", "/api/version", "/api/get_base_url", "/healthz", "/readyz"}
)
PAGE_FILES: Final = "/static/"
"""Anybody may read ``PUBLIC`` and what is below this: whether it is well, and the page itself."""

TOKEN_HEADER: Final = "x-qbm-token"  # noqa: S105 - a name, no password
_KEY_HEADER: Final = "x-api-key"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_NAME: Final = 80


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
    """The call ends here. ``guessed``: by the credentials of which door it tried, in vain."""

    status: int
    detail: str
    guessed: Door | None = None
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
    guessed=Door.PASSWORD,
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
        return Refused(status=401, detail="X-QBM-Token is not this server's.", guessed=Door.TOKEN)
    if _is_public(call):
        return Admitted(Door.PUBLIC)
    return _by_settings(call, rules.authentication)


def _is_public(call: Call) -> bool:
    is_for_all = call.path in PUBLIC or call.path.startswith(PAGE_FILES)
    return is_for_all and call.method in _READING


def _by_settings(call: Call, authentication: Authentication) -> Decision:
    trusted = authentication.trusted_proxies
    is_local = is_from_local(call, trusted)
    if not authentication.enabled or authentication.method is Method.NONE:
        if is_local:
            return Admitted(Door.LOCAL)
        is_by_stranger = is_forwarded(call) and not is_from_proxy(call, trusted)
        return Refused(status=403, detail=_PROXY if is_by_stranger else _STRANGER)
    key = call.header(_KEY_HEADER)
    if key is not None and authentication.api_key:
        if _is_same(key, authentication.api_key):
            return Admitted(Door.KEY)
        detail = "The API key in X-API-Key is wrong."
        return Refused(status=401, detail=detail, guessed=Door.KEY)
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
    name = host_and_port(hosts[0])[0] if len(hosts) == 1 else ""
    if name and (is_local_name(name) or name in rules.names):
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
    if origin is not None and host_and_port(netloc_of(origin))[0] in rules.names:
        return None
    if site is not None:
        is_ours = site in ("same-origin", "none")
    else:
        is_ours = origin is None or is_origin_of(origin, call.header("host") or "")
    return None if is_ours else Refused(status=403, detail=_CROSS_SITE)

"""Names of this server, as a ``Host`` or ``Origin`` header says them; and addresses in text."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = IPv4Address | IPv6Address

_LOCAL_NAME: Final = re.compile(r"[a-z0-9_-]+|(?:[a-z0-9_-]+\.)+(?:local|lan|home\.arpa)", re.ASCII)
_HOST: Final = re.compile(r"(\[[0-9a-f:.%\w]+\]|[^\[\]:/@\s]+)(?::(\d{1,5}))?", re.IGNORECASE)
_PORT_OF: Final = {"http": "80", "https": "443"}


def host_and_port(text: str) -> tuple[str, str]:
    """Name in lower case and port of ``host:port``; two empty texts for what is none."""
    found = _HOST.fullmatch(text.strip())
    if not found:
        return "", ""
    return found[1].lower().rstrip("."), found[2] or ""


def is_local_name(name: str) -> bool:
    """An address, or a name that no page of another site can have: ``nas``, ``nas.lan``."""
    return address_of(name) is not None or _LOCAL_NAME.fullmatch(name) is not None


def netloc_of(origin: str) -> str:
    """The ``host:port`` of an origin; "" for ``null`` and what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def is_origin_of(origin: str, host: str) -> bool:
    """The origin is that of pages which ``host`` serves, by http or https."""
    default = _PORT_OF.get(origin.partition("://")[0].lower(), "")
    name, port = host_and_port(netloc_of(origin))
    own_name, own_port = host_and_port(host)
    return bool(name) and (name, port or default) == (own_name, own_port or default)


def address_of(text: str) -> Address | None:
    """The address, an IPv4 one also when it is dressed as IPv6 (``::ffff:10.0.0.1``)."""
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address

"""Where a call comes from: the socket's address, or what trusted proxies say of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from msgspec import Struct

from qbm.api.hosts import Address, address_of, host_and_port

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
_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;,\s"]*)', re.IGNORECASE)


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


def is_from_local(call: Call, trusted_proxies: Iterable[str]) -> bool:
    """It comes from this machine or a private network, not through somebody's proxy."""
    callers = tuple(_callers(call, trusted_proxies))
    return bool(callers) and all(each is not None and _is_private(each) for each in callers)


def caller(call: Call, trusted_proxies: Iterable[str]) -> str:
    """Whom to count wrong guesses by: the socket's address, or what a trusted proxy names.

    Of IPv6 the first half, as one household has all of the other.
    """
    first = next(_callers(call, trusted_proxies), None) or address_of(call.address)
    if isinstance(first, IPv6Address):
        return str(ip_network((int(first), 64), strict=False))
    return str(first) if first else call.address


def is_forwarded(call: Call) -> bool:
    """Some proxy says that it has passed the call on."""
    return any(name in _FORWARDING or name.startswith("x-forwarded") for name in call.headers)


def is_from_proxy(call: Call, trusted_proxies: Iterable[str]) -> bool:
    """A trusted proxy has passed it on."""
    socket = address_of(call.address)
    return socket is not None and socket in _Trusted(trusted_proxies)


def _callers(call: Call, trusted_proxies: Iterable[str]) -> Iterator[Address | None]:
    """Whom the call may come from, None for somebody unknown.

    Several, when a trusted proxy's headers name several: one of them may be a forgery that the
    proxy has only passed on, so all must be local.
    """
    socket = address_of(call.address)
    if not is_forwarded(call):
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
    host, _ = host_and_port(text)
    return address_of(host) or address_of(text)


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

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
_CHAINS: Final = frozenset({"x-forwarded-for", "forwarded", "x-real-ip"})
"""Headers in which a proxy names the address that it was called from; a trusted one sets one."""
_CLIENTS: Final = _CHAINS | {
    "cdn-loop",  # names networks, no addresses: who comes through one comes from anywhere
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "client-ip",
    "do-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded-for",
    "proxy-client-ip",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-azure-clientip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-forwarded",
    "x-original-forwarded-for",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-client-ip",
    "x-remote-addr",
    "x-remote-ip",
}
"""Headers that name the caller in some products."""
_FORWARDING: Final = _CLIENTS | {"via", "x-original-host"}
"""These and ``X-Forwarded-…`` tell that a proxy was there; ``Via`` says nothing of the caller."""
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
    if not is_forwarded(call):
        socket = address_of(call.address)
        return socket is not None and _is_private(socket)
    if not is_from_proxy(call, trusted_proxies) or _CHAINS.isdisjoint(call.headers):
        return False
    return all(map(_is_only_private, _chains(call, _Trusted(trusted_proxies))))


def caller(call: Call, trusted_proxies: Iterable[str]) -> str:
    """Whom to count wrong guesses by: the socket's address, or what a trusted proxy names.

    The socket's as well where headers disagree: one of them may be the caller's own, another
    with each guess. Of IPv6 the first half, as one household has all of the other.
    """
    if is_from_proxy(call, trusted_proxies):
        named = {chain[-1] for chain in _chains(call, _Trusted(trusted_proxies))}
        address = named.pop() if len(named) == 1 else None
    else:
        address = None
    address = address or address_of(call.address)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), 64), strict=False))
    return str(address) if address else call.address


def is_forwarded(call: Call) -> bool:
    """Some proxy says that it has passed the call on."""
    return any(name in _FORWARDING or name.startswith("x-forwarded") for name in call.headers)


def is_from_proxy(call: Call, trusted_proxies: Iterable[str]) -> bool:
    """A trusted proxy has passed it on."""
    socket = address_of(call.address)
    return socket is not None and socket in _Trusted(trusted_proxies)


def _chains(call: Call, trusted: _Trusted) -> list[list[Address | None]]:
    """What each header names, the farthest first, without the trusted proxies at its end.

    None for what is no address. If a chain names trusted proxies only, the farthest is left.
    """
    said = {name: values for name, values in call.headers.items() if name in _CLIENTS}
    return [_up_to_trusted(list(_chain(*each)), trusted) for each in said.items()]


def _up_to_trusted(chain: list[Address | None], trusted: _Trusted) -> list[Address | None]:
    while len(chain) > 1 and chain[-1] is not None and chain[-1] in trusted:
        chain.pop()
    return chain


def _is_only_private(chain: list[Address | None]) -> bool:
    """One private address and nothing left of it.

    If there is, then the private one is a proxy that nobody trusts; or the caller has forged it,
    who is then taken for a stranger, on the safe side.
    """
    address = chain[-1]
    return len(chain) == 1 and address is not None and _is_private(address)


def _chain(name: str, values: Iterable[str]) -> Iterator[Address | None]:
    """The addresses of a forwarding header, the farthest first; None for what is none."""
    for element in ",".join(values).split(","):
        if name in ("forwarded", "x-forwarded"):
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

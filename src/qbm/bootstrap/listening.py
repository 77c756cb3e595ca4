"""The address that the server listens on: bound before anything else is begun."""

from __future__ import annotations

import errno
import ipaddress
import socket
from contextlib import suppress
from typing import Final

from qbm.errors import UsageError

_WAITING: Final = 128
_OURS: Final = (
    "--host (QBT_HOST) is the address of this web server on this machine, never qBittorrent's: "
    "leave it out, or say 127.0.0.1 for this machine only."
)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UsageError: there is no such address here, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host!r} is no address to listen on ({error}). {_OURS}") from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and address[0] == "::":
            # All addresses, as people mean it; some systems cannot, and have IPv6 only then.
            with suppress(OSError):
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(address)
        listening.listen(_WAITING)
    except OSError as error:
        listening.close()
        raise UsageError(f"Cannot listen on {host} port {port}: {_why(error, port)}") from error
    return listening


def _why(error: OSError, port: int) -> str:
    if isinstance(error, PermissionError):
        return f"this user may not use port {port}. Name one above 1023 with --port (QBT_PORT)."
    if error.errno == errno.EADDRINUSE:
        return (
            "another program listens there. End that one, or name another port with --port "
            "(QBT_PORT)."
        )
    return f"{error.strerror}. {_OURS}"


def local_url(listening: socket.socket, base_url: str) -> str:
    """Where programs of this machine find the server."""
    host, port = listening.getsockname()[:2]
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")  # noqa: PLR2004 - IPv4
    shown = str(address) if address.version == 4 else f"[{address}]"  # noqa: PLR2004
    return f"http://{shown}:{port}{base_url}"

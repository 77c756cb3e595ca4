"""Free ports on loopback."""

from __future__ import annotations

import random
import socket

# Below the range that outgoing connections take their ports from, so that a server's port is
# still free when it starts again.
_RANGE = range(10_240, 32_000)


def is_free(port: int) -> bool:
    """Nothing listens on 127.0.0.1 at ``port``."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nothing listens on; drawn from the system's randomness, not from a test's seed.

    Raises:
        RuntimeError: none of a hundred draws is free.
    """
    # pytest-randomly seeds every worker alike: seeded draws would collide.
    draw = random.SystemRandom()
    for _ in range(100):
        port = draw.choice(_RANGE)
        if is_free(port):
            return port
    raise RuntimeError("a hundred ports tried, none of them free")


def refusing_port() -> int:
    """A port where a connection is refused: nobody listens there."""
    return free_port()

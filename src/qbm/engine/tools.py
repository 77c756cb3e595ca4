"""What a run works with; ``bootstrap`` puts it together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from qbm.engine.stop import Stop
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.paths import PathMap
from qbm.store import ServerLock, Store


class Neighbour(Struct, frozen=True):
    """Another server whose config shares a root with the run's own; it is connected.

    ``identity`` names it in the store, ``paths`` are all roots of its config.
    """

    config_file: str
    identity: str
    server: QBittorrent
    paths: PathMap


class Unheard(Struct, frozen=True):
    """A config whose server may have files below the run's roots, and why it cannot tell."""

    config_file: str
    why: str


class Surroundings(Struct, frozen=True):
    """What the other configs of the folder say about the run's roots.

    ``roots`` are further ones of the run's own server, by another config of it. ``bins`` are
    the names of folders that hold what others have put away, each with its config.
    """

    neighbours: tuple[Neighbour | Unheard, ...] = ()
    roots: tuple[tuple[str, str], ...] = ()
    bins: tuple[tuple[str, str], ...] = ()


LookAround: TypeAlias = Callable[[], Awaitable[Surroundings]]
"""Reads the other configs when first asked; each time connects those not connected yet."""


async def alone() -> Surroundings:
    """No other config."""
    return Surroundings()


class Tools(Struct, frozen=True, kw_only=True):
    """A server that is not connected yet, and what else a run of it needs.

    ``state_dir`` is where the records of removed torrents are kept.

    ``identity`` names the server in the store (decisions: *A server's identity*).
    ``look_around`` tells which other servers share its roots: whoever may touch files asks.
    """

    server: QBittorrent
    state_dir: Path
    identity: str
    store: Store
    lock: ServerLock
    clock: Clock
    stop: Stop
    log: FilteringBoundLogger
    look_around: LookAround = alone

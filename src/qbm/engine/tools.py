"""What a run works with; ``bootstrap`` puts it together."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from qbm.engine.stop import Stop
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import QBittorrent
from qbm.store import ServerLock, Store


class Tools(Struct, frozen=True, kw_only=True):
    """A server that is not connected yet, and what else a run of it needs.

    ``state_dir`` is where the records of removed torrents are kept.

    ``identity`` names the server in the store (decisions: *A server's identity*).
    """

    server: QBittorrent
    state_dir: Path
    identity: str
    store: Store
    lock: ServerLock
    clock: Clock
    stop: Stop
    log: FilteringBoundLogger

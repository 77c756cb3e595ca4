"""Gives the engine what a run needs: the server of its config, the store, locks, a clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from qbm.config import Qbt, State
from qbm.engine.stop import Stop
from qbm.engine.tools import LookAround, Tools, alone
from qbm.errors import ConfigError
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import Connection, QBittorrent, base_url, identity
from qbm.store import Purpose, ServerLock, StateLock, Store, host_id


@asynccontextmanager
async def tools_for(
    qbt: Qbt,
    config_file: str,
    state_dir: Path,
    store: Store,
    stop: Stop,
    clock: Clock,
    log: FilteringBoundLogger,
    look_around: LookAround = alone,
) -> AsyncIterator[Tools]:
    """What a run on the server of ``qbt`` works with; its connections end with the block.

    Raises:
        ConfigError: ``qbt.host`` is no address.
    """
    connection = connection_of(qbt, config_file)
    if connection.is_encrypted and connection.verify_certificate is False:
        log.info("certificate_unchecked", server=connection.url)
    server = QBittorrent(connection)
    try:
        yield Tools(
            server=server,
            state_dir=state_dir,
            identity=server_identity(qbt, config_file, state_dir),
            store=store,
            lock=ServerLock(identity(connection.url), Purpose.RUN),
            clock=clock,
            stop=stop,
            log=log,
            look_around=look_around,
        )
    finally:
        await server.close()


def locks_of(state: State, purpose: Purpose) -> list[StateLock]:
    """The locks to be held by whoever opens the database of a state folder.

    Two, unless it lies there: another state folder may have the same database.
    """
    folder = StateLock(state.folder, purpose)
    database = StateLock(state.database.parent, purpose, f"{state.database.stem}.lock")
    is_one = folder.path.resolve() == database.path.resolve()
    return [folder] if is_one else [folder, database]


def server_identity(qbt: Qbt, config_file: str, state_dir: Path) -> str:
    """The name of a server in the store (decisions: *A server's identity*)."""
    if qbt.name:
        return f"name {qbt.name}"
    return f"{host_id(state_dir)} {identity(_url(qbt, config_file))}"


def connection_of(qbt: Qbt, config_file: str) -> Connection:
    """How to reach and enter the server of ``qbt``; raises ConfigError for what is no address."""
    verify = qbt.verify_certificate
    return Connection(
        url=_url(qbt, config_file),
        user=qbt.user,
        password=qbt.password.get_secret_value() if qbt.password else None,
        apikey=qbt.apikey.get_secret_value() if qbt.apikey else None,
        verify_certificate=verify if isinstance(verify, bool) else str(verify),
    )


def _url(qbt: Qbt, config_file: str) -> str:
    try:
        return base_url(qbt.host)
    except ValueError as error:
        raise ConfigError(f"{config_file}: qbt.host: {error}.") from error

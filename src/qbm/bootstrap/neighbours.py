"""Finds the servers whose configs share a root with a run's own, and connects them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from qbm.bootstrap.tools import connection_of, server_identity
from qbm.config import Config, Root
from qbm.config.others import OtherConfigs
from qbm.engine.carrying import bin_names
from qbm.engine.tools import LookAround, Neighbour, Surroundings, Unheard
from qbm.errors import ConfigError, ServerError
from qbm.gateways.disk.overlapping import is_same_folder, overlap
from qbm.gateways.qbittorrent import QBittorrent, identity
from qbm.model.paths import PathMap


@asynccontextmanager
async def neighbourhood(
    config: Config, others: OtherConfigs, state_dir: Path
) -> AsyncIterator[LookAround]:
    """Looks around for a run of ``config``; its connections end with the block.

    The other configs are read when somebody asks first.
    """
    street = _Street(config, others, state_dir)
    try:
        yield street.look_around
    finally:
        await street.close()


class _Street:
    """The neighbours of one config, once they are looked up."""

    def __init__(self, config: Config, others: OtherConfigs, state_dir: Path) -> None:
        self._config = config
        self._others = others
        self._state_dir = state_dir
        self._found: Surroundings | None = None
        self._connected: set[str] = set()

    async def look_around(self) -> Surroundings:
        """The neighbours, each connected, or else with the reason why it is not."""
        if self._found is None:
            self._found = await asyncio.to_thread(self._looked_up)
        heard = await asyncio.gather(*map(self._greeted, self._found.neighbours))
        return Surroundings(tuple(heard), self._found.roots, self._found.bins)

    async def close(self) -> None:
        """Hang up."""
        for each in self._found.neighbours if self._found else ():
            if isinstance(each, Neighbour):
                await each.server.close()

    async def _greeted(self, each: Neighbour | Unheard) -> Neighbour | Unheard:
        if isinstance(each, Unheard) or each.config_file in self._connected:
            return each
        try:
            await each.server.connect()
        except ServerError as error:
            await each.server.close()
            return Unheard(each.config_file, str(error))
        self._connected.add(each.config_file)
        return each

    def _looked_up(self) -> Surroundings:
        neighbours: list[Neighbour | Unheard] = []
        roots: list[tuple[str, str]] = []
        bins: list[tuple[str, str]] = []
        for other in self._others.read():
            if other.config is None:
                neighbours.append(Unheard(other.name, other.why))
                continue
            shared = self._shared(other.config.directory.roots)
            if shared:
                bins += self._bins(other.config, other.name)
            try:
                if shared and self._is_own_server(other.config, other.name):
                    roots += self._further(shared, roots)
                elif shared:
                    neighbours.append(self._neighbour(other.config, other.name))
            except ConfigError as error:
                neighbours.append(Unheard(other.name, str(error)))
        return Surroundings(tuple(neighbours), tuple(roots), tuple(bins))

    def _shared(self, roots: Iterable[Root]) -> list[Root]:
        """Those of ``roots`` that have files in common with ours."""
        ours = self._config.directory.remote_dir
        return [each for each in roots if any(overlap(each.remote_dir, our) for our in ours)]

    def _is_own_server(self, config: Config, config_file: str) -> bool:
        own = self._config.qbt
        if own.name and own.name == config.qbt.name:
            return True
        theirs = identity(connection_of(config.qbt, config_file).url)
        return theirs == identity(connection_of(own, self._others.path.name).url)

    def _bins(self, config: Config, config_file: str) -> Iterator[tuple[str, str]]:
        """The names of its bins, but for those that are ours as well."""
        for name in sorted(bin_names(config) - bin_names(self._config)):
            yield name, config_file

    def _neighbour(self, config: Config, config_file: str) -> Neighbour:
        return Neighbour(
            config_file,
            server_identity(config.qbt, config_file, self._state_dir),
            QBittorrent(connection_of(config.qbt, config_file)),
            PathMap(config.directory.roots),
        )

    def _further(
        self, shared: Iterable[Root], known: Iterable[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Roots of our own server that another config of it adds.

        Raises:
            ConfigError: it has another folder of this machine for one that we have.
        """
        paths = PathMap((*self._config.directory.roots, *known))
        further: list[tuple[str, str]] = []
        for root in shared:
            here = paths.local(root.root_dir)
            if here is None:
                further.append(root)
            elif not is_same_folder(here, root.remote_dir):
                raise ConfigError(
                    f"directory: it is for the same server, but has {root.remote_dir} for "
                    f"{root.root_dir}, which {self._others.path.name} has at {here}; one of them "
                    "is wrong"
                )
        return further

"""The other configs in the folder of one: which servers may have files in the same folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from qbm.config.finding import configs_in
from qbm.config.loading import load
from qbm.config.problem import Kind, printable
from qbm.config.schema import Config
from qbm.errors import ConfigError
from qbm.model.command import CommandName


class Other(Struct, frozen=True):
    """Another config, or, without one, why nobody can tell what it says."""

    name: str
    config: Config | None
    why: str = ""


class OtherConfigs(Struct, frozen=True):
    """Reads what lies beside the config at ``path``; ``hide`` is told each secret in there."""

    path: Path
    environ: Mapping[str, str]
    hide: Callable[[Iterable[str]], None]

    def read(self) -> Iterator[Other]:
        """All other configs of the folder, whether a run was asked of them or not."""
        own = os.path.realpath(self.path)
        try:
            paths = configs_in(self.path.parent)
        except ConfigError as error:
            yield Other(printable(self.path.parent.name), None, str(error))
            return
        for path in paths:
            if os.path.realpath(path) != own and (other := self._read(path)) is not None:
                yield other

    def _read(self, path: Path) -> Other | None:
        """One of them, as far as it says which server it is for and where its files are.

        None if all that is wrong with it is that it names no folder: it shares none, then.
        """
        loaded = load(path, self.environ)
        judged = loaded.for_commands((CommandName.REM_ORPHANED,))
        config = loaded.config or judged.config
        if config is not None:
            self.hide(config.secrets())
            return Other(path.name, config)
        wrong = [each for each in judged.problems if each.kind is not Kind.NEEDED]
        if not wrong:
            return None
        return Other(path.name, None, f"{wrong[0]}; mend it, or move it out of the folder")

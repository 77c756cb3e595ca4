"""What a config must have beyond what its sections say one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from qbm.config.problem import shown_path
from qbm.config.reading.values import Keys, Value, Values
from qbm.config.schema import Config
from qbm.config.schema.section import is_blank
from qbm.model.command import COMMANDS, CommandName


class Need(NamedTuple):
    """A key that has no value and must have one, with the reason and what is allowed.

    ``near`` is what to point at where the key is not in the file; () means what is around it.
    """

    at: Keys
    reason: str
    allowed: str
    near: Keys = ()


def musts(data: Mapping[str, Value], values: Values) -> Iterator[Need]:
    """What is missing for any run."""
    if not data.get("cat") and not data.get("tracker"):
        yield Need((), "neither cat nor tracker has an entry", "at least one of them")
    if _is_without_password(data, values):
        yield Need(
            ("qbt", "pass"),
            "a user without a password cannot log in",
            "a password that is not empty; or no user, if the server lets this machine in as it is",
            near=("qbt", "user"),
        )


def _is_without_password(data: Mapping[str, Value], values: Values) -> bool:
    """A user alone would be refused in every run, until qBittorrent bans this address."""
    said = data.get("qbt")
    if not isinstance(said, dict) or not _is_text(said.get("user")):
        return False
    unreadable = {problem.path for problem in values.problems}
    return not any(
        _is_text(said.get(key)) or shown_path(("qbt", key)) in unreadable
        for key in ("pass", "apikey")
    )


def _is_text(value: Value) -> bool:
    return isinstance(value, str) and not is_blank(value)


def needs(config: Config, asked: Collection[CommandName]) -> Iterator[Need]:
    """What is missing for a run of the commands ``asked`` (spec: decisions.md, Roots)."""
    if config.directory.root_dir:
        return
    looking = [each for each in COMMANDS if each in asked and each in _LOOKS_INTO_ROOTS]
    removing = [each for each in COMMANDS if each in asked and _fills_bin(each, config)]
    if commands := ", ".join((*removing, *looking)):
        reason = f"the folder of the downloads is needed by {commands}"
        instead = "" if looking else "; or recyclebin.enabled: false, to delete without a way back"
        yield Need(("directory", "root_dir"), reason, f"a path{instead}")


_LOOKS_INTO_ROOTS = frozenset({CommandName.REM_ORPHANED, CommandName.TAG_NOHARDLINKS})


def _fills_bin(command: CommandName, config: Config) -> bool:
    """Whether the command can remove torrents with the recycle bin on."""
    if not config.recyclebin.enabled:
        return False
    cleans_up = any(group.cleanup for group in config.share_limits.values())
    return command is CommandName.REM_UNREGISTERED or (
        command is CommandName.SHARE_LIMITS and cleans_up
    )

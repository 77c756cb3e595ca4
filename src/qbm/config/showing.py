"""What a config means: every key with its value, the defaults among them, and no secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, SecretStr

from qbm.config import quantities
from qbm.config.schema import Config, TrackerEntry
from qbm.model.tracker import without_passkey

Shown: TypeAlias = "str | int | float | bool | list[Shown] | dict[str, Shown] | None"

_HIDDEN = "***"


def effective(config: Config) -> dict[str, Shown]:
    """The config as a file would spell it; each secret is ``***``, durations are minutes."""
    shown = _section(config)
    shown["qbt"] = {
        key: _unless_secret(value, config) for key, value in _section(config.qbt).items()
    }
    shown["tracker"] = {
        without_passkey(name): _tracker(entry) for name, entry in config.tracker.items()
    }
    return shown


def _unless_secret(value: Shown, config: Config) -> Shown:
    """Under ``qbt`` anything may have come from a file with a secret."""
    return _HIDDEN if isinstance(value, str) and config.is_from_file(value) else value


def _tracker(entry: TrackerEntry) -> Shown:
    return {
        "tag": list(entry.tags),
        "cat": entry.cat,
        "notifiarr": entry.notifiarr,
        **_section(entry.messages),
    }


def _section(section: BaseModel) -> dict[str, Shown]:
    fields = type(section).model_fields
    return {fields[name].alias or name: _shown(value) for name, value in section}


def _shown(value: object) -> Shown:
    match value:
        case None | bool() | int() | float():
            return value
        case SecretStr():
            return _HIDDEN
        case BaseModel():
            return _section(value)
        case Mapping():
            return {str(key): _shown(each) for key, each in value.items()}
        case tuple():
            return [_shown(each) for each in value]
        case timedelta():
            return quantities.written(value)
        case Enum():
            return _shown(value.value)
        case str() | Path():
            return str(value)
        case _:
            raise AssertionError(f"the schema has no {type(value).__name__}")

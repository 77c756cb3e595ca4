"""The configs of the folder: read, change, check and restore them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from qbm.api.answers import errors, sendable
from qbm.api.bodies import BodyRoute, Data
from qbm.api.scheduler import local
from qbm.api.site import Site, SiteOf
from qbm.config.editing import data_of, edited, written_anew
from qbm.config.loading import load_text
from qbm.config.problem import Problem
from qbm.config.refusals import NoSuchConfig, NotReadable

router = APIRouter(prefix="/api/configs", tags=["configs"], route_class=BodyRoute)

_DEFAULT: Final = "config.yml"
_NAMED: Final = errors(400, 403, 404, 500)


class Configs(BaseModel):
    """The names of the configs, and which one is meant when none is named."""

    configs: list[str]
    default_config: str


class Config(BaseModel):
    """A config; in ``data`` secrets are ``***``, and ``!ENV X`` is that text.

    ``last_modified`` is local time without a zone, ``size`` is in bytes.
    """

    filename: str
    data: dict[str, Any]
    last_modified: datetime
    size: int


class Wanted(BaseModel):
    """What a config is to say. ``***`` means the secret that it has; absent keys are removed."""

    data: Data

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"data": {"qbt": {"host": "nas:8080", "pass": "***"}, "cat": {"tv": "/data/tv"}}}
            ]
        }
    }


class Changed(BaseModel):
    """It is done."""

    status: Literal["success"] = "success"
    message: str


class Saved(Changed):
    """It is written. What a run would find wrong or doubtful in it, if anything."""

    errors: list[str]
    warnings: list[str]


class BackedUp(Changed):
    """A backup was made."""

    backup_file: str


class Restored(Changed):
    """What a backup holds; nothing was written."""

    data: dict[str, Any]


class BackupFile(BaseModel):
    """A backup; ``timestamp`` is local time without a zone, ``size`` is in bytes."""

    filename: str
    timestamp: str
    size: int


class Backups(BaseModel):
    """The backups of a config, newest first."""

    backups: list[BackupFile]


class Checked(BaseModel):
    """What is wrong with a config. Checking never writes, so it is never modified."""

    valid: bool
    errors: list[str]
    warnings: list[str]
    config_modified: Literal[False] = False


@router.get("")
def configs(site: SiteOf) -> Configs:
    """The configs of the folder."""
    default = site.folder.default()
    return Configs(configs=list(site.folder.names()), default_config=default or _DEFAULT)


@router.get("/{filename}", responses=_NAMED)
def config(filename: str, site: SiteOf) -> Config:
    """What a config says."""
    file = site.folder.read(filename)
    return Config(
        filename=filename,
        data=_data_of(file.text, filename),
        last_modified=file.last_modified.astimezone().replace(tzinfo=None),
        size=file.size,
    )


def _data_of(text: str, filename: str) -> dict[str, Any]:
    try:
        return data_of(text)
    except NotReadable as error:
        raise NotReadable(f"{filename}: {error}") from error


@router.post("/{filename}", responses=errors(400, 403, 409, 500))
def create(filename: str, wanted: Wanted, site: SiteOf) -> Saved:
    """Make a config that is not there yet."""
    text = written_anew(wanted.data)
    site.folder.create(filename, text)
    return _saved(f"Configuration '{filename}' created successfully", filename, text, site)


@router.put("/{filename}", responses={**_NAMED, **errors(409)})
def update(filename: str, wanted: Wanted, site: SiteOf) -> Saved:
    """Change a config, after a backup; comments, quotes and order stay.

    One that is no YAML is written anew.
    """
    file = site.folder.read(filename)
    text = _changed(file.text, wanted.data)
    site.folder.save(filename, text, file.digest)
    return _saved(f"Configuration '{filename}' updated successfully", filename, text, site)


def _saved(message: str, filename: str, text: str, site: Site) -> Saved:
    """Half-written configs may be saved; then it is said what they lack."""
    loaded = load_text(text, site.folder.new_path(filename), site.environ)
    return Saved(
        message=message,
        errors=_told(loaded.problems, site),
        warnings=_told(loaded.warnings, site),
    )


@router.delete("/{filename}", responses=_NAMED)
def delete(filename: str, site: SiteOf) -> Changed:
    """Remove a config, after a backup."""
    site.folder.delete(filename)
    return Changed(message=f"Configuration '{filename}' deleted successfully")


@router.post("/{filename}/validate", responses=errors(400, 403))
def validate(filename: str, wanted: Wanted, site: SiteOf) -> Checked:
    """Everything that would be wrong if the config said this; nothing is written or asked."""
    text = _text_of(filename, wanted.data, site)
    loaded = load_text(text, site.folder.new_path(filename), site.environ)
    return Checked(
        valid=not loaded.problems,
        errors=_told(loaded.problems, site),
        warnings=_told(loaded.warnings, site),
    )


def _text_of(filename: str, data: dict[str, Any], site: Site) -> str:
    """The text that a save would write; of a file that is not there or no YAML, a new one."""
    try:
        text = site.folder.read(filename).text
    except (NoSuchConfig, NotReadable):
        return written_anew(data)
    return _changed(text, data)


def _changed(text: str, data: dict[str, Any]) -> str:
    try:
        return edited(text, data)
    except NotReadable:
        return written_anew(data)


def _told(problems: tuple[Problem, ...], site: Site) -> list[str]:
    return [sendable(site.clean(str(each))) for each in problems]


@router.post("/{filename}/backup", responses=_NAMED)
def back_up(filename: str, site: SiteOf) -> BackedUp:
    """Keep what a config says now."""
    backup = site.folder.back_up(filename)
    return BackedUp(message="Manual backup created successfully", backup_file=backup.name)


@router.get("/{filename}/backups", responses=errors(400, 403, 500))
def backups(filename: str, site: SiteOf) -> Backups:
    """The backups of a config, which may be gone."""
    return Backups(
        backups=[
            BackupFile(filename=each.name, timestamp=local(each.made_at), size=each.size)
            for each in site.folder.backups(filename)
        ]
    )


@router.post("/{backup}/restore", responses=_NAMED)
def restore(backup: str, site: SiteOf) -> Restored:
    """What a backup holds, to be looked at and saved with PUT."""
    file = site.folder.read_backup(backup)
    return Restored(
        message=f"Backup '{backup}' loaded successfully", data=_data_of(file.text, backup)
    )

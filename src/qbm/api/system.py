"""How it is: versions, health, and what orchestrators and old dashboards ask for."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from qbm import __version__
from qbm.api.answers import errors, sendable
from qbm.api.logs import tail
from qbm.api.scheduler import local, upcoming
from qbm.api.site import Site, SiteOf
from qbm.config.problem import InvalidConfigError
from qbm.errors import ConfigError, QbmError
from qbm.service.port import Status
from qbm.service.schedule import in_words
from qbm.store import RunState

router = APIRouter(tags=["system"])

BRANCH: Final = "master"
_RECENT_LINES: Final = 100
_RECENT: Final = timedelta(days=1)


class Version(BaseModel):
    """Which version this is. No other host is asked, so ``latest_version`` is ours."""

    version: str = __version__
    branch: str = BRANCH
    build: int = 0
    latest_version: str = __version__
    update_available: bool = False


class Application(BaseModel):
    """The service. Times are local, without a zone, as the older tool gives them."""

    web_api_responsive: bool = True
    can_accept_requests: bool
    queue_size: int
    has_queued_requests: bool
    next_scheduled_run: str | None
    next_scheduled_run_text: str | None
    scheduler_alive: bool | None
    last_run: str | None
    last_run_result: Literal["success", "failed"] | None


class Directories(BaseModel):
    """The folders. ``recent_log_entries`` looks at the last hundred lines at most."""

    config_dir_exists: bool
    config_files_count: int
    logs_dir_exists: bool
    recent_log_entries: int
    last_activity: str | None


class Health(BaseModel):
    """How it is; ``issues`` say what is wrong."""

    status: Literal["healthy", "degraded", "busy", "unhealthy"]
    timestamp: str
    version: str = __version__
    branch: str = BRANCH
    application: Application
    directories: Directories
    issues: list[str]
    error: str | None


class BaseUrl(BaseModel):
    """The prefix of all paths, "" or like ``/qbm``."""

    baseUrl: str  # noqa: N815 - the older tool's spelling


class Reset(BaseModel):
    """There is nothing to reset: no flag in memory says whether a run is under way."""

    status: Literal["success"] = "success"
    message: str
    was_running: bool


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Requests are accepted."""

    status: Literal["ready"] = "ready"


@router.get("/api/version")
async def version() -> Version:
    """Which version this is."""
    return Version()


@router.get("/api/get_base_url")
async def get_base_url(site: SiteOf) -> BaseUrl:
    """The prefix under which this is served."""
    return BaseUrl(baseUrl=site.base_url)


@router.get("/healthz")
async def healthz() -> Alive:
    """The process is alive."""
    return Alive()


@router.get("/readyz", responses=errors(500, 503))
def readyz(site: SiteOf) -> Ready:
    """Requests are accepted."""
    if site.service.status().is_closing:
        raise HTTPException(503, "The server is about to end and takes no more requests.")
    return Ready()


@router.post("/api/system/force-reset")
def force_reset(site: SiteOf) -> Reset:
    """Kept for old scripts; a run is never stopped by this, DELETE /api/runs/{id} does that."""
    is_running = bool(site.service.status().running)
    return Reset(
        message=f"There is nothing to reset. Was previously running: {is_running}",
        was_running=is_running,
    )


@router.get("/api/health")
def health(site: SiteOf) -> Health:
    """How it is; always 200, also when it is not well."""
    now = site.clock.now()
    directories = _directories(site, now)
    due, of_settings = _due(site, now)
    try:
        status, failure = site.service.status(), ""
    except QbmError as fault:
        status, failure = _UNKNOWN, str(fault)
    not_kept = site.acceptance.fault
    of_store = [
        *([f"The runs cannot be read: {failure}"] if failure else []),
        *([f"The last request could not be kept: {not_kept}"] if not_kept else []),
    ]
    issues = [
        sendable(site.clean(each))
        for each in (*of_store, *_issues(site, directories), *of_settings)
    ]
    error = sendable(site.clean(failure)) or None
    return Health(
        status=_judged(status, issues, error),
        timestamp=local(now),
        application=_application(
            status, now, due, is_accepting=not (status.is_closing or not_kept)
        ),
        directories=directories,
        issues=issues,
        error=error,
    )


def _due(site: Site, now: datetime) -> tuple[datetime | None, tuple[str, ...]]:
    """When the next scheduled run is due, and what is wrong with the settings."""
    try:
        return upcoming(site, now), site.settings.read().warnings
    except InvalidConfigError as error:
        return None, tuple(map(str, error.problems))


_UNKNOWN: Final = Status(is_closing=True, waiting=0, running=(), last=None)


def _judged(
    status: Status, issues: list[str], error: str | None
) -> Literal["healthy", "degraded", "busy", "unhealthy"]:
    if error or status.is_closing:
        return "unhealthy"
    if issues:
        return "degraded"
    return "busy" if status.running else "healthy"


def _application(
    status: Status, now: datetime, due: datetime | None, *, is_accepting: bool
) -> Application:
    last = status.last
    return Application(
        can_accept_requests=is_accepting,
        queue_size=status.waiting,
        has_queued_requests=status.waiting > 0,
        next_scheduled_run=local(due) if due else None,
        next_scheduled_run_text=in_words(now, due) if due else None,
        scheduler_alive=None,
        last_run=local(last.ended_at) if last and last.ended_at else None,
        last_run_result=_result(last.state) if last else None,
    )


def _result(state: RunState) -> Literal["success", "failed"]:
    return "failed" if state in (RunState.FAILED, RunState.INTERRUPTED) else "success"


def _directories(site: Site, now: datetime) -> Directories:
    log = site.logs / site.log_file
    is_recent = _is_recent(log, now)
    return Directories(
        config_dir_exists=site.folder.path.is_dir(),
        config_files_count=_count(site),
        logs_dir_exists=site.logs.is_dir(),
        recent_log_entries=len(tail(log, _RECENT_LINES)) if is_recent else 0,
        last_activity="Recent activity detected" if is_recent else None,
    )


def _count(site: Site) -> int:
    try:
        return len(site.folder.names())
    except ConfigError:  # a folder that cannot be read: told among the issues
        return 0


def _is_recent(log: Path, now: datetime) -> bool:
    try:
        return now.timestamp() - log.stat().st_mtime < _RECENT.total_seconds()
    except OSError:
        return False


def _issues(site: Site, directories: Directories) -> list[str]:
    issues = []
    if not directories.config_dir_exists:
        issues.append("Config directory not found")
    elif not os.access(site.folder.path, os.R_OK | os.X_OK):
        issues.append("Config directory cannot be read")
    elif not directories.config_files_count:
        issues.append("No configuration files found")
    if not directories.logs_dir_exists:
        issues.append("Logs directory not found")
    return issues

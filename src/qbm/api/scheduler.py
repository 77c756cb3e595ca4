"""The schedule: what it is, when it is due, and saving another one."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from qbm.api.answers import errors
from qbm.api.bodies import Text, read_as, schema_of
from qbm.api.site import Site, SiteOf
from qbm.service.schedule import Schedule, in_words, next_run, read_schedule
from qbm.service.settings import FILE_NAME, SavedSchedule

router = APIRouter(prefix="/api", tags=["schedule"])

_SECTION: Final = "schedule"


class Shown(BaseModel):
    """A schedule: minutes, or a cron expression."""

    type: str
    value: str


class Scheduler(BaseModel):
    """The saved schedule, and when the next run is due.

    ``current_schedule`` is None without a saved one, and while it is disabled: then that of
    the command line counts. ``next_run`` is local time without a zone. ``source`` is the file
    that holds the saved schedule, or ``disabled``.
    """

    current_schedule: Shown | None
    next_run: str | None
    next_run_str: str | None
    is_running: bool
    source: str | None
    persistent: bool
    file_exists: bool
    disabled: bool


class NewSchedule(BaseModel):
    """A schedule to save; its ``type`` is told by its look if it is not said."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["schedule"],
            "examples": [
                {"schedule": "1440", "type": "interval"},
                {"schedule": "0 4 * * *", "type": "cron"},
            ],
        },
    )

    schedule: Text | None = None
    type: Text | None = None


class ScheduleSaved(BaseModel):
    """The schedule is saved."""

    success: Literal[True] = True
    message: str
    schedule: str
    type: str
    persistent: Literal[True] = True
    correlationId: str  # noqa: N815 - the older tool's spelling


class Toggled(BaseModel):
    """The saved schedule counts again, or no longer."""

    success: Literal[True] = True
    message: str
    correlationId: str  # noqa: N815 - the older tool's spelling
    fileExistedBefore: bool  # noqa: N815 - the older tool's spelling
    disabled: bool
    action: Literal["disabled", "enabled"]


@router.get("/scheduler")
def scheduler(site: SiteOf) -> Scheduler:
    """The schedule, and when it is due."""
    now = site.clock.now()
    due = upcoming(site, now)
    saved = site.settings.read().schedule or SavedSchedule()
    in_force = saved.in_force
    return Scheduler(
        current_schedule=Shown(type=in_force.kind, value=str(in_force)) if in_force else None,
        next_run=local(due) if due else None,
        next_run_str=in_words(now, due) if due else None,
        is_running=False,
        source="disabled" if saved.disabled else FILE_NAME if in_force else None,
        persistent=in_force is not None,
        file_exists=site.settings.path.exists(),
        disabled=saved.disabled,
    )


# The older tool takes this body whatever its content type, as ``curl -d`` sends it.
@router.put("/schedule", responses=errors(400, 409, 500), openapi_extra=schema_of(NewSchedule))
def save_schedule(
    body: Annotated[NewSchedule, Depends(read_as(NewSchedule))], site: SiteOf
) -> ScheduleSaved:
    """Save a schedule, which then counts instead of the command line's."""
    try:
        schedule = read_schedule(body.schedule or "", body.type)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    _save(site, schedule, is_disabled=False)
    return ScheduleSaved(
        message=f"Schedule saved successfully: {schedule.kind}={schedule}",
        schedule=str(schedule),
        type=schedule.kind,
        correlationId=secrets.token_hex(6),
    )


@router.post("/schedule/persistence/toggle", responses=errors(409, 500))
def toggle(site: SiteOf) -> Toggled:
    """Have the command line's schedule count, or the saved one again."""
    existed = site.settings.path.exists()
    saved = site.settings.read().schedule or SavedSchedule()
    schedule = read_schedule(saved.value, saved.type) if saved.value else None
    _save(site, schedule, is_disabled=not saved.disabled)
    action: Literal["disabled", "enabled"] = "enabled" if saved.disabled else "disabled"
    return Toggled(
        message=f"Persistent schedule {action}",
        correlationId=secrets.token_hex(6),
        fileExistedBefore=existed,
        disabled=not saved.disabled,
        action=action,
    )


def _save(site: Site, schedule: Schedule | None, *, is_disabled: bool) -> None:
    said = {"type": schedule.kind, "value": str(schedule)} if schedule else {}
    stamp = local(site.clock.now())
    site.settings.save(_SECTION, {**said, "disabled": is_disabled, "updated_at": stamp})


def upcoming(site: Site, now: datetime) -> datetime | None:
    """When the next scheduled run is due, in UTC; None if none ever is."""
    schedule = site.settings.read().schedule_in_force(site.schedule)
    return next_run(schedule, now, site.started) if schedule else None


def local(moment: datetime) -> str:
    """A time as the older tool gives it: local, without a zone."""
    return moment.astimezone().replace(tzinfo=None).isoformat()

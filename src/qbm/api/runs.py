"""The runs: ask for one without waiting, look at them, cancel one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Query
from msgspec.structs import replace
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from qbm.api.access import Door
from qbm.api.answers import Clean, errors, sendable
from qbm.api.bodies import BodyRoute
from qbm.api.run_command import Reason, RunCommand, accept, asked_for, reasons, stats_of
from qbm.api.site import DoorOf, SiteOf
from qbm.config.problem import printable
from qbm.store import Run, RunState, Trigger

router = APIRouter(prefix="/api/runs", tags=["runs"], route_class=BodyRoute)

_LARGEST_NUMBER: Final = 2**63 - 1
_LARGEST_DAYS: Final = 2**31
_MOST: Final = 500


class RunView(BaseModel):
    """A run as it is now. Times are in UTC; ``hashes`` none means all torrents.

    ``exit_code`` is what ``qbm run`` would end with, 0 until it has ended.
    """

    id: str
    request_id: str
    arrival: int
    config_file: str
    trigger: Trigger
    state: RunState
    commands: list[str]
    hashes: list[str]
    dry_run: bool
    skip_cleanup: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    stats: dict[str, int | list[str]]
    skipped_counts: dict[str, int]
    errors: list[Reason]
    refused: list[Reason]
    warnings: list[str]
    error: str | None
    exit_code: int


class RunOrder(RunCommand):
    """What to run, as the command line of this machine may ask for it too."""

    older_than_days: int = Field(
        0,
        ge=0,
        le=_LARGEST_DAYS,
        description="For `cleanup_dirs`, which only the command line asks for by name.",
    )
    is_partly: bool = Field(
        default=False,
        description="For `restore`, which only the command line asks for: also what is not whole.",
    )


class Runs(BaseModel):
    """A page of runs, the last accepted first.

    ``next`` is the ``before`` of the page that follows, None at the end.
    """

    runs: list[RunView]
    next: int | None


class AcceptedRun(BaseModel):
    """A run that was asked for."""

    id: str
    config_file: str
    state: RunState


class Accepted(BaseModel):
    """The request is kept: one run per config. ``id`` is the first one's."""

    status: Literal["accepted"] = "accepted"
    id: str
    queued: bool
    runs: list[AcceptedRun]


@router.get("", responses=errors(400))
def runs(
    site: SiteOf,
    state: Annotated[list[RunState] | None, Query(description="Only runs in these.")] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
    before: Annotated[
        int | None, Query(ge=0, le=_LARGEST_NUMBER, description="Only earlier arrivals.")
    ] = None,
) -> Runs:
    """The latest runs, the last accepted first."""
    found = site.service.runs(states=tuple(state or ()), limit=limit, before=before)
    is_more = len(found) == limit
    return Runs(
        runs=[view_of(each, site.clean) for each in found],
        next=found[-1].arrival if is_more else None,
    )


@router.post("", status_code=202, responses=errors(400, 404, 500, 503))
def ask(body: RunOrder, site: SiteOf, door: DoorOf, response: Response) -> Accepted:
    """Ask for runs as with run-command, but do not wait for them."""
    asked = replace(
        asked_for(body, site, door),
        older_than_days=body.older_than_days,
        is_partly=body.is_partly,
    )
    accepted = accept(asked, site)
    response.headers["Location"] = f"{site.base_url}/api/runs/{accepted.request_id}"
    return Accepted(
        id=accepted.request_id,
        queued=accepted.is_queued,
        runs=[
            AcceptedRun(id=each.id, config_file=each.config_file, state=each.state)
            for each in accepted.runs
        ],
    )


@router.get("/{run_id}", responses=errors(404))
def run(run_id: str, site: SiteOf) -> RunView:
    """One run."""
    return view_of(_known(site.service.run(run_id), run_id), site.clean)


@router.delete("/{run_id}", responses=errors(404))
def cancel(run_id: str, site: SiteOf) -> RunView:
    """Have a run end between two changes; one that waits never begins."""
    return view_of(_known(site.service.cancel(run_id), run_id), site.clean)


@router.get("/{run_id}/report", responses=errors(403, 404), response_class=Response)
def report(run_id: str, site: SiteOf, door: DoorOf) -> Response:
    """Everything that a run decided, for the command line of this machine."""
    if door is not Door.TOKEN:
        raise HTTPException(403, "The report is for the command line, which has a token for it.")
    found = site.service.report(run_id)
    if found is None:
        raise HTTPException(404, f"The report of run {printable(run_id)} is not kept (any more).")
    # Names that are no text are escaped so, which msgspec's own JSON cannot.
    text = json.dumps(msgspec.to_builtins(found))
    return Response(text, media_type="application/json")


def _known(run: Run | None, run_id: str) -> Run:
    if run is None:
        raise HTTPException(404, f"There is no run {printable(run_id)}.")
    return run


def view_of(run: Run, clean: Clean) -> RunView:
    """The run without what concerns only this process."""
    return RunView(
        id=run.id,
        request_id=run.request_id,
        arrival=run.arrival,
        config_file=run.config_file,
        trigger=run.trigger,
        state=run.state,
        commands=list(run.commands),
        hashes=[sendable(each) for each in run.hashes or ()],
        dry_run=run.dry_run,
        skip_cleanup=run.skip_cleanup,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        stats=stats_of(run.executed, run.stats),
        skipped_counts=dict(run.skipped_counts),
        errors=reasons((*run.refused, *run.failed_commands), clean),
        refused=reasons(run.refused, clean),
        warnings=[sendable(clean(each)) for each in run.warnings],
        error=sendable(clean(run.error)) or None,
        exit_code=run.exit_code,
    )

"""``POST /api/run-command``: run commands and answer with what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from qbm.api.access import Door
from qbm.api.answers import Clean, Detail, errors, sendable
from qbm.api.bodies import BodyRoute, Text
from qbm.api.site import DoorOf, Site, SiteOf
from qbm.config.problem import printable
from qbm.config.refusals import NameRefused
from qbm.engine.counting import STATS
from qbm.errors import StoreError
from qbm.log.records import Level
from qbm.model.command import COMMANDS, CommandName
from qbm.service.port import Accepted, Asked
from qbm.store import LeftOut, Run, RunState, Trigger

router = APIRouter(tags=["runs"], route_class=BodyRoute)

_DONE: Final = "Commands executed successfully for all configs"
_QUEUED: Final = "Scheduled run in progress. Request queued."
_DEFAULT_CONFIG: Final = "config.yml"
_SHORTEST_BEGINNING: Final = 3
_ALIKE: Final = 0.8
"""Of a field's letters, for ``difflib``: ``dry_rum`` is 0.83 of ``dry_run``."""
_COMMANDS: Final = {each.value: each for each in COMMANDS}
_OF_THE_COMMAND_LINE: Final = {
    each.value: each for each in (CommandName.CLEANUP_DIRS, CommandName.RESTORE)
}


class RunCommand(BaseModel):
    """What to run. Other fields are ignored, but for those that look like one of these."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["commands"],
            "examples": [
                {
                    "commands": ["tag_update", "share_limits"],
                    "hashes": ["0123456789abcdef0123456789abcdef01234567"],
                },
                {
                    "config_file": "config.yml",
                    "commands": ["cat_update", "tag_update"],
                    "dry_run": True,
                    "log_level": "debug",
                },
            ],
        },
    )

    config_file: Text = Field(
        _DEFAULT_CONFIG, description="A file of the config folder, or a pattern with `*`."
    )
    commands: list[Text] = Field(
        default_factory=list,
        description=f"Any of {', '.join(COMMANDS)}; they run in this order.",
    )
    hashes: list[Text] = Field(
        default_factory=list,
        description="The torrents that may be changed; none means all. rem_orphaned takes none.",
    )
    dry_run: bool = Field(default=False, description="Change nothing; say what would be done.")
    skip_cleanup: bool = Field(default=False, description="Leave what is old in the bins.")
    skip_qb_version_check: bool = Field(
        default=False, description="Do not warn of an unknown version."
    )
    log_level: Text | None = Field(
        None, description=f"One of {', '.join(Level.__members__)}, in any case."
    )

    @model_validator(mode="before")
    @classmethod
    def _spelled_right(cls, body: object) -> object:
        """Refuse ``dryRun``, ``dry`` and the like: no mistyped dry run may become a real one."""
        if isinstance(body, dict):
            for key in body.keys() - cls.model_fields.keys():
                if meant := _meant_by(key, cls.model_fields):
                    raise ValueError(f"{printable(key)} is unknown, but there is {meant}")
        return body


def _meant_by(key: str, names: Iterable[str]) -> str | None:
    """The field that somebody has most likely meant by this one; None if it means nothing here."""
    letters = _letters(key)
    known = {_letters(name): name for name in names}
    if "dry" in letters:
        return "dry_run"
    if len(letters) >= _SHORTEST_BEGINNING:
        for each, name in known.items():
            if each.startswith(letters):
                return name
    close = get_close_matches(letters, known, n=1, cutoff=_ALIKE)
    return known[close[0]] if close else None


def _letters(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


class Reason(BaseModel):
    """A command that did not run to its end, and why."""

    command: str
    reason: str


class Result(BaseModel):
    """What came of one config's run.

    ``refused`` has the commands that a guard stopped; ``errors`` these and those that could not
    run. ``stats`` has every counter beside ``executed_commands``.
    """

    config_file: str
    stats: dict[str, int | list[str]]
    run_id: str
    dry_run: bool
    errors: list[Reason]
    refused: list[Reason]
    warnings: list[str]
    error: str | None = None


class Done(BaseModel):
    """Every run has ended well."""

    status: Literal["success"] = "success"
    message: str = _DONE
    results: list[Result]


class Queued(BaseModel):
    """The request is kept; it runs when the runs before it have ended."""

    status: Literal["queued"] = "queued"
    message: str = _QUEUED
    config_file: str
    commands: list[str]
    run_id: str


class Failed(Detail):
    """A run failed: which and why, what to do, and what came of all of them."""

    results: list[Result] = Field(default_factory=list)


_EXAMPLE_RESULT: Final = {
    "config_file": "config.yml",
    "stats": {
        "executed_commands": ["cat_update", "tag_update"],
        **dict.fromkeys(STATS, 0),
        "categorized": 5,
        "tagged": 10,
    },
    "run_id": "0198c1e2a4b34c5d8e6f7a8b9c0d1e2f",
    "dry_run": False,
    "errors": [],
    "refused": [],
    "warnings": [],
    "error": None,
}
_EXAMPLES: Final = {
    "done": {
        "summary": "The run has ended",
        "value": {"status": "success", "message": _DONE, "results": [_EXAMPLE_RESULT]},
    },
    "queued": {
        "summary": "Another run of this server is under way",
        "value": {
            "status": "queued",
            "message": _QUEUED,
            "config_file": "config.yml",
            "commands": ["cat_update", "tag_update"],
            "run_id": "0198c1e2a4b34c5d8e6f7a8b9c0d1e2f",
        },
    },
}
_FAILED_EXAMPLE: Final = {
    "detail": "Nobody answers at http://nas:8080. Is qBittorrent running, with its Web UI on?",
    "results": [],
}


@router.post(
    "/api/run-command",
    response_model=Done | Queued,
    responses={
        200: {
            "description": "Done, after the runs have ended; or queued, at once.",
            "content": {"application/json": {"examples": _EXAMPLES}},
        },
        **errors(400, 401, 403, 404, 413, 429, 503),
        500: {
            "model": Failed,
            "description": "A run failed.",
            "content": {"application/json": {"example": _FAILED_EXAMPLE}},
        },
    },
)
async def run_command(body: RunCommand, site: SiteOf, door: DoorOf) -> Done | Queued | JSONResponse:
    """Run commands on one or several configs, and wait for the end.

    If another run of one of their servers is under way, the request is kept and answered at
    once; it runs in its turn, also after a restart.
    """
    asked = asked_for(body, site, door)
    accepted = await run_in_threadpool(accept, asked, site)
    if accepted.is_queued:
        return Queued(
            config_file=asked.config_file,
            commands=list(asked.commands),
            run_id=accepted.request_id,
        )
    return outcome(await site.service.ended(accepted.request_id), site.clean)


def accept(asked: Asked, site: Site) -> Accepted:
    """Have the service take the request; raises its errors.

    Raises:
        HTTPException: 404, no config can have that name.
    """
    try:
        accepted = site.service.accept(asked)
    except StoreError as error:
        site.acceptance.fault = str(error)
        raise
    except NameRefused as error:
        raise HTTPException(404, str(error)) from error
    site.acceptance.fault = ""
    return accepted


def asked_for(body: RunCommand, site: Site, door: Door) -> Asked:
    """What the body asks for.

    Raises:
        HTTPException: 400, a command or a log level is none, or no command is given.
    """
    known = _COMMANDS | _OF_THE_COMMAND_LINE if door is Door.TOKEN else _COMMANDS
    for name in body.commands:
        if name not in known:
            raise HTTPException(400, f"Invalid command: {printable(name)}")
    if not body.commands:
        raise HTTPException(400, "No commands given")
    return Asked(
        commands=tuple(dict.fromkeys(known[name] for name in body.commands)),
        config_file=body.config_file or _DEFAULT_CONFIG,
        hashes=tuple(body.hashes),
        dry_run=body.dry_run or site.is_dry,
        skip_cleanup=body.skip_cleanup,
        skip_qb_version_check=body.skip_qb_version_check,
        log_level=_level(body.log_level),
        trigger=Trigger.CLI if door is Door.TOKEN else Trigger.API,
    )


def _level(name: str | None) -> str | None:
    if name is None or not name.strip():
        return None
    level = name.strip().upper()
    if level not in Level.__members__:
        known = ", ".join(Level.__members__)
        raise HTTPException(400, f"log_level: {printable(name)} is none. There are: {known}.")
    return level


def outcome(runs: Sequence[Run], clean: Clean) -> Done | JSONResponse:
    """The answer to a request whose runs have all ended: 500 if any of them failed."""
    results = [result_of(run, clean) for run in runs]
    faults = {run.config_file: fault for run in runs if (fault := _fault(run))}
    if not faults:
        return Done(results=results)
    several = len(runs) > 1
    lines = (f"{name}: {fault}" if several else fault for name, fault in faults.items())
    failed = Failed(detail=sendable(clean("\n".join(lines))), results=results)
    return JSONResponse(failed.model_dump(mode="json"), 500)


def _fault(run: Run) -> str:
    """Why a run counts as failed; "" if it does not: something ran, or a guard stopped it."""
    if run.state in (RunState.FAILED, RunState.INTERRUPTED):
        return run.error or "The run was interrupted. Ask for it again."
    if run.failed_commands and not run.executed and not run.refused:
        return "; ".join(f"{each.command}: {each.reason}" for each in run.failed_commands)
    return ""


def result_of(run: Run, clean: Clean) -> Result:
    """One config's part of the answer."""
    return Result(
        config_file=run.config_file,
        stats=stats_of(run.executed, run.stats),
        run_id=run.id,
        dry_run=run.dry_run,
        errors=reasons((*run.refused, *run.failed_commands), clean),
        refused=reasons(run.refused, clean),
        warnings=[sendable(clean(each)) for each in run.warnings],
        error=sendable(clean(run.error)) or None,
    )


def stats_of(
    executed: Iterable[CommandName], counters: Mapping[str, int]
) -> dict[str, int | list[str]]:
    """``executed_commands`` in run order, then every counter."""
    zeros: dict[str, Any] = dict.fromkeys(STATS, 0)
    return {"executed_commands": list(executed), **zeros, **counters}


def reasons(commands: Iterable[LeftOut], clean: Clean) -> list[Reason]:
    """The commands with their reasons, without secrets."""
    return [Reason(command=each.command, reason=sendable(clean(each.reason))) for each in commands]

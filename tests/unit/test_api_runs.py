"""The runs' routes: ask, look, cancel, and the report for the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from qbm.config.refusals import NoSuchConfig
from qbm.engine.request import Mode, RunReport
from qbm.errors import ShuttingDown
from qbm.model.command import CommandName
from qbm.model.plan import Plan
from qbm.store import LeftOut, RunState, Trigger
from tests.api import SECRET, TOKEN, StandIn, a_run, serve

TAG = {"commands": ["tag_update"]}


def kept(*runs: Any) -> StandIn:
    return StandIn(kept={run.id: run for run in runs})


async def test_a_run_is_asked_for_without_waiting(tmp_path: Path) -> None:
    served = serve(tmp_path, base_url="/qbm")
    answer = await served.client().post("/api/runs", {**TAG, "dry_run": True})
    assert answer.status == 202
    assert answer.json == {
        "status": "accepted",
        "id": "run-1",
        "queued": False,
        "runs": [{"id": "run-1", "config_file": "config.yml", "state": "waiting"}],
    }
    assert answer.headers["location"] == "/qbm/api/runs/run-1"
    assert served.service.asked[0].dry_run


async def test_only_the_command_line_can_ask_for_an_empty_bin(tmp_path: Path) -> None:
    served = serve(tmp_path)
    body = {"commands": ["cleanup_dirs"], "older_than_days": 30}
    refused = await served.client().post("/api/runs", body)
    assert (refused.status, refused.json["detail"]) == (400, "Invalid command: cleanup_dirs")
    await served.client(x_qbm_token=TOKEN).post("/api/runs", body)
    (asked,) = served.service.asked
    assert (asked.commands, asked.older_than_days) == ((CommandName.CLEANUP_DIRS,), 30)


async def test_the_command_line_asks_with_its_token(tmp_path: Path) -> None:
    served = serve(tmp_path)
    await served.client(x_qbm_token=TOKEN).post("/api/runs", TAG)
    await served.client().post("/api/runs", TAG)
    assert [each.trigger for each in served.service.asked] == [Trigger.CLI, Trigger.API]


@pytest.mark.parametrize(
    ("body", "refuses", "status", "detail"),
    [
        ({}, None, 400, "No commands given"),
        ({"commands": ["x"]}, None, 400, "Invalid command: x"),
        (TAG, NoSuchConfig("There is no x.yml."), 404, "There is no x.yml."),
        (TAG, ShuttingDown("It ends."), 503, "It ends."),
    ],
)
async def test_it_is_refused_like_run_command(
    tmp_path: Path, body: Any, refuses: Any, status: int, detail: str
) -> None:
    served = serve(tmp_path, StandIn(refuses=refuses))
    answer = await served.client().post("/api/runs", body)
    assert (answer.status, answer.json) == (status, {"detail": detail})


async def test_a_run_is_shown_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    run = a_run(
        hashes=("a" * 40,),
        refused=(LeftOut(CommandName.REM_ORPHANED, f"refused {SECRET}"),),
        failed_commands=(LeftOut(CommandName.RECHECK, "not in this version"),),
        warnings=("an unknown hash",),
        skipped_counts={"tag_update.tags_present": 7},
    )
    answer = await serve(tmp_path, kept(run)).client().get("/api/runs/run-1")
    assert answer.status == 200
    view = answer.json
    refused = {"command": "rem_orphaned", "reason": "refused ***"}
    assert view["refused"] == [refused]
    assert view["errors"] == [
        refused,
        {"command": "recheck", "reason": "not in this version"},
    ]
    assert view["stats"]["executed_commands"] == ["tag_update"]
    assert view["stats"]["tagged"] == 3
    assert view["created_at"] == "2026-03-01T12:00:00Z"
    assert view["skipped_counts"] == {"tag_update.tags_present": 7}
    assert {"server", "holder"}.isdisjoint(view)


async def test_the_latest_runs_come_first_page_by_page(tmp_path: Path) -> None:
    served = serve(tmp_path, kept(*(a_run(number) for number in range(1, 6))))
    first = (await served.client().get("/api/runs?limit=2")).json
    assert [each["arrival"] for each in first["runs"]] == [5, 4]
    assert first["next"] == 4
    last = (await served.client().get(f"/api/runs?limit=4&before={first['next']}")).json
    assert [each["arrival"] for each in last["runs"]] == [3, 2, 1]
    assert last["next"] is None


async def test_runs_are_found_by_their_states(tmp_path: Path) -> None:
    served = serve(
        tmp_path,
        kept(
            a_run(1),
            a_run(2, state=RunState.FAILED, error="x"),
            a_run(3, state=RunState.WAITING, ended_at=None),
        ),
    )
    answer = await served.client().get("/api/runs?state=failed&state=waiting")
    assert [each["arrival"] for each in answer.json["runs"]] == [3, 2]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=0", "limit: it must be 1 or more."),
        ("limit=501", "limit: it must be 500 or less."),
        ("limit=x", "limit: it must be a whole number."),
        ("limit=", "limit: it must be a whole number."),
        (f"before={'9' * 5000}", "before: the number is far too large."),
        ("before=9223372036854775808", "before: it must be 9223372036854775807 or less."),
        ("before=-1", "before: it must be 0 or more."),
        ("state=gone", "state: it must be 'waiting', 'running', 'done'"),
    ],
)
async def test_a_wrong_query_is_400_and_named(tmp_path: Path, query: str, detail: str) -> None:
    answer = await serve(tmp_path).client().get(f"/api/runs?{query}")
    assert (answer.status, answer.detail[: len(detail)]) == (400, detail)


async def test_a_run_is_cancelled_and_shown_as_it_is_then(tmp_path: Path) -> None:
    served = serve(tmp_path, kept(a_run(state=RunState.RUNNING, ended_at=None)))
    answer = await served.client().ask("DELETE", "/api/runs/run-1")
    assert (answer.status, answer.json["state"]) == (200, "running")
    assert served.service.cancelled == ["run-1"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("run_id", ["nope", "..", "a%00b", "%C3%B6", "%ff", "x" * 3000])
async def test_an_unknown_run_is_404(tmp_path: Path, method: str, run_id: str) -> None:
    answer = await serve(tmp_path).client().ask(method, f"/api/runs/{run_id}")
    assert answer.status == 404
    assert list(answer.json) == ["detail"]
    assert len(answer.detail) < 200


async def test_the_report_is_for_the_command_line_alone(tmp_path: Path) -> None:
    report = RunReport(
        run_id="run-1",
        config_file="config.yml",
        mode=Mode.REAL,
        executed=(CommandName.TAG_UPDATE,),
        plan=Plan(),
        concluded=(),
        refused=(),
        warnings=(),
        stats={"tagged": 0},
        names={},
        torrents=0,
        seconds=0.5,
    )
    served = serve(tmp_path, StandIn(reports={"run-1": report}))
    path = "/api/runs/run-1/report"
    assert (await served.client().get(path)).status == 403
    trusted = served.client(x_qbm_token=TOKEN)
    answer = await trusted.get(path)
    assert msgspec.json.decode(answer.body, type=RunReport) == report
    gone = await trusted.get("/api/runs/run-2/report")
    assert (gone.status, "not kept" in gone.detail) == (404, True)

"""Version, health and their kin: always answered, and cheaply."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from qbm import __version__
from qbm.errors import StoreUnwritable
from qbm.service.port import Status
from qbm.store import RunState
from tests.api import SECRET, StandIn, a_run, serve

HEALTH = "/api/health"


@pytest.mark.parametrize("path", [HEALTH, "/api/version", "/healthz", "/readyz"])
async def test_head_is_answered_like_get_without_the_body(tmp_path: Path, path: str) -> None:
    answer = await serve(tmp_path).client("8.8.8.8").ask("HEAD", path)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/json"


async def test_the_version_is_told_without_asking_anybody(tmp_path: Path) -> None:
    answer = await serve(tmp_path).client("8.8.8.8").get("/api/version")
    assert answer.json == {
        "version": __version__,
        "branch": "master",
        "build": 0,
        "latest_version": __version__,
        "update_available": False,
    }


@pytest.mark.parametrize("base_url", ["", "/qbm"])
async def test_the_base_url_is_told(tmp_path: Path, base_url: str) -> None:
    answer = await serve(tmp_path, base_url=base_url).client().get(f"{base_url}/api/get_base_url")
    assert answer.json == {"baseUrl": base_url}


async def test_health_has_every_field_of_the_contract(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    body = (await serve(tmp_path).client("8.8.8.8").get(HEALTH)).json
    assert list(body) == [
        "status", "timestamp", "version", "branch", "application", "directories", "issues", "error",
    ]  # fmt: skip
    assert list(body["application"]) == [
        "web_api_responsive",
        "can_accept_requests",
        "queue_size",
        "has_queued_requests",
        "next_scheduled_run",
        "next_scheduled_run_text",
        "scheduler_alive",
        "last_run",
        "last_run_result",
    ]
    assert list(body["directories"]) == [
        "config_dir_exists",
        "config_files_count",
        "logs_dir_exists",
        "recent_log_entries",
        "last_activity",
    ]
    assert body["status"] == "healthy"
    assert body["issues"] == []
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is None
    assert "until the next run at" in body["application"]["next_scheduled_run_text"]


async def test_health_tells_of_waiting_and_running_runs(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    runs = (
        a_run(1, state=RunState.RUNNING, ended_at=None),
        a_run(2, state=RunState.WAITING, ended_at=None),
        a_run(3, state=RunState.FAILED, error="x"),
    )
    served = serve(tmp_path, StandIn(kept={run.id: run for run in runs}))
    body = (await served.client().get(HEALTH)).json
    assert body["status"] == "busy"
    application = body["application"]
    assert (application["queue_size"], application["has_queued_requests"]) == (1, True)
    assert application["last_run_result"] == "failed"
    assert application["last_run"].startswith("2026-03-01T")


async def test_a_missing_folder_or_config_degrades_health(tmp_path: Path) -> None:
    served = serve(tmp_path / "config")
    issues = (await served.client().get(HEALTH)).json["issues"]
    assert issues == ["Logs directory not found"]
    (tmp_path / "config" / "config.yml").unlink()
    body = (await served.client().get(HEALTH)).json
    assert (body["status"], body["issues"][0]) == ("degraded", "No configuration files found")
    shutil.rmtree(tmp_path / "config")
    body = (await served.client().get(HEALTH)).json
    assert body["issues"] == ["Config directory not found", "Logs directory not found"]
    assert body["directories"]["config_files_count"] == 0


class Closing(StandIn):
    def status(self) -> Status:
        return Status(is_closing=True, waiting=0, running=(), last=None)


class Broken(StandIn):
    def status(self) -> Status:
        raise StoreUnwritable(f"qbm.db: disk full, {SECRET}")


async def test_health_is_200_also_when_it_is_not_well(tmp_path: Path) -> None:
    for service in (Closing(), Broken()):
        answer = await serve(tmp_path, service).client().get(HEALTH)
        assert (answer.status, answer.json["status"]) == (200, "unhealthy")
        assert not answer.json["application"]["can_accept_requests"]
    assert answer.json["error"] == "qbm.db: disk full, ***"
    assert "The runs cannot be read: qbm.db: disk full, ***" in answer.json["issues"]


async def test_health_is_degraded_from_a_request_that_could_not_be_kept_to_one_that_was(
    tmp_path: Path,
) -> None:
    (tmp_path / "logs").mkdir()
    service = StandIn(refuses=StoreUnwritable(f"qbm.db: disk full, {SECRET}"))
    client = serve(tmp_path, service).client()
    asked = {"commands": ["tag_update"]}
    assert (await client.post("/api/run-command", asked)).status == 500
    body = (await client.get(HEALTH)).json
    assert body["status"] == "degraded"
    assert body["issues"] == ["The last request could not be kept: qbm.db: disk full, ***"]
    assert body["application"]["can_accept_requests"] is False
    service.refuses = None
    assert (await client.post("/api/run-command", asked)).status == 200
    body = (await client.get(HEALTH)).json
    assert (body["status"], body["issues"]) == ("healthy", [])
    assert body["application"]["can_accept_requests"] is True


async def test_settings_that_are_wrong_are_an_issue(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    served = serve(tmp_path)
    for text in ("authentication: [", "schedule: {value: often}"):
        served.settings(text)
        answer = await served.client().get(HEALTH)
        assert (answer.status, answer.json["status"]) == (200, "degraded")
        assert "qbm_settings.yml" in answer.json["issues"][0]


async def test_recent_lines_of_the_log_are_counted_from_its_end(tmp_path: Path) -> None:
    served = serve(tmp_path)
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "qbit_manage.log").write_text("a line\n" * 500_000)
    directories = (await served.client().get(HEALTH)).json["directories"]
    assert directories["recent_log_entries"] == 100
    assert directories["last_activity"] == "Recent activity detected"


async def test_probes_say_whether_it_lives_and_takes_requests(tmp_path: Path) -> None:
    alive = serve(tmp_path).client("8.8.8.8")
    assert ((await alive.get("/healthz")).json, (await alive.get("/readyz")).json) == (
        {"status": "ok"},
        {"status": "ready"},
    )
    closing = serve(tmp_path, Closing()).client()
    assert (await closing.get("/healthz")).status == 200
    answer = await closing.get("/readyz")
    assert (answer.status, "about to end" in answer.detail) == (503, True)
    assert (await serve(tmp_path, Broken()).client().get("/readyz")).status == 500


@pytest.mark.parametrize("is_running", [True, False])
async def test_a_forced_reset_stops_nothing(tmp_path: Path, is_running: bool) -> None:
    state: Any = RunState.RUNNING if is_running else RunState.DONE
    service = StandIn(kept={"run-1": a_run(state=state)})
    answer = await serve(tmp_path, service).client().post("/api/system/force-reset", None)
    assert answer.json == {
        "status": "success",
        "message": f"There is nothing to reset. Was previously running: {is_running}",
        "was_running": is_running,
    }
    assert not service.cancelled

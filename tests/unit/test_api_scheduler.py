"""The schedule's routes: answered as the older tool does, the schedule itself comes later."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api import Served, serve
from tests.asgi import Answer

SCHEDULER = "/api/scheduler"
TOGGLE = "/api/schedule/persistence/toggle"


async def put(served: Served, body: Any, **facts: Any) -> Answer:
    return await served.client().ask("PUT", "/api/schedule", body=body, **facts)


async def get(served: Served) -> Any:
    return (await served.client().get(SCHEDULER)).json


async def test_without_a_saved_one_the_command_line_s_schedule_is_due(tmp_path: Path) -> None:
    body = await get(serve(tmp_path, schedule="30", started=datetime.now(UTC)))
    due = datetime.fromisoformat(body.pop("next_run"))
    assert timedelta(minutes=29) < due - datetime.now() <= timedelta(minutes=30)  # noqa: DTZ005
    assert "until the next run at" in body.pop("next_run_str")
    assert body == {
        "current_schedule": None,
        "is_running": False,
        "source": None,
        "persistent": False,
        "file_exists": False,
        "disabled": False,
    }


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        ({"schedule": "1440", "type": "interval"}, "interval", "1440"),
        ({"schedule": " 30 "}, "interval", "30"),
        ({"schedule": "0 4 * * *"}, "cron", "0 4 * * *"),
        ({"schedule": "0 4 * * mon", "type": "cron"}, "cron", "0 4 * * mon"),
        ({"schedule": "0 4 * * * 30"}, "cron", "0 4 * * * 30"),
        ({"schedule": "@daily"}, "cron", "@daily"),
    ],
)
async def test_a_schedule_is_saved_and_counts_from_then_on(
    tmp_path: Path, body: Any, kind: str, value: str
) -> None:
    served = serve(tmp_path)
    answer = (await put(served, body)).json
    assert re.fullmatch("[0-9a-f]{12}", answer.pop("correlationId"))
    assert answer == {
        "success": True,
        "message": f"Schedule saved successfully: {kind}={value}",
        "schedule": value,
        "type": kind,
        "persistent": True,
    }
    now = await get(served)
    assert now["current_schedule"] == {"type": kind, "value": value}
    assert (now["source"], now["persistent"], now["file_exists"], now["disabled"]) == (
        "qbm_settings.yml",
        True,
        True,
        False,
    )
    assert now["next_run"] is not None
    assert (tmp_path / "qbm_settings.yml").stat().st_mode & 0o777 == 0o600


async def test_the_body_is_read_as_curl_sends_it(tmp_path: Path) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await put(serve(tmp_path), b'{"schedule": "30"}', headers=headers)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Schedule value is required"),
        ({"schedule": None}, "Schedule value is required"),
        ({"schedule": "  "}, "Schedule value is required"),
        ({"schedule": "30", "type": "daily"}, "Schedule type must be 'cron' or 'interval'."),
        ({"schedule": "x", "type": "interval"}, "Invalid interval value."),
        ({"schedule": "0"}, "Invalid interval value."),
        ({"schedule": "-5"}, "Invalid schedule format"),
        ({"schedule": "1.5"}, "Invalid schedule format"),
        ({"schedule": "61 * * * *"}, "Invalid schedule format: Bad minute."),
        ({"schedule": "30", "type": "cron"}, "Invalid schedule format"),
        ({"schedule": ["30"]}, "schedule: it must be a text."),
        ({"schedule": 30}, "schedule: it must be a text."),
        ({"schedule": "\ud800"}, "The body is no JSON"),
        ({"schedule": "9" * 30}, "Invalid schedule format"),
        (b"", "The body is no JSON"),
        (b"{", "The body is no JSON"),
        (b"[" * 100_000, "The body is no JSON"),
        (b"[]", "The body: it must be a JSON object, {…}."),
        (b"\xff", "The body is no JSON"),
    ],
)
async def test_what_is_no_schedule_is_refused_and_nothing_saved(
    tmp_path: Path, body: Any, detail: str
) -> None:
    served = serve(tmp_path)
    answer = await put(served, body)
    assert (answer.status, answer.detail[: len(detail)]) == (400, detail)
    assert not (tmp_path / "qbm_settings.yml").exists()


async def test_while_it_is_disabled_the_command_line_s_counts(tmp_path: Path) -> None:
    served = serve(tmp_path, schedule="77")
    await put(served, {"schedule": "0 5 * * *"})
    answer = (await served.client().post(TOGGLE, None)).json
    assert re.fullmatch("[0-9a-f]{12}", answer.pop("correlationId"))
    assert answer == {
        "success": True,
        "message": "Persistent schedule disabled",
        "fileExistedBefore": True,
        "disabled": True,
        "action": "disabled",
    }
    off = await get(served)
    assert (off["current_schedule"], off["source"], off["persistent"], off["disabled"]) == (
        None,
        "disabled",
        False,
        True,
    )
    usual = await get(serve(tmp_path / "other", schedule="77", started=served.site.started))
    assert off["next_run"][:-4] == usual["next_run"][:-4]
    on = (await served.client().post(TOGGLE, None)).json
    assert (on["disabled"], on["action"]) == (False, "enabled")
    assert (await get(served))["current_schedule"] == {"type": "cron", "value": "0 5 * * *"}


async def test_toggling_without_a_file_disables_what_is_not_there_yet(tmp_path: Path) -> None:
    served = serve(tmp_path)
    answer = (await served.client().post(TOGGLE, None)).json
    assert (answer["fileExistedBefore"], answer["disabled"]) == (False, True)
    assert (await get(served))["disabled"]
    await put(served, {"schedule": "30"})
    assert not (await get(served))["disabled"]


async def test_saving_keeps_the_rest_of_the_file_with_its_comments(tmp_path: Path) -> None:
    served = serve(tmp_path)
    text = "# ours\nauthentication:\n  enabled: false  # not yet\nsurprise: [1, 2]\n"
    served.settings(text)
    await put(served, {"schedule": "30"})
    assert (tmp_path / "qbm_settings.yml").read_text().startswith(text)


@pytest.mark.parametrize(
    "text",
    [
        "type: cron\nvalue: '0 5 * * *'\ndisabled: false\n",
        "schedule:\n  type: cron\n  value: 0 5 * * *\n",
        "schedule: 0 5 * * *\ntype: cron\n",
    ],
)
async def test_a_schedule_file_of_older_versions_counts_until_one_is_saved(
    tmp_path: Path, text: str
) -> None:
    served = serve(tmp_path)
    (tmp_path / "schedule.yml").write_text(text)
    assert (await get(served))["current_schedule"] == {"type": "cron", "value": "0 5 * * *"}
    await put(served, {"schedule": "30"})
    assert (await get(served))["current_schedule"] == {"type": "interval", "value": "30"}
    assert (tmp_path / "schedule.yml").read_text() == text


async def test_a_schedule_that_never_comes_has_no_next_run(tmp_path: Path) -> None:
    body = await get(serve(tmp_path, schedule="nonsense"))
    assert (body["next_run"], body["next_run_str"]) == (None, None)


async def test_settings_that_cannot_be_written_are_said_and_stay(tmp_path: Path) -> None:
    served = serve(tmp_path)
    served.settings("schedule: {value: '30'}\n")
    (tmp_path / "qbm_settings.yml").unlink()
    (tmp_path / "qbm_settings.yml").mkdir()
    answer = await served.client(x_qbm_token="a-token-of-this-start").ask(
        "PUT", "/api/schedule", body={"schedule": "30"}
    )
    assert answer.status == 500
    assert "qbm_settings.yml" in answer.detail

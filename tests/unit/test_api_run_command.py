"""POST /api/run-command, to the letter of spec/web-api.md."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from qbm.api.middleware import LARGEST_BODY, BodyLimit
from qbm.config.refusals import NoSuchConfig
from qbm.engine.counting import STATS
from qbm.errors import (
    ConfigError,
    ServerUnreachable,
    ShuttingDown,
    StoreUnwritable,
)
from qbm.model.command import COMMANDS, CommandName
from qbm.store import LeftOut, RunState, Trigger
from tests.api import SECRET, TOKEN, Served, StandIn, serve
from tests.asgi import Answer

PATH = "/api/run-command"
TAG = {"commands": ["tag_update"]}


async def ask(served: Served, body: Any, **facts: Any) -> Answer:
    return await served.client().post(PATH, body, **facts)


async def test_a_run_that_has_ended_is_told_with_every_counter(tmp_path: Path) -> None:
    served = serve(tmp_path, StandIn(end={"stats": {"categorized": 5, "tagged": 10}}))
    answer = await ask(served, {"commands": ["tag_update", "cat_update"]})
    assert answer.status == 200
    body = answer.json
    assert body["status"] == "success"
    assert body["message"] == "Commands executed successfully for all configs"
    (result,) = body["results"]
    assert result["config_file"] == "config.yml"
    assert result["run_id"] == "run-1"
    assert result["stats"]["categorized"] == 5
    assert result["stats"]["tagged"] == 10
    assert set(result["stats"]) == {"executed_commands", *STATS}
    assert {result["stats"][name] for name in STATS} == {0, 5, 10}


async def test_executed_commands_are_those_that_the_run_names_in_its_order(tmp_path: Path) -> None:
    order = (CommandName.CAT_UPDATE, CommandName.TAG_UPDATE)
    served = serve(tmp_path, StandIn(end={"executed": order}))
    answer = await ask(served, {"commands": ["tag_update", "cat_update"]})
    assert answer.json["results"][0]["stats"]["executed_commands"] == ["cat_update", "tag_update"]


async def test_a_queued_request_is_answered_to_the_byte(tmp_path: Path) -> None:
    served = serve(tmp_path, StandIn(is_busy=True))
    answer = await ask(served, {"commands": ["cat_update", "tag_update"]})
    assert answer.status == 200
    assert answer.body == (
        b'{"status":"queued","message":"Scheduled run in progress. Request queued.",'
        b'"config_file":"config.yml","commands":["cat_update","tag_update"],"run_id":"run-1"}'
    )


async def test_a_queued_pattern_is_answered_as_it_was_asked(tmp_path: Path) -> None:
    served = serve(tmp_path, StandIn(("a.yml", "b.yml"), is_busy=True))
    answer = await ask(served, {**TAG, "config_file": "*.yml"})
    assert answer.json["config_file"] == "*.yml"
    assert answer.json["run_id"] == "run-1"


async def test_every_field_reaches_the_service(tmp_path: Path) -> None:
    served = serve(tmp_path)
    await ask(
        served,
        {
            "config_file": "other.yml",
            "commands": ["share_limits"],
            "hashes": ["a" * 40, "-"],
            "dry_run": True,
            "skip_cleanup": True,
            "skip_qb_version_check": True,
            "log_level": "debug",
        },
    )
    (asked,) = served.service.asked
    assert asked.config_file == "other.yml"
    assert asked.commands == (CommandName.SHARE_LIMITS,)
    assert asked.hashes == ("a" * 40, "-")
    assert (asked.dry_run, asked.skip_cleanup, asked.skip_qb_version_check) == (True, True, True)
    assert asked.log_level == "DEBUG"
    assert asked.trigger is Trigger.API


async def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    served = serve(tmp_path)
    await ask(served, TAG)
    (asked,) = served.service.asked
    assert asked.config_file == "config.yml"
    assert asked.hashes == ()
    assert (asked.dry_run, asked.skip_cleanup, asked.skip_qb_version_check) == (False, False, False)
    assert asked.log_level is None


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_is_known(tmp_path: Path, command: CommandName) -> None:
    answer = await ask(serve(tmp_path), {"commands": [command]})
    assert answer.status == 200


async def test_a_command_twice_is_asked_for_once(tmp_path: Path) -> None:
    served = serve(tmp_path)
    await ask(served, {"commands": ["recheck", "tag_update", "recheck"]})
    assert served.service.asked[0].commands == (CommandName.RECHECK, CommandName.TAG_UPDATE)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"commands": ["nope"]}, "Invalid command: nope"),
        ({"commands": ["tag_update", "Tag_Update"]}, "Invalid command: Tag_Update"),
        ({"commands": ["force_auto_tmm"]}, "Invalid command: force_auto_tmm"),
        ({"commands": [""]}, "Invalid command: "),
        ({"commands": ["a\0b"]}, "Invalid command: a\\x00b"),
        ({"commands": []}, "No commands given"),
        ({}, "No commands given"),
        ({"config_file": "config.yml", "hashes": []}, "No commands given"),
        ({"commands": "tag_update"}, "commands: it must be a list, […]."),
        ({"commands": None}, "commands: it must be a list, […]."),
        ({"commands": [1]}, "commands.0: it must be a text."),
        ({"commands": [["tag_update"]]}, "commands.0: it must be a text."),
        ({**TAG, "hashes": "abc"}, "hashes: it must be a list, […]."),
        ({**TAG, "hashes": None}, "hashes: it must be a list, […]."),
        ({**TAG, "hashes": [None]}, "hashes.0: it must be a text."),
        ({**TAG, "hashes": ["\ud800"]}, "hashes.0: it holds what is no character"),
        ({**TAG, "config_file": 5}, "config_file: it must be a text."),
        ({**TAG, "dry_run": "maybe"}, "dry_run: it must be true or false."),
        ({**TAG, "dry_run": 10**400}, "dry_run: it must be true or false."),
        ({**TAG, "dry_run": None}, "dry_run: it must be true or false."),
        ({**TAG, "skip_cleanup": []}, "skip_cleanup: it must be true or false."),
        ({**TAG, "log_level": 5}, "log_level: it must be a text."),
        ({**TAG, "log_level": "loud"}, "log_level: loud is none. There are: TRACE"),
        ({**TAG, "dryRun": True}, "The body: dryRun is unknown, but there is dry_run"),
        ({**TAG, "dry-run": True}, "The body: dry-run is unknown, but there is dry_run"),
        ({**TAG, "dry_rum": True}, "The body: dry_rum is unknown, but there is dry_run"),
        ({**TAG, "dry": True}, "The body: dry is unknown, but there is dry_run"),
        ({**TAG, "dry_mode": True}, "The body: dry_mode is unknown, but there is dry_run"),
        ({**TAG, "hash": "a" * 40}, "The body: hash is unknown, but there is hashes"),
        ({**TAG, "hahses": []}, "The body: hahses is unknown, but there is hashes"),
        ({**TAG, "config": "x.yml"}, "The body: config is unknown, but there is config_file"),
        ({"command": "tag_update"}, "The body: command is unknown, but there is commands"),
        (
            b'{"commands": ["tag_update"], "dry_run": true, "dry_run": false}',
            "dry_run is there twice, with different values.",
        ),
        (
            b'{"commands": ["tag_update"], "commands": ["share_limits"]}',
            "commands is there twice, with different values.",
        ),
        ([], "The body: it must be a JSON object, {…}."),
        ("tag_update", "The body: it must be a JSON object, {…}."),
        (b"null", "The body: it must be a JSON object, {…}."),
        (b"", "The body: it is missing."),
        (b"{", "The body is no JSON ("),
        (b'{"commands": ["tag_update"]', "The body is no JSON ("),
        (
            b'{"commands": ["tag_update"], "dry_run": ' + b"1" * 5000 + b"}",
            "The body cannot be read: a number in it is far too long.",
        ),
        (b"[" * 100_000, "The body cannot be read: it is nested too deeply."),
        (b'{"a":' * 100_000, "The body cannot be read: it is nested too deeply."),
        (b"\xff\xfe\x00", "The body cannot be read: it is not UTF-8."),
        (b"\x80", "The body cannot be read: it is not UTF-8."),
        ({**TAG, "config_file": "\udfff.yml"}, "config_file: it holds what is no character"),
        ({**TAG, "config_file": None}, "config_file: it must be a text."),
    ],
)
async def test_a_malformed_request_is_refused_with_what_is_wrong(
    tmp_path: Path, body: Any, detail: str
) -> None:
    served = serve(tmp_path)
    answer = await ask(served, body)
    assert (answer.status, answer.detail[: len(detail)]) == (400, detail)
    assert list(answer.json) == ["detail"]
    assert not served.service.asked


async def test_unicode_in_a_command_is_named_as_it_is(tmp_path: Path) -> None:
    answer = await ask(serve(tmp_path), {"commands": ["größe"]})
    assert answer.detail == "Invalid command: größe"


async def test_every_wrong_field_is_named_at_once(tmp_path: Path) -> None:
    answer = await ask(serve(tmp_path), {"commands": 1, "hashes": 2, "dry_run": 3})
    assert all(f"{name}: " in answer.detail for name in ("commands", "hashes", "dry_run"))


async def test_an_invalid_command_is_told_before_a_missing_config(tmp_path: Path) -> None:
    served = serve(tmp_path, StandIn(refuses=NoSuchConfig("There is no config file x.yml.")))
    answer = await ask(served, {"commands": ["nope"], "config_file": "x.yml"})
    assert answer.detail == "Invalid command: nope"


@pytest.mark.parametrize("level", ["info", "INFO", "Debug", "trace", "WARNING", "critical"])
async def test_a_log_level_is_known_in_any_case(tmp_path: Path, level: str) -> None:
    served = serve(tmp_path)
    assert (await ask(served, {**TAG, "log_level": level})).status == 200
    assert served.service.asked[0].log_level == level.upper()


@pytest.mark.parametrize("word", [True, "true", "True", "1", 1, "yes", "on"])
async def test_a_dry_run_may_be_asked_for_as_people_write_it(tmp_path: Path, word: object) -> None:
    served = serve(tmp_path)
    assert (await ask(served, {**TAG, "dry_run": word})).status == 200
    assert served.service.asked[0].dry_run


async def test_other_fields_are_ignored(tmp_path: Path) -> None:
    others = {"torrent_name": "x", "": 1, "name": "x", "id": 5, "source": "cron", "a": 1}
    assert (await ask(serve(tmp_path), {**TAG, **others})).status == 200


async def test_a_field_may_be_said_twice_if_it_says_the_same(tmp_path: Path) -> None:
    raw = b'{"commands": ["tag_update"], "dry_run": true, "dry_run": true}'
    assert (await ask(serve(tmp_path), raw)).status == 200


async def test_a_process_that_is_pinned_dry_runs_everything_dry(tmp_path: Path) -> None:
    served = serve(tmp_path, is_dry=True)
    await ask(served, {**TAG, "dry_run": False})
    assert served.service.asked[0].dry_run


async def test_a_missing_config_is_404_and_named(tmp_path: Path) -> None:
    served = serve(tmp_path, StandIn(refuses=NoSuchConfig("There is no config file x.yml here.")))
    answer = await ask(served, {**TAG, "config_file": "x.yml"})
    assert (answer.status, answer.detail) == (404, "There is no config file x.yml here.")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("config.yml:3:5: qbt.host: a value is required here"), 500),
        (StoreUnwritable("/config/qbm.db: No space left on device."), 500),
        (ShuttingDown("The server is about to end."), 503),
    ],
)
async def test_a_request_that_cannot_be_accepted_says_why(
    tmp_path: Path, error: Any, status: int
) -> None:
    answer = await ask(serve(tmp_path, StandIn(refuses=error)), TAG)
    assert (answer.status, answer.detail) == (status, str(error))


async def test_a_waiter_is_told_when_the_server_ends(tmp_path: Path) -> None:
    error = ShuttingDown("The server ends; run-1 goes on at the next start.")
    answer = await ask(serve(tmp_path, StandIn(ends_with=error)), TAG)
    assert (answer.status, answer.detail) == (503, str(error))


async def test_a_failed_run_is_500_with_what_to_do_and_the_results_beside(tmp_path: Path) -> None:
    error = str(ServerUnreachable("Nobody answers at http://localhost:8080. Is it running?"))
    end = {"state": RunState.FAILED, "error": error, "executed": ()}
    answer = await ask(serve(tmp_path, StandIn(end=end)), TAG)
    assert (answer.status, answer.detail) == (500, error)
    (result,) = answer.json["results"]
    assert result["error"] == error
    assert result["stats"]["executed_commands"] == []


async def test_of_several_configs_the_failed_one_is_named(tmp_path: Path) -> None:
    end = {"b.yml": {"state": RunState.FAILED, "error": "Nobody answers."}, "a.yml": {}}
    answer = await ask(serve(tmp_path, StandIn(("a.yml", "b.yml"), end=end)), TAG)
    assert (answer.status, answer.detail) == (500, "b.yml: Nobody answers.")
    assert [each["config_file"] for each in answer.json["results"]] == ["a.yml", "b.yml"]
    assert [each["error"] for each in answer.json["results"]] == [None, "Nobody answers."]


async def test_an_interrupted_run_is_500(tmp_path: Path) -> None:
    answer = await ask(serve(tmp_path, StandIn(end={"state": RunState.INTERRUPTED})), TAG)
    assert answer.status == 500
    assert "interrupted" in answer.detail


async def test_a_refused_command_is_named_and_the_answer_is_200(tmp_path: Path) -> None:
    refused = (LeftOut(CommandName.REM_ORPHANED, "60 orphans are more than 50"),)
    end = {"refused": refused, "executed": (CommandName.TAG_UPDATE,)}
    answer = await ask(
        serve(tmp_path, StandIn(end=end)), {"commands": ["tag_update", "rem_orphaned"]}
    )
    assert answer.status == 200
    (result,) = answer.json["results"]
    named = [{"command": "rem_orphaned", "reason": "60 orphans are more than 50"}]
    assert result["refused"] == named
    assert result["errors"] == named
    assert result["stats"]["executed_commands"] == ["tag_update"]


async def test_a_failed_command_beside_one_that_ran_is_200(tmp_path: Path) -> None:
    failed = (LeftOut(CommandName.RECHECK, "not in this version"),)
    end = {"failed_commands": failed, "executed": (CommandName.TAG_UPDATE,)}
    answer = await ask(serve(tmp_path, StandIn(end=end)), {"commands": ["tag_update", "recheck"]})
    assert answer.status == 200
    (result,) = answer.json["results"]
    assert result["errors"] == [{"command": "recheck", "reason": "not in this version"}]
    assert result["refused"] == []


async def test_a_run_where_nothing_could_run_is_500(tmp_path: Path) -> None:
    failed = (LeftOut(CommandName.RECHECK, "not in this version"),)
    served = serve(tmp_path, StandIn(end={"failed_commands": failed, "executed": ()}))
    answer = await ask(served, {"commands": ["recheck"]})
    assert (answer.status, answer.detail) == (500, "recheck: not in this version")


async def test_a_run_where_all_was_refused_is_200(tmp_path: Path) -> None:
    refused = (LeftOut(CommandName.REM_ORPHANED, "the server has no torrents"),)
    served = serve(tmp_path, StandIn(end={"refused": refused, "executed": ()}))
    assert (await ask(served, {"commands": ["rem_orphaned"]})).status == 200


async def test_no_secret_leaves_with_an_answer(tmp_path: Path) -> None:
    end = {
        "state": RunState.FAILED,
        "error": f"refused: {SECRET}",
        "warnings": (f"warned: {SECRET}",),
        "refused": (LeftOut(CommandName.TAG_UPDATE, f"because {SECRET}"),),
    }
    answer = await ask(serve(tmp_path, StandIn(end=end)), TAG)
    assert answer.detail == "refused: ***"
    assert SECRET.encode() not in answer.body


async def test_a_fault_of_ours_is_a_short_500_and_the_log_has_the_traceback(tmp_path: Path) -> None:
    class Broken(StandIn):
        def accept(self, asked: Any) -> Any:
            raise KeyError(SECRET, asked)

    served = serve(tmp_path, Broken())
    answer = await ask(served, TAG)
    assert answer.status == 500
    assert list(answer.json) == ["detail"]
    assert SECRET not in answer.detail
    assert "Traceback" not in answer.detail
    (event,) = served.events
    assert event["event"] == "crashed"
    assert isinstance(event["exc_info"], KeyError)


async def test_the_command_line_s_runs_are_told_apart_by_its_token(tmp_path: Path) -> None:
    served = serve(tmp_path)
    await ask(served, TAG, headers={"x-qbm-token": TOKEN})
    assert served.service.asked[0].trigger is Trigger.CLI


async def test_a_body_without_a_content_type_is_read(tmp_path: Path) -> None:
    served = serve(tmp_path)
    raw = json.dumps(TAG).encode()
    answer = await served.client().ask("POST", PATH, chunks=[raw[:10], raw[10:]])
    assert answer.status == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain"])
async def test_a_body_that_is_called_no_json_is_told_how_to_be_sent(
    tmp_path: Path, kind: str
) -> None:
    answer = await ask(serve(tmp_path), b'{"commands": ["x"]}', headers={"content-type": kind})
    assert answer.status == 400
    assert kind in answer.detail
    assert "Content-Type: application/json" in answer.detail


async def test_a_body_that_says_it_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    served = serve(tmp_path)
    answer = await ask(served, b" " * 5_000_000)
    assert (answer.status, answer.read) == (413, 0)
    assert "1,000,000 bytes" in answer.detail


async def test_a_body_that_does_not_arrive_is_given_up(tmp_path: Path) -> None:
    async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        assert (await receive())["more_body"]
        with pytest.raises(HTTPException) as refused:
            await receive()
        assert refused.value.status_code == 408
        await Response()(scope, receive, send)

    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def half() -> Message:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def drop(_: Message) -> None:
        """The answer is not looked at."""

    limited = BodyLimit(read_all, str, seconds=0.05)
    scope = {"type": "http", "method": "POST", "headers": []}
    await asyncio.wait_for(limited(scope, half, drop), 5)


async def test_a_body_that_grows_too_large_is_refused_before_its_end(tmp_path: Path) -> None:
    served = serve(tmp_path)
    headers = {"content-type": "application/json"}
    answer = await served.client().ask("POST", PATH, chunks=[b" " * 65536] * 80, headers=headers)
    assert answer.status == 413
    assert answer.read <= LARGEST_BODY + 65536
    assert list(answer.json) == ["detail"]

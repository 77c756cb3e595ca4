"""The configs' routes; what a save does to a file is tested with ``config.editing``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api import CONFIG, SECRET, Served, serve
from tests.asgi import Answer

PATH = "/api/configs"
DATA = {
    "qbt": {"host": "localhost:8080", "user": "admin", "pass": "***"},
    "cat": {"tv": "/data/tv"},
    "tracker": {"other": {"tag": "other"}},
}


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return serve(tmp_path / "config", environ={"HOST": "nas:8080"})


async def test_the_configs_are_listed_without_what_is_none(served: Served) -> None:
    for name in ("b.yaml", "a.yml", "qbm_settings.yml", "secrets.yml", ".hidden.yml", "x.txt"):
        (served.folder / name).write_text("")
    answer = await served.client().get(PATH)
    assert answer.json == {
        "configs": ["a.yml", "b.yaml", "config.yml"],
        "default_config": "config.yml",
    }


async def test_the_first_is_the_default_and_config_yml_if_there_is_none(served: Served) -> None:
    (served.folder / "config.yml").rename(served.folder / "z.yml")
    assert (await served.client().get(PATH)).json["default_config"] == "z.yml"
    (served.folder / "z.yml").unlink()
    answer = await served.client().get(PATH)
    assert answer.json == {"configs": [], "default_config": "config.yml"}


async def test_a_config_is_shown_without_its_secrets(served: Served) -> None:
    text = CONFIG.replace("user: admin", "user: !ENV QBT_USER")
    (served.folder / "config.yml").write_text(text)
    answer = await served.client().get(f"{PATH}/config.yml")
    body = answer.json
    assert list(body) == ["filename", "data", "last_modified", "size"]
    assert body["filename"] == "config.yml"
    assert body["size"] == len(text)
    assert body["data"]["qbt"] == {
        "host": "localhost:8080",
        "user": "!ENV QBT_USER",
        "pass": "***",
    }
    assert SECRET.encode() not in answer.body


async def test_saved_as_it_was_read_it_is_byte_for_byte_the_same(served: Served) -> None:
    answer = await put(served, DATA)
    assert answer.json == {
        "status": "success",
        "message": "Configuration 'config.yml' updated successfully",
        "errors": [],
        "warnings": [],
    }
    assert (served.folder / "config.yml").read_text() == CONFIG
    assert not list(served.folder.glob(".backups/*"))


async def test_a_half_written_config_is_saved_and_told_what_it_lacks(served: Served) -> None:
    answer = await put(served, {**DATA, "qbt": {"hosst": "nas:8080"}})
    assert answer.status == 200
    [error] = answer.json["errors"]
    assert "qbt.host" in error
    assert "hosst: nas:8080" in (served.folder / "config.yml").read_text()


async def test_one_changed_value_changes_one_line_after_a_backup(served: Served) -> None:
    await put(served, {**DATA, "cat": {"tv": "/data/series"}})
    assert (served.folder / "config.yml").read_text() == CONFIG.replace("/data/tv", "/data/series")
    listed = (await served.client().get(f"{PATH}/config.yml/backups")).json["backups"]
    assert [each["size"] for each in listed] == [len(CONFIG)]
    backup = listed[0]["filename"]
    answer = await served.client().post(f"{PATH}/{backup}/restore", None)
    assert answer.json == {
        "status": "success",
        "message": f"Backup '{backup}' loaded successfully",
        "data": DATA,
    }
    assert "/data/series" in (served.folder / "config.yml").read_text()


async def put(served: Served, data: Any, name: str = "config.yml") -> Answer:
    return await served.client().ask("PUT", f"{PATH}/{name}", body={"data": data})


async def test_a_config_is_made_once(served: Served) -> None:
    data = {"qbt": {"host": "nas:8080"}}
    answer = await served.client().post(f"{PATH}/new.yml", {"data": data})
    assert (answer.status, answer.json["message"]) == (
        200,
        "Configuration 'new.yml' created successfully",
    )
    assert (await served.client().get(f"{PATH}/new.yml")).json["data"] == data
    assert (served.folder / "new.yml").stat().st_mode & 0o777 == 0o600
    again = await served.client().post(f"{PATH}/new.yml", {"data": {}})
    assert (again.status, "already" in again.detail) == (409, True)


async def test_a_config_is_removed_after_a_backup(served: Served) -> None:
    answer = await served.client().ask("DELETE", f"{PATH}/config.yml")
    assert answer.json["message"] == "Configuration 'config.yml' deleted successfully"
    assert not (served.folder / "config.yml").exists()
    assert len((await served.client().get(f"{PATH}/config.yml/backups")).json["backups"]) == 1
    assert (await served.client().ask("DELETE", f"{PATH}/config.yml")).status == 404


async def test_a_backup_is_made_when_asked_for(served: Served) -> None:
    answer = await served.client().post(f"{PATH}/config.yml/backup", None)
    assert (answer.json["status"], answer.json["message"]) == (
        "success",
        "Manual backup created successfully",
    )
    assert (served.folder / ".backups" / answer.json["backup_file"]).read_text() == CONFIG


async def test_checking_tells_everything_that_is_wrong_and_writes_nothing(served: Served) -> None:
    wanted = {"qbt": {"user": "x", "host": "!ENV HOST"}, "cat": {"tv": "/d"}, "catt": {}}
    before = {path: path.stat().st_mtime_ns for path in served.folder.rglob("*")}
    answer = await served.client().post(f"{PATH}/config.yml/validate", {"data": wanted})
    body = answer.json
    assert list(body) == ["valid", "errors", "warnings", "config_modified"]
    assert (body["valid"], body["config_modified"]) == (False, False)
    assert any("qbt.pass" in each for each in body["errors"])
    assert any("catt" in each for each in body["warnings"])
    assert all("config.yml:" in each for each in body["errors"])
    assert {path: path.stat().st_mtime_ns for path in served.folder.rglob("*")} == before


@pytest.mark.parametrize("name", ["config.yml", "new.yml", "broken.yml"])
async def test_a_right_config_is_valid_also_before_it_is_there(served: Served, name: str) -> None:
    (served.folder / "broken.yml").write_text("qbt: [\n")
    data = {**DATA, "qbt": {"host": "nas"}}
    answer = await served.client().post(f"{PATH}/{name}/validate", {"data": data})
    assert (answer.json["valid"], answer.json["errors"]) == (True, [])


NAMES = {
    "missing.yml": 404,
    "qbm_settings.yml": 403,
    "QBM_SETTINGS.YML": 403,
    "secrets.yml": 403,
    "config.txt": 400,
    "config": 400,
    "..": 400,
    "..%2Fconfig.yml": 404,
    "%2Fetc%2Fpasswd": 404,
    "..%5Cx.yml": 400,
    "config.yml%00": 400,
    "config.yml%0A": 400,
    "a*.yml": 400,
    "nul.yml": 400,
    "link.yml": 400,
    "%EF%BC%8E%EF%BC%8E%EF%BC%8Fx.yml": 400,
    f"{'x' * 300}.yml": 400,
}


@pytest.mark.parametrize(("name", "status"), NAMES.items())
async def test_only_configs_of_the_folder_are_shown(served: Served, name: str, status: int) -> None:
    (served.folder.parent / "x.yml").write_text("outside: 1")
    (served.folder / "link.yml").symlink_to(served.folder.parent / "x.yml")
    (served.folder / "secrets.yml").write_text("secret: 1")
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"data": {}}),
        ("DELETE", "", None),
        ("POST", "/backup", None),
    ):
        answer = await served.client().ask(method, f"{PATH}/{name}{path}", body=body)
        assert (answer.status, list(answer.json)) == (status, ["detail"])
        assert b"outside" not in answer.body
    assert (served.folder / "link.yml").is_symlink()
    assert (served.folder.parent / "x.yml").read_text() == "outside: 1"


@pytest.mark.parametrize(
    "name",
    ["config.yml", "x.yml", "..%2Fconfig.yml", "config_x.yml", "config.yml%00", ".backups"],
)
async def test_only_backups_can_be_restored(served: Served, name: str) -> None:
    answer = await served.client().post(f"{PATH}/{name}/restore", None)
    assert answer.status in (400, 404)
    assert list(answer.json) == ["detail"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "data: it is missing."),
        ({"data": []}, "data: it must be a JSON object, {…}."),
        ({"data": "x"}, "data: it must be a JSON object, {…}."),
        ({"data": {"a": "\ud800"}}, "data: it holds what is no character"),
        ({"data": {"\ud800": 1}}, "data: it holds what is no character"),
        ({"data": {"qbt": {"host": "***"}}}, "qbt.host: *** stands for the secret"),
        (b'{"data": {"a": NaN}}', "a: it is no number"),
        (b'{"data":' + b'{"a":' * 60 + b"1" + b"}" * 61, "data: it is nested too deeply"),
        (b'{"data":' + b'{"a":' * 900 + b"1" + b"}" * 901, "data: it is nested too deeply"),
        (b'{"data": {"a": ' + b"9" * 4000 + b"}}", "a: the number is too large"),
        (b'{"data"', "The body is no JSON"),
    ],
)
@pytest.mark.parametrize("action", ["PUT config.yml", "POST new.yml", "POST config.yml/validate"])
async def test_data_that_no_config_can_hold_are_refused(
    served: Served, action: str, body: Any, detail: str
) -> None:
    method, path = action.split()
    answer = await served.client().ask(method, f"{PATH}/{path}", body=body)
    assert (answer.status, answer.detail[: len(detail)]) == (400, detail)
    assert (served.folder / "config.yml").read_text() == CONFIG
    assert not (served.folder / "new.yml").exists()


async def test_a_config_that_is_no_yaml_is_told_with_its_line(served: Served) -> None:
    (served.folder / "config.yml").write_text(f"qbt:\n  pass: {SECRET}\n  host: [\n")
    answer = await served.client().get(f"{PATH}/config.yml")
    assert answer.status == 500
    assert "line 4" in answer.detail or ":4:" in answer.detail
    assert SECRET not in answer.detail


async def test_a_config_that_is_no_yaml_can_be_mended_through_the_api(served: Served) -> None:
    broken = "qbt:\n  host: [\n"
    (served.folder / "config.yml").write_text(broken)
    told = await served.client().get(f"{PATH}/config.yml")
    assert told.detail.startswith("config.yml: line 3, column 1: ")
    masked = await put(served, DATA)
    assert (masked.status, "qbt.pass: ***" in masked.detail) == (400, True)
    assert (served.folder / "config.yml").read_text() == broken
    data = {**DATA, "qbt": {"host": "nas:8080"}}
    assert (await put(served, data)).status == 200
    assert (await served.client().get(f"{PATH}/config.yml")).json["data"] == data
    [backup] = (served.folder / ".backups").iterdir()
    assert backup.read_text() == broken


@pytest.mark.parametrize("text", ["just text\n", "- a\n- list\n"])
async def test_a_config_without_keys_has_no_data_and_is_replaced_after_a_backup(
    served: Served, text: str
) -> None:
    (served.folder / "config.yml").write_text(text)
    assert (await served.client().get(f"{PATH}/config.yml")).json["data"] == {}
    data = {"qbt": {"host": "nas:8080"}}
    assert (await put(served, data)).status == 200
    assert (await served.client().get(f"{PATH}/config.yml")).json["data"] == data
    [backup] = (served.folder / ".backups").iterdir()
    assert backup.read_text() == text


async def test_an_empty_config_has_no_data(served: Served) -> None:
    (served.folder / "config.yml").write_text("")
    assert (await served.client().get(f"{PATH}/config.yml")).json["data"] == {}

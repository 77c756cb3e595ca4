"""``qbm_settings.yml`` as people have it: read leniently, changed without losing anything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qbm.config.problem import InvalidConfigError
from qbm.config.refusals import FolderError
from qbm.service.schedule import Cron, Interval
from qbm.service.settings import (
    LARGEST,
    Authentication,
    Method,
    SavedSchedule,
    Settings,
    SettingsFile,
)

OLDER = """\
# written by the older tool
authentication:
  enabled: true
  method: basic
  bypass_auth_for_local: false
  trusted_proxies:
    - 127.0.0.1
  username: admin
  password_hash:
    $argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA
  api_key: ''
schedule:
  type: interval
  value: '60'
  disabled: false
  updated_at: '2026-11-23T17:51:26.796442'
"""


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / "qbm_settings.yml", {"KEY": "from-a-variable"})


def test_without_a_file_the_defaults_hold(file: SettingsFile) -> None:
    assert file.read() == Settings()
    assert file.read().authentication == Authentication()


def test_the_older_tool_s_file_is_read_as_it_is(file: SettingsFile) -> None:
    file.path.write_text(OLDER)
    assert file.read().authentication == Authentication(
        enabled=True,
        method=Method.BASIC,
        trusted_proxies=("127.0.0.1",),
        username="admin",
        password_hash="$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
    )
    assert file.read().schedule_in_force("1440") == Interval(60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("authentication:\n", {}),
        ("surprise: 1\n", {}),
        ("authentication: {enabled: 'yes', surprise: [1]}", {"enabled": True}),
        ("authentication: {enabled: 1}", {"enabled": True}),
        ("authentication: {enabled:, method:, trusted_proxies:}", {}),
        ("authentication: {trusted_proxies: 10.0.0.1}", {"trusted_proxies": ("10.0.0.1",)}),
        ("authentication: {trusted_proxies: 'a, b'}", {"trusted_proxies": ("a", "b")}),
        ("authentication: {username: 5}", {"username": "5"}),
        ("authentication: {api_key: !ENV KEY}", {"api_key": "from-a-variable"}),
        ("authentication: {api_key: !ENV NOT_SET}", {}),
        ("\ufeffauthentication: {enabled: on}", {"enabled": True}),
    ],
)
def test_what_people_write_is_understood(
    file: SettingsFile, text: str, expected: dict[str, Any]
) -> None:
    file.path.write_text(text, encoding="utf-8")
    assert file.read().authentication == Authentication(**expected)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("authentication: [", ":1:"),
        ("- a\n", "no mapping"),
        ("authentication: on\n", "authentication: it is no section"),
        ("authentication:\n  enabled: maybe\n", ":2:12: authentication.enabled"),
        ("authentication:\n  method: oauth\n", "'none', 'basic' or 'api_only'"),
        ("authentication:\n  username: [hunter2]\n", "authentication.username"),
        ("a: &a [x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\n" * 2, "second time"),
        ("authentication: {enabled: true, enabled: false}", "second time"),
        ("x: " + "y" * LARGEST, "too large"),
        ("a: \0", "control character"),
    ],
)
def test_who_may_call_is_never_guessed(file: SettingsFile, text: str, place: str) -> None:
    file.path.write_text(text)
    with pytest.raises(InvalidConfigError) as raised:
        file.read()
    assert place in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_folder_or_a_dangling_link_is_no_absence(file: SettingsFile) -> None:
    file.path.symlink_to(file.path.with_name("gone.yml"))
    with pytest.raises(InvalidConfigError):
        file.read()
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(InvalidConfigError):
        file.read()


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("schedule: {type: cron, value: 0 4 * * *}", Cron("0 4 * * *")),
        ("schedule: {value: 30}", Interval(30)),
        ("schedule: {value: '30', disabled: true}", Interval(1440)),
        ("schedule: {type:, value:, disabled: true}", Interval(1440)),
        ("schedule: {type: null, value: None}", Interval(1440)),
        ("schedule: {type: sometimes, value: 30}", Interval(1440)),
        ("schedule: often", Interval(1440)),
    ],
)
def test_a_saved_schedule_counts_if_it_is_one(
    file: SettingsFile, text: str, schedule: object
) -> None:
    file.path.write_text(f"authentication: {{enabled: true}}\n{text}\n")
    settings = file.read()
    assert settings.schedule_in_force("1440") == schedule
    assert settings.authentication.enabled
    is_broken = settings.schedule is None
    assert is_broken == bool(settings.warnings)


def test_an_older_schedule_file_counts_until_one_is_saved(file: SettingsFile) -> None:
    file.path.with_name("schedule.yml").write_text("type: interval\nvalue: '90'\ndisabled: false\n")
    assert file.read().schedule_in_force("1440") == Interval(90)
    file.save("schedule", {"type": "interval", "value": "30"})
    assert file.read().schedule == SavedSchedule(type="interval", value="30")
    file.path.with_name("schedule.yml").write_text("type: [")
    assert file.read().schedule_in_force("1440") == Interval(30)


def test_a_change_is_seen_at_once_also_of_the_same_length(file: SettingsFile) -> None:
    file.path.write_text("authentication: {username: one}\n")
    assert file.read().authentication.username == "one"
    file.path.write_text("authentication: {username: two}\n")
    assert file.read().authentication.username == "two"
    file.path.unlink()
    assert file.read() == Settings()


def test_a_save_changes_its_keys_alone(file: SettingsFile) -> None:
    file.path.write_text(OLDER)
    file.save("schedule", {"value": "90"})
    assert file.path.read_text() == OLDER.replace("'60'", "'90'")
    file.save("authentication", {"method": "api_only"})
    assert file.path.read_text() == OLDER.replace("'60'", "'90'").replace("basic", "api_only")


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o777])
def test_what_is_saved_is_for_its_owner_alone(file: SettingsFile, mode: int) -> None:
    file.path.write_text(OLDER)
    file.path.chmod(mode)
    file.save("schedule", {"value": "90"})
    assert file.path.stat().st_mode & 0o777 == 0o600
    file.path.unlink()
    file.save("schedule", {"value": "90"})
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert not list(file.path.parent.glob("*.tmp"))


def test_a_link_to_the_file_stays_a_link(file: SettingsFile) -> None:
    real = file.path.with_name("elsewhere.yml")
    real.write_text(OLDER)
    file.path.symlink_to(real)
    file.save("schedule", {"value": "90"})
    assert file.path.is_symlink()
    assert "'90'" in real.read_text()


def test_saves_at_once_lose_nothing(file: SettingsFile) -> None:
    file.path.write_text("# ours\n")
    with ThreadPoolExecutor(8) as pool:
        for number in range(16):
            pool.submit(file.save, "authentication", {f"key_{number}": number})
    text = file.path.read_text()
    assert text.startswith("# ours\n")
    assert all(f"key_{number}: {number}\n" in text for number in range(16))


def test_a_file_that_is_no_yaml_is_not_overwritten(file: SettingsFile) -> None:
    file.path.write_text("authentication: [\n")
    with pytest.raises(FolderError, match=r"qbm_settings\.yml|line|flow|closed"):
        file.save("schedule", {"value": "30"})
    assert file.path.read_text() == "authentication: [\n"

"""The models by themselves: defaults, frozenness, secrets, and the tables beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from qbm.config import Config, Qbt, Settings
from qbm.config.checking.texts import section_at, told
from qbm.config.concerns import CONCERNS, part_of
from qbm.config.problem import shown_path
from qbm.config.schema import Commands
from qbm.model.command import COMMANDS


def _config(**sections: Any) -> Config:
    return Config.model_validate({"qbt": {"host": "localhost"}, **sections})


def test_the_defaults_are_those_of_the_reference() -> None:
    config = _config()
    assert config.commands is None
    assert config.settings == Settings()
    assert config.settings.model_dump() == {
        "force_auto_tmm": False,
        "force_auto_tmm_ignore_tags": (),
        "tracker_error_tag": "issue",
        "nohardlinks_tag": "noHL",
        "stalled_tag": "stalledDL",
        "tag_stalled_torrents": True,
        "private_tag": None,
        "share_limits_tag": "~share_limit",
        "share_limits_min_seeding_time_tag": "MinSeedTimeNotReached",
        "share_limits_min_num_seeds_tag": "MinSeedsNotMet",
        "share_limits_last_active_tag": "LastActiveLimitNotReached",
        "cat_filter_completed": True,
        "share_limits_filter_completed": True,
        "tag_nohardlinks_filter_completed": True,
        "rem_unregistered_filter_completed": False,
        "cat_update_all": True,
        "cat_update_use_folder_name": False,
        "disable_qbt_default_share_limits": True,
        "rem_unregistered_ignore_list": (),
        "rem_unregistered_grace_minutes": 10,
        "rem_unregistered_max_torrents": 10,
        "rem_unregistered_min_sightings": 1,
        "rem_unregistered_min_age_minutes": 0,
        "rem_unregistered_veto_hours": 48,
        "max_removal_percent": 20,
        "protect_tag": None,
    }
    assert (config.cat, config.cat_change, config.tracker, config.other) == ({}, {}, {}, None)


def test_sections_are_frozen_and_those_without_mappings_hashable() -> None:
    config = _config(commands={"recheck": True})
    with pytest.raises(ValidationError, match="frozen"):
        config.settings.stalled_tag = "x"  # type: ignore[misc]
    assert len({config.qbt, config.settings, config.commands}) == 3
    assert config == _config(commands={"recheck": True})


def test_no_secret_is_in_a_configs_text_or_in_an_error() -> None:
    qbt = {"host": "localhost", "pass": "hunter2", "apikey": "hunter2"}
    config = Config.model_validate({"qbt": qbt})
    assert "hunter2" not in f"{config!r} {config} {config.model_dump_json()}"
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"qbt": {**qbt, "pass": ["hunter2"]}})
    assert "hunter2" not in str(caught.value)


def test_values_of_python_are_taken_like_those_of_a_file() -> None:
    config = _config(
        settings={"stalled_tag": 1080, "tag_stalled_torrents": False, "private_tag": None},
        cat={"films": "/a", "series": ("/b", "/c")},
        tracker={"a": None, "b": {"tag": ["x", 1], "cat": "films"}},
        cat_change={"a": "b", "c": {"new_cat": "d", "delay_minutes": 5}},
    )
    assert config.settings.stalled_tag == "1080"
    assert config.cat == {"films": ("/a",), "series": ("/b", "/c")}
    assert config.tracker["b"].tags == ("x", "1")
    assert config.cat_change["c"].delay_minutes == 5


def test_the_other_entry_is_the_one_that_the_trackers_hold() -> None:
    config = _config(tracker={"a|other|b": {"tag": "x"}})
    assert list(config.tracker) == ["a", "other", "b"]
    assert config.other is config.tracker["other"]
    assert config.other is not None
    assert config.other.tags == ("x",)


def test_other_alone_is_no_tag() -> None:
    config = _config(tracker={"a|other": None})
    assert config.other is not None
    assert (config.tracker["a"].tags, config.other.tags) == (("a",), ())


def test_a_word_with_a_comma_is_tagged_as_qbittorrent_would() -> None:
    assert _config(tracker={"a,b": None}).tracker["a,b"].tags == ("a", "b")


@pytest.mark.parametrize("word", ["yes", "ON", "t", "1", "True", True])
def test_a_certificate_may_be_checked_by_a_word(word: object) -> None:
    assert Qbt.model_validate({"host": "x", "verify_certificate": word}).verify_certificate is True


@pytest.mark.parametrize("word", ["no", "Off", "f", "0", False, None, ""])
def test_a_certificate_may_be_left_unchecked_by_a_word(word: object) -> None:
    assert Qbt.model_validate({"host": "x", "verify_certificate": word}).verify_certificate is False


@pytest.mark.parametrize("value", [["yes"], "no-such-file.pem", "/", "a\0b"])
def test_a_certificate_file_must_be_there(value: object) -> None:
    with pytest.raises(ValidationError, match=r"certificates|neither yes or no"):
        Qbt.model_validate({"host": "x", "verify_certificate": value})


def test_a_certificate_file_is_relative_to_the_folder_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    given = {"host": "x", "verify_certificate": "ca.pem"}
    qbt = Qbt.model_validate(given, context={"folder": tmp_path})
    assert qbt.verify_certificate == tmp_path / "ca.pem"


def test_commands_are_named_in_run_order() -> None:
    every = Commands.model_validate(dict.fromkeys(reversed(COMMANDS), True))
    assert every.names == COMMANDS
    assert Commands(tag_update=True, dry_run=True).names == ("tag_update",)


def test_an_older_key_gives_way_to_todays() -> None:
    settings = Settings.model_validate(
        {"share_limits_suffix_tag": "old", "share_limits_tag": "new"}
    )
    assert settings.share_limits_tag == "new"
    assert Settings.model_validate({"share_limits_tag": "share_limit"}).share_limits_tag == (
        "~share_limit"
    )


def test_every_part_that_concerns_certain_commands_is_a_part_of_the_schema() -> None:
    for section, *key in CONCERNS:
        assert section in Config.known_keys()
        if key:
            assert key[0] in section_at((section,)).known_keys()


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("cat.a.b", ("cat",)),
        ("settings.stalled_tag", ("settings", "stalled_tag")),
        ("settings.protect_tag", None),
        ("settings", None),
        ("qbt.host", None),
        ("", None),
        ("cat_change", ("cat_change",)),
    ],
)
def test_a_path_lies_in_the_part_that_concerns_commands(
    path: str, part: tuple[str, ...] | None
) -> None:
    assert part_of(path) == part


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        (("tracker", "https://x.example/announce/abc", "tag"), "tracker.https://x.example/….tag"),
        (("tracker", "x.example?passkey=abc"), "tracker.x.example/…"),
        (("tracker", "0123456789abcdef0123456789abcdef"), "tracker.…"),
        (("tracker", "x.example//abc"), "tracker.x.example/…"),
        (("cat", "films/4k", 0), "cat.films/4k.0"),
        ((), ""),
    ],
)
def test_a_path_names_no_more_of_a_trackers_address_than_its_host(
    keys: tuple[str | int, ...], path: str
) -> None:
    assert shown_path(keys) == path


def test_a_kind_of_error_without_its_own_words_is_told_without_the_value() -> None:
    error: Any = {"type": "new_in_pydantic", "loc": ("cat",), "msg": "got hunter2"}
    assert told(error, "hunter2") == ("this is not allowed here", "")

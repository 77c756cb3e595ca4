"""The sections of the later commands by themselves: forms, defaults, contradictions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from qbm.config import (
    Config,
    Directory,
    NoHardlinks,
    Root,
    Service,
    ShareLimitGroup,
    TrackerMessages,
)
from qbm.config.schema.share_limits import group_tag
from qbm.model.limit import Limit, ShareLimitAction


def _config(**sections: Any) -> Config:
    return Config.model_validate({"qbt": {"host": "localhost"}, **sections})


def _group(**options: Any) -> ShareLimitGroup:
    return _config(share_limits={"g": options}).share_limits["g"]


def _places(**sections: Any) -> list[tuple[int | str, ...]]:
    with pytest.raises(ValidationError) as caught:
        _config(**sections)
    return [each["loc"] for each in caught.value.errors()]


def test_the_defaults_of_the_later_sections_are_those_of_the_reference() -> None:
    config = _config(share_limits={"g": None})
    assert config.directory.roots == ()
    assert config.share_limits["g"].model_dump() == {
        "priority": 1,
        **dict.fromkeys(("include_all_tags", "include_any_tags", "categories"), ()),
        **dict.fromkeys(("exclude_all_tags", "exclude_any_tags"), ()),
        **dict.fromkeys(("min_torrent_size", "max_torrent_size", "custom_tag"), None),
        **dict.fromkeys(("max_ratio", "max_seeding_time", "max_last_active"), Limit.UNLIMITED),
        **dict.fromkeys(("min_seeding_time", "min_last_active"), timedelta()),
        "min_num_seeds": 0,
        "limit_upload_speed": -1,
        "enable_group_upload_speed": False,
        "upload_speed_on_limit_reached": 0,
        "reset_upload_speed_on_unmet_minimums": True,
        "cleanup": False,
        "resume_torrent_after_change": True,
        "share_limit_action": ShareLimitAction.DEFAULT,
        "add_group_to_tag": True,
    }
    assert config.recyclebin.model_dump() == {
        "enabled": True,
        "empty_after_x_days": None,
        "save_torrents": False,
        "split_by_category": False,
    }
    assert config.orphaned.model_dump() == {
        "empty_after_x_days": None,
        "exclude_patterns": (),
        "max_orphaned_files_to_delete": 50,
        "min_file_age_minutes": 0,
    }
    assert config.tracker_messages == TrackerMessages()
    assert config.webhooks.error == config.webhooks.function.cleanup_dirs == ()
    assert list(config.secrets()) == []


# directory


def test_bins_lie_in_each_remote_folder_and_that_is_the_root_by_default() -> None:
    one = _config(directory={"root_dir": "/data/"}).directory
    assert one.roots == (Root("/data/", "/data/"),)
    assert (one.recycle_bin, one.orphaned_dir) == (("/data/.RecycleBin",), ("/data/orphaned_data",))
    both = {"root_dir": ["/a", "/b"], "remote_dir": ["/mnt/a", "/mnt/b"]}
    two = _config(directory=both).directory
    assert two.roots == (Root("/a", "/mnt/a"), Root("/b", "/mnt/b"))
    assert two.recycle_bin == ("/mnt/a/.RecycleBin", "/mnt/b/.RecycleBin")
    assert _config(directory={**both, "recycle_bin": "/bin"}).directory.recycle_bin == ("/bin",)


@pytest.mark.parametrize(
    "directory",
    [
        {"root_dir": ["/a", "/b"], "remote_dir": "/c"},
        {"root_dir": "/a", "remote_dir": ["/b", "/c"]},
        {"remote_dir": "/b"},
    ],
)
def test_folders_that_make_no_pairs_are_wrong(directory: dict[str, Any]) -> None:
    assert _places(directory=directory) == [("directory", "remote_dir")]


@pytest.mark.parametrize("folder", ["/mnt/a", "/mnt/a/", "/mnt", "/"])
@pytest.mark.parametrize("name", ["recycle_bin", "orphaned_dir"])
def test_a_bin_that_is_or_holds_a_folder_of_downloads_is_wrong(name: str, folder: str) -> None:
    directory = {"root_dir": "/a", "remote_dir": "/mnt/a", name: folder}
    assert _places(directory=directory) == [("directory", name)]


@pytest.mark.parametrize("folder", ["/mnt/a/bin", "/mnt/ab", "/a", "/elsewhere"])
def test_a_bin_in_a_folder_of_downloads_or_elsewhere_is_right(folder: str) -> None:
    directory = {"root_dir": "/a", "remote_dir": "/mnt/a", "recycle_bin": folder}
    assert _config(directory=directory).directory.recycle_bin == (folder,)


def test_there_is_one_bin() -> None:
    assert ("directory", "recycle_bin") in _places(directory={"recycle_bin": ["/a", "/b"]})


# nohardlinks


@pytest.mark.parametrize(
    "given",
    [
        "films",
        "films, ",
        ["films"],
        ["films", None],
        [{"films": None}],
        {"films": None},
        {"films": {}},
        {"films": {"exclude_tags": None}},
    ],
)
def test_a_category_without_options_has_the_defaults(given: object) -> None:
    assert _config(nohardlinks=given).nohardlinks == {"films": NoHardlinks()}


@pytest.mark.parametrize("is_list", [True, False])
def test_global_options_add_tags_and_are_overridden_in_the_rest(is_list: bool) -> None:
    given: Any = {
        "films": {"exclude_tags": "keep, ", "ignore_root_dir": True},
        "global_options": {"exclude_tags": ["never"], "ignore_root_dir": "no"},
        "series": None,
    }
    if is_list:
        given = [{key: value} for key, value in given.items()]
    read = _config(nohardlinks=given).nohardlinks
    assert list(read) == ["films", "series"]
    assert read["films"] == NoHardlinks(exclude_tags=("never", "keep"), ignore_root_dir=True)
    assert read["series"] == NoHardlinks(exclude_tags=("never",), ignore_root_dir=False)


@pytest.mark.parametrize("given", [["films", "films"], [["films"]], ["films", {"films": None}]])
def test_a_list_of_categories_holds_each_once(given: object) -> None:
    assert _places(nohardlinks=given) == [("nohardlinks",)]


# share_limits


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        ({"max_ratio": "-1"}, "max_ratio", Limit.UNLIMITED),
        ({"max_ratio": -2}, "max_ratio", Limit.GLOBAL),
        ({"max_ratio": "2"}, "max_ratio", 2.0),
        ({"max_ratio": 0.5}, "max_ratio", 0.5),
        ({"max_seeding_time": "43200"}, "max_seeding_time", timedelta(days=30)),
        ({"max_seeding_time": 43200}, "max_seeding_time", timedelta(days=30)),
        ({"max_seeding_time": "30d"}, "max_seeding_time", timedelta(days=30)),
        ({"max_seeding_time": "-2.0"}, "max_seeding_time", Limit.GLOBAL),
        ({"max_last_active": "-1"}, "max_last_active", Limit.UNLIMITED),
        ({"max_last_active": "1w"}, "max_last_active", timedelta(weeks=1)),
        ({"last_active": "1h30"}, "min_last_active", timedelta(minutes=90)),
        ({"priority": "2"}, "priority", 2),
        ({"priority": 2.5}, "priority", 2.5),
        ({"min_torrent_size": "200MB"}, "min_torrent_size", 200 * 2**20),
        ({"max_torrent_size": 5}, "max_torrent_size", 5),
        ({"categories": "films, series"}, "categories", ("films", "series")),
        ({"categories": ["films, old"]}, "categories", ("films, old",)),
        ({"include_any_tags": ["a,b", 5]}, "include_any_tags", ("a", "b", "5")),
        ({"share_limit_action": "stop"}, "share_limit_action", ShareLimitAction.STOP),
        ({"limit_upload_speed": "0"}, "limit_upload_speed", 0),
        ({"cleanup": "yes"}, "cleanup", True),
    ],
)
def test_a_value_of_a_group_may_come_as_people_write_it(
    options: dict[str, Any], key: str, value: object
) -> None:
    assert getattr(_group(**options), key) == value


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"priority": 0.9}, "priority"),
        ({"priority": "first"}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": "nan"}, "priority"),
        ({"priority": 10**400}, "priority"),
        ({"max_ratio": -3}, "max_ratio"),
        ({"max_ratio": "inf"}, "max_ratio"),
        ({"max_seeding_time": "366d"}, "max_seeding_time"),
        ({"max_seeding_time": 525601}, "max_seeding_time"),
        ({"max_seeding_time": -3}, "max_seeding_time"),
        ({"max_seeding_time": []}, "max_seeding_time"),
        ({"max_last_active": -2}, "max_last_active"),
        ({"min_seeding_time": -1}, "min_seeding_time"),
        ({"min_last_active": True}, "min_last_active"),
        ({"min_num_seeds": -1}, "min_num_seeds"),
        ({"min_torrent_size": "big"}, "min_torrent_size"),
        ({"limit_upload_speed": 1.5}, "limit_upload_speed"),
        ({"custom_tag": "a,b"}, "custom_tag"),
        ({"share_limit_action": "Pause"}, "share_limit_action"),
        ({"min_torrent_size": "2GB", "max_torrent_size": "1GB"}, "min_torrent_size"),
        ({"min_seeding_time": "2d", "max_seeding_time": "1d"}, "min_seeding_time"),
        ({"min_seeding_time": "2d"}, "min_seeding_time"),
        ({"min_seeding_time": "2d", "max_ratio": 0}, "min_seeding_time"),
        ({"cleanup": True, "share_limit_action": "Remove"}, "share_limit_action"),
        ({"cleanup": True, "share_limit_action": "RemoveWithContent"}, "share_limit_action"),
    ],
)
def test_what_a_group_cannot_mean_is_wrong(options: dict[str, Any], key: str) -> None:
    assert _places(share_limits={"g": options}) == [("share_limits", "g", key)]


@pytest.mark.parametrize(
    "maximum", [{"max_ratio": 1}, {"max_ratio": -2}, {"max_seeding_time": "1w"},
                {"max_seeding_time": -2}, {"max_last_active": "1d"}],
)  # fmt: skip
def test_a_minimum_of_seeding_goes_with_any_maximum(maximum: dict[str, Any]) -> None:
    assert _group(min_seeding_time="2d", **maximum).min_seeding_time == timedelta(days=2)


def test_groups_stand_in_order_and_one_without_priority_comes_after_those_above() -> None:
    groups = {
        "third": None,
        "last": {"priority": 7},
        "after": {},
        "first": {"priority": "0001"},
        "between": {"priority": 1.5},
    }
    groups["third"] = {"priority": 3}
    read = _config(share_limits=groups).share_limits
    assert [(name, group.priority) for name, group in read.items()] == [
        ("first", 1),
        ("between", 1.5),
        ("third", 3),
        ("last", 7),
        ("after", 8),
    ]


def test_no_two_groups_share_a_priority_or_a_tag_and_no_tag_means_two_things() -> None:
    groups = {
        "a": {"priority": 1, "custom_tag": "x"},
        "b": {"priority": "1.0", "custom_tag": "x"},
        "c": {"priority": 2, "custom_tag": "stalled"},
    }
    assert _places(share_limits=groups) == [
        ("share_limits", "b", "priority"),
        ("share_limits", "b", "custom_tag"),
    ]
    del groups["b"]
    settings = {"stalled_tag": "stalled"}
    assert _places(share_limits=groups, settings=settings) == [("share_limits", "c", "custom_tag")]


@pytest.mark.parametrize(
    ("options", "tag"),
    [
        ({"priority": 1}, "~share_limit_1.g"),
        ({"priority": "1.0"}, "~share_limit_1.0.g"),
        ({"priority": 2.5}, "~share_limit_2.5.g"),
        ({"custom_tag": "mine"}, "mine"),
        ({"custom_tag": "mine", "add_group_to_tag": False}, None),
    ],
)
def test_a_groups_tag_has_its_priority_as_written(options: dict[str, Any], tag: str | None) -> None:
    config = _config(share_limits={"g": options})
    assert group_tag("g", config.share_limits["g"], config.settings) == tag


# tracker, webhooks, apprise, notifiarr


def test_a_tracker_has_messages_of_its_own() -> None:
    entry = _config(
        tracker={"x|y": {"unregistered": "gone, withdrawn", "outage": ["out, today"]}}
    ).tracker["x"]
    assert entry.messages.unregistered == ("gone", "withdrawn")
    assert entry.messages.outage == ("out, today",)


def test_webhooks_of_older_files_stand_under_function() -> None:
    webhooks = _config(
        webhooks={
            "cat_update": "notifiarr",
            "recheck": "apprise",
            "function": {"recheck": ["https://x.example/s", "Apprise", None]},
        }
    ).webhooks
    assert webhooks.function.cat_update == (Service.NOTIFIARR,)
    assert webhooks.function.recheck == (SecretStr("https://x.example/s"), Service.APPRISE)


def test_every_address_and_key_is_a_secret() -> None:
    config = _config(
        qbt={"host": "x", "pass": "s1", "apikey": "s2"},
        apprise={"api_url": "http://s3", "notify_url": ["tgram://s4", "mailto://s5"]},
        notifiarr={"apikey": "s6", "instance": "home"},
        webhooks={"error": "http://s7", "function": {"recheck": ["https://s8", "apprise"]}},
    )
    values = ["s1", "s2", "http://s3", "tgram://s4", "mailto://s5", "s6", "http://s7", "https://s8"]
    assert list(config.secrets()) == values
    shown = f"{config!r} {config.model_dump_json()}"
    assert not [each for each in values if each in shown]


@pytest.mark.parametrize(
    ("sections", "place"),
    [
        ({"webhooks": {"error": "notifarr"}}, ("webhooks", "error", 0)),
        ({"webhooks": {"error": ["apprise", ["x"]]}}, ("webhooks", "error", 1)),
        ({"webhooks": {"run_end": "ftp://x"}}, ("webhooks", "run_end", 0)),
        ({"webhooks": {"function": "apprise"}}, ("webhooks", "function")),
        ({"webhooks": {"function": "apprise", "recheck": "apprise"}}, ("webhooks", "function")),
        ({"apprise": {"api_url": "apprise:8000"}}, ("apprise", "api_url")),
        ({"apprise": {"notify_url": "telegram"}}, ("apprise", "notify_url", 0)),
    ],
)
def test_what_is_no_receiver_is_wrong(
    sections: dict[str, Any], place: tuple[int | str, ...]
) -> None:
    assert place in _places(**sections)


def test_a_section_without_a_value_is_its_default() -> None:
    names = [each.alias or name for name, each in Config.model_fields.items() if name != "qbt"]
    assert _config(**dict.fromkeys(names)) == _config()
    assert _config().directory == Directory()

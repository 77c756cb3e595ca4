"""What is right in a config, but is probably not what its author means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import SecretStr

from qbm.config.problem import printable
from qbm.config.reading.values import Keys, Value, Values
from qbm.config.schema import Config, Service, Settings, ShareLimitGroup, Webhooks
from qbm.config.schema.section import is_blank
from qbm.config.schema.share_limits import group_tag

_DURATIONS = ("max_seeding_time", "max_last_active", "min_seeding_time", "min_last_active")
_TAG_FILTERS = ("include_all_tags", "include_any_tags", "exclude_all_tags", "exclude_any_tags")


class Doubt(NamedTuple):
    """A place, and what is to be known about it."""

    at: Keys
    reason: str
    allowed: str = ""


def doubts(config: Config, data: Mapping[str, Value], values: Values) -> Iterator[Doubt]:
    """Every doubt about a config that was read from ``data``."""
    yield from _without_priority(config, data)
    yield from _once_seconds(data, values)
    yield from _filters_on_own_tags(config)
    yield from _receivers_without_address(config)


def _groups(data: Mapping[str, Value]) -> Iterator[tuple[str, dict[str, Value]]]:
    """The groups of share limits as they are written."""
    section = data.get("share_limits")
    for name, group in section.items() if isinstance(section, dict) else ():
        yield name, group if isinstance(group, dict) else {}


def _without_priority(config: Config, data: Mapping[str, Value]) -> Iterator[Doubt]:
    for written, options in _groups(data):
        group = config.share_limits.get(written.strip())
        if group and is_blank(options.get("priority")):
            reason = f"it has no priority, so it gets {group.priority:g}"
            yield Doubt(("share_limits", written), reason, "priority: 1 or any number above")


def _once_seconds(data: Mapping[str, Value], values: Values) -> Iterator[Doubt]:
    """A duration of digits in quotes: the older tool took it for seconds. Told once."""
    found: list[Keys] = []
    for name, options in _groups(data):
        for key in (*_DURATIONS, *ShareLimitGroup.renamed):
            at, value = ("share_limits", name, key), options.get(key)
            is_digits = isinstance(value, str) and value.strip().isdecimal()
            if is_digits and at in values.quoted and int(str(value)[:9]) > 0:
                found.append(at)
    if found:
        also = f", and so are {len(found) - 1} more in this file" if found[1:] else ""
        reason = f"a number in quotes is minutes, as without; it once was seconds{also}"
        yield Doubt(found[0], reason, "a number without quotes, or with a unit: 12h, 30d")


def _filters_on_own_tags(config: Config) -> Iterator[Doubt]:
    """Such a group gains and loses its torrents by what the command does to them."""
    own = set(_own_tags(config.settings, config.share_limits))
    prefix = f"{config.settings.share_limits_tag}_"
    for name, group in config.share_limits.items():
        for key in _TAG_FILTERS:
            for tag in getattr(group, key):
                if tag in own or tag.startswith(prefix):
                    reason = f"share_limits itself sets the tag {printable(tag)}"
                    allowed = "tags that it does not set, or torrents change groups with each run"
                    yield Doubt(("share_limits", name, key), reason, allowed)


def _own_tags(settings: Settings, groups: Mapping[str, ShareLimitGroup]) -> Iterator[str]:
    yield settings.share_limits_min_seeding_time_tag
    yield settings.share_limits_min_num_seeds_tag
    yield settings.share_limits_last_active_tag
    for name, group in groups.items():
        if tag := group_tag(name, group, settings):
            yield tag


def _receivers_without_address(config: Config) -> Iterator[Doubt]:
    for at, named in _receivers(config.webhooks):
        if Service.NOTIFIARR in named and config.notifiarr.apikey is None:
            yield Doubt(at, "notifiarr.apikey has no value, so nothing is sent there")
        if Service.APPRISE in named and not config.apprise.notify_url:
            yield Doubt(at, "apprise.notify_url has no value, so nothing is sent there")


def _receivers(webhooks: Webhooks) -> Iterator[tuple[Keys, tuple[Service | SecretStr, ...]]]:
    """Each key under ``webhooks`` with the receivers that it names."""
    for key, value in webhooks:
        if key != "function":
            yield ("webhooks", key), value
    for key, value in webhooks.function:
        yield ("webhooks", "function", key), value

"""The section ``cat_change``: where a category's torrents go, a part of ``cat_update``."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from qbm.config import Config
from qbm.model.reason import Code, Reason, because, together
from qbm.model.torrent import Torrent


class Chosen(Struct, frozen=True):
    """The category that a torrent should be in, and why."""

    category: str
    reason: Reason


class Waiting(Struct, frozen=True):
    """A change whose delay is not over yet."""

    reason: Reason


def through(
    category: str, torrent: Torrent, config: Config, now: datetime
) -> Chosen | Waiting | None:
    """Where the entries lead from ``category``, all steps at once; None if nowhere.

    One step per run would leave the rest to the next run, which must find nothing to do. The
    config refuses circles, so this ends.
    """
    end: Chosen | None = None
    while (step := config.cat_change.get(category)) is not None:
        delay = timedelta(minutes=step.delay_minutes)
        if delay and (torrent.completion_on is None or torrent.completion_on + delay > now):
            return end or Waiting(_delayed(category, step.new_cat, delay, torrent))
        reason = because(Code.CATEGORY_CHANGED, old=category, new=step.new_cat)
        end = Chosen(step.new_cat, together([end.reason, reason]) if end else reason)
        category = step.new_cat
    return end


def _delayed(old: str, new: str, delay: timedelta, torrent: Torrent) -> Reason:
    due = torrent.completion_on + delay if torrent.completion_on else "a time not known yet"
    minutes = int(delay.total_seconds() // 60)
    return because(Code.CHANGE_DELAYED, old=old, new=new, delay=minutes, due=due)

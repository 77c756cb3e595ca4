"""The section ``cat_change``: where a category's torrents go, a part of ``cat_update``."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from qbm.config import Config
from qbm.model.reason import Code, Reason, because
from qbm.model.torrent import Torrent


class Chosen(Struct, frozen=True):
    """The category that a torrent should be in, and why; no reason if it is there already."""

    category: str
    reasons: tuple[Reason, ...] = ()


class Waiting(Struct, frozen=True):
    """A change whose delay is not over yet."""

    reason: Reason


def through(start: Chosen, torrent: Torrent, config: Config, now: datetime) -> Chosen | Waiting:
    """Where the entries lead from ``start``, all steps at once; ``start`` itself if nowhere.

    One step per run would leave the rest to the next run, which must find nothing to do. The
    config refuses circles, so this ends.
    """
    end = start
    while (step := config.cat_change.get(end.category)) is not None:
        delay = timedelta(minutes=step.delay_minutes)
        if delay and (torrent.completion_on is None or torrent.completion_on + delay > now):
            is_first = end is start and start.category == torrent.category
            return (
                Waiting(_delayed(end.category, step.new_cat, delay, torrent)) if is_first else end
            )
        reason = because(Code.CATEGORY_CHANGED, old=end.category, new=step.new_cat)
        end = Chosen(step.new_cat, (*end.reasons, reason))
    return end


def _delayed(old: str, new: str, delay: timedelta, torrent: Torrent) -> Reason:
    done = torrent.completion_on
    due = f"{done + delay:%Y-%m-%d %H:%M} UTC" if done else "a time not known yet"
    minutes = int(delay.total_seconds() // 60)
    return because(Code.CHANGE_DELAYED, old=old, new=new, delay=minutes, due=due)

"""``tag_tracker_error``: tag the torrents none of whose trackers works.

Source: spec, *rem_unregistered and tag_tracker_error*, steps 1 and 5. An outage is no reason for
a tag. Torrents that ``rem_unregistered`` removes in the same run are gone from the snapshot by
now. Counters: ``tagged_tracker_error``, ``untagged_tracker_error``, ``tagged``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from qbm.commands.judging import (
    Failing,
    Judgement,
    judge,
    left_out_as_incomplete,
    seen,
    untagging,
)
from qbm.commands.tracker_lexicon import lexicon
from qbm.config import Config, Settings
from qbm.model.change import AddTags, Change, RemoveTags
from qbm.model.command import CommandName
from qbm.model.plan import Plan, Planned, Skipped
from qbm.model.reason import Code, because, together
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import Torrent

_NAME = CommandName.TAG_TRACKER_ERROR


def needs(config: Config) -> Mapping[Fact, Callable[[Torrent], bool]]:  # noqa: ARG001 - all commands share one signature
    """What the trackers say; what earlier runs have seen, for this one adds to it."""
    return {Fact.TRACKER_STATUS: lambda _: True, Fact.SIGHTINGS: lambda _: True}


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    match change:
        case AddTags(tags=tags):
            return {"tagged_tracker_error": len(tags), "tagged": len(tags)}
        case RemoveTags(tags=tags):
            return {"untagged_tracker_error": len(tags)}
        case _:
            return {}


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:  # noqa: ARG001 - all commands share one signature
    """The tags of torrents that fail first, then those to be taken off."""
    words = lexicon(config, tells_tracker_errors=snapshot.tells_tracker_errors)
    torrents = selection.of(snapshot)
    judgements = {each.hash: judge(each, words) for each in torrents}
    decisions = [_decide(each, judgements[each.hash], config.settings) for each in torrents]
    planned = [each for each in decisions if isinstance(each, Planned)]
    memory = seen(judgements, selection)
    return Plan(
        # Equal changes side by side are one request.
        planned=tuple(sorted(planned, key=lambda each: isinstance(each.change, RemoveTags))),
        skipped=tuple(each for each in decisions if isinstance(each, Skipped)),
        sighted=memory.sighted,
        recovered=memory.recovered,
    )


def _decide(torrent: Torrent, judgement: Judgement, settings: Settings) -> Planned | Skipped:
    tag = settings.tracker_error_tag
    untag = untagging(torrent, judgement, tag)
    if untag is not None:
        return Planned(untag, _NAME, judgement.reason)
    if not isinstance(judgement, Failing):
        return Skipped(torrent.hash, _NAME, judgement.reason)
    if not judgement.faults:
        return Skipped(torrent.hash, _NAME, judgement.reason)
    if incomplete := left_out_as_incomplete(torrent, settings):
        return Skipped(torrent.hash, _NAME, incomplete)
    said = [each.reason for each in judgement.faults]
    if tag in torrent.tags:
        there = because(Code.TRACKER_ERROR_TAGGED, tag=tag)
        return Skipped(torrent.hash, _NAME, together([there, *said]))
    change = AddTags(torrent.hash, (tag,), before=tuple(sorted(torrent.tags)))
    return Planned(change, _NAME, together(said))

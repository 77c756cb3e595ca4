"""``rem_unregistered``: remove the torrents that their trackers no longer know.

Source: spec, *rem_unregistered and tag_tracker_error*, step 4, and decisions (*Mass guard*, *A
second run*). A torrent that works again loses ``tracker_error_tag`` here as well. Counters:
``rem_unreg``, ``deleted`` or ``deleted_contents``, ``untagged_tracker_error``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from qbm.commands.judging import (
    Failing,
    Finding,
    Judgement,
    hosts_of,
    judge,
    left_out_as_incomplete,
    seen,
    untagging,
)
from qbm.commands.mass_guard import disowning_hosts
from qbm.commands.tracker_lexicon import lexicon
from qbm.config import Config, Settings
from qbm.model.change import Change, RemoveTags, RemoveTorrent
from qbm.model.command import CommandName
from qbm.model.plan import Deferred, Notice, Plan, Planned, Skipped
from qbm.model.reason import Code, Reason, because, together
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import Torrent
from qbm.model.unknown import UNKNOWN

_NAME = CommandName.REM_UNREGISTERED


class _Candidate(Struct, frozen=True):
    """A torrent that may go as far as it alone is concerned, and those that do not know it."""

    torrent: Torrent
    save_path: str
    findings: tuple[Finding, ...]


class _Known(Struct, frozen=True):
    """What decides besides the torrent and its trackers."""

    snapshot: Snapshot
    settings: Settings
    now: datetime


_Decision: TypeAlias = Planned | Skipped | Deferred


def needs(config: Config) -> Mapping[Fact, Callable[[Torrent], bool]]:  # noqa: ARG001 - all commands share one signature
    """What the trackers say, and what earlier runs have seen."""
    return {Fact.TRACKER_STATUS: lambda _: True, Fact.SIGHTINGS: lambda _: True}


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    match change:
        case RemoveTorrent():
            return {"rem_unreg": 1, "deleted_contents" if change.moves_content else "deleted": 1}
        case RemoveTags():
            return {"untagged_tracker_error": len(change.tags)}
        case _:
            return {}


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:
    """The healthy torrents' tags first, then the removals, the oldest torrents first."""
    words = lexicon(config, tells_tracker_errors=snapshot.tells_tracker_errors)
    judgements = {each.hash: judge(each, words) for each in snapshot.torrents.values()}
    known = _Known(snapshot, config.settings, now)
    first = [_first(each, judgements[each.hash], known) for each in selection.of(snapshot)]
    candidates = [each for each in first if isinstance(each, _Candidate)]
    masses = disowning_hosts(snapshot, judgements)
    decisions = [
        *(each for each in first if not isinstance(each, _Candidate)),
        *_removals(candidates, masses, known),
    ]
    memory = seen(judgements, selection)
    return Plan(
        planned=tuple(each for each in decisions if isinstance(each, Planned)),
        skipped=tuple(each for each in decisions if isinstance(each, Skipped)),
        deferred=tuple(each for each in decisions if isinstance(each, Deferred)),
        notices=_notices(candidates, masses),
        sighted=memory.sighted,
        recovered=memory.recovered,
        needs_whole=bool(candidates) and not snapshot.is_whole,
    )


def removed_at(planned: Iterable[Planned]) -> Mapping[str, int]:
    """How many torrents of each host these have removed: ``Snapshot.removed_at`` of a retry."""
    return Counter(
        host
        for each in planned
        if each.command is _NAME and isinstance(each.change, RemoveTorrent)
        for host in {
            part.fields["host"].lower()
            for part in (each.reason, *each.reason.also)
            if part.code is Code.TRACKER_UNREGISTERED
        }
    )


def _first(torrent: Torrent, judgement: Judgement, known: _Known) -> _Decision | _Candidate:
    """What follows for one torrent from what its own trackers say, and its own past."""
    untag = untagging(torrent, judgement, known.settings.tracker_error_tag)
    if untag is not None:
        return Planned(untag, _NAME, judgement.reason)
    if not isinstance(judgement, Failing) or not judgement.unregistered:
        return Skipped(torrent.hash, _NAME, judgement.reason)
    if lasting := _lasting(torrent, known.settings):
        return Skipped(torrent.hash, _NAME, together([lasting, judgement.reason]))
    passing = _passing(torrent, judgement, known)
    if passing is None and torrent.save_path is not UNKNOWN:
        return _Candidate(torrent, torrent.save_path, judgement.unregistered)
    passing = passing or because(Code.SAVE_PATH_UNKNOWN)
    return Deferred(torrent.hash, _NAME, together([passing, judgement.reason]))


def _lasting(torrent: Torrent, settings: Settings) -> Reason | None:
    """Why an unregistered torrent is not to be removed, however long that lasts."""
    tag = settings.protect_tag
    if tag in torrent.tags:
        return because(Code.PROTECTED, tag=tag)
    return left_out_as_incomplete(torrent, settings)


def _passing(torrent: Torrent, judgement: Failing, known: _Known) -> Reason | None:
    """Why an unregistered torrent is not to be removed yet."""
    settings, now = known.settings, known.now
    sighting = known.snapshot.sightings.get(torrent.hash)
    # It may have been here before: what was seen then does not count for this time.
    since = max(sighting.first_at, torrent.added_on) if sighting else now
    runs = sighting.runs + 1 if sighting else 1
    grace = settings.rem_unregistered_grace_minutes
    veto = settings.rem_unregistered_veto_hours
    wanted = settings.rem_unregistered_min_sightings
    age = settings.rem_unregistered_min_age_minutes
    if now - torrent.added_on < timedelta(minutes=grace):
        return because(Code.UNREGISTERED_TOO_NEW, added=_at(torrent.added_on), minutes=grace)
    if not torrent.is_settled:
        return because(Code.UNSETTLED, state=torrent.state)
    if judgement.may_be_known and now - since < timedelta(hours=veto):
        return because(Code.UNREGISTERED_VETOED, hours=veto, first=_at(since))
    if runs < wanted:
        return because(Code.UNREGISTERED_TOO_FEW, runs=runs, wanted=wanted)
    if now - since < timedelta(minutes=age):
        return because(Code.UNREGISTERED_TOO_SHORT, first=_at(since), minutes=age)
    return None


def _removals(
    candidates: Iterable[_Candidate], masses: Mapping[str, Reason], known: _Known
) -> Iterable[_Decision]:
    """Candidates in their order, as far as the guard and the caps of their trackers allow."""
    cap = known.settings.rem_unregistered_max_torrents
    taken = Counter(known.snapshot.removed_at)
    for each in candidates:
        said = [finding.reason for finding in each.findings]
        hosts = hosts_of(each.findings)
        if mass := next((masses[host] for host in hosts if host in masses), None):
            yield Skipped(each.torrent.hash, _NAME, together([mass, *said]))
        elif full := next((host for host in hosts if cap and taken[host] >= cap), None):
            capped = because(Code.UNREGISTERED_CAPPED, cap=cap, host=full)
            yield Deferred(each.torrent.hash, _NAME, together([capped, *said]))
        else:
            taken.update(hosts)
            yield Planned(_removal(each), _NAME, together(said))


def _removal(candidate: _Candidate) -> RemoveTorrent:
    torrent = candidate.torrent
    return RemoveTorrent(
        hash=torrent.hash,
        category=torrent.category,
        tags=tuple(sorted(torrent.tags)),
        save_path=candidate.save_path,
        unless_working=True,
    )


def _notices(candidates: Iterable[_Candidate], masses: Mapping[str, Reason]) -> tuple[Notice, ...]:
    """Each host whose torrents the guard keeps, once."""
    kept = {host for each in candidates for host in hosts_of(each.findings) if host in masses}
    return tuple(Notice(_NAME, masses[host]) for host in sorted(kept))


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

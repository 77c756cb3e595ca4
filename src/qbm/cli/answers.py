"""What a run came to, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from qbm.cli.running import Ended, Performed
from qbm.engine.report import describe
from qbm.engine.request import RunReport
from qbm.log.records import each_text
from qbm.model.change import torrent_of
from qbm.model.plan import Deferred, Outcome, Planned, Skipped
from qbm.model.reason import Reason


def as_document(performed: Performed, clean: Callable[[str], str]) -> str:
    """The one JSON document that answers an order, in ASCII, with its line feed.

    ``clean`` takes secrets out of a text.
    """
    document = {
        "exit_code": performed.exit_code,
        "error": performed.error or None,
        "runs": [_run(each) for each in performed.ended],
    }
    return f"{json.dumps(each_text(document, clean))}\n"


def _run(ended: Ended) -> dict[str, Any]:
    run = {"config_file": ended.config_file, "error": ended.error or None}
    return run | _report(ended.report) if ended.report else run


def _report(report: RunReport) -> dict[str, Any]:
    return {
        "run_id": report.run_id,
        "dry_run": report.mode == "dry",
        "commands": list(report.executed),
        "torrents": report.torrents,
        "seconds": round(report.seconds, 3),
        "whole": report.is_whole,
        "stats": dict(report.stats),
        "changes": list(_changes(report)),
        "left_alone": [_left(each, report) for each in report.plan.skipped],
        "deferred": [_left(each, report) for each in report.plan.deferred],
        "notices": [
            {"command": each.command, **_reason(each.reason)} for each in report.plan.notices
        ],
        "refused": [{"command": each.command, **_reason(each.reason)} for each in report.refused],
        "warnings": list(report.warnings),
    }


def _changes(report: RunReport) -> Iterator[dict[str, Any]]:
    """Every planned change, with its outcome where it was carried out."""
    outcomes = {_key(each.planned): each.outcome for each in report.concluded}
    for planned in report.plan.planned:
        yield _change(planned, outcomes.get(_key(planned)), report)


def _key(planned: Planned) -> str:
    """What it holds: in a report that a server has sent they are not the same objects.

    Names that are no text are escaped, which msgspec's own JSON cannot.
    """
    return json.dumps(msgspec.to_builtins(planned))


def _change(planned: Planned, outcome: Outcome | None, report: RunReport) -> dict[str, Any]:
    change = planned.change
    of = torrent_of(change)
    torrent = {} if of is None else {"torrent": report.names[of]}
    return {
        "command": planned.command,
        **torrent,
        "what": describe(change),
        "change": msgspec.to_builtins(change),
        **_reason(planned.reason),
        "outcome": msgspec.to_builtins(outcome) if outcome else None,
    }


def _left(left: Skipped | Deferred, report: RunReport) -> dict[str, Any]:
    return {
        "command": left.command,
        "hash": left.hash,
        "torrent": report.names[left.hash],
        **_reason(left.reason),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    """The reason as a sentence, and as its code and facts."""
    return {"why": str(reason), "reason": msgspec.to_builtins(reason)}

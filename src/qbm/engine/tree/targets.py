"""Free places for what is to be moved: nothing that lies there is ever overwritten."""

from __future__ import annotations

from msgspec.structs import replace

from qbm.gateways.recycle_bin import Places
from qbm.model.change import MoveFile
from qbm.model.plan import Plan, Planned


def with_free_targets(plan: Plan) -> Plan:
    """``plan`` with a place for each moved file where nothing is, and no other goes; blocks.

    Raises:
        DiskError: the places cannot be looked at.
    """
    places = Places()
    return replace(plan, planned=tuple(_freed(each, places) for each in plan.planned))


def _freed(planned: Planned, places: Places) -> Planned:
    change = planned.change
    if not isinstance(change, MoveFile):
        return planned
    return replace(planned, change=replace(change, target=places.free(change.target)))

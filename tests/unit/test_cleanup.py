"""Which files of the bins are deleted for good: the rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from qbm.commands.cleanup import counts, days_of, plan
from qbm.model.change import DeleteFile, MoveFile
from qbm.model.disk import Bin, BinnedFile
from qbm.model.reason import Code
from qbm.model.stamp import Stamp
from tests.factories import NOW, a_config

_STAMP = Stamp(1, 2, 3, 4)
_A_DAY = {Bin.RECYCLE_BIN: 1, Bin.ORPHANED_DIR: 1}


def binned(path: str, age: timedelta, **facts: Any) -> BinnedFile:
    """A file that was put into the recycle bin ``age`` ago, which is written down."""
    usual: dict[str, Any] = {"bin": Bin.RECYCLE_BIN, "is_recorded": True}
    return BinnedFile(path=path, stamp=_STAMP, put_at=NOW - age, **{**usual, **facts})


def due(*files: BinnedFile, days: dict[Bin, int]) -> list[str]:
    """The paths that go."""
    found = plan(files, days, NOW)
    return [each.change.path for each in found.planned if isinstance(each.change, DeleteFile)]


def test_what_is_older_than_its_days_goes_and_the_rest_stays() -> None:
    files = [binned("/b/old", timedelta(days=1.01)), binned("/b/new", timedelta(days=0.99))]
    assert due(*files, days=_A_DAY) == ["/b/old"]


def test_with_0_days_everything_goes_also_what_was_put_there_this_instant_or_later() -> None:
    files = [binned("/b/now", timedelta()), binned("/b/later", timedelta(days=-1))]
    assert due(*files, days={Bin.RECYCLE_BIN: 0}) == ["/b/later", "/b/now"]


def test_a_bin_without_days_is_never_emptied() -> None:
    old = binned("/o/old", timedelta(days=4000), bin=Bin.ORPHANED_DIR)
    assert due(old, days={Bin.RECYCLE_BIN: 0}) == []


def test_more_days_than_there_are_dates_is_never_too() -> None:
    assert due(binned("/b/old", timedelta(days=4000)), days={Bin.RECYCLE_BIN: 10**15}) == []


def test_the_reason_says_which_bin_since_when_and_whether_that_is_known() -> None:
    files = (
        binned("/b/a", timedelta(days=2)),
        binned("/o/b", timedelta(days=3), bin=Bin.ORPHANED_DIR, is_recorded=False),
    )
    first, second = plan(files, _A_DAY, NOW).planned
    assert (first.reason.code, second.reason.code) == (Code.BINNED_LONG, Code.BINNED_UNRECORDED)
    assert first.reason.fields == {
        "bin": "the recycle bin",
        "put_at": "2026-02-27 12:00 UTC",
        "days": "1",
    }
    assert "the folder of orphans and unchanged since 2026-02-26 12:00" in str(second.reason)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({}, {}),
        ({"recyclebin": {"empty_after_x_days": 0}}, {Bin.RECYCLE_BIN: 0}),
        ({"recyclebin": {"enabled": False, "empty_after_x_days": 0}}, {}),
        ({"orphaned": {"empty_after_x_days": 7}}, {Bin.ORPHANED_DIR: 7}),
    ],
)
def test_the_days_of_each_bin_are_those_of_the_config(
    sections: dict[str, Any], expected: dict[Bin, int]
) -> None:
    assert days_of(a_config(**sections)) == expected


def test_a_file_counts_for_its_bin_and_an_orphan_deleted_at_once_for_none() -> None:
    in_bin = DeleteFile(path="/b/a", stamp=_STAMP, bin=Bin.RECYCLE_BIN)
    of_orphans = DeleteFile(path="/o/a", stamp=_STAMP, bin=Bin.ORPHANED_DIR)
    assert [counts(in_bin), counts(of_orphans)] == [{"recycle_emptied": 1}, {"orphaned_emptied": 1}]
    assert counts(DeleteFile(path="/d/a", stamp=_STAMP)) == {}
    assert counts(MoveFile(source="/d/a", target="/o/a", stamp=_STAMP)) == {}

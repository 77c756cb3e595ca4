"""A plan as a table that can be read at 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from qbm.cli.running import Ended, Performed
from qbm.engine.report import describe, described_apart
from qbm.engine.request import RunReport
from qbm.log.screen import columns, cut, isolated, visible, wrapped
from qbm.log.wording import SHORT_HASH, counted, number_of
from qbm.model.change import FileChange, torrent_of
from qbm.model.plan import Planned
from qbm.model.reason import Code
from qbm.model.torrent import TorrentHash

_GAP: Final = "  "
_SHARES: Final = (0.4, 0.26)
"""Of the width, for the torrent and the change; the rest is the reason's."""
_CHANGES: Final = ("Torrent", "Change", "Why")
_FILES: Final = ("File", "Change", "Why")
_DECISIONS: Final = ("Torrent", "Command", "Why")
_NARROWEST: Final = 60
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"

_IN_GENERAL: Final[Mapping[Code, str]] = {
    Code.NOT_COMPLETE: "it is not complete yet",
    Code.CATEGORY_RIGHT: "it is in the right category already",
    Code.CATEGORY_CHOSEN_BY_HAND: "its category counts as chosen by hand, since Automatic Torrent "
    "Management is off",
    Code.CATEGORY_KEPT: "it has a category, and cat_update_all is off",
    Code.CATEGORY_UNWANTED: "its save path is listed under Uncategorized",
    Code.NO_CATEGORY_ENTRY: "its save path has no entry under cat",
    Code.CATEGORY_GOES_ROUND: "the entries under cat would move its files in a circle",
    Code.AUTO_TMM_IGNORED: "one of its tags is in force_auto_tmm_ignore_tags",
    Code.TAGS_PRESENT: "it has all its tags already",
    Code.PROTECTED: "its tag protects it from being removed",
    Code.REMOVAL_REFUSED: "to be removed, but settings.max_removal_percent does not allow so many",
    Code.CONTENT_UNKNOWN: "to be removed, but which files are its own is not known",
    Code.CONTENT_UNHEARD: "not removed, because another server may own some of its files",
    Code.CONTENT_UNREADABLE: "to be removed, but its files cannot be looked at",
    Code.ROOT_ABSENT: "to be removed, but the folder of the downloads is empty or not there",
    Code.CONTENT_STUCK: "to be removed, but its files cannot be moved",
    Code.TRACKER_WORKS: "a tracker of it works",
    Code.TRACKER_UNDECIDED: "its tracker has not answered yet",
    Code.TRACKER_UNREGISTERED: "its tracker does not know it",
    Code.TRACKER_MAINTENANCE: "its tracker may know it, but not now",
    Code.TRACKER_OUTAGE: "its tracker is down",
    Code.TRACKER_ERROR: "its tracker reports an error",
    Code.TRACKER_SILENT: "its tracker does not work and says nothing",
    Code.TRACKER_ERROR_TAGGED: "it has the tag for tracker errors already",
    Code.UNREGISTERED_EN_MASSE: "too many torrents unknown to one tracker at once",
    Code.NOT_STOPPED: "it is not stopped",
    Code.PARTLY_THERE: "it is incomplete, with some of its content there",
    Code.RATIO_REACHED: "its ratio has reached a limit",
    Code.SEEDING_TIME_REACHED: "its seeding time has reached a limit",
    Code.INACTIVE_TIME_REACHED: "it has been inactive up to a limit",
    Code.LINKS_FOUND: "hard links of it count",
    Code.LINKS_NONE: "its large files have no hard link anywhere else",
    Code.LINKS_INSIDE: "the hard links of its large files are all among the downloads",
    Code.LINKS_EXCLUDED: "one of its tags is in exclude_tags",
    Code.LINKS_FILE_MISSING: "a file of it is not there",
    Code.LINKS_FILE_UNREADABLE: "a file of it cannot be read",
    Code.LINKS_FILE_SYMLINK: "a file of it is a symbolic link",
    Code.LINKS_FILE_OUTSIDE: "a file of it is not in directory.root_dir",
    Code.LINKS_UNPROVEN: "its file system does not prove hard links",
    Code.LINKS_UNSEEN: "its hard links may be where nothing can be read",
    Code.GROUP_UNDECIDED: "which group it is in is not known",
    Code.GROUP_BLIND: "its group looks at what could not be read",
    Code.GROUP_SEEDS: "it is in a group, and no limit is reached",
    Code.GROUP_MINIMUM: "it is in a group, and a minimum is not met",
    Code.GROUP_MAXIMUM: "it is in a group, and a limit is reached",
}
"""Reasons to leave torrents alone, without what differs between the torrents."""


class Page(Struct, frozen=True, kw_only=True):
    """What plans are written on; ``clean`` takes secrets out of a text.

    On a terminal there are colours, and marks that keep right-to-left names in their place.
    """

    width: int
    is_terminal: bool
    clean: Callable[[str], str]

    def bold(self, text: str) -> str:
        """A line that stands out."""
        return self._styled(_BOLD, text)

    def dim(self, text: str) -> str:
        """A line that stands back."""
        return self._styled(_DIM, text)

    def shown(self, text: str) -> str:
        """``text`` without secrets and control characters."""
        return visible(self.clean(text))

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if self.is_terminal else text


LeftAlone: TypeAlias = Callable[[RunReport, Page], Iterator[str]]
"""Tells, line by line, what a plan leaves as it is."""


def preview(performed: Performed, page: Page, left_alone: LeftAlone) -> Iterator[str]:
    """The plans of an order, line by line."""
    for ended in performed.ended:
        if ended.report is None:
            continue
        yield from map(page.bold, wrapped(_title(ended, page), page.width))
        yield ""
        yield from _changes(ended.report, page)
        yield from left_alone(ended.report, page)
        yield from wrapped(_summary(ended.report), page.width)


def _title(ended: Ended, page: Page) -> str:
    return page.shown(f"Plan for {ended.server} by {ended.path}")


def left_alone_counted(report: RunReport, page: Page) -> Iterator[str]:
    """How many torrents were left alone for which kind of reason, the most frequent first."""
    if not report.plan.skipped:
        return
    yield page.bold("Left alone (--all lists each torrent with its reason)")
    for (command, code), number in Counter(
        (each.command, each.reason.code) for each in report.plan.skipped
    ).most_common():
        yield from wrapped(f"  {number:>6,}  {command}: {_in_general(code)}", page.width, indent=10)
    yield ""


def _in_general(code: Code) -> str:
    if "{" not in code.text:
        return code.text
    return _IN_GENERAL.get(code, code.replace("_", " "))


def left_alone_listed(report: RunReport, page: Page) -> Iterator[str]:
    """Each torrent that was left alone, with its reason."""
    if not report.plan.skipped:
        return
    labels = _labels(report, page)
    rows = [
        _Row(labels[each.hash], each.command, page.shown(str(each.reason)))
        for each in report.plan.skipped
    ]
    yield page.bold("Left alone")
    yield from _table(_DECISIONS, rows, page)
    yield ""


def _changes(report: RunReport, page: Page) -> Iterator[str]:
    """What would be done now, what later, and what is to be known about it."""
    labels = _labels(report, page)
    for command, changes in groupby(report.plan.planned, lambda each: each.command):
        planned = list(changes)
        rows = [_row(each, labels, page) for each in planned]
        yield page.bold(f"{command}: {number_of('changes', len(rows))}")
        is_of_files = all(isinstance(each.change, FileChange) for each in planned)
        yield from _table(_FILES if is_of_files else _CHANGES, rows, page)
        yield ""
    for refused in report.refused:
        text = page.shown(f"{refused.command} REFUSED: {refused.reason}")
        yield from map(page.bold, wrapped(text, page.width, indent=2))
        yield ""
    if report.plan.deferred:
        yield page.bold("Not yet")
        rows = [
            _Row(labels[each.hash], each.command, page.shown(str(each.reason)))
            for each in report.plan.deferred
        ]
        yield from _table(_DECISIONS, rows, page)
        yield ""
    yield from _notices(report, page)


class _Row(NamedTuple):
    subject: str
    change: str
    why: str


def _row(planned: Planned, labels: dict[TorrentHash, str], page: Page) -> _Row:
    change, why = planned.change, page.shown(str(planned.reason))
    if isinstance(change, FileChange):
        file, what = described_apart(change)
        return _Row(page.shown(file), page.shown(what), why)
    torrent = torrent_of(change)
    label = "–" if torrent is None else labels[torrent]
    return _Row(label, page.shown(describe(change)), why)


def _labels(report: RunReport, page: Page) -> dict[TorrentHash, str]:
    """What each torrent is called; equal names are told apart by the start of the hash."""
    width = _widths(page)[0]
    labels = {each: cut(page.shown(name), width) for each, name in report.names.items()}
    times = Counter(labels.values())
    for each, label in labels.items():
        if times[label] > 1:
            name = cut(page.shown(report.names[each]), width - SHORT_HASH - 3)
            labels[each] = f"{name} [{each[:SHORT_HASH]}]"
    return labels


def _table(head: Sequence[str], rows: Iterable[_Row], page: Page) -> Iterator[str]:
    """Torrents or files that share change and reason stand together, beside one telling of both."""
    widths = _widths(page)
    yield page.dim(_line(head, widths))
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        lines = wrapped(row.subject, widths[0], indent=2)
        alike.setdefault((row.change, row.why), []).extend(lines)
    for (change, why), subjects in alike.items():
        shown = [isolated(each) for each in subjects] if page.is_terminal else subjects
        cells = (shown, wrapped(change, widths[1]), wrapped(why, widths[2]))
        for line in zip_longest(*cells, fillvalue=""):
            yield _line(line, widths)


def _widths(page: Page) -> tuple[int, int, int]:
    width = max(page.width, _NARROWEST)
    first, second = (int(width * share) for share in _SHARES)
    return first, second, width - first - second - 2 * len(_GAP)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _notices(report: RunReport, page: Page) -> Iterator[str]:
    if report.plan.notices:
        yield page.bold("Notes")
        for each in report.plan.notices:
            yield from wrapped(f"  {page.shown(str(each.reason))}", page.width, indent=4)
        yield ""


def _summary(report: RunReport) -> str:
    looked = f"{number_of('torrents', report.torrents)} looked at"
    if not report.plan.planned:
        return f"Nothing to change; {looked}."
    what = f" ({counted(report.stats)})" if counted(report.stats) else ""
    changes = number_of("changes", len(report.plan.planned))
    return f"A run would make {changes}{what}; {looked}. Nothing was changed."

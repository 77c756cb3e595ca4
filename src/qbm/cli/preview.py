"""A plan as a table that can be read at 80 columns."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct

from qbm.cli.running import Performed
from qbm.cli.screen import columns, cut, isolated, visible, wrapped
from qbm.cli.wording import SHORT_HASH, counted
from qbm.engine.report import describe
from qbm.engine.request import RunReport
from qbm.model.change import CreateCategory
from qbm.model.plan import Planned, Skipped
from qbm.model.torrent import TorrentHash

_GAP: Final = "  "
_SHARES: Final = (0.36, 0.27)
"""Of the width, for the torrent and the change; the rest is the reason's."""
_NARROWEST: Final = 60
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"


class Page(Struct, frozen=True, kw_only=True):
    """What plans are written on; ``clean`` takes secrets out of a text."""

    width: int
    is_coloured: bool
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
        return f"{style}{text}{_RESET}" if self.is_coloured else text


def preview(performed: Performed, page: Page) -> Iterator[str]:
    """The plans of an order, line by line."""
    for ended in performed.ended:
        if ended.report is None:
            continue
        if len(performed.ended) > 1:
            yield from (page.bold(f"══ {page.shown(ended.config_file)} ══"), "")
        yield from _plan(ended.report, page)


def _plan(report: RunReport, page: Page) -> Iterator[str]:
    labels = _labels(report, page)
    for command, planned in groupby(report.plan.planned, lambda each: each.command):
        rows = [_row(each, labels, page) for each in planned]
        yield page.bold(f"{command}: {len(rows):,} change{'s' if len(rows) > 1 else ''}")
        yield from _table(rows, page)
        yield ""
    if report.plan.deferred:
        yield page.bold("Not yet")
        yield from _table(
            [
                (labels[each.hash], each.command, page.shown(str(each.reason)))
                for each in report.plan.deferred
            ],
            page,
        )
        yield ""
    yield from _notices(report, page)
    yield from _left_alone(report.plan.skipped, page)
    yield from wrapped(_summary(report), page.width)


def _labels(report: RunReport, page: Page) -> dict[TorrentHash, str]:
    """What each torrent is called; equal names are told apart by the start of the hash."""
    shown = {each: page.shown(name) for each, name in report.names.items()}
    width = _widths(page)[0]
    starts = Counter(cut(name, width) for name in shown.values())
    return {
        each: cut(name, width)
        if starts[cut(name, width)] == 1
        else f"{cut(name, width - SHORT_HASH - 3)} [{each[:SHORT_HASH]}]"
        for each, name in shown.items()
    }


def _row(planned: Planned, labels: dict[TorrentHash, str], page: Page) -> tuple[str, str, str]:
    change = planned.change
    label = "–" if isinstance(change, CreateCategory) else labels[change.hash]
    return (label, page.shown(describe(change)), page.shown(str(planned.reason)))


def _table(rows: Iterable[tuple[str, str, str]], page: Page) -> Iterator[str]:
    widths = _widths(page)
    yield page.dim(_line(("Torrent", "Change", "Why"), widths))
    for row in rows:
        cells = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells))):
            yield _line([cell[number] if number < len(cell) else "" for cell in cells], widths)


def _widths(page: Page) -> tuple[int, int, int]:
    width = max(page.width, _NARROWEST)
    first, second = (int(width * share) for share in _SHARES)
    return first, second, width - first - second - 2 * len(_GAP)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        isolated(cell) + " " * (width - columns(cell))
        for cell, width in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _notices(report: RunReport, page: Page) -> Iterator[str]:
    if report.plan.notices:
        yield page.bold("Notes")
        for each in report.plan.notices:
            yield from wrapped(f"  {page.shown(str(each.reason))}", page.width, indent=4)
        yield ""


def _left_alone(skipped: Sequence[Skipped], page: Page) -> Iterator[str]:
    """How many torrents were left alone for which kind of reason, the most frequent first."""
    if not skipped:
        return
    yield page.bold("Left alone (--json lists each torrent with its reason)")
    for (command, code), number in Counter(
        (each.command, each.reason.code) for each in skipped
    ).most_common():
        why = code.text.format_map(defaultdict(lambda: "…"))
        yield from wrapped(f"  {number:>6,}  {command}: {why}", page.width, indent=10)
    yield ""


def _summary(report: RunReport) -> str:
    if not report.plan.planned:
        found = "Nothing to change"
    else:
        what = counted(report.stats)
        found = f"A run would make {len(report.plan.planned):,} changes" + (
            f" ({what})" if what else ""
        )
    return f"{found}. {report.torrents:,} torrents looked at; nothing was changed."

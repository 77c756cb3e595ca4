"""Entries and items that come and go, with the commas or lines that are theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from qbm.config.editing.cuts import CannotCutError, Cut
from qbm.config.editing.lines import Lines
from qbm.config.editing.places import Part


def in_flow(
    text: str, parts: Sequence[Part], stays: Collection[int], new: Iterable[tuple[int, str]]
) -> Iterator[Cut]:
    """In brackets or braces: the parts that do not stay go, each new one comes after another.

    Raises:
        CannotCutError: none stays.
    """
    if not stays:
        raise CannotCutError
    first = min(stays)
    for number, part in enumerate(parts):
        if number not in stays and number < first:
            yield Cut(part.start, parts[number + 1].start, "")
        elif number not in stays:
            yield Cut(parts[number - 1].end, part.end, "")
    for after, each in new:
        if after < 0:
            yield Cut(parts[first].start, parts[first].start, f"{each}, ")
        else:
            end = parts[after].end
            space = " " if text[end - 1] == ":" else ""
            yield Cut(end, end, f"{space}, {each}")


def in_block(
    lines: Lines,
    parts: Sequence[Part],
    stays: Collection[int],
    new: Iterable[tuple[int, list[str]]],
    indent: int,
    gap: list[str],
) -> Iterator[Cut]:
    """The same in lines of their own; ``gap`` is what stands between two of them.

    Raises:
        CannotCutError: none stays, and the first stands behind a dash.
    """
    if not stays and lines.follows_dash(parts[0].start):
        raise CannotCutError
    first = min(stays, default=0)
    yield from _dropped(lines, parts, stays, first, indent)
    if stays or not lines.start(parts[0].start):
        before = parts[first]
    else:  # the lines before which to put them go
        before, new = None, [(len(parts) - 1, each) for _, each in new]
    for after, added in new:
        if before is not None and after < 0:
            yield _put_before(lines, before, [*added, *gap], indent)
        else:
            end = lines.end_with_comments(parts[after].end, indent)
            yield lines.added(end, [*gap, f"{' ' * indent}{added[0]}", *added[1:]])


def _dropped(
    lines: Lines, parts: Sequence[Part], stays: Collection[int], first: int, indent: int
) -> Iterator[Cut]:
    """The parts that do not stay; ``first`` is the first that does."""
    done = 0
    if first and lines.follows_dash(parts[0].start):
        yield _dropped_after_dash(lines, parts, first, indent)
        done = first
    for number in range(done, len(parts)):
        if number not in stays:
            end = lines.end_with_comments(parts[number].end, indent)
            yield lines.dropped(parts[number].start, end)


def _dropped_after_dash(lines: Lines, parts: Sequence[Part], first: int, indent: int) -> Cut:
    """All before ``first``, which takes their place behind the dash, or comes below it."""
    end = lines.end_with_comments(parts[first - 1].end, indent)
    if not lines.text[end : parts[first].start].strip():
        end = parts[first].start
    return Cut(parts[0].start, end, "")


def _put_before(lines: Lines, part: Part, new: list[str], indent: int) -> Cut:
    spaces = " " * indent
    if lines.follows_dash(part.start):
        return Cut(part.start, part.start, lines.newline.join((*new, spaces)))
    start = lines.start_with_comments(part.start, indent)
    return Cut(start, start, spaces + "".join(f"{line}{lines.newline}" for line in new))

"""The lines of a text: where each begins and ends, and cuts of whole lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from qbm.config.editing.cuts import Cut

_KEEPS_BLANK_LINES = re.compile(r"[|>][1-9]?\+")


class Lines(Struct, frozen=True):
    """The lines of ``text``, and the line break that new ones get."""

    text: str
    newline: str

    def start(self, at: int) -> int:
        """Where the line begins that ``at`` is in."""
        return self.text.rfind("\n", 0, at) + 1

    def end(self, at: int) -> int:
        """Where that line ends, before its line break."""
        end = self.text.find("\n", at)
        if end < 0:
            return len(self.text)
        return end - 1 if end > at and self.text[end - 1] == "\r" else end

    def next(self, at: int) -> int:
        """Where the line after it begins."""
        return self.text.find("\n", at) + 1 or len(self.text)

    def follows_dash(self, at: int) -> bool:
        """Whether something stands before a key or dash in its line: the dash of its item."""
        return bool(self.text[self.start(at) : at].strip())

    def keep_blank_ones(self) -> bool:
        """Whether blank lines may belong to a text above them."""
        return _KEEPS_BLANK_LINES.search(self.text) is not None

    def end_with_comments(self, at: int, indent: int) -> int:
        """The line's end, or that of the comments right below that are indented deeper."""
        end = self.end(at)
        at = self.next(end)
        while at < len(self.text):
            line = self.text[at : self.end(at)]
            if line.lstrip(" ").startswith("#") and _indent(line) > indent:
                end = self.end(at)
            elif line.strip():
                break
            at = self.next(at)
        return end

    def start_with_comments(self, at: int, indent: int) -> int:
        """The first line of the comment right above, unless it is that of the whole file."""
        start = own = self.start(at)
        while start:
            line = self.text[self.start(start - 1) : start]
            if not line.lstrip(" ").startswith("#") or _indent(line) > indent:
                return start
            start = self.start(start - 1)
        return own

    def added(self, at: int, new: Iterable[str]) -> Cut:
        """New lines after the one that ends at ``at``."""
        return Cut(at, at, "".join(f"{self.newline}{line}" for line in new))

    def dropped(self, start: int, end: int) -> Cut:
        """Whole lines go, with the break before them: what follows may be put in at ``end``."""
        begin = self.start(start)
        if self.keep_blank_ones():  # those below would become part of such a text
            end = self._beyond_blank_ones(end)
        if begin:
            return Cut(self.end(self.start(begin - 1)), end, "")
        return Cut(0, self.next(end), "")

    def _beyond_blank_ones(self, end: int) -> int:
        while (at := self.next(end)) < len(self.text) and not self._is_text_at(at):
            end = self.end(at)
        return end

    def _is_text_at(self, at: int) -> bool:
        return bool(self.text[at : self.end(at)].strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))

"""What tells one file from another at the same path."""

from __future__ import annotations

from msgspec import Struct


class Stamp(Struct, frozen=True, gc=False):
    """What tells a file from another one that takes its place; ``size`` in bytes.

    Of the entry itself, so that a symbolic link is not followed. Device numbers may change
    when the machine starts anew; what was stamped before is then told by the rest.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int

    def fits(self, found: Stamp) -> bool:
        """``found``, met at the same path later, is the same file, unchanged."""
        told = (self.inode, self.size, self.mtime_ns)
        return told == (found.inode, found.size, found.mtime_ns)

"""What could not be read. It equals nothing and matches nothing.

A fact is either a value or ``UNKNOWN``; mypy then makes every rule say what it does
about the latter (spec: "Unknown is never a match").
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias


class _Unknown(Enum):
    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> Literal[False]:
        return False


UNKNOWN: Final = _Unknown.UNKNOWN
Unknown: TypeAlias = Literal[_Unknown.UNKNOWN]

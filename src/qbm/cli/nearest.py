"""What somebody probably meant to type."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest of ``known``, with a blank before it; "" if none is near.

    Dashes and underscores do not count: ``--dryrun`` is next to ``--dry-run``.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    letters: dict[str, str] = {}
    for each in known:
        letters.setdefault(_letters(each), each)
    near = get_close_matches(_letters(word), letters, n=1, cutoff=0.6)
    return f" Did you mean {letters[near[0]]}?" if near else ""


def _letters(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")

"""Edit a config file's text as a person would: what is not changed stays as it is.

Each change is cut into the text where the value stands, so comments, blank lines, quotes and
the order of keys are no business of ours. What cannot be cut in (a merge key that brings too
much, an alias whose value changes) is written anew, as little of it as will do; the new text
is read again each time, and one that does not say what is wanted is never answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from qbm.config.editing import rendering
from qbm.config.editing.masking import masked, unmasked
from qbm.config.editing.meaning import Json, says
from qbm.config.editing.parsing import read
from qbm.config.editing.possible import check_possible
from qbm.config.editing.splicing import spliced
from qbm.config.editing.style import Style, style_of
from qbm.config.editing.written import Node
from qbm.config.loading import LARGEST
from qbm.config.reading.document import DEEPEST
from qbm.config.refusals import NotEditable, NotReadable

_MARK = "\ufeff"
_TOP_COMMENTS = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")


def data_of(text: str) -> dict[str, Json]:
    """What a config file says, as JSON; ``***`` for secrets, and {} if it holds no mapping.

    Raises:
        NotReadable: the text is no YAML.
    """
    return masked(read(text.removeprefix(_MARK)))


def edited(text: str, wanted: Mapping[str, Json]) -> str:
    """The text that says ``wanted``, and is otherwise as it was.

    A ``***`` in it is the file's own value, ``!ENV X`` and ``!FILE p`` are those tags, and keys
    that it does not have are removed; the order of those that the file has is the file's.

    Raises:
        NotReadable: the text is no YAML.
        NotEditable: what is wanted cannot stand in a config, or it is not plain what a
            ``***`` means.
    """
    check_possible(wanted)
    mark = _MARK if text.startswith(_MARK) else ""
    body = text.removeprefix(_MARK)
    root = read(body)
    data = unmasked(root, wanted)
    if _holds(root, data):
        return text
    for deepest in (DEEPEST, 2, 1):
        new = spliced(body, root, data, deepest)
        if new is not None and _is_right(new, data):
            return mark + new
    return mark + _anew(data, style_of(body, root), _comments_on_top(body))


def written_anew(wanted: Mapping[str, Json]) -> str:
    """The text of a new file that says ``wanted``; raises NotEditable."""
    check_possible(wanted)
    return _anew(unmasked(read(""), wanted), Style(), "")


def _anew(data: dict[str, Json], style: Style, top: str) -> str:
    lines = rendering.block(data, 0, style) or ["{}"]
    new = top + "".join(line + style.newline for line in lines)
    if not _is_right(new, data):
        raise NotEditable("the data cannot be written to a config file as they are")
    return new


def _comments_on_top(text: str) -> str:
    found = _TOP_COMMENTS.match(text)
    return found[0] if found else ""


def _is_right(text: str, data: dict[str, Json]) -> bool:
    if len(text.encode()) > LARGEST:
        raise NotEditable(f"the file would be too large (allowed: at most {LARGEST:,} bytes)")
    try:
        return _holds(read(text), data)
    except NotReadable:
        return False


def _holds(root: Node, data: dict[str, Json]) -> bool:
    """Whether a file says just that; an empty one has no keys."""
    return says(root, data) or (not data and says(root, None))

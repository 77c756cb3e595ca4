"""What qBittorrent makes of the names it is given: tags and categories.

A plan must want what the server will keep, or a second run would plan the same again. All
rules were read off 4.2.5, 4.5.2, 5.1.0 and 5.3.0, which agree.
"""

from __future__ import annotations

# What Qt's QString::trimmed removes; str.strip() would also take \x1c to \x1f.
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def tags_in(text: str) -> tuple[str, ...]:
    """The tags that the server makes of ``text``, in order, each once.

    It splits at every comma, trims blanks at both ends and drops what is then empty. The rest
    is kept exactly: case (``HD`` and ``hd`` are two tags), inner blanks and line breaks, any
    length, any script, normalised or not.
    """
    trimmed = (part.strip(_BLANKS) for part in text.split(","))
    return tuple(dict.fromkeys(tag for tag in trimmed if tag))


def is_tag(text: str) -> bool:
    """The server keeps ``text`` as this one tag, unchanged."""
    return tags_in(text) == (text,)


def is_category_name(text: str) -> bool:
    r"""The server can make a category of this name; "" only means none.

    ``/`` separates a subcategory, so it stands neither first nor last nor twice in a row;
    ``\`` never. Anything else is kept exactly, blanks at the ends included. 5.3.0 also makes
    the categories above it (``a`` for ``a/b``), with the default path.
    """
    return bool(text) and "\\" not in text and all(text.split("/"))

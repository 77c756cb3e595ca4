"""Whatever a torrent is called and a secret is: no text drives a terminal or tells the secret."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qbm.log.redaction import HIDDEN, ORDINARY, Redactor
from qbm.log.screen import ELLIPSIS, columns, cut, visible, wrapped

_NAMES = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\n\u202e\u200b\u0301 日/🎬é"),
    ),
)


@given(_NAMES)
def test_nothing_that_drives_a_terminal_stays(text: str) -> None:
    shown = visible(text)
    assert all(each.isprintable() or each in "\u200c\u200d" or each.isspace() for each in shown)
    assert not {"\n", "\r", "\x1b", "\x9b", "\u2028", "\u202e", "\u2067"} & set(shown)
    shown.encode()


@given(_NAMES, st.integers(1, 40))
def test_what_is_cut_fits_and_says_so(text: str, most: int) -> None:
    text = visible(text)
    short = cut(text, most)
    assert columns(short) <= most
    assert short == text or short.endswith(ELLIPSIS)


@given(_NAMES, st.integers(10, 60), st.integers(0, 5))
def test_wrapped_lines_fit_and_lose_nothing_but_blanks(text: str, most: int, indent: int) -> None:
    text = visible(text)
    lines = wrapped(text, most, indent)
    assert max(map(columns, lines)) <= most
    assert "".join("".join(lines).split()) == "".join(text.split())


_SECRETS = st.text(min_size=4).filter(
    lambda text: not set(HIDDEN) & set(text) and not ORDINARY.fullmatch(text)
)
"""Without the stars of HIDDEN: beside the text around them, those could be a secret again.

Nor short words: a category or a torrent may be called so.
"""


@given(secret=_SECRETS, before=st.text(), after=st.text())
def test_a_secret_that_was_told_is_in_no_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.learn([secret])
    assert secret not in redactor.clean(f"{before}{secret}{after}")

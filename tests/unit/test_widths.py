"""Room on a terminal: columns, not characters."""

import pytest

from taskdisc.builtin.widths import clean, cut, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("", 0), ("é", 1), ("e\u0301", 1), ("深い", 4), ("ｶﾅ", 2), ("Ａ", 2), ("a\u200db", 2), ("·…", 2)],
)
def test_width(text, columns):
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "ab…ef"),
        ("abcdef", 4, "ab…f"),
        ("abcdef", 1, "…"),
        ("abcdef", 0, ""),
        ("深い緑色", 8, "深い緑色"),
        ("深い緑色", 7, "深…色"),
        ("深い緑色", 6, "深…色"),
        ("深い緑色", 2, "…"),
    ],
)
def test_cut_leaves_both_ends(text, columns, shown):
    assert cut(text, columns) == shown
    assert width(shown) <= columns


def test_clean_leaves_nothing_that_moves_the_cursor():
    assert clean("a\x1b[2Jb\nc\td") == "a�[2Jb�c�d"
    assert clean("é深") == "é深"

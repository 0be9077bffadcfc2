"""Durations as text."""

import pytest

from taskdisc.durations import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1d", 86400),
        ("1w", 604800),
        ("1.5h", 5400),
        ("0s", 0),
        (" 2 h ", 7200),
    ],
)
def test_seconds(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "s", "10", "h2", "1y", "-1s", "1e3s", "1..5s", "1h30m", "inf s", "٣s", "1 S"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match='such as "90s", "10m", "2h", "1d", "1w"'):
        seconds(text)

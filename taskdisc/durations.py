"""Durations as people write them: "90s", "10m", "2h", "1d", "1w"."""

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(text: str) -> float:
    """Return the seconds that a duration lasts: a number and s, m, h, d or w. Raises ValueError that says so."""
    number, unit = text.strip()[:-1].rstrip(), text.strip()[-1:]
    plain = number.replace(".", "", 1)
    if unit not in SECONDS or not (plain.isascii() and plain.isdigit()):
        raise ValueError('a duration is a number and s, m, h, d or w, such as "90s", "10m", "2h", "1d", "1w"')
    return float(number) * SECONDS[unit]

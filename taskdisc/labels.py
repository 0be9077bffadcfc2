"""Labels as text: how coordinates are printed in ids, and how a printed id is read back."""

import re
from functools import cache
from typing import Any, NamedTuple

from taskdisc.errors import UsageError

LARGE = 10**40
"""Beyond it, an int in an id helps nobody; Python refuses to write those of thousands of digits."""
BARE = r"[\w./:@+?&%-]+"
LOOKS_TYPED = r"True|False|None|[-+]?(nan|inf|[\d._]+(e[-+]?\d+)?)"
WORD = r'\s*([^\s=,"\[\]]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,\]"]*)\s*(,|$)'


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compiled on first use: most runs print no label."""
    return re.compile(text, re.ASCII)


def label_text(label: Any) -> str:
    """Return the label as it stands in an id: short, and different for labels of different types."""
    kind = type(label)
    if kind is str:
        return label if _is_bare(label) else _quoted(label)
    if kind is int and not -LARGE < label < LARGE:
        return _digested(label)
    if kind in (int, float, bool, type(None)):
        return repr(label)
    if kind is tuple:
        return _quoted("(" + ",".join(map(label_text, label)) + ")")
    if hasattr(label, "isoformat"):
        return str(label.isoformat())
    if hasattr(label, "__fspath__"):
        return label_text(str(label))
    if hasattr(kind, "__members__"):
        return f"{kind.__name__}.{label.name or _combined(label)}"
    return _digested(label)


def _combined(flags: Any) -> str:
    """Name a combination of flags as Python 3.11 and later do; one of none has no name."""
    single = (each for each in type(flags) if each.value & (each.value - 1) == 0)
    return "|".join(each.name for each in single if each.value & flags.value) or str(flags.value)


def _digested(label: Any) -> str:
    """A text that no str has: those with a `~` are quoted."""
    from taskdisc.fingerprint.encoding import encode
    from taskdisc.hashing import sha256

    return f"{type(label).__name__}~{sha256(encode(label)).hexdigest()[:8]}"


def _typed(label: Any) -> str:
    return _quoted(f"{type(label).__name__}({label_text(label)})")


def _is_bare(label: str) -> bool:
    return bool(_pattern(BARE).fullmatch(label)) and not _pattern(LOOKS_TYPED).fullmatch(label)


def _quoted(text: str) -> str:
    from json import dumps

    quoted = dumps(text, ensure_ascii=False)
    try:
        quoted.encode()
    except UnicodeEncodeError:  # a lone surrogate, which no terminal and no index takes
        return dumps(text)
    return quoted


def label_texts(labels: list[Any]) -> list[str]:
    """Return the labels of one axis as texts that differ: those that would be alike are told apart by their type."""
    if set(map(type, labels)) == {int} and min(labels) > -LARGE and max(labels) < LARGE:
        return list(map(repr, labels))
    texts = [label_text(label) for label in labels]
    for tell_apart in (_typed, _digested):
        if len(set(texts)) == len(texts):
            break
        texts = [
            tell_apart(label) if type(label) is not str and texts.count(text) > 1 else text
            for label, text in zip(labels, texts, strict=True)
        ]
    return texts


def id_suffixes(names: list[str], columns: list[list[str]], count: int) -> list[str]:
    """Return the bracketed coordinates of `count` rows; each column has the rows' label texts."""
    if not names:
        return [""] * count
    if len(names) == 1:
        head = f"[{names[0]}="
        return [f"{head}{text}]" for text in columns[0]]
    form = "[" + ",".join(f"{name}={{}}" for name in names) + "]"
    return [form.format(*texts) for texts in zip(*columns, strict=True)]


class TargetText(NamedTuple):
    """A target as it was written: a name, and what stands in brackets."""

    text: str
    name: str
    brackets: dict[str, str] | None
    """Axis name to label text; None where there are no brackets."""


def parse_target(text: str) -> TargetText:
    """Take `name[axis=label,...]` apart. Raises UsageError."""
    name, bracket, rest = text.partition("[")
    if not bracket or not rest.endswith("]"):
        return TargetText(text, text.strip(), None)
    inside, found, position = rest[:-1], {}, 0
    while position < len(inside):
        match = _pattern(WORD).match(inside, position)
        if match is None:
            if "=" not in inside:
                return TargetText(text, text.strip(), None)
            raise UsageError(
                f'target {text}: cannot read {inside[position:]!r}. Write name[axis=label,...], odd labels in "quotes".'
            )
        if match[1] in found:
            raise UsageError(f"target {text}: {match[1]} is given twice.")
        found[match[1]] = match[2].strip()
        position = match.end()
    return TargetText(text, name.strip(), found)


def unquoted(text: str) -> str:
    """Return the text inside JSON quotes, or the text itself."""
    if not text.startswith('"'):
        return text
    from json import loads

    return str(loads(text))

"""Expressions of words with `and`, `or`, `not` and parentheses, as -k and -m take them."""

from __future__ import annotations

import re
from collections.abc import Callable

from taskdisc.errors import UsageError

Holds = Callable[[str], bool]
Expression = Callable[[Holds], bool]
"""Says whether the whole holds, given what says so of each word."""

TOKEN = r'\s*(\(|\)|"[^"]*"|[^\s()"]+)'
OPERATORS = ("and", "or", "not", "(", ")")


def parse(text: str, option: str) -> Expression:
    """Return what an expression means. Raises UsageError that begins with `option`."""
    return _Parser(text, option).whole()


class _Parser:
    def __init__(self, text: str, option: str) -> None:
        self._where = f"{option} {text!r}"
        self._tokens = [(match[1], match.start(1)) for match in re.finditer(TOKEN, text)]
        self._at = 0
        if "".join(token for token, _ in self._tokens) != re.sub(r'\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', "", text):
            raise UsageError(f"{self._where}: a quotation mark is not closed.")

    @property
    def _next(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _accept(self, token: str) -> bool:
        if self._next != token:
            return False
        self._at += 1
        return True

    def whole(self) -> Expression:
        found = self._either()
        if self._at < len(self._tokens):
            raise self._unexpected("and, or, or the end")
        return found

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._accept("or"):
            parts.append(self._both())
        return lambda holds: any(part(holds) for part in parts)

    def _both(self) -> Expression:
        parts = [self._negated()]
        while self._accept("and"):
            parts.append(self._negated())
        return lambda holds: all(part(holds) for part in parts)

    def _negated(self) -> Expression:
        odd = False
        while self._accept("not"):
            odd = not odd
        inner = self._single()
        return (lambda holds: not inner(holds)) if odd else inner

    def _single(self) -> Expression:
        if self._accept("("):
            inner = self._either()
            if not self._accept(")"):
                raise self._unexpected("and, or, or a )")
            return inner
        word = self._next
        if not word or word in OPERATORS:
            raise self._unexpected("a word")
        self._at += 1
        word = word.strip('"')
        return lambda holds: holds(word)

    def _unexpected(self, wanted: str) -> UsageError:
        if self._at == len(self._tokens):
            return UsageError(f"{self._where}: at the end, {wanted} is missing.")
        token, place = self._tokens[self._at]
        return UsageError(f"{self._where}: at character {place + 1} stands {token!r}, where {wanted} should be.")

"""The launcher that a task's `prefix` uses: words before the command, with placeholders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskdisc.placeholders import fill


class PrefixLauncher:
    """Its prefix is what the task says."""

    def prefix(self, words: Sequence[str], values: Mapping[str, str]) -> list[str]:
        """Return the words with placeholders filled. Raises UsageError for one that is unknown."""
        return fill(words, values)

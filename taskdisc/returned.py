"""Files outside the store that steps of one run make, or have made before: each has one maker."""

from __future__ import annotations

from collections.abc import Callable

from taskdisc.model import ErrorText, JobResult, Outcome


class ReturnedPaths:
    """Who made which file in this run."""

    def __init__(self, cached_maker: Callable[[str], str | None]) -> None:
        """`cached_maker` says which cached instance of this run made a file before."""
        self._makers: dict[str, str] = {}
        self._cached_maker = cached_maker

    def checked(self, instance: str, result: JobResult) -> JobResult:
        """Return the result; a failed one where it names a file that another instance of this run has made."""
        for file in result.files:
            if not file.made:
                continue
            first = self._makers.get(file.path) or self._cached_maker(file.path) or instance
            self._makers[file.path] = first
            if first != instance:
                return _refused(f"{instance} and {first} both returned {file.path}.", result)
        return result


def _refused(reason: str, result: JobResult) -> JobResult:
    message = f"{reason} Put the coordinate in the name, or use task_dir."
    error = ErrorText("", message, None, f"E   {message}")
    return result._replace(outcome=Outcome.FAILED, parts=(), files=(), error=error)

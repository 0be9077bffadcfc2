"""Files outside the store that steps of one run make: each has one maker."""

from __future__ import annotations

from taskdisc.model import ErrorText, JobResult, Outcome


class ReturnedPaths:
    """Who made which file in this run."""

    def __init__(self) -> None:
        self._makers: dict[str, str] = {}

    def checked(self, instance: str, result: JobResult) -> JobResult:
        """Return the result; a failed one where it names a file that another instance has made in this run."""
        for file in result.files:
            if not file.made:
                continue
            first = self._makers.setdefault(file.path, instance)
            if first != instance:
                return _refused(f"{instance} and {first} both returned {file.path}.", result)
        return result


def _refused(reason: str, result: JobResult) -> JobResult:
    message = f"{reason} Put the coordinate in the name, or use task_dir."
    error = ErrorText("", message, None, f"E   {message}")
    return result._replace(outcome=Outcome.FAILED, parts=(), files=(), error=error)

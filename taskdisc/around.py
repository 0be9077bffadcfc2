"""What plugins do around a task's function (`taskdisc_around_task`), where the task runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

from taskdisc.errors import PluginError, TaskdiscError
from taskdisc.hookrecords import Attempt
from taskdisc.model import Job, TaskSpec

if TYPE_CHECKING:
    from taskdisc.pluginmanager import PluginManager

HOOK = "taskdisc_around_task"


class Surround:
    """Calls tasks with what plugins do around them."""

    def __init__(self, plugins: PluginManager) -> None:
        self._plugins = plugins

    def call(self, job: Job, spec: TaskSpec, call: Callable[[], Any]) -> Any:
        """Return what `call` returns, and raise what it raises, whatever plugins make of that.

        Raises PluginError, which names the plugin, for what a plugin raises by itself.
        """
        attempt = Attempt(job.instance, spec.id, job.attempt, job.resources)
        with ExitStack() as stack:
            for implementation in reversed(self._plugins.hook.taskdisc_around_task.get_hookimpls()):
                stack.enter_context(Around(implementation, attempt, self._plugins))
            return call()


class Around:
    """The generator of one plugin as a context: it is told of a failure, and cannot undo it."""

    def __init__(self, implementation: Any, attempt: Attempt, plugins: PluginManager) -> None:
        self._name = implementation.plugin_name
        self._generator = implementation.function(*[attempt] * len(implementation.argnames))
        self._plugins = plugins

    def __enter__(self) -> None:
        try:
            next(self._generator)
        except StopIteration:
            raise self._wrong("has ended without a yield") from None
        except Exception as error:
            raise self._blamed(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                next(self._generator)
            else:
                self._generator.throw(error)
        except StopIteration:
            return
        except BaseException as raised:
            if error is not None and error in (raised, raised.__cause__):  # a StopIteration comes back as a cause
                error.__traceback__ = traceback  # without the plugin's frames
                return
            if isinstance(raised, Exception):
                raise self._blamed(raised) from raised
            raise
        raise self._wrong("yields twice")

    def _blamed(self, error: Exception) -> Exception:
        return error if isinstance(error, TaskdiscError) else self._plugins.blamed(error, HOOK)

    def _wrong(self, what: str) -> PluginError:
        return PluginError(f"plugin {self._name}: {HOOK} {what}. Put one yield where the task runs.")

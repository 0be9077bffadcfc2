"""Hooks as soon as a plugin from outside is there: called by pluggy, with all that it offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from taskdisc import hookspecs

if TYPE_CHECKING:
    from taskdisc.plainhooks import Blame


class PluggyHooks(pluggy.PluginManager):
    """pluggy's manager, with hooks found by name."""

    def __init__(self, blame: Blame) -> None:
        """`blame` turns what an implementation raised into what the caller sees."""
        super().__init__("taskdisc")
        self.add_hookspecs(hookspecs)
        self.add_hookcall_monitoring(_nothing, self._after)
        self._blame = blame

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        """Functions called `taskdisc_*` are hook implementations without a decorator."""
        options = super().parse_hookimpl_opts(plugin, name)
        if options is None and name.startswith(hookspecs.PREFIX) and callable(getattr(plugin, name, None)):
            return {}
        return options

    def _after(
        self,
        outcome: pluggy.Result[Any],
        hook: str,
        implementations: Sequence[pluggy.HookImpl],
        arguments: Mapping[str, Any],
    ) -> None:
        error = outcome.exception
        if isinstance(error, Exception):
            raised = self._blame(error, hook, implementations)
            if raised is not error:
                raised.__cause__ = error
                outcome.force_exception(raised)


def _nothing(hook: str, implementations: Sequence[pluggy.HookImpl], arguments: Mapping[str, Any]) -> None:
    """Before a hook is called."""

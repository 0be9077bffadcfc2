"""Hooks as long as only built-ins are plugged in: their functions are called one after the other.

pluggy, with all that it imports, takes a sixth of a warm run. Built-ins use nothing of what it adds: no wrappers, no
order of their own, no hook of which the first result counts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeAlias

    Blame: TypeAlias = Callable[[Exception, str, Sequence[Any]], Exception]


class PlainHooks:
    """What pluggy's manager is to plugins from outside: register, look up, call."""

    def __init__(self, blame: Blame) -> None:
        """`blame` turns what an implementation raised into what the caller sees."""
        self.hook = self
        self._plugins: dict[str, object] = {}
        self._blame = blame

    def register(self, plugin: object, name: str | None = None) -> None:
        """Plug in a module or an object."""
        self._plugins[name or str(id(plugin))] = plugin

    def unregister(self, plugin: object = None, name: str | None = None) -> None:
        """Take a plugin out again, which is named by itself or by its name."""
        kept = {key: other for key, other in self._plugins.items() if key != name and other is not plugin}
        self._plugins = kept

    def get_plugin(self, name: str) -> object | None:
        """Return the plugin of this name, or None."""
        return self._plugins.get(name)

    def list_name_plugin(self) -> list[tuple[str, object]]:
        """Return (name, plugin) in the order of their registration."""
        return list(self._plugins.items())

    def __getattr__(self, name: str) -> PlainHook:
        if not name.startswith("taskdisc_"):
            raise AttributeError(name)
        return PlainHook(name, self._implementations(name), self._blame)

    def _implementations(self, hook: str) -> list[Implementation]:
        return [
            Implementation(name, getattr(plugin, hook))
            for name, plugin in self._plugins.items()
            if hasattr(plugin, hook)
        ]


class PlainHook:
    """One hook, as it is implemented when it is looked up."""

    def __init__(self, name: str, implementations: list[Implementation], blame: Blame) -> None:
        self._name = name
        self._implementations = implementations
        self._blame = blame

    def get_hookimpls(self) -> list[Implementation]:
        """Return the implementations in the order of their registration."""
        return self._implementations

    def __call__(self, **arguments: Any) -> list[Any]:
        """Call the implementations, the last one first; return what they return that is not None."""
        try:
            results = [implementation.call(arguments) for implementation in reversed(self._implementations)]
        except Exception as error:
            raised = self._blame(error, self._name, self._implementations)
            if raised is error:
                raise
            raise raised from error
        return [result for result in results if result is not None]


class Implementation:
    """A plugin's function for a hook."""

    def __init__(self, plugin_name: str, function: Callable[..., Any]) -> None:
        self.plugin_name = plugin_name
        self.function = function

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Call the function with those arguments that it has."""
        code = self.function.__code__
        names = code.co_varnames[: code.co_argcount]
        return self.function(**{name: arguments[name] for name in names if name != "self"})

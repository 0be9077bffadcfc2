"""`taskdisc plugins`: what is plugged in, where it comes from, what it supplies, and where two plugins clash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, configured, opened_with
from taskdisc.errors import ExitCode, TaskdiscError
from taskdisc.pluginmanager import PluginManager, plugin_manager, sorted_out
from taskdisc.project import plugin_names
from taskdisc.supply import KINDS, Supply, clash

if TYPE_CHECKING:
    from taskdisc.config import Config


def plugins(options: Options) -> int:
    """Run the command; return the exit code. Raises TaskdiscError, when that is printed, where the project has one."""
    config = configured(options)
    with ExitStack() as stack:
        try:
            stack.enter_context(opened_with(config, options))
        except TaskdiscError:
            for line in described(plugin_manager(plugin_names(config)), config):
                print(line)
            raise
        for line in described(plugin_manager(plugin_names(config)), config):
            print(line)
    return ExitCode.OK


def described(manager: PluginManager, config: Config) -> Iterator[str]:
    """Yield what there is to say of the plugins, line by line."""
    supplies = {kind: manager.supplies(kind) for kind in KINDS}
    for name in manager.names():
        yield f"{name} ({manager.source_of(name, config.root)})"
        for kind, given in supplies.items():
            for line in _supplied(kind, [supply for supply in given if supply.owner == name]):
                yield f"    {line}"
        hooks = [hook for hook in manager.hooks_of(name) if hook not in KINDS]
        if hooks:
            yield f"    hooks: {', '.join(hooks)}"
    left_out = sorted(sorted_out(config.plugins)[1])
    if not config.autoload:
        left_out.append("what is merely installed (autoload = false)")
    if left_out:
        yield f"left out: {', '.join(left_out)}"


def _supplied(kind: str, given: list[Supply]) -> Iterator[str]:
    if given:
        yield f"{kind}: {', '.join(sorted(map(_named, given)))}"
    for supply in given:
        if supply.clashes:
            yield f"conflict: {clash(kind, supply)}"


def _named(supply: Supply) -> str:
    stands = f" (in the place of that of {supply.replaces})" if supply.replaces and not supply.clashes else ""
    return f"{supply.name}{stands}"

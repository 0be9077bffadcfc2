"""`taskdisc plugins`: what is plugged in."""

from __future__ import annotations

from taskdisc.cli.options import Options, opened
from taskdisc.errors import ExitCode
from taskdisc.pluginmanager import SUPPLIES, PluginManager


def plugins(options: Options) -> int:
    """Run the command; return the exit code."""
    with opened(options) as (project, _):
        manager = project.plugins
        supplies = supplied_by(manager)
        for name in manager.names():
            distribution = manager.distributions[name]
            source = f"{distribution.name} {distribution.version}".strip() or "this project"
            print(f"{name} ({source})")
            for line in (*supplies.get(name, ()), *_hooks(hooks_of(manager, name))):
                print(f"    {line}")
    return ExitCode.OK


def supplied_by(manager: PluginManager) -> dict[str, list[str]]:
    """Return by plugin what it supplies, such as `executors: inline, process`."""
    found: dict[str, list[str]] = {}
    for kind in SUPPLIES:
        for name, supply in manager.supplies(kind):
            if supply:
                found.setdefault(name, []).append(f"{kind}: {', '.join(sorted(supply))}")
    return found


def _hooks(names: list[str]) -> list[str]:
    return [f"hooks: {', '.join(names)}"] if names else []


def hooks_of(manager: PluginManager, name: str) -> list[str]:
    """Return the hooks that a plugin implements, those that supply something apart."""
    return [hook for hook in manager.hooks_of(name) if hook not in SUPPLIES]

"""All commands as click sees them; each is a function in a module of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import click

import taskdisc
from taskdisc.cli.options import Options
from taskdisc.errors import ExitCode, TaskdiscError

Command = Callable[..., Any]
ADDED = "added_"
"""Before the names of options that plugins have added, among those of a command."""

TARGETS = click.argument("targets", nargs=-1)


def shared(*, params: bool = True, targets: bool = True) -> Callable[[Command], Command]:
    """Add the options that commands share."""

    def add(function: Command) -> Command:
        options = [
            click.option(
                "-C", "directory", metavar="DIR", help="The project's root; else it is found from here upwards."
            ),
            click.option("--profile", metavar="NAME", help="Use [tool.taskdisc.profiles.NAME] of pyproject.toml."),
            click.option("--store", metavar="DIR", help="Keep and find results there."),
            click.option(
                "--plugin", "plugins", multiple=True, metavar="NAME", help="Load a plugin, or leave it out: no:NAME."
            ),
        ]
        if params:
            options.append(
                click.option(
                    "-p",
                    "params",
                    multiple=True,
                    metavar="NAME=VALUE",
                    help="Set a setting, an axis, an open parameter.",
                )
            )
            options.append(
                click.option(
                    "--sweep",
                    "sweeps",
                    multiple=True,
                    metavar="NAME=VALUES",
                    help="Run with each of these values of a setting or open parameter: a,b,c or first..last.",
                )
            )
            options.append(
                click.option(
                    "--override",
                    "replaced",
                    multiple=True,
                    metavar="NAME=VALUE",
                    help="Put a value in the place of a task, an output, a fixture; a path in that of a file.",
                )
            )
        if targets:
            options.append(TARGETS)
        for option in reversed(options):  # click lists first what is added last
            function = option(function)
        return function

    return add


def narrowing(function: Command) -> Command:
    """Add the options that choose among the targets."""
    tags = click.option(
        "-m", "tags", metavar="EXPR", help="Of the targets, those whose tags match: 'slow and not gpu'."
    )
    keywords = click.option(
        "-k", "keywords", metavar="EXPR", help="Of the targets, those whose ids match: 'fit or k=3'."
    )
    return keywords(tags(function))


NO_CODE_CHECK = click.option(
    "--no-code-check", is_flag=True, help="Take the newest result that is equal in all but code."
)


def options_from(context: click.Context, given: dict[str, Any]) -> Options:
    """Return the record that commands work with; `-C` before the command counts too."""
    if given.get("directory") is None:
        given["directory"] = (context.obj or {}).get("directory")
    named = {name: value for name, value in given.items() if name in Options._fields}
    added = [(name.removeprefix(ADDED), value) for name, value in given.items() if name.startswith(ADDED)]
    return Options(**named, added=tuple(pair for pair in added if pair[1] not in (None, ())))


def from_here(_: click.Context, __: click.Parameter, path: str | None) -> str | None:
    """Return the path as seen from the root too; links are kept, since those in /dev/fd lead nowhere else."""
    return path if path in (None, "-") else os.path.abspath(path)


class InOrder(click.Group):
    """Lists its commands in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of definition."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(taskdisc.__version__, prog_name="taskdisc", message="%(prog)s %(version)s")
@click.option("-C", "directory", metavar="DIR", help="The project's root; else it is found from here upwards.")
@click.pass_context
def taskdisc_command(context: click.Context, /, directory: str | None) -> None:
    """pytest for pipelines: functions are tasks, parameter names are dependencies, results are kept."""
    context.obj = {"directory": directory}


@taskdisc_command.command()
@shared()
@narrowing
@click.option("-j", "--workers", type=int, metavar="N", help="Jobs at once; -1: all CPUs, -2: all but one.")
@click.option("--executor", metavar="NAME", help="What runs the jobs.")
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=N", help="How much of a resource, channel or task may be in use."
)
@click.option("-x", "exit_first", is_flag=True, help="Start nothing more after the first failure.")
@click.option("--maxfail", type=click.IntRange(1), metavar="N", help="Start nothing more after N failures.")
@click.option("--lf", "last_failed", is_flag=True, help="Of the targets, only what failed in the last run.")
@click.option("-f", "--force", is_flag=True, help="Run the targets again, whatever is kept.")
@click.option("--force-all", is_flag=True, help="Run the targets and all that they need again.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--exit-code", is_flag=True, help="With -n: end with 1 when something would run.")
@NO_CODE_CHECK
@click.option("-v", "--verbose", "verbosity", count=True, help="A line for every step; -vv: with its cost.")
@click.option(
    "--json",
    metavar="FILE",
    callback=from_here,
    help="Write how each step ended, as JSON, a line each; -: to standard output, in the place of values.",
)
@click.option("--junit", metavar="FILE", callback=from_here, help="Write how the steps ended as JUnit XML.")
@click.option("-q", "--quiet", is_flag=True, help="Failures only.")
@click.option("-s", "uncaptured", is_flag=True, help="Let tasks write to the terminal; nothing is kept of that.")
@click.option("--pdb", is_flag=True, help="Run jobs here, one at a time, and open the debugger where one fails.")
@click.option("--durations", type=click.IntRange(1), metavar="N", help="Name the N slowest steps.")
@click.pass_context
def run(context: click.Context, /, quiet: bool, uncaptured: bool, exit_first: bool, **given: Any) -> int:
    """Compute TARGETS and print their values.

    Without TARGETS: default_targets of the configuration, or else all tasks, and no values are printed.

    A target is a task, an output, an id, a slice such as 'model[k=3]', a module's path, or a glob.
    """
    from taskdisc.cli.run import run as command

    if quiet:
        given["verbosity"] = -1
    if exit_first and given["maxfail"] is None:
        given["maxfail"] = 1
    given["captured"] = not uncaptured
    return command(options_from(context, given))


@taskdisc_command.command("list")
@shared(params=False)
@narrowing
@click.option("--tree", is_flag=True, help="Show what each depends on.")
@click.pass_context
def list_(context: click.Context, /, tree: bool, **given: Any) -> int:
    """List the tasks: axes, places, documentation."""
    from taskdisc.cli.list import list_tasks

    return list_tasks(options_from(context, given), tree=tree)


@taskdisc_command.command()
@shared()
@narrowing
@NO_CODE_CHECK
@click.pass_context
def status(context: click.Context, /, **given: Any) -> int:
    """Count what is cached, and what would run, task by task."""
    from taskdisc.cli.status import status as command

    return command(options_from(context, given))


@taskdisc_command.command()
@shared()
@NO_CODE_CHECK
@click.option("-v", "--verbose", "verbosity", count=True, help="Show all of what has changed in code.")
@click.pass_context
def explain(context: click.Context, /, **given: Any) -> int:
    """Say why TARGETS would run, or why not."""
    from taskdisc.cli.explain import explain as command

    return command(options_from(context, given))


@taskdisc_command.command()
@shared()
@click.option("--info", is_flag=True, help="Print when, how long, how large instead of the value.")
@click.option("--path", "paths", is_flag=True, help="Print where the result's files lie instead of the value.")
@click.pass_context
def show(context: click.Context, /, info: bool, paths: bool, **given: Any) -> int:
    """Print the kept values of TARGETS, without running anything."""
    from taskdisc.cli.show import show as command

    return command(options_from(context, given), info=info, paths=paths)


@taskdisc_command.command()
@shared()
@click.option("--stdout", "stream", flag_value="stdout", help="Standard output only.")
@click.option("--stderr", "stream", flag_value="stderr", help="Standard error only.")
@click.pass_context
def logs(context: click.Context, /, stream: str | None, **given: Any) -> int:
    """Print what TARGETS wrote in their latest attempts."""
    from taskdisc.cli.logs import logs as command

    return command(options_from(context, given), stream=stream)


@taskdisc_command.command()
@shared()
@click.pass_context
def debug(context: click.Context, /, **given: Any) -> int:
    """Run one instance again, under the debugger.

    It runs here, with its kept inputs; the debugger opens where it fails, and nothing of it is recorded.
    """
    from taskdisc.cli.debug import debug as command

    return command(options_from(context, given))


@taskdisc_command.command()
@shared(params=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "dot", "mermaid"]),
    default="tree",
    show_default=True,
    help="Indented lines, Graphviz or Mermaid.",
)
@click.pass_context
def graph(context: click.Context, /, form: str, **given: Any) -> int:
    """Draw what TARGETS, or all tasks, depend on."""
    from taskdisc.cli.graph import graph as command

    return command(options_from(context, given), form=form)


@taskdisc_command.command()
@shared()
@click.option("--all", "everything", is_flag=True, help="Clear all tasks.")
@click.option("--downstream", is_flag=True, help="Clear what depends on TARGETS too.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be cleared, and clear nothing.")
@click.pass_context
def clear(context: click.Context, /, everything: bool, downstream: bool, **given: Any) -> int:
    """Remove the kept results of TARGETS, so that they run again."""
    from taskdisc.cli.clear import clear as command

    return command(options_from(context, given), everything=everything, downstream=downstream)


@taskdisc_command.command()
@shared()
@click.option("-n", "--newest", default=20, show_default=True, metavar="N", help="How many runs, or results.")
@click.pass_context
def history(context: click.Context, /, newest: int, **given: Any) -> int:
    """List the runs; of TARGETS, how their results changed."""
    from taskdisc.cli.history import history as command

    return command(options_from(context, given), newest=newest)


@taskdisc_command.command()
@shared()
@click.pass_context
def verify(context: click.Context, /, **given: Any) -> int:
    """Read what is kept, and take out what is damaged."""
    from taskdisc.cli.verify import verify as command

    return command(options_from(context, given))


@taskdisc_command.command()
@shared(params=False, targets=False)
@click.pass_context
def push(context: click.Context, /, **given: Any) -> int:
    """Send kept results to the store that the team shares."""
    from taskdisc.cli.push import push as command

    return command(options_from(context, given))


@taskdisc_command.command()
@shared()
@click.pass_context
def pull(context: click.Context, /, **given: Any) -> int:
    """Take what the team has of TARGETS, values too."""
    from taskdisc.cli.pull import pull as command

    return command(options_from(context, given))


@taskdisc_command.command()
@shared(params=False, targets=False)
@click.option("--older-than", metavar="AGE", help="Remove results that were made longer ago: 30d, 12h.")
@click.option("--max-size", metavar="SIZE", help="Keep the newest results that fit: 500MB, 10GB.")
@click.option(
    "--keep-latest",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=1,
    metavar="[N]",
    help="Keep the N newest results of each instance (1), whatever their age and size; by itself, remove the others.",
)
@click.option("--shared", "of_team", is_flag=True, help="Remove from the team's store what is --older-than AGE.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.pass_context
def gc(context: click.Context, /, older_than: str | None, max_size: str | None, keep_latest: int | None,
       of_team: bool, **given: Any) -> int:  # fmt: skip
    """Remove what nothing needs; results by age, size, number."""
    if of_team:
        from taskdisc.cli.gcshared import gc_shared

        others = max_size is not None or keep_latest is not None
        return gc_shared(options_from(context, given), older_than=older_than, others=others)
    from taskdisc.cli.gc import gc as command

    return command(options_from(context, given), older_than=older_than, max_size=max_size, keep_latest=keep_latest)


@taskdisc_command.command()
@shared(targets=False)
@click.pass_context
def config(context: click.Context, /, **given: Any) -> int:
    """Print the configuration, and where each value comes from."""
    from taskdisc.cli.config import config as command

    return command(options_from(context, given))


@taskdisc_command.command()
@shared(params=False, targets=False)
@click.pass_context
def plugins(context: click.Context, /, **given: Any) -> int:
    """List what is plugged in, and what it supplies."""
    from taskdisc.cli.plugins import plugins as command

    return command(options_from(context, given))


@taskdisc_command.command()
@click.option("-C", "directory", metavar="DIR", help="The folder, which is made if need be; else the current one.")
@click.option("--plugin", metavar="NAME", help="Write the distribution of a plugin instead, in taskdisc-NAME.")
@click.pass_context
def init(context: click.Context, /, directory: str | None, plugin: str | None) -> int:
    """Write the first files of a project. What is there stays as it is."""
    from taskdisc.cli.init import init as command

    return command(directory or (context.obj or {}).get("directory"), plugin)


def _help_for(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f" See {context.command_path} --help." if context is not None else ""


def invoke_click(arguments: Sequence[str]) -> int:
    """Run a command line; usage errors end with exit code 4."""
    from taskdisc.cli.added import known_to, wants_help

    commands = [command for name, command in taskdisc_command.commands.items() if name != "init"]
    try:
        if wants_help(arguments):
            with suppress(TaskdiscError), known_to(commands, arguments):
                return _invoked(arguments)
        try:
            return _invoked(arguments)
        except click.NoSuchOption:
            with known_to(commands, arguments):
                return _invoked(arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return ExitCode.USAGE
    except click.ClickException as error:
        print(f"error: {error.format_message()}{_help_for(error)}", file=sys.stderr)
        return ExitCode.USAGE
    except click.Abort:
        return ExitCode.INTERRUPTED


def _invoked(arguments: Sequence[str]) -> int:
    result = taskdisc_command.main(list(arguments), prog_name="taskdisc", standalone_mode=False)
    return result if isinstance(result, int) else ExitCode.OK

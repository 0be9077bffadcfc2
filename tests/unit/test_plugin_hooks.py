"""Hooks are called alike with and without pluggy, which comes with the first plugin from outside."""

import types

import pytest

from taskdisc import hookspecs
from taskdisc.errors import PluginError, UsageError
from taskdisc.plainhooks import PlainHooks
from taskdisc.pluggyhooks import PluggyHooks
from taskdisc.pluginmanager import BUILTINS, PluginManager, plugin_manager

HOOKS = [name for name in vars(hookspecs) if name.startswith(hookspecs.PREFIX)]


def blamed(error, hook, implementations):
    """Name the hook and its implementers; leave lookup errors as they are."""
    if isinstance(error, LookupError):
        return error
    return PluginError(f"{hook} of {[each.plugin_name for each in implementations]}: {error}")


@pytest.fixture(params=[PlainHooks, PluggyHooks])
def hooks(request):
    return request.param(blamed)


def module(**functions):
    made = types.ModuleType("made")
    vars(made).update(functions)
    return made


class Watcher:
    """A plugin that is an object, as the lines of `-v` are."""

    def taskdisc_report_header(self, config):
        return f"object saw {config}"


def test_the_last_registered_is_called_first_and_none_is_dropped(hooks):
    hooks.register(module(taskdisc_report_header=lambda: "first"), "one")
    hooks.register(module(taskdisc_report_header=lambda config: None), "two")
    hooks.register(Watcher(), "three")
    assert hooks.hook.taskdisc_report_header(config="it") == ["object saw it", "first"]


def test_nobody_implements_it(hooks):
    assert hooks.hook.taskdisc_report_header(config=1) == []
    assert hooks.hook.taskdisc_report_header.get_hookimpls() == []


def test_implementations_come_in_the_order_of_registration(hooks):
    functions = [lambda: 1, lambda: 2]
    for name, function in zip(("one", "two"), functions, strict=True):
        hooks.register(module(taskdisc_report_header=function), name)
    found = hooks.hook.taskdisc_report_header.get_hookimpls()
    assert [(each.plugin_name, each.function) for each in found] == list(zip(("one", "two"), functions, strict=True))


@pytest.mark.parametrize("by_name", [True, False])
def test_a_plugin_is_taken_out(hooks, by_name):
    watcher = Watcher()
    hooks.register(module(taskdisc_report_header=lambda: "first"), "one")
    hooks.register(watcher, "two")
    if by_name:
        hooks.unregister(name="two")
    else:
        hooks.unregister(watcher)
    assert hooks.hook.taskdisc_report_header(config=1) == ["first"]
    assert [name for name, _ in hooks.list_name_plugin()] == ["one"]


def test_a_plugin_may_take_itself_out_while_it_is_called(hooks):
    class Once:
        def taskdisc_report_header(self):
            hooks.unregister(self)
            return "once"

    hooks.register(module(taskdisc_report_header=lambda: "always"), "one")
    hooks.register(Once(), "two")
    assert hooks.hook.taskdisc_report_header(config=1) == ["once", "always"]
    assert hooks.hook.taskdisc_report_header(config=1) == ["always"]


def raising(error):
    def taskdisc_report_header():
        raise error

    return module(taskdisc_report_header=taskdisc_report_header)


def test_what_is_raised_is_blamed_on_somebody(hooks):
    error = ValueError("on purpose")
    hooks.register(raising(error), "one")
    with pytest.raises(PluginError) as raised:
        hooks.hook.taskdisc_report_header(config=1)
    assert str(raised.value) == "taskdisc_report_header of ['one']: on purpose"
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyError("stays"), KeyboardInterrupt()])
def test_what_nobody_is_blamed_for_stays(hooks, error):
    hooks.register(raising(error), "one")
    with pytest.raises(type(error)) as raised:
        hooks.hook.taskdisc_report_header(config=1)
    assert raised.value is error


def test_names_that_are_no_hooks_are_no_attributes(hooks):
    assert not hasattr(hooks.hook, "report_header")


# Who is plugged in


@pytest.fixture
def manager():
    """A manager of its own with the built-ins alone."""
    made = PluginManager()
    shared = plugin_manager(("no:*",))
    for name in BUILTINS:
        made.add(shared._hooks.get_plugin(name), name, shared.distributions[name])
    return made


def test_an_outsider_brings_pluggy_and_the_builtins_stay(manager):
    before = {hook: [each.function for each in getattr(manager.hook, hook).get_hookimpls()] for hook in HOOKS}
    assert isinstance(manager.hook, PlainHooks)
    manager.register(module(taskdisc_report_header=lambda: "outside"), "outsider")
    assert not isinstance(manager.hook, PlainHooks)
    assert manager.names() == [*BUILTINS, "outsider"]
    assert manager.hooks_of("outsider") == ["report_header"]
    for hook, functions in before.items():
        assert [each.function for each in getattr(manager.hook, hook).get_hookimpls()][: len(functions)] == functions


def test_builtins_need_nothing_that_only_pluggy_has(manager):
    """No first results, no options, and only hooks that there are."""
    for name in BUILTINS:
        plugin = manager._hooks.get_plugin(name)
        implemented = {key for key in vars(plugin) if key.startswith(hookspecs.PREFIX)}
        assert implemented <= set(HOOKS)
        assert implemented
        for hook in implemented:
            assert not getattr(hookspecs, hook).taskdisc_spec["firstresult"]
            assert not hasattr(getattr(plugin, hook), "taskdisc_impl")


def test_a_builtin_that_fails_is_named(manager):
    with pytest.raises(
        PluginError, match=r"^plugin terminal: taskdisc_run_finished raised AttributeError.*terminal\.py"
    ):
        manager.hook.taskdisc_run_finished(report=None, config=None)


def test_errors_for_the_user_pass(manager):
    manager.register(raising(UsageError("not so")), "outsider")
    with pytest.raises(UsageError, match=r"^not so$"):
        manager.hook.taskdisc_report_header(config=None)

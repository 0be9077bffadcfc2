import pytest

from taskdisc.builtin.command import split_prefix
from taskdisc.builtin.prefix import PrefixLauncher
from taskdisc.errors import UsageError

VALUES = {"task": "fit", "id": "fit[k=1]", "attempt": "2", "log_dir": "/logs", "cpus": "1"}


def fill(*words):
    return PrefixLauncher().prefix(words, VALUES)


def test_placeholders_are_filled_in_each_word():
    assert fill("srun", "--job-name={task}", "{id}/{attempt}", "{log_dir}") == [
        "srun",
        "--job-name=fit",
        "fit[k=1]/2",
        "/logs",
    ]


def test_a_value_is_never_split_or_filled_again():
    assert PrefixLauncher().prefix(["{id}"], {"id": "a b {task}"}) == ["a b {task}"]


def test_braces_can_be_written():
    assert fill("{{task}}", '{"a": 1}', "$1", "{}") == ["{task}", '{"a": 1}', "$1", "{}"]


def test_the_environment_can_be_named(monkeypatch):
    monkeypatch.setenv("QUEUE", "long")
    assert fill("-q", "{env.QUEUE}") == ["-q", "long"]
    monkeypatch.delenv("QUEUE")
    with pytest.raises(UsageError, match=r"'\{env\.QUEUE\}' needs the environment variable QUEUE"):
        fill("{env.QUEUE}")


def test_an_unknown_placeholder_is_named_with_those_there_are():
    with pytest.raises(UsageError) as raised:
        fill("--name={tsk}")
    assert str(raised.value) == (
        "prefix: '--name={tsk}' has no {tsk} to fill. Did you mean {task}? "
        "There are {task} {id} {attempt} {log_dir} {cpus} {env.NAME}."
    )


def test_a_prefix_is_split_as_a_shell_would_but_not_run_by_one():
    assert split_prefix("nice -n 10 'a b' $HOME;") == ["nice", "-n", "10", "a b", "$HOME;"]
    assert split_prefix(("a b", "c")) == ["a b", "c"]
    with pytest.raises(UsageError, match="cannot be split into words: No closing quotation"):
        split_prefix("echo 'a")

"""Codecs of plugins: who wrote a result reads it."""

from __future__ import annotations

from taskdisc.testing import Project

PLUGIN = """
    import json

    class Json:
        def encode(self, value):
            return [json.dumps(value).encode()]

        def decode(self, data):
            return json.loads(bytes(data))

    def taskdisc_codecs():
        return {"text": Json}
    """
CONFIGURED = '[tool.taskdisc]\nplugins = ["plugin"]\n[tool.taskdisc.tasks."*"]\ncodec = "%s"\n'


def test_another_codec_never_reads_what_the_first_wrote(project: Project) -> None:
    project.write(plugin=PLUGIN, tasks_a="def one():\n    return {'a': [1]}\n\ndef two(one):\n    return one['a']\n")
    for codec in ("pickle", "text", "json", "pickle"):
        project.write({"pyproject.toml": CONFIGURED % codec})
        assert project.run("two").assert_ok().stdout == "[1]\n"
    assert project.run("two").assert_ok().ran == []

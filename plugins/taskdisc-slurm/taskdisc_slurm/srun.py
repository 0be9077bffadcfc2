"""The launcher: `@task(launcher="srun", prefix="--partition=gpu", resources={"memory_gb": 4})`."""

from __future__ import annotations

from collections.abc import Sequence

from taskdisc.placeholders import fill
from taskdisc_slurm.asking import RESOURCES, resource_flags


class Srun:
    """Starts commands by srun: what a task needs becomes flags, and the words of its `prefix` are more of them."""

    resources = frozenset(RESOURCES)
    """What Slurm counts, and the run does not."""

    def prefix(self, words: Sequence[str], values: dict[str, str]) -> list[str]:
        """Return srun and its flags. Raises UsageError for a placeholder that is unknown."""
        asked = resource_flags((name, float(values[name])) for name in RESOURCES if name in values)
        return ["srun", "--ntasks=1", f"--job-name={values['task']}", *asked, *fill(words, values)]

"""The command's side of launched jobs: what happens with the jobs in a folder."""

from __future__ import annotations

import os
from typing import NamedTuple

from taskdisc.builtin.serving import die_with, start_capture
from taskdisc.builtin.termination import Asked, Termination
from taskdisc.jobfolder import GOOD, Given, is_dismissed, own_name, read_jobs, read_results, write_begun, write_result


class Life(NamedTuple):
    """A pipe that closes when the run ends, as the command knows it again if the launcher lets it through."""

    descriptor: int
    device: int
    inode: int

    @classmethod
    def of(cls, descriptor: int) -> Life:
        """Describe an open descriptor."""
        status = os.fstat(descriptor)
        return cls(descriptor, status.st_dev, status.st_ino)

    def arrived(self) -> bool:
        """Say whether the descriptor of that number is the pipe here, too."""
        try:
            return Life.of(self.descriptor) == self
        except OSError:
            return False


def run_jobs(folder: str) -> int:
    """Run the jobs in `folder`; return the exit code: 0 where all that were run succeeded, else 1.

    Those that have a result are not run again: a batch system may start a command anew that it had ended.
    """
    context, jobs, _ = _given(folder)
    os.chdir(context.root)
    capture = start_capture(context, own_name(jobs[0]))
    from taskdisc.worker import Runner

    termination = Termination()
    if context.fixtures:
        termination.listen()
    runner, results = Runner(context, capture), read_results(folder, jobs)
    try:
        for place in range(len(results), len(jobs)):
            if place and is_dismissed(folder):
                break
            write_begun(folder, place)
            results.append(termination.call(runner.run, jobs[place]))
            write_result(folder, place, results[-1])
    except Asked:
        pass
    finally:
        warnings = runner.close()
    termination.obey()
    if warnings:
        last = results[-1]._replace(warnings=(*results[-1].warnings, *warnings))
        write_result(folder, len(results) - 1, last)
    return 0 if all(result.outcome in GOOD for result in results) else 1


def _given(folder: str) -> Given:
    given = read_jobs(folder)
    if given.life is not None and (pipe := Life(*given.life)).arrived():
        os.set_inheritable(pipe.descriptor, False)
        die_with(pipe.descriptor)
    return given

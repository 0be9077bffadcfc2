"""What runs that were killed have left at Slurm: another run takes it over, where it wants the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from taskdisc.jobfolder import GOOD
from taskdisc.model import Job, JobResult
from taskdisc_slurm.arrays import Array, Element, adopted_array
from taskdisc_slurm.folders import RunFolder, read_array, read_id


class Legacy:
    """The arrays of dead runs."""

    def __init__(self, store: str) -> None:
        """Take over the folders of all dead runs on a store."""
        self._folders = list(RunFolder.left_behind(store))
        self.arrays: list[Array] = []
        self._places: dict[str, list[tuple[Element, int]]] = {}
        """By key, where its job is."""
        for folder in self._folders:
            for path in folder.arrays():
                self._adopt(path)

    def _adopt(self, path: str) -> None:
        wanted = read_array(path)
        if wanted is None:  # it was not submitted
            return
        array = adopted_array(path, read_id(path), wanted)
        self.arrays.append(array)
        for element, jobs in zip(array.elements.values(), wanted, strict=True):
            for place, (_, key) in enumerate(jobs):
                if key is not None:
                    self._places.setdefault(key, []).append((element, place))

    def claim(self, jobs: Sequence[Job], key_of: Callable[[int], bytes | None]) -> tuple[list[Job], list[JobResult]]:
        """Have jobs done by what is there; return those that are not, and results that have come already."""
        if not self._places:
            return list(jobs), []
        left, found = [], []
        for job in jobs:
            key = key_of(job.number)
            places = self._places.get(key.hex(), []) if key is not None else []
            if not places:
                left.append(job)
                continue
            element, place = places.pop()
            spare = element.spare.pop(place, None)
            if place >= element.taken and element.is_there:
                element.slots[place] = element.slots[place]._replace(job=job)
            elif spare is not None and spare.outcome in GOOD:
                found.append(spare._replace(number=job.number))
            else:
                left.append(job)
        return left, found

    def close(self) -> None:
        """Remove what is left of it."""
        for folder in self._folders:
            folder.close()

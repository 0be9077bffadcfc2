"""Workflows of science with the durations that were measured of them, in seconds, rebuilt from what was published.

- Montage and Epigenomics: tasks, numbers of instances and mean durations as in the instances Montage_1000 and
  GENOME.n.1000.0 of the Pegasus workflow gallery (profiles of Juve, Chervenak, Deelman, Bharathi, Mehta, Vahi:
  Characterizing and profiling scientific workflows, FGCS 29(3), 2013), summed up by task in github.com/kfigiela/
  msc-thesis, dags/; the edges follow the workflows' descriptions.
- 1000Genome: each duration as in 1000genome-chameleon-2ch-100k-001 of github.com/wfcommons/
  pegasus-instances
  (Ferreira da Silva and others, FGCS 95, 2019): `individuals`, `individuals_merge` and `sifting` those of chromosome
  21, the others those of chromosome 22, here for ten chromosomes.
"""

from __future__ import annotations

from typing import NamedTuple


class Stage(NamedTuple):
    """A task of a workflow."""

    name: str
    seconds: list[float]
    """Of each instance."""
    needs: list[tuple[str, list[list[int]]]]
    """(stage before, for each instance those of that stage that it needs)."""


def one_each(name: str, size: int) -> tuple[str, list[list[int]]]:
    return name, [[row] for row in range(size)]


def all_of(name: str, size: int, groups: int = 1) -> tuple[str, list[list[int]]]:
    """Instance g needs the g-th of equal parts."""
    width = size // groups
    return name, [list(range(group * width, (group + 1) * width)) for group in range(groups)]


def montage() -> list[Stage]:
    """Images are projected, overlaps fitted, backgrounds matched for all at once, and corrected one by one."""
    images, overlaps = 166, 662
    pairs = [[row % images, (row + 1 + row // images) % images] for row in range(overlaps)]
    return [
        Stage("mProjectPP", [13.58] * images, []),
        Stage("mDiffFit", [10.59] * overlaps, [("mProjectPP", pairs)]),
        Stage("mConcatFit", [52.96], [all_of("mDiffFit", overlaps)]),
        Stage("mBgModel", [89.12], [one_each("mConcatFit", 1)]),
        Stage("mBackground", [10.74] * images, [one_each("mProjectPP", images), ("mBgModel", [[0]] * images)]),
        Stage("mImgTbl", [65.91], [all_of("mBackground", images)]),
        Stage("mAdd", [99.53], [one_each("mImgTbl", 1)]),
        Stage("mShrink", [22.25], [one_each("mAdd", 1)]),
        Stage("mJPEG", [2.52], [one_each("mShrink", 1)]),
    ]


def epigenomics() -> list[Stage]:
    """Lanes are split into chunks, each chunk goes through a pipeline, and all is merged."""
    lanes, width = 7, 35
    chunks = lanes * width
    return [
        Stage("fastqSplit", [60.36] * lanes, []),
        Stage("filterContams", [1.40] * chunks, [("fastqSplit", [[row // width] for row in range(chunks)])]),
        Stage("sol2sanger", [0.37] * chunks, [one_each("filterContams", chunks)]),
        Stage("fast2bfq", [0.68] * chunks, [one_each("sol2sanger", chunks)]),
        Stage("map", [6068.53] * chunks, [one_each("fast2bfq", chunks)]),
        Stage("mapMerge", [18.98] * lanes, [all_of("map", chunks, lanes)]),
        Stage("mapMergeAll", [136.76], [all_of("mapMerge", lanes)]),
        Stage("maqIndex", [0.18], [one_each("mapMergeAll", 1)]),
        Stage("pileup", [1845.77], [one_each("maqIndex", 1)]),
    ]


INDIVIDUALS = [53.600, 52.255, 53.827, 52.111, 52.409, 51.066, 51.545, 52.759, 52.859, 51.251]
OVERLAPS = [4.902, 2.579, 33.960, 4.311, 5.282, 3.777, 5.341]
FREQUENCIES = [101.256, 108.778, 111.687, 109.125, 109.772, 99.194, 108.672]


def genomes(chromosomes: int = 10) -> list[Stage]:
    """Of each chromosome, individuals are parsed and merged, and overlaps counted for seven populations."""
    parts, populations = len(INDIVIDUALS) * chromosomes, len(FREQUENCIES) * chromosomes
    of_chromosome = [[row // len(FREQUENCIES)] for row in range(populations)]
    needed = [("individuals_merge", of_chromosome), ("sifting", of_chromosome)]
    return [
        Stage("individuals", INDIVIDUALS * chromosomes, []),
        Stage("sifting", [0.309] * chromosomes, []),
        Stage("individuals_merge", [38.206] * chromosomes, [all_of("individuals", parts, chromosomes)]),
        Stage("mutation_overlap", OVERLAPS * chromosomes, list(needed)),
        Stage("frequency", FREQUENCIES * chromosomes, list(needed)),
    ]


TRACES = {"montage": montage, "epigenomics": epigenomics, "1000genome": genomes}

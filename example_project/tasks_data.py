"""From the raw table to clean records, and from those to what a model learns from and is tested on."""

import csv
import random
from pathlib import Path
from statistics import mean, stdev

from penguin import MEASUREMENTS, SPECIES, Penguin

from taskdisc import axis, file, task

raw = file("data/penguins-raw.csv")  # tracked by its content, injected as a Path
seed = axis(range(5))  # whatever depends on it, however indirectly, exists five times

_COLUMNS = {
    "bill_length": "Culmen Length (mm)",
    "bill_depth": "Culmen Depth (mm)",
    "flipper_length": "Flipper Length (mm)",
    "body_mass": "Body Mass (g)",
}


@task(outputs=("penguins", "incomplete"))
def clean(raw: Path) -> tuple[list[Penguin], list[str]]:
    """Turn the raw lines into records, and name the birds that lack a measurement."""
    with raw.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    penguins = [_penguin(row) for row in rows if _is_complete(row)]
    incomplete = [_name(row) for row in rows if not _is_complete(row)]
    return penguins, incomplete


@task(outputs=("train", "test"))
def split(penguins: list[Penguin], seed: int, fraction: float = 0.7) -> tuple[list[Penguin], list[Penguin]]:
    """Deal every species at random into two lists, `fraction` of its birds into the first."""
    dice = random.Random(seed)
    train: list[Penguin] = []
    test: list[Penguin] = []
    for species in SPECIES:
        flock = [penguin for penguin in penguins if penguin.species == species]
        dice.shuffle(flock)
        cut = round(fraction * len(flock))
        train += flock[:cut]
        test += flock[cut:]
    return train, test


def summary(penguins: list[Penguin]) -> dict[str, dict]:
    """Count each species, say where it lives, and give mean and standard deviation of its measurements."""
    return {species: _describe([bird for bird in penguins if bird.species == species]) for species in SPECIES}


def _describe(flock: list[Penguin]) -> dict:
    return {
        "count": len(flock),
        "islands": sorted({penguin.island for penguin in flock}),
        "measurements": {name: _spread([getattr(penguin, name) for penguin in flock]) for name in MEASUREMENTS},
    }


def _spread(column: list[float]) -> tuple[float, float]:
    return mean(column), stdev(column)


def _penguin(row: dict[str, str]) -> Penguin:
    measured = {field: float(row[column]) for field, column in _COLUMNS.items()}
    return Penguin(_name(row), _species(row), row["Island"], **measured)


def _is_complete(row: dict[str, str]) -> bool:
    return all(row[column] != "NA" for column in _COLUMNS.values())


def _name(row: dict[str, str]) -> str:
    # The table numbers its birds afresh for each species.
    return f"{_species(row)} {row['Sample Number']}"


def _species(row: dict[str, str]) -> str:
    return row["Species"].split()[0]

"""The record that the whole study is about. A plain module: without `tasks_` in its name it has no tasks."""

from dataclasses import dataclass

SPECIES = ("Adelie", "Chinstrap", "Gentoo")
MEASUREMENTS = {
    "bill_length": "Bill length (mm)",
    "bill_depth": "Bill depth (mm)",
    "flipper_length": "Flipper length (mm)",
    "body_mass": "Body mass (g)",
}


@dataclass(frozen=True)
class Penguin:
    """One adult bird, completely measured: lengths in mm, mass in g."""

    name: str
    species: str
    island: str
    bill_length: float
    bill_depth: float
    flipper_length: float
    body_mass: float

    @property
    def measurements(self) -> tuple[float, ...]:
        """The four numbers that a classifier sees, in the order of MEASUREMENTS."""
        return (self.bill_length, self.bill_depth, self.flipper_length, self.body_mass)

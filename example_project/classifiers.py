"""Three small classifiers in plain Python. Each is fitted to examples and then names the label of a new point."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import dist, fsum, log
from statistics import mean, pstdev
from typing import Protocol

Point = tuple[float, ...]
Example = tuple[Point, str]


class Classifier(Protocol):
    """Whatever can name the label of a point."""

    def predict(self, point: Point) -> str:
        """Return the most plausible label of `point`."""


@dataclass(frozen=True)
class Scaling:
    """Means and standard deviations, one for each coordinate."""

    means: Point
    deviations: Point

    def apply(self, point: Point) -> Point:
        """Return `point` in standard deviations from the mean, so that grams and millimetres weigh the same."""
        return tuple((x - m) / s for x, m, s in zip(point, self.means, self.deviations, strict=True))


@dataclass(frozen=True)
class Standardised:
    """A classifier together with the scale of the points that it was fitted to."""

    scaling: Scaling
    classifier: Classifier

    def predict(self, point: Point) -> str:
        """Return the label of a point that is given in its original units."""
        return self.classifier.predict(self.scaling.apply(point))


@dataclass(frozen=True)
class Neighbours:
    """The majority of the `k` nearest examples; among equals the label of the nearest."""

    k: int
    examples: tuple[Example, ...]

    def predict(self, point: Point) -> str:
        """Return the commonest label around `point`."""
        nearest = heapq.nsmallest(self.k, self.examples, key=lambda example: dist(point, example[0]))
        return Counter(label for _, label in nearest).most_common(1)[0][0]


@dataclass(frozen=True)
class Bayes:
    """Gaussian naive Bayes: (log prior, scaling) of each label, as if its coordinates were independent."""

    labels: dict[str, tuple[float, Scaling]]

    def predict(self, point: Point) -> str:
        """Return the label with the highest posterior probability."""
        return max(self.labels, key=lambda label: self._log_posterior(label, point))

    def _log_posterior(self, label: str, point: Point) -> float:
        log_prior, scaling = self.labels[label]
        standard = scaling.apply(point)
        return log_prior - fsum(log(s) + z * z / 2 for z, s in zip(standard, scaling.deviations, strict=True))


@dataclass(frozen=True)
class Leaf:
    """The end of a branch: everything here has one label."""

    label: str

    def predict(self, point: Point) -> str:
        """Return the label, wherever the point lies."""
        return self.label


@dataclass(frozen=True)
class Fork:
    """A question about one coordinate, and the two trees that it leads to."""

    coordinate: int
    threshold: float
    below: "Fork | Leaf"
    above: "Fork | Leaf"

    def predict(self, point: Point) -> str:
        """Return the answer of the branch on the point's side."""
        branch = self.below if point[self.coordinate] < self.threshold else self.above
        return branch.predict(point)


def fit_scaling(points: Sequence[Point]) -> Scaling:
    """Measure the scale of `points`."""
    columns = list(zip(*points, strict=True))
    return Scaling(tuple(mean(column) for column in columns), tuple(pstdev(column) for column in columns))


def fit_bayes(examples: Sequence[Example]) -> Bayes:
    """Estimate how frequent each label is, and how its points are spread."""
    points: dict[str, list[Point]] = {}
    for point, label in examples:
        points.setdefault(label, []).append(point)
    return Bayes({label: (log(len(own) / len(examples)), fit_scaling(own)) for label, own in points.items()})


def fit_tree(examples: Sequence[Example], depth: int, min_leaf: int) -> Fork | Leaf:
    """Grow a decision tree of at most `depth` questions in a row, with `min_leaf` examples or more at each leaf."""
    cut = _best_cut(examples, min_leaf) if depth else None
    if cut is None:
        return Leaf(Counter(label for _, label in examples).most_common(1)[0][0])
    coordinate, threshold = cut
    below = [example for example in examples if example[0][coordinate] < threshold]
    above = [example for example in examples if example[0][coordinate] >= threshold]
    return Fork(coordinate, threshold, fit_tree(below, depth - 1, min_leaf), fit_tree(above, depth - 1, min_leaf))


def _best_cut(examples: Sequence[Example], min_leaf: int) -> tuple[int, float] | None:
    """Return the (coordinate, threshold) that leaves the least impurity; None where no cut lowers it."""
    cuts = [
        (impurity, coordinate, threshold)
        for coordinate in range(len(examples[0][0]))
        for impurity, threshold in _cuts(examples, coordinate, min_leaf)
    ]
    if not cuts:
        return None
    impurity, coordinate, threshold = min(cuts)
    before = _impurity(Counter(label for _, label in examples))
    return (coordinate, threshold) if impurity < before else None


def _cuts(examples: Sequence[Example], coordinate: int, min_leaf: int) -> list[tuple[float, float]]:
    """Return (impurity, threshold) of each place where the examples can be parted along one coordinate."""
    ordered = sorted((point[coordinate], label) for point, label in examples)
    below: Counter[str] = Counter()
    above = Counter(label for _, label in ordered)
    cuts = []
    for size, ((x, label), (following, _)) in enumerate(pairwise(ordered), start=1):
        below[label] += 1
        above[label] -= 1
        if x < following and min_leaf <= size <= len(ordered) - min_leaf:
            cuts.append((_impurity(below) + _impurity(above), (x + following) / 2))
    return cuts


def _impurity(counts: Counter[str]) -> float:
    """Gini's index times the number of examples: 0 where all labels are the same."""
    total = sum(counts.values())
    return total - sum(count * count for count in counts.values()) / total

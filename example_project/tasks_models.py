"""Fit every method to every split, score it on birds that it has not seen, look closely at the best one, and use it."""

from collections.abc import Sequence
from statistics import mean

from classifiers import Classifier, Example, Neighbours, Standardised, fit_bayes, fit_scaling, fit_tree
from penguin import SPECIES, Penguin

from taskdisc import Gather, axis, ref, requires, task

method = axis(
    {  # a mapping gives its values names: model[method=knn-5,seed=0]
        "knn-1": ("neighbours", 1),
        "knn-5": ("neighbours", 5),
        "knn-25": ("neighbours", 25),
        "bayes": ("bayes",),
        "tree-1": ("tree", 1),
        "tree-4": ("tree", 4),
    }
)


def model(train: list[Penguin], method: tuple, min_leaf: int = 3) -> Standardised:
    """Fit one method to one training set: `train` brings the axis `seed` along, so there are 6 x 5 of these."""
    return _standardised(train, method, min_leaf)


def accuracy(model: Standardised, test: list[Penguin]) -> float:
    """Return the share of right answers. Both arguments have `seed`: each model meets the test set of its own split."""
    right = sum(answer == penguin.species for penguin, answer in _answers(model, test))
    return right / len(test)


def scores(accuracy: Gather[float]) -> dict[str, list[float]]:
    """Collect the accuracies of all splits under the name of their method."""
    collected: dict[str, list[float]] = {}
    for at, share in accuracy.items():
        collected.setdefault(at.method, []).append(share)
    return collected


def best(scores: dict[str, list[float]]) -> str:
    """Return the method with the highest mean accuracy; among equals the one that is named first."""
    return max(scores, key=lambda name: mean(scores[name]))


@task(outputs=("confusion", "mistakes"))
def review(
    best: str, model: Gather[Standardised], test: Gather[list[Penguin]]
) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Put the best method's answers to all test sets in a table, and name the birds that it took for others.

    A Gather loads what is asked for: of the 30 models only the five of the best method are ever read.
    """
    confusion = {species: dict.fromkeys(SPECIES, 0) for species in SPECIES}
    mistakes = {}
    for at in model:
        if at.method == best:
            for penguin, answer in _answers(model[at], test[at.seed]):
                confusion[penguin.species][answer] += 1
                if answer != penguin.species:
                    mistakes[penguin.name] = answer
    return confusion, mistakes


def final_model(penguins: list[Penguin], method: tuple, min_leaf: int = 3) -> Standardised:
    """Fit one method to all birds. Six of these could be made; only the one that somebody asks for is."""
    return _standardised(penguins, method, min_leaf)


@requires(expert=lambda best: ref(final_model, method=best))  # which one is known once `best` is
def identify(
    expert: Standardised, bill_length: float, bill_depth: float, flipper_length: float, body_mass: float
) -> str:
    """Name the species of a bird that somebody has measured: its measurements are given with the command."""
    return expert.predict((bill_length, bill_depth, flipper_length, body_mass))


def _standardised(penguins: list[Penguin], method: tuple, min_leaf: int) -> Standardised:
    scaling = fit_scaling([penguin.measurements for penguin in penguins])
    examples = [(scaling.apply(penguin.measurements), penguin.species) for penguin in penguins]
    return Standardised(scaling, _fit(method, examples, min_leaf))


def _fit(method: tuple, examples: Sequence[Example], min_leaf: int) -> Classifier:
    match method:
        case ("neighbours", k):
            return Neighbours(k, tuple(examples))
        case ("tree", depth):
            return fit_tree(examples, depth, min_leaf)
        case ("bayes",):
            return fit_bayes(examples)
    raise ValueError(f"no such method: {method}")


def _answers(model: Standardised, test: list[Penguin]) -> list[tuple[Penguin, str]]:
    return [(penguin, model.predict(penguin.measurements)) for penguin in test]

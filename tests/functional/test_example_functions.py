"""The tasks of example_project, tested as its users would test theirs: as plain functions, arguments passed by hand."""

from __future__ import annotations

import importlib
import pickle
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from taskdisc import Gather

ROOT = Path(__file__).resolve().parents[2] / "example_project"
MODULES = ("penguin", "classifiers", "svg", "pictures", "tasks_data", "tasks_models", "tasks_report")
METHODS = {"knn-5": ("neighbours", 5), "bayes": ("bayes",), "tree-4": ("tree", 4)}


class At(NamedTuple):
    """The coordinate of a model."""

    method: str
    seed: int


@pytest.fixture(scope="module")
def study() -> Iterator[SimpleNamespace]:
    """The example's modules, importable for the time of these tests only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        modules: dict[str, ModuleType] = {name: importlib.import_module(name) for name in MODULES}
        yield SimpleNamespace(**modules)
        for name in modules:
            del sys.modules[name]


@pytest.fixture(scope="module")
def cleaned(study: SimpleNamespace) -> Any:
    return study.tasks_data.clean(ROOT / "data/penguins-raw.csv")


@pytest.fixture(scope="module")
def penguins(cleaned: Any) -> Any:
    return cleaned[0]


@pytest.fixture(scope="module")
def splits(study: SimpleNamespace, penguins: Any) -> Any:
    return {seed: study.tasks_data.split(penguins, seed) for seed in range(3)}


@pytest.fixture(scope="module")
def models(study: SimpleNamespace, splits: Any) -> Any:
    return {
        At(label, seed): study.tasks_models.model(train, method)
        for label, method in METHODS.items()
        for seed, (train, _) in splits.items()
    }


# --- tasks_data ---------------------------------------------------------------------------------------------------


def test_clean_types_the_table_and_names_what_it_leaves_out(study: SimpleNamespace, cleaned: Any) -> None:
    penguins, incomplete = cleaned
    assert len(penguins) == 342
    assert incomplete == ["Adelie 4", "Gentoo 120"]
    assert penguins[0] == study.penguin.Penguin("Adelie 1", "Adelie", "Torgersen", 39.1, 18.7, 181.0, 3750.0)


def test_clean_gives_every_bird_a_name_of_its_own(penguins: Any) -> None:
    assert len({penguin.name for penguin in penguins}) == len(penguins)


def test_measurements_are_in_the_order_of_their_names(study: SimpleNamespace, penguins: Any) -> None:
    bird = penguins[0]
    assert bird.measurements == tuple(getattr(bird, name) for name in study.penguin.MEASUREMENTS)


def test_split_deals_each_bird_once(penguins: Any, splits: Any) -> None:
    for train, test in splits.values():
        assert sorted(bird.name for bird in train + test) == sorted(bird.name for bird in penguins)


def test_split_takes_the_same_fraction_of_each_species(study: SimpleNamespace, penguins: Any) -> None:
    train, test = study.tasks_data.split(penguins, 0, fraction=0.5)
    for species, half in {"Adelie": 76, "Chinstrap": 34, "Gentoo": 62}.items():
        assert sum(bird.species == species for bird in train) == half
        assert any(bird.species == species for bird in test)


def test_split_depends_on_its_seed_alone(study: SimpleNamespace, penguins: Any, splits: Any) -> None:
    assert study.tasks_data.split(penguins, 1) == splits[1]
    assert splits[0] != splits[1]


def test_split_leaves_its_argument_as_it_was(study: SimpleNamespace, penguins: Any) -> None:
    before = list(penguins)
    study.tasks_data.split(penguins, 7)
    assert penguins == before


def test_summary_agrees_with_the_published_table(study: SimpleNamespace, penguins: Any) -> None:
    summary = study.tasks_data.summary(penguins)
    counts = {species: facts["count"] for species, facts in summary.items()}
    assert counts == {"Adelie": 151, "Chinstrap": 68, "Gentoo": 123}
    assert summary["Chinstrap"]["islands"] == ["Dream"]
    assert summary["Adelie"]["measurements"]["bill_length"] == pytest.approx((38.79, 2.66), abs=0.005)
    assert summary["Gentoo"]["measurements"]["body_mass"] == pytest.approx((5076.0, 504.1), abs=0.05)


# --- classifiers --------------------------------------------------------------------------------------------------


def test_scaling_centres_and_stretches(study: SimpleNamespace) -> None:
    scaling = study.classifiers.fit_scaling([(0.0, 10.0), (2.0, 30.0)])
    assert scaling.apply((2.0, 10.0)) == (1.0, -1.0)


def test_neighbours_vote_and_the_nearest_breaks_a_tie(study: SimpleNamespace) -> None:
    examples = (((2.0,), "b"), ((0.0,), "a"), ((2.5,), "b"))
    answers = [study.classifiers.Neighbours(k, examples).predict((0.9,)) for k in (1, 2, 3)]
    assert answers == ["a", "a", "b"]


def test_bayes_weighs_spread_and_frequency(study: SimpleNamespace) -> None:
    narrow = [((-1.0,), "narrow"), ((1.0,), "narrow")]
    wide = [((-9.0,), "wide"), ((9.0,), "wide")]
    bayes = study.classifiers.fit_bayes([*narrow, *wide])
    assert [bayes.predict((x,)) for x in (0.0, 2.0, 4.0)] == ["narrow", "narrow", "wide"]
    assert study.classifiers.fit_bayes([*narrow, *wide * 50]).predict((2.0,)) == "wide"


def test_tree_asks_no_more_than_its_depth(study: SimpleNamespace) -> None:
    examples = [((float(x),), label) for x, label in enumerate("aaabbbccc")]
    deep = study.classifiers.fit_tree(examples, 2, 1)
    assert [deep.predict(point) for point, _ in examples] == list("aaabbbccc")
    shallow = study.classifiers.fit_tree(examples, 1, 1)
    assert len({shallow.predict(point) for point, _ in examples}) == 2


def test_tree_respects_the_smallest_leaf(study: SimpleNamespace) -> None:
    examples = [((float(x),), label) for x, label in enumerate("abbb")]
    assert study.classifiers.fit_tree(examples, 1, 1).threshold == 0.5
    assert study.classifiers.fit_tree(examples, 1, 2).threshold == 1.5
    assert study.classifiers.fit_tree(examples, 1, 3) == study.classifiers.Leaf("b")


def test_tree_stops_where_nothing_tells_the_labels_apart(study: SimpleNamespace) -> None:
    twins = [((1.0,), "a"), ((1.0,), "b"), ((1.0,), "b")]
    assert study.classifiers.fit_tree(twins, 3, 1) == study.classifiers.Leaf("b")


# --- tasks_models -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [("neighbours", 1), ("tree", 1), ("bayes",)])
def test_models_of_every_kind_can_be_kept(study: SimpleNamespace, splits: Any, method: tuple[Any, ...]) -> None:
    train, test = splits[0]
    fitted = study.tasks_models.model(train, method)
    assert pickle.loads(pickle.dumps(fitted)) == fitted
    assert study.tasks_models.accuracy(fitted, test) > 0.7


def test_an_unknown_method_is_refused(study: SimpleNamespace, splits: Any) -> None:
    with pytest.raises(ValueError, match="no such method"):
        study.tasks_models.model(splits[0][0], ("crystal ball",))


def test_one_neighbour_knows_what_it_was_trained_on(study: SimpleNamespace, splits: Any) -> None:
    train, _ = splits[0]
    assert study.tasks_models.accuracy(study.tasks_models.model(train, ("neighbours", 1)), train) == 1.0


def test_accuracy_counts_right_answers(study: SimpleNamespace, penguins: Any) -> None:
    assert study.tasks_models.accuracy(study.classifiers.Leaf("Gentoo"), penguins) == 123 / 342


def test_scores_and_best_see_all_accuracies(study: SimpleNamespace) -> None:
    accuracy = Gather({At("a", 0): 0.5, At("a", 1): 0.7, At("b", 0): 0.8, At("b", 1): 0.3})
    scores = study.tasks_models.scores(accuracy)
    assert scores == {"a": [0.5, 0.7], "b": [0.8, 0.3]}
    assert study.tasks_models.best(scores) == "a"
    assert study.tasks_models.best({"b": [0.5], "a": [0.5]}) == "b"


class _Recorded(Mapping[Any, Any]):
    """A gather that remembers which of its elements were asked for."""

    def __init__(self, elements: dict[Any, Any]) -> None:
        self.elements = elements
        self.loaded: list[Any] = []

    def __getitem__(self, at: Any) -> Any:
        self.loaded.append(at)
        return self.elements[at]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements)

    def __len__(self) -> int:
        return len(self.elements)


def test_review_reads_the_models_of_the_best_method_only(study: SimpleNamespace, models: Any, splits: Any) -> None:
    gathered = _Recorded(models)
    study.tasks_models.review("bayes", gathered, Gather({seed: test for seed, (_, test) in splits.items()}))
    assert gathered.loaded == [At("bayes", 0), At("bayes", 1), At("bayes", 2)]


def test_review_counts_answers_and_names_mistakes(study: SimpleNamespace, penguins: Any) -> None:
    always = Gather({At("constant", 0): study.classifiers.Leaf("Gentoo")})
    birds = {bird.name: bird for bird in penguins}
    seen = Gather({0: [birds["Adelie 1"], birds["Adelie 2"], birds["Gentoo 1"]]})
    confusion, mistakes = study.tasks_models.review("constant", always, seen)
    assert {truth: answers["Gentoo"] for truth, answers in confusion.items()} == {
        "Adelie": 2,
        "Chinstrap": 0,
        "Gentoo": 1,
    }
    assert mistakes == {"Adelie 1": "Gentoo", "Adelie 2": "Gentoo"}


# --- tasks_report -------------------------------------------------------------------------------------------------


@pytest.fixture
def results(study: SimpleNamespace, cleaned: Any, models: Any, splits: Any, tmp_path: Path) -> dict[str, Any]:
    """Everything that `report` asks for."""
    penguins, incomplete = cleaned
    tests = {seed: test for seed, (_, test) in splits.items()}
    accuracy = {at: study.tasks_models.accuracy(model, tests[at.seed]) for at, model in models.items()}
    scores = study.tasks_models.scores(Gather(accuracy))
    best = study.tasks_models.best(scores)
    confusion, mistakes = study.tasks_models.review(best, Gather(models), Gather(tests))
    return {
        "penguins": penguins,
        "incomplete": incomplete,
        "summary": study.tasks_data.summary(penguins),
        "scores": scores,
        "best": best,
        "confusion": confusion,
        "mistakes": mistakes,
        "page": ROOT / "report.html",
        "style": ROOT / "report.css",
        "task_dir": tmp_path,
    }


def _pictures(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(drawn) for drawn in re.findall(r"<svg [^>]*role=.*?</svg>", page, re.DOTALL)]


def _with_class(picture: ElementTree.Element, element: str, class_: str) -> list[ElementTree.Element]:
    return [found for found in picture.iter(element) if class_ in (found.get("class") or "").split()]


def test_the_study_finds_that_neighbours_are_best(results: dict[str, Any]) -> None:
    assert results["best"] == "knn-5"
    assert all(share > 0.9 for shares in results["scores"].values() for share in shares)
    assert sum(sum(answers.values()) for answers in results["confusion"].values()) == 3 * 102


def test_report_is_one_page_that_needs_nothing_else(study: SimpleNamespace, results: dict[str, Any]) -> None:
    written = study.tasks_report.report(**results)
    assert written.parent == results["task_dir"]
    page = written.read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page
    assert "Left out, for want of measurements: Adelie 4, Gentoo 120." in page


def test_report_is_the_same_every_time(study: SimpleNamespace, results: dict[str, Any], tmp_path: Path) -> None:
    first = study.tasks_report.report(**results).read_bytes()
    again = tmp_path / "again"
    again.mkdir()
    assert study.tasks_report.report(**results | {"task_dir": again}).read_bytes() == first


def test_report_escapes_its_title(study: SimpleNamespace, results: dict[str, Any]) -> None:
    page = study.tasks_report.report(**results, title="Birds & <bees>").read_text(encoding="utf-8")
    assert "<h1>Birds &amp; &lt;bees&gt;</h1>" in page


def test_pictures_can_be_announced(study: SimpleNamespace, results: dict[str, Any]) -> None:
    pictures = _pictures(study.tasks_report.report(**results).read_text(encoding="utf-8"))
    assert len(pictures) == 3
    named = [(picture.get("aria-labelledby") or "").split() for picture in pictures]
    assert named == [[picture[0].get("id"), picture[1].get("id")] for picture in pictures]
    assert len({name for names in named for name in names}) == 6
    assert all(picture[0].text and picture[1].text for picture in pictures)


def test_scatter_shows_each_bird_within_the_grid(study: SimpleNamespace, results: dict[str, Any]) -> None:
    picture = ElementTree.fromstring(study.pictures.bills(results["penguins"], {"Adelie 1": "Gentoo"}))
    birds = [mark for mark in _with_class(picture, "path", "mark") if mark.find("title") is not None]
    assert len(birds) == 342
    places = [re.findall(r"[\d.]+", bird.get("transform") or "") for bird in birds]
    assert all(36 <= float(x) <= 710 and 44 <= float(y) <= 400 for x, y in places)
    assert birds[0].findtext("title") == "Adelie 1, Torgersen: 39.1 × 18.7 mm, taken for Gentoo"
    assert len(_with_class(picture, "circle", "ring")) == 1


def test_accuracies_rank_the_methods_and_show_each_split(study: SimpleNamespace) -> None:
    picture = ElementTree.fromstring(study.pictures.accuracies({"worse": [0.5, 0.6], "better": [1.0, 1.0]}, "better"))
    assert [words.text for words in _with_class(picture, "text", "name")] == ["better", "worse"]
    dots = _with_class(picture, "circle", "best")
    assert len({(dot.get("cx"), dot.get("cy")) for dot in dots}) == 2


def test_accuracies_can_all_be_perfect(study: SimpleNamespace) -> None:
    picture = ElementTree.fromstring(study.pictures.accuracies({"only": [1.0]}, "only"))
    assert [dot.get("cx") for dot in _with_class(picture, "circle", "dot")] == ["630"]


def test_confusions_darken_with_the_share(study: SimpleNamespace, results: dict[str, Any]) -> None:
    picture = ElementTree.fromstring(study.pictures.confusions(results["confusion"]))
    shades = [float(cell.get("fill-opacity") or "nan") for cell in _with_class(picture, "rect", "heat")]
    assert len(shades) == 9
    assert min(shades[0::4]) > 0.9
    assert max(shade for place, shade in enumerate(shades) if place % 4) < 0.3

"""The reference evaluator says what the fourteen rules say: one small project a rule, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.reference import (
    Axis,
    AxisOf,
    CircleError,
    GatherOf,
    Graph,
    Identity,
    Instance,
    Planned,
    Project,
    Ref,
    ResultOf,
    RuleError,
    Run,
    Setting,
    Task,
    evaluate,
)
from tests.reference.instances import rebuild


def pack(**arguments: Any) -> tuple[Any, ...]:
    """Serve as any task: the result shows what was received."""
    return tuple(dict(value) if isinstance(value, Mapping) else value for value in arguments.values())


def task(name: str, function: Callable[..., Any] = pack, **sources: Any) -> Task:
    return Task(name, function, sources)


def values(found: list[Instance]) -> dict[str, Any]:
    return {str(instance.identity): instance.value for instance in found}


def needs(instance: Instance) -> Any:
    """Return the dependencies with ids as text."""
    return rebuild(instance.dependencies, lambda leaf: str(leaf) if isinstance(leaf, Identity) else leaf)


def run_of(project: Project, **settings: Any) -> Run:
    return Run(Graph(project), settings, {}, {})


def refused(rule: int, *tasks: Task, **request: Any) -> str:
    with pytest.raises(RuleError) as caught:
        evaluate(Project(*tasks), [each.name for each in tasks], **request)
    assert caught.value.rule == rule
    return str(caught.value)


book = Axis("book", ["a", "b"])
chapter = Axis("chapter", function=lambda book: range(1, 2 + (book == "b")), sources={"book": AxisOf(book)})
k = Axis("k", [1, 3])
seed = Axis("seed", [0, 1])
n = Axis("n", open=True)


# ---- 1


def test_rule_01_an_axis_has_the_axes_of_its_parameters() -> None:
    line = Axis("line", sources={"chapter": AxisOf(chapter)})
    graph = Graph(Project(task("text", line=AxisOf(line))))
    assert graph.axes(line) == [book, chapter]


def test_rule_01_an_axis_that_reaches_itself_is_a_circle() -> None:
    shard = Axis("shard", sources={"parts": ResultOf("parts")})
    with pytest.raises(CircleError) as caught:
        Graph(Project(task("parts", shard=AxisOf(shard))))
    assert caught.value.ring == ["parts", "shard", "parts"]


# ---- 2


def test_rule_02_labels_of_different_types_are_different_elements() -> None:
    kinds = Axis("kinds", [1, True, 1.0, math.nan, 0.0, -0.0, (1,), (True,)])
    project = Project(task("each", kind=AxisOf(kinds)), task("all", each=GatherOf("each")))
    found = evaluate(project, ["each", "all"])
    names = [str(instance.identity) for instance in found["each"]]
    assert names == [f"each[kinds={kind}]" for kind in ("1", "True", "1.0", "nan", "0.0", "-0.0", "(1,)", "(True,)")]
    assert [str(identity) for _, identity in found["all"][0].dependencies["each"]] == names


def test_rule_02_a_gather_is_asked_by_label_and_type() -> None:
    kinds = Axis("kinds", [1, True, math.nan])
    look = task("look", lambda each: [each[True], each[1], each[float("nan")]], each=GatherOf("each"))
    project = Project(task("each", lambda kind: repr(kind), kind=AxisOf(kinds)), look)
    assert evaluate(project, ["look"])["look"][0].value == ["True", "1", "nan"]


@pytest.mark.parametrize("elements", [[1, 1], [math.nan, float("nan")], [[1]], {1, 2}])
def test_rule_02_duplicates_and_labels_without_identity_are_refused(elements: Any) -> None:
    refused(2, task("each", kind=AxisOf(Axis("kind", elements))))


def test_rule_02_a_mapping_gives_labels_and_tasks_get_values() -> None:
    size = Axis("size", {"small": [1], "big": [100]})
    project = Project(task("fit", size=AxisOf(size)))
    assert values(evaluate(project, ["fit"])["fit"]) == {"fit[size='small']": ([1],), "fit[size='big']": ([100],)}


def test_rule_02_elements_are_replaced_by_label_where_there_are_labels() -> None:
    size = Axis("size", {"small": [1], "big": [100]})
    project = Project(task("fit", size=AxisOf(size), k=AxisOf(k)))
    found = evaluate(project, ["fit"], axis_overrides={"size": ["big"], "k": [9]})
    assert values(found["fit"]) == {"fit[k=9,size='big']": ([100], 9)}
    refused(2, task("fit", size=AxisOf(size)), axis_overrides={"size": ["huge"]})


# ---- 3


def test_rule_03_the_axes_of_a_task_are_known_at_collection() -> None:
    known_names = ("model", "book", "k")
    planned = Planned(lambda model, book, k: [], known_names, {"model": ResultOf("model"), "book": AxisOf(book)})
    project = Project(
        task("raw", rate=Setting(1)),
        task("words", chapter=AxisOf(chapter), n=AxisOf(n)),
        task("model", k=AxisOf(k), seed=AxisOf(seed), raw=ResultOf("raw")),
        task("inherits", words=ResultOf("words")),
        task("gathers", words=GatherOf("words")),
        task("gathers_some", model=GatherOf("model", over=("seed",))),
        task("gathers_bound", model=GatherOf("model", over=("seed",), bound={"k": 1})),
        task("refers", both=[Ref("model", {"k": 1}), {"other": (Ref("raw"),)}]),
        task("plans", found=planned, k=AxisOf(k)),
        task("constant", three=3),
    )
    graph = Graph(project)
    assert {name: [axis.name for axis in graph.axes(graph.task(name))] for name in project.tasks} == {
        "raw": [],
        "words": ["book", "chapter", "n"],
        "model": ["k", "seed"],
        "inherits": ["book", "chapter", "n"],
        "gathers": ["n"],
        "gathers_some": ["k"],
        "gathers_bound": [],
        "refers": ["seed"],
        "plans": ["book", "k", "seed"],
        "constant": [],
    }


def test_rule_03_a_circle_of_tasks_is_refused_at_collection() -> None:
    with pytest.raises(CircleError) as caught:
        Graph(Project(task("f", g=ResultOf("g")), task("g", f=GatherOf("f"))))
    assert caught.value.ring == ["f", "g", "f"]


# ---- 4


def test_rule_04_a_shared_axis_joins() -> None:
    model, test = task("model", k=AxisOf(k), seed=AxisOf(seed)), task("test", seed=AxisOf(seed))
    accuracy = task("accuracy", model=ResultOf("model"), test=ResultOf("test"))
    found = evaluate(Project(model, test, accuracy), ["accuracy"])["accuracy"]
    assert [needs(instance) for instance in found] == [
        {"model": "model[k=1,seed=0]", "test": "test[seed=0]"},
        {"model": "model[k=1,seed=1]", "test": "test[seed=1]"},
        {"model": "model[k=3,seed=0]", "test": "test[seed=0]"},
        {"model": "model[k=3,seed=1]", "test": "test[seed=1]"},
    ]


def test_rule_04_different_axes_cross() -> None:
    left, right = task("left", k=AxisOf(k)), task("right", seed=AxisOf(seed))
    pair = task("pair", right=ResultOf("right"), left=ResultOf("left"))
    assert values(evaluate(Project(left, right, pair), ["pair"])["pair"]) == {
        "pair[k=1,seed=0]": ((0,), (1,)),
        "pair[k=1,seed=1]": ((1,), (1,)),
        "pair[k=3,seed=0]": ((0,), (3,)),
        "pair[k=3,seed=1]": ((1,), (3,)),
    }


def test_rule_04_two_axes_of_one_name_in_a_task_are_refused() -> None:
    left, right = task("left", s=AxisOf(seed)), task("right", s=AxisOf(Axis("seed", [0, 1])))
    evaluate(Project(left, right), ["left", "right"])
    message = refused(4, left, right, task("compare", left=ResultOf("left"), right=ResultOf("right")))
    assert message == "rule 4: compare would have two axes called seed"


# ---- 5


def test_rule_05_nested_axes_come_after_their_parents_and_have_their_own_elements() -> None:
    # By name alone, the child `a` would come first.
    child = Axis("a", function=lambda z: [10 * z, 10 * z + 1], sources={"z": AxisOf(Axis("z", [2, 1]))})
    project = Project(task("leaf", a=AxisOf(child), k=AxisOf(k)))
    assert [str(instance.identity) for instance in evaluate(project, ["leaf"])["leaf"]] == [
        f"leaf[k={k},z={z},a={a}]" for k in (1, 3) for z in (2, 1) for a in (10 * z, 10 * z + 1)
    ]


def test_rule_05_an_axis_may_depend_on_a_task() -> None:
    manifest = task("manifest", lambda book: {"a": ["x"], "b": []}[book], book=AxisOf(book))
    page = Axis("page", function=lambda manifest: manifest, sources={"manifest": ResultOf("manifest")})
    project = Project(manifest, task("read", page=AxisOf(page)))
    assert values(evaluate(project, ["read"])["read"]) == {"read[book='a',page='x']": ("x",)}


def test_rule_05_a_target_selects_labels_and_binds_open_parameters() -> None:
    project = Project(task("words", chapter=AxisOf(chapter), n=AxisOf(n)))
    found = evaluate(project, {"words": {"chapter": 2, "n": [7]}})["words"]
    assert values(found) == {"words[book='b',chapter=2,n=[7]]": (2, [7])}
    assert values(evaluate(project, {"words": {"book": "a"}}, {"n": 0})["words"]) == {
        "words[book='a',chapter=1,n=0]": (1, 0)
    }


def test_rule_05_an_open_parameter_without_value_and_a_foreign_axis_are_refused() -> None:
    project = Project(task("words", n=AxisOf(n)))
    with pytest.raises(RuleError, match="rule 5: open parameter n has no value"):
        evaluate(project, ["words"])
    with pytest.raises(RuleError, match="rule 5: words has no axis k"):
        evaluate(project, {"words": {"k": 1}}, {"n": 0})


def test_rule_05_a_child_is_not_inherited_without_its_parent() -> None:
    words = task("words", chapter=AxisOf(chapter))
    refused(5, words, task("first", words=Ref("words", {"book": "a"})))


# ---- 6


def test_rule_06_a_dependency_is_the_target_at_the_coordinate_it_shares() -> None:
    project = Project(
        Task("split", lambda seed: (seed, -seed), {"seed": AxisOf(seed)}, outputs=("train", "test")),
        task("model", k=AxisOf(k), train=ResultOf("split", "train")),
        task("whole", split=ResultOf("split")),
    )
    found = evaluate(project, ["model", "whole"])
    assert values(found["model"])["model[k=3,seed=1]"] == (3, 1)
    assert [needs(instance) for instance in found["model"]] == [{"train": f"split[seed={s}]"} for s in (0, 1, 0, 1)]
    assert values(found["whole"])["whole[seed=1]"] == ({"train": 1, "test": -1},)


# ---- 7


def test_rule_07_a_gather_takes_all_that_agree_on_the_axes_it_keeps() -> None:
    model = task("model", lambda k, seed: 10 * k + seed, k=AxisOf(k), seed=AxisOf(seed))
    found = evaluate(Project(model, task("mean", model=GatherOf("model", over=("seed",)))), ["mean"])["mean"]
    assert values(found) == {"mean[k=1]": ({0: 10, 1: 11},), "mean[k=3]": ({0: 30, 1: 31},)}
    assert needs(found[1]) == {"model": ((0, "model[k=3,seed=0]"), (1, "model[k=3,seed=1]"))}


def test_rule_07_a_gathered_axis_of_the_task_itself_does_not_narrow() -> None:
    model = task("model", lambda seed: seed, seed=AxisOf(seed))
    rank = task("rank", seed=AxisOf(seed), others=GatherOf("model"))
    assert values(evaluate(Project(model, rank), ["rank"])["rank"]) == {
        "rank[seed=0]": (0, {0: 0, 1: 1}),
        "rank[seed=1]": (1, {0: 0, 1: 1}),
    }


def test_rule_07_a_bound_axis_is_neither_kept_nor_gathered() -> None:
    model = task("model", lambda k, seed: 10 * k + seed, k=AxisOf(k), seed=AxisOf(seed))
    thirds = task("thirds", model=GatherOf("model", over=("seed",), bound={"k": 3}))
    assert values(evaluate(Project(model, thirds), ["thirds"])["thirds"]) == {"thirds": ({0: 30, 1: 31},)}


def test_rule_07_a_gather_of_an_empty_axis_is_empty() -> None:
    project = Project(task("each", x=AxisOf(Axis("x"))), task("all", each=GatherOf("each")))
    found = evaluate(project, ["each", "all"])
    assert found["each"] == []
    assert (found["all"][0].value, found["all"][0].dependencies) == (({},), {"each": ()})


# ---- 8


@pytest.mark.parametrize("over", [("k",), ("book", "chapter", "k"), (), ("book",), ("n",)])
def test_rule_08_over_names_axes_of_the_target_and_leaves_no_orphan(over: tuple[str, ...]) -> None:
    words = task("words", chapter=AxisOf(chapter), n=AxisOf(n))
    refused(8, words, task("all", words=GatherOf("words", over=over)))


def test_rule_08_a_gather_needs_an_axis_with_elements() -> None:
    refused(8, task("one"), task("all", one=GatherOf("one")))
    refused(8, task("open", n=AxisOf(n)), task("all", open=GatherOf("open")))


def test_rule_08_a_child_may_be_gathered_alone_or_with_its_parent_or_be_bound() -> None:
    project = Project(
        task("words", lambda chapter: chapter, chapter=AxisOf(chapter)),
        task("per_book", words=GatherOf("words", over=("chapter",))),
        task("together", words=GatherOf("words", over=("chapter", "book"))),
        task("second", words=GatherOf("words", over=("book",), bound={"chapter": 2})),
    )
    found = evaluate(project, ["per_book", "together", "second"])
    assert values(found["per_book"]) == {"per_book[book='a']": ({1: 1},), "per_book[book='b']": ({1: 1, 2: 2},)}
    assert values(found["together"]) == {"together": ({("a", 1): 1, ("b", 1): 1, ("b", 2): 2},)}
    assert values(found["second"]) == {"second": ({"b": 2},)}  # book a has no second chapter


# ---- 9


fit = task("fit", k=AxisOf(k), n=AxisOf(n), rate=Setting(0.5))


def test_rule_09_a_ref_binds_axes_open_parameters_and_own_settings() -> None:
    project = Project(fit, task("use", fit=[Ref("fit", {"k": 3, "n": {"any": [1]}, "rate": 0.1}, picks=(1,)), "kept"]))
    (use,) = evaluate(project, ["use"])["use"]
    assert use.value == ([{"any": [1]}, "kept"],)
    assert needs(use) == {"fit": ["fit[k=3,n={'any': [1]},rate=0.1]", "kept"]}


@pytest.mark.parametrize("bound", [{"k": 2, "n": 0}, {"k": True, "n": 0}, {"seed": 0}, {"k": 1, "n": 0, "fit": 1}])
def test_rule_09_a_ref_selects_elements_that_exist_and_knows_its_names(bound: dict[str, Any]) -> None:
    refused(9, fit, task("use", fit=Ref("fit", bound)), settings={"n": 0})
    refused(9, fit, task("use", fit=Planned(lambda: Ref("fit", bound))), settings={"n": 0})


def test_rule_09_inherited_settings_are_refused() -> None:
    refused(9, fit, task("score", fit=ResultOf("fit")), task("use", score=Ref("score", {"k": 1, "n": 0, "rate": 0.1})))


def test_rule_09_a_direct_ref_inherits_what_it_leaves_open() -> None:
    project = Project(fit, task("use", fit=Ref("fit", {"n": 0})))
    assert [needs(instance) for instance in evaluate(project, ["use"])["use"]] == [
        {"fit": "fit[k=1,n=0]"},
        {"fit": "fit[k=3,n=0]"},
    ]


def test_rule_09_a_planner_leaves_open_only_axes_of_its_task() -> None:
    planned = Planned(lambda: [Ref("fit", {"n": 0})])
    own = task("own", k=AxisOf(k), fit=planned)
    assert [needs(instance) for instance in evaluate(Project(fit, own), ["own"])["own"]] == [
        {"fit": ["fit[k=1,n=0]"]},
        {"fit": ["fit[k=3,n=0]"]},
    ]
    message = refused(9, task("fit", k=AxisOf(k)), task("lost", fit=Planned(lambda: Ref("fit"))))
    assert message == "rule 9: lost: the reference to fit leaves axis k open"


def test_rule_09_a_gather_from_a_planner_keeps_only_axes_of_its_task() -> None:
    model = task("model", lambda k, seed: 10 * k + seed, k=AxisOf(k), seed=AxisOf(seed))
    planned = Planned(lambda: {"all": GatherOf("model", over=("seed",))})
    own = task("own", k=AxisOf(k), found=planned)
    assert evaluate(Project(model, own), ["own"])["own"][1].value[1]["all"][1] == 31
    refused(9, model, task("lost", found=planned))


def test_rule_09_yesterday_of_the_same_element() -> None:
    """A ref that binds a parent takes the caller's label of the child, if the child has it there."""
    item = Axis("item", function=lambda n: ["x", "y"][: n + 1], sources={"n": AxisOf(n)})
    planned = Planned(lambda n, item: [Ref("state", {"n": n - 1})] if n and item == "x" else [], ("n", "item"))
    project = Project(task("state", n=AxisOf(n), item=AxisOf(item), before=planned))
    assert values(evaluate(project, ["state"], {"n": 1})["state"]) == {
        "state[n=1,item='x']": (1, "x", [(0, "x", [])]),
        "state[n=1,item='y']": (1, "y", []),
    }


# ---- 10


def test_rule_10_settings_bound_to_the_value_of_the_run_make_no_other_instance() -> None:
    score = task("score", rate=Setting(1), size=Setting(2))
    refs = [Ref("score"), Ref("score", {"rate": 1}), Ref("score", {"rate": 1.0}), Ref("score", {"size": 2, "rate": 5})]
    project = Project(score, task("use", scores=refs))
    (use,) = evaluate(project, ["use"])["use"]
    assert needs(use) == {"scores": ["score", "score", "score[rate=1.0]", "score[rate=5]"]}
    (use,) = evaluate(project, ["use"], {"score.rate": 5})["use"]
    assert needs(use) == {"scores": ["score", "score[rate=1]", "score[rate=1.0]", "score"]}
    assert use.value == ([(5, 2), (1, 2), (1.0, 2), (5, 2)],)


# ---- 11


def test_rule_11_planners_are_evaluated_in_the_order_in_which_they_name_one_another() -> None:
    project = Project(
        task("leaf", lambda k: -k, k=AxisOf(k)),
        task(
            "use",
            last=Planned(lambda first: [Ref("leaf", {"k": 3})] if first == [-1] else [], ("first",)),
            first=Planned(lambda: [Ref("leaf", {"k": 1})]),
        ),
    )
    assert evaluate(project, ["use"])["use"][0].value == ([-3], [-1])


def test_rule_11_a_circle_of_planners_is_refused_at_collection() -> None:
    with pytest.raises(CircleError) as caught:
        Graph(Project(task("use", a=Planned(list, ("b",)), b=Planned(list, ("a",)))))
    assert caught.value.ring == ["planner of use(a)", "planner of use(b)", "planner of use(a)"]


def _pages(index: list[int]) -> list[Ref]:
    return [Ref("page", {"k": number}) for number in index]


def test_rule_11_a_planner_that_names_its_own_parameter_gets_what_would_fill_it() -> None:
    project = Project(
        task("index", lambda: [1, 3]),
        task("page", lambda k: f"page {k}", k=AxisOf(k)),
        task("site", index=Planned(_pages, ("index",), {"index": ResultOf("index")})),
    )
    (site,) = evaluate(project, ["site"])["site"]
    assert site.value == (["page 1", "page 3"],)
    assert needs(site) == {"index": ["page[k=1]", "page[k=3]"]}


# ---- 12


def test_rule_12_an_axis_waits_only_for_its_own_coordinate() -> None:
    asked = []

    def list_parts(book: str) -> list[int]:
        asked.append(book)
        return [0]

    manifest = task("manifest", list_parts, book=AxisOf(book))
    part = Axis("part", function=lambda manifest: manifest, sources={"manifest": ResultOf("manifest")})
    project = Project(manifest, task("read", part=AxisOf(part)))
    assert list(values(evaluate(project, {"read": {"book": "b"}})["read"])) == ["read[book='b',part=0]"]
    assert asked == ["b"]


# ---- 13


def test_rule_13_axes_stop_at_refs_and_gathers() -> None:
    project = Project(
        task("leaf", lambda: 1),
        task("above", k=AxisOf(k), leaf=Ref("leaf")),
        task("below", above=GatherOf("above")),
    )
    found = evaluate(project, ["leaf", "below"])
    assert values(found["leaf"]) == {"leaf": 1}
    assert values(found["below"]) == {"below": ({1: (1, 1), 3: (3, 1)},)}


def test_rule_13_a_sweep_is_the_union_of_its_runs() -> None:
    rounds = Axis("rounds", function=lambda many: range(many), sources={"many": Setting(1)})
    project = Project(
        task("data"),
        task("fit", lambda data, rate: rate, data=ResultOf("data"), rate=Setting(0)),
        task("score", lambda fit: "equal", fit=ResultOf("fit")),
        task("play", rounds=AxisOf(rounds)),
        task("all", plays=GatherOf("play")),
    )
    found = evaluate(project, ["data", "fit", "score", "play", "all"], sweeps={"rate": [1, 2], "many": [1, 2]})
    assert values(found["data"]) == {"data": ()}
    assert [instance.value for instance in found["fit"]] == [1, 2]
    assert [instance.value for instance in found["score"]] == ["equal", "equal"]
    assert [str(instance.identity) for instance in found["play"]] == ["play[rounds=0]", "play[rounds=1]"]
    assert [instance.value for instance in found["all"]] == [({0: (0,)},), ({0: (0,), 1: (1,)},)]


def test_rule_13_elements_of_equal_label_and_other_value_are_not_shared_by_a_sweep() -> None:
    size = Axis("size", function=lambda unit: {"small": unit}, sources={"unit": Setting(1)})
    found = evaluate(Project(task("fit", size=AxisOf(size))), ["fit"], sweeps={"unit": [1, 2]})["fit"]
    assert [instance.value for instance in found] == [(1,), (2,)]


def test_rule_13_an_open_parameter_may_be_swept_and_an_axis_not() -> None:
    open_one = task("open", n=AxisOf(n))
    assert values(evaluate(Project(open_one), ["open"], sweeps={"n": [1, 2]})["open"]) == {
        "open[n=1]": (1,),
        "open[n=2]": (2,),
    }
    refused(13, task("each", k=AxisOf(k)), sweeps={"k": [1]})


# ---- 14


def test_rule_14_a_gather_is_ordered_by_elements_parents_first_and_axes_by_name() -> None:
    z = Axis("z", ["late", "early"])
    child = Axis("a", function=lambda z: [z[0], z[1]], sources={"z": AxisOf(z)})
    project = Project(task("leaf", a=AxisOf(child), k=AxisOf(k)), task("all", leaf=GatherOf("leaf")))
    ((key, _), *_) = pairs = evaluate(project, ["all"])["all"][0].dependencies["leaf"]
    assert key._fields == ("k", "z", "a")
    assert [tuple(key) for key, _ in pairs] == [
        (k, z, a) for k in (1, 3) for z in ("late", "early") for a in (z[0], z[1])
    ]


# ---- recursion


def choose() -> Task:
    def plan(n: int, k: int) -> list[Ref]:
        return [Ref("choose", {"n": n - 1, "k": j}) for j in (k - 1, k)] if 0 < k < n else []

    def add(n: int, k: int, below: list[int]) -> int:
        return sum(below) if below else 1

    return task("choose", add, n=AxisOf(n), k=AxisOf(Axis("k", open=True)), below=Planned(plan, ("n", "k")))


def test_recursion_computes_each_instance_once() -> None:
    run = run_of(Project(choose()), n=6, k=3)
    (root,) = run.instances("choose", {})
    assert (root.value, needs(root)) == (20, {"below": ["choose[k=2,n=5]", "choose[k=3,n=5]"]})
    computed = [instance.identity for instance in run.computed()]
    assert len(computed) == len(set(computed)) == 4 * 4 - 1  # pairs (n - k, k) up to (3, 3), (0, 0) is never asked for


def test_recursion_of_depth_5000() -> None:
    planned = Planned(lambda n: [Ref("count", {"n": n - 1})] if n else [], ("n",))
    project = Project(task("count", lambda n, before: sum(before) + 1, n=AxisOf(n), before=planned))
    assert evaluate(project, {"count": {"n": 4999}})["count"][0].value == 5000


def test_a_chain_of_5000_tasks() -> None:
    links = [task(f"t{i}", lambda before: before + 1, before=ResultOf(f"t{i - 1}")) for i in range(4999, 0, -1)]
    project = Project(*links, task("t0", lambda k: k, k=AxisOf(k)))
    assert [instance.value for instance in evaluate(project, ["t4999"])["t4999"]] == [5000, 5002]


def test_a_circle_of_instances_is_refused_and_shown() -> None:
    planned = Planned(lambda n: Ref("f", {"n": (n + 1) % 3}), ("n",))
    with pytest.raises(CircleError) as caught:
        evaluate(Project(task("f", n=AxisOf(n), following=planned)), ["f"], {"n": 0})
    assert caught.value.ring == ["f[n=0]", "f[n=1]", "f[n=2]", "f[n=0]"]


def test_growth_without_end_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.reference.run.MAX_INSTANCES", 50)
    planned = Planned(lambda n: Ref("f", {"n": n + 1}), ("n",))
    with pytest.raises(RuleError, match="more than 50 instances"):
        evaluate(Project(task("f", n=AxisOf(n), following=planned)), ["f"], {"n": 0})

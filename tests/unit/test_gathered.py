"""A gather as a task receives it: results are loaded when they are read, once, by whoever comes first."""

from taskdisc import Gather


def lazy(loaded):
    def load(stored):
        loaded.append(stored)
        return stored * 10

    return Gather.lazy(["a", "b", "c", "d"], (1, 2, 3, 4), load)


def test_results_are_loaded_when_they_are_read_and_once():
    loaded = []
    gather = lazy(loaded)
    assert (len(gather), list(gather), "b" in gather, loaded) == (4, ["a", "b", "c", "d"], True, [2])
    assert gather["c"] == 30
    assert loaded == [2, 3]
    assert list(gather.values()) == [10, 20, 30, 40]
    assert list(gather.items()) == [("a", 10), ("b", 20), ("c", 30), ("d", 40)]
    assert sorted(loaded) == [1, 2, 3, 4]


def test_parts_of_its_views_can_be_cut_out():
    loaded = []
    gather = lazy(loaded)
    assert gather.values()[1:3] == [20, 30]
    assert gather.items()[2:] == [("c", 30), ("d", 40)]
    assert gather.values()[-1] == 40
    assert sorted(loaded) == [2, 3, 4]


def test_one_that_cannot_be_loaded_is_tried_again():
    broken = [ValueError("broken")]

    def load(stored):
        if broken:
            raise broken.pop()
        return stored

    gather = Gather.lazy(["a"], ("value",), load)
    try:
        gather["a"]
    except ValueError:
        pass
    assert gather["a"] == "value"

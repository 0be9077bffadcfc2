"""Whole studies in the language, end to end, with exactly these instances and values."""

from __future__ import annotations

from pathlib import Path

from taskdisc.testing import Project


def lines(project: Project, *arguments: str) -> list[str]:
    return project.run(*arguments).assert_ok().stdout.splitlines()


# Cross validation: families with settings of their own, and the winner fitted once more

CROSS_VALIDATION = """
    from taskdisc import Gather, axis, gather, ref, requires, task

    family = axis("constant", "neighbours")
    fold = axis(range(3))

    @axis
    def candidate(family: str):
        if family == "constant":
            return {"mean": {}, "median": {}}
        return {f"k{k}": {"k": k} for k in (1, 2, 4)}

    def data():
        return [(x, x * x) for x in range(9)]

    @task(outputs=("train", "test"))
    def split(data, fold: int):
        return [row for row in data if row[0] % 3 != fold], [row for row in data if row[0] % 3 == fold]

    def _predict(rows, family: str, name: str, settings: dict, x: int) -> float:
        if family == "constant":
            values = sorted(y for _, y in rows)
            return sum(values) / len(values) if name == "mean" else values[len(values) // 2]
        nearest = sorted(rows, key=lambda row: (abs(row[0] - x), row[0]))[: settings["k"]]
        return sum(y for _, y in nearest) / len(nearest)

    def error(train, test, family: str, candidate: dict, task_info) -> float:
        name = task_info.id.split("candidate=")[1].split(",")[0].rstrip("]")
        return sum(abs(_predict(train, family, name, candidate, x) - y) for x, y in test) / len(test)

    @requires(errors=gather(error, over="fold"))
    def validated(errors: Gather[float]) -> float:
        return round(sum(errors.values()) / len(errors), 3)

    def winner(validated: Gather[float]) -> tuple:
        return tuple(min(validated, key=validated.__getitem__))

    @task
    def refit(data, family_name: str, candidate_name: str) -> list:
        settings = {"k": int(candidate_name[1:])} if family_name == "neighbours" else {}
        return [_predict(data, family_name, candidate_name, settings, x) for x, _ in data]

    @requires(fitted=lambda winner: ref(refit, family_name=winner[0], candidate_name=winner[1]))
    def final(winner, fitted):
        return winner, fitted
    """


def expected_errors() -> dict[tuple[str, str], float]:
    """The mean absolute errors over the three folds, computed the obvious way."""
    data = [(x, x * x) for x in range(9)]
    found: dict[tuple[str, str], list[float]] = {}
    for fold in range(3):
        train = [row for row in data if row[0] % 3 != fold]
        test = [row for row in data if row[0] % 3 == fold]
        values = sorted(y for _, y in train)
        answers = {
            ("constant", "mean"): dict.fromkeys(range(9), sum(values) / 6),
            ("constant", "median"): dict.fromkeys(range(9), float(values[3])),
        }
        for k in (1, 2, 4):
            near = {x: sorted(train, key=lambda row: (abs(row[0] - x), row[0]))[:k] for x, _ in test}
            answers["neighbours", f"k{k}"] = {x: sum(y for _, y in rows) / k for x, rows in near.items()}
        for candidate, answer in answers.items():
            found.setdefault(candidate, []).append(sum(abs(answer[x] - y) for x, y in test) / 3)
    return {candidate: round(sum(errors) / 3, 3) for candidate, errors in found.items()}


def test_cross_validation_over_families_with_their_own_settings_and_a_refit(project: Project) -> None:
    project.write(tasks_x=CROSS_VALIDATION)
    expected = expected_errors()
    printed = lines(project, "validated")
    assert printed == [
        f"validated[family={family},candidate={candidate}]: {error}" for (family, candidate), error in expected.items()
    ]
    result = project.run("final").assert_ok()
    best = min(expected, key=expected.__getitem__)
    assert best == ("neighbours", "k2")
    assert result.stdout.startswith(f"({best!r}, [")
    assert result.ran == [
        "final",
        "final.fitted",
        "refit[candidate_name=k2,family_name=neighbours]",
        "winner",
    ]
    assert result.counts == {"succeeded": 4, "cached": 1 + 3 + 15 + 5}
    added = CROSS_VALIDATION.replace("(1, 2, 4)", "(1, 2, 3, 4)")
    project.write(tasks_x=added)
    more = project.run("winner").assert_ok()
    assert [step for step in more.ran if not step.startswith(("error[", "validated["))] == ["winner"]
    assert sorted(step for step in more.ran if "[" in step) == [
        *(f"error[family=neighbours,candidate=k3,fold={fold}]" for fold in range(3)),
        "validated[family=neighbours,candidate=k3]",
    ]


# Samples from a sheet that is read at run time

SAMPLES = """
    from pathlib import Path
    from taskdisc import Gather, axis, file, gather, requires

    sheet = file("sheet.csv")

    def groups(sheet: Path) -> dict[str, dict[str, list[str]]]:
        found = {}
        for line in sheet.read_text().split():
            group, sample, path = line.split(",")
            found.setdefault(group, {}).setdefault(sample, []).append(path)
        return found

    @axis
    def group(groups):
        return groups

    @axis
    def sample(group: dict):
        return group

    @axis
    def reads(sample: list[str]):
        return {Path(path).stem: Path(path) for path in sample}

    def counted(reads: Path) -> dict[str, int]:
        text = reads.read_text()
        return {letter: text.count(letter) for letter in "ACGT"}

    @requires(counts=gather(counted, over="reads"))
    def per_sample(counts: Gather[dict[str, int]]) -> int:
        return sum(sum(count.values()) for count in counts.values())

    @requires(samples=gather(per_sample, over="sample"))
    def merged(samples: Gather[int], task_dir: Path) -> Path:
        path = task_dir / "merged.txt"
        path.write_text(" ".join(f"{name}={total}" for name, total in samples.items()))
        return path

    def overview(merged: Gather[Path]) -> dict[str, str]:
        return {name: path.read_text() for name, path in merged.items()}
    """


def test_samples_from_a_sheet_with_files_per_sample_merged_per_group(project: Project) -> None:
    sheet = "north,s1,data/1.txt\nnorth,s1,data/2.txt\nnorth,s2,data/3.txt\nsouth,s1,data/4.txt\n"
    reads = {"data/1.txt": "ACGT", "data/2.txt": "AA", "data/3.txt": "CCC", "data/4.txt": "GTGTG", "data/5.txt": "T"}
    project.write({"sheet.csv": sheet, **reads}, tasks_x=SAMPLES)
    first = project.run("overview").assert_ok()
    assert first.stdout == "{'north': 's1=6 s2=3', 'south': 's1=5'}\n"
    assert [step for step in first.ran if step.startswith(("counted", "per_sample", "merged"))] == [
        'counted[group=north,sample=s1,reads="1"]',
        'counted[group=north,sample=s1,reads="2"]',
        'counted[group=north,sample=s2,reads="3"]',
        'counted[group=south,sample=s1,reads="4"]',
        "merged[group=north]",
        "merged[group=south]",
        "per_sample[group=north,sample=s1]",
        "per_sample[group=north,sample=s2]",
        "per_sample[group=south,sample=s1]",
    ]
    assert project.run("overview").assert_ok().ran == []
    project.write({"sheet.csv": sheet + "south,s9,data/5.txt\n"})
    more = project.run("overview").assert_ok()
    assert more.stdout == "{'north': 's1=6 s2=3', 'south': 's1=5 s9=1'}\n"
    assert [step for step in more.ran if step.startswith(("counted", "per_sample", "merged", "overview"))] == [
        'counted[group=south,sample=s9,reads="5"]',
        "merged[group=south]",
        "overview",
        "per_sample[group=south,sample=s9]",
    ]


# Ten thousand instances, aggregated per pair of parameters

MONTE_CARLO = """
    from taskdisc import Gather, axis, gather, requires

    alpha = axis(0.25, 0.75)
    size = axis("small", "large")
    rep = axis(range(2500))

    def draw(alpha: float, size: str, rep: int) -> float:
        return alpha * rep + (1000 if size == "large" else 0)

    @requires(draws=gather(draw, over="rep"))
    def mean(draws: Gather[float]) -> float:
        return sum(draws.values()) / len(draws)

    def table(mean: Gather[float]) -> dict[str, float]:
        return {f"{at.alpha}/{at.size}": value for at, value in mean.items()}
    """


def test_ten_thousand_instances_aggregated_per_pair_of_parameters(project: Project) -> None:
    project.write(tasks_x=MONTE_CARLO)
    first = project.run("table").assert_ok()
    middle = 2499 / 2
    expected = {
        f"{alpha}/{size}": alpha * middle + (1000 if size == "large" else 0)
        for alpha in (0.25, 0.75)
        for size in ("small", "large")
    }
    assert eval(first.stdout) == expected
    assert first.counts == {"succeeded": 10_005}
    again = project.run("table").assert_ok()
    assert again.counts == {"cached": 10_005}
    project.write(tasks_x=MONTE_CARLO.replace("0.25, 0.75", "0.25, 0.5, 0.75"))
    more = project.run("table").assert_ok()
    assert more.counts == {"succeeded": 5000 + 2 + 1, "cached": 10_004}
    few = project.run("mean[alpha=0.5,size=large]", "-p", "rep=0,1,2").assert_ok()
    assert (few.stdout, few.counts) == ("1000.5\n", {"succeeded": 1, "cached": 3})


# Pages that an index names

PAGES = """
    from pathlib import Path
    from taskdisc import file, gather, ref, requires, task

    home = file("site/index.txt")

    def index(home: Path) -> list[str]:
        return home.read_text().split()

    @task
    def page(url: str) -> dict:
        path = Path("site") / url
        return {"title": path.stem.title(), "links": path.read_text().split()}

    @requires(pages=lambda index: {url: ref(page, url=url) for url in index})
    def linked(pages: dict[str, dict]) -> list[str]:
        return sorted({link for page in pages.values() for link in page["links"]} | set(pages))

    @requires(pages=lambda linked: [ref(page, url=url)["title"] for url in linked])
    def titles(pages: list[str]) -> str:
        return ", ".join(pages)
    """


def test_pages_found_by_an_index_and_the_pages_that_those_link_to(project: Project) -> None:
    site = {"index.txt": "a.txt b.txt", "a.txt": "c.txt", "b.txt": "a.txt d.txt", "c.txt": "", "d.txt": "", "e.txt": ""}
    project.write({f"site/{name}": text for name, text in site.items()}, tasks_x=PAGES)
    first = project.run("titles").assert_ok()
    assert first.stdout == "A, B, C, D\n"
    assert first.ran == [
        "index",
        "linked",
        "linked.pages",
        *(f"page[url={name}.txt]" for name in "abcd"),
        "titles",
        "titles.pages",
    ]
    project.write({"site/index.txt": "b.txt e.txt"})
    second = project.run("titles").assert_ok()
    assert second.stdout == "A, B, D, E\n"
    assert second.ran == ["index", "linked", "linked.pages", "page[url=e.txt]", "titles", "titles.pages"]


# Recursion

GRID = """
    from taskdisc import ref, requires

    COSTS = [[1, 3, 1, 2], [1, 5, 1, 9], [4, 2, 1, 1]]

    def _before(row: int, column: int):
        above = [ref(cheapest, row=row - 1, column=column)] if row else []
        left = [ref(cheapest, row=row, column=column - 1)] if column else []
        return above + left

    @requires(before=_before)
    def cheapest(row: int, column: int, before: list[int]) -> int:
        return COSTS[row][column] + min(before, default=0)
    """


def test_a_dynamic_programme_on_a_grid(project: Project) -> None:
    project.write(tasks_x=GRID)
    first = project.run("cheapest[column=3,row=2]").assert_ok()
    assert first.stdout == "8\n"
    assert first.ran == sorted(f"cheapest[column={column},row={row}]" for row in range(3) for column in range(4))
    assert lines(project, "cheapest[column=2,row=1]") == ["6"]
    assert project.run("cheapest[column=0,row=2]").assert_ok().counts == {"cached": 3}


TREE = """
    from pathlib import Path
    from taskdisc import file, ref, requires, task

    text = file("tree.txt")

    def children(text: Path) -> dict[str, list[str]]:
        lines = [line.split() for line in text.read_text().splitlines()]
        return {parent: below for parent, *below in lines}

    @task
    def weight(node: str) -> int:
        return len(node)

    @requires(below=lambda node, children: [ref(total, node=child) for child in children.get(node, [])])
    def total(node: str, weight: int, below: list[int]) -> int:
        return weight + sum(below)
    """


def test_a_tree_by_recursion(project: Project) -> None:
    project.write({"tree.txt": "r aa bb\naa ccc ddd\nbb eeeeee"}, tasks_x=TREE)
    first = project.run("total[node=r]").assert_ok()
    assert first.stdout == "17\n"
    nodes = ["aa", "bb", "ccc", "ddd", "eeeeee", "r"]
    assert [step for step in first.ran if step.startswith("total[")] == [f"total[node={node}]" for node in nodes]
    assert [step for step in first.ran if step.startswith("weight[")] == [f"weight[node={node}]" for node in nodes]
    assert lines(project, "total[node=aa]") == ["8"]
    project.write({"tree.txt": "r aa bb\naa ccc ddd\nbb eeeeee f"})
    again = project.run("total[node=r]").assert_ok()
    assert again.stdout == "18\n"
    assert [step for step in again.ran if step.startswith(("total[", "weight["))] == [
        "total[node=bb]",
        "total[node=f]",
        "total[node=r]",
        "weight[node=f]",
    ]


# A dated report, and a backfill

DATED = """
    from datetime import date
    from pathlib import Path
    from taskdisc import file, ref, requires, task

    sales = file("sales.csv")

    def booked(sales: Path) -> dict[str, int]:
        lines = [line.split(",") for line in sales.read_text().split()]
        return {day: int(amount) for day, amount in lines}

    @task
    def taken(booked, day: date, currency: str = "EUR") -> str:
        return f"{booked.get(day.isoformat(), 0)} {currency}"

    def _until(day: date):
        return [ref(taken, day=day.replace(day=number)) for number in range(1, day.day + 1)]

    @requires(so_far=_until)
    def report(day: date, so_far: list[str], task_dir: Path) -> Path:
        page = task_dir / f"{day}.txt"
        page.write_text(f"{day}: {so_far[-1]}, {sum(int(each.split()[0]) for each in so_far)} this month")
        return page
    """


def test_a_dated_report_with_a_backfill_of_thirty_dates(project: Project) -> None:
    days = [f"2026-04-{number:02}" for number in range(1, 31)]
    project.write({"sales.csv": "\n".join(f"{day},{number}" for number, day in enumerate(days))}, tasks_x=DATED)
    one = project.run("report", "-p", "day=2026-04-03").assert_ok()
    assert Path(one.stdout.strip()).read_text() == "2026-04-03: 2 EUR, 3 this month"
    assert one.counts == {"succeeded": 1 + 3 + 1}
    filled = project.run("report", "--sweep", f"day={days[0]}..{days[-1]}").assert_ok()
    assert [line.partition(": ")[0] for line in filled.stdout.splitlines()] == [f"report[day={day}]" for day in days]
    assert [Path(line.partition(": ")[2]).read_text() for line in filled.stdout.splitlines()] == [
        f"{day}: {number} EUR, {sum(range(number + 1))} this month" for number, day in enumerate(days)
    ]
    assert filled.counts == {"succeeded": 27 + 29, "cached": 1 + 3 + 1}
    assert project.run("report[day=2026-04-30]").assert_ok().ran == []
    changed = project.read("sales.csv").replace("2026-04-28,27", "2026-04-28,0")
    project.write({"sales.csv": changed})
    again = project.run("report", "--sweep", f"day={days[0]}..{days[-1]}").assert_ok()
    late = [f"report[day={day}]" for day in days[27:]]
    assert [step for step in again.ran if step.startswith("report")] == late

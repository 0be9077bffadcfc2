"""The three pictures of the report, as SVG text. They carry no colours: report.css gives those, light and dark."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from math import ceil, floor
from statistics import mean

from penguin import MEASUREMENTS, SPECIES, Penguin
from svg import Scale, line, mark, picture, tag, text

# Species differ in shape as well as in colour, for those who cannot tell the colours apart.
_SHAPES = {"Adelie": "circle", "Chinstrap": "triangle", "Gentoo": "square"}


def bills(penguins: Sequence[Penguin], mistakes: Mapping[str, str]) -> str:
    """Draw every bird's bill, length against depth; rings mark those that were mistaken for another species."""
    lengths = _ticks([penguin.bill_length for penguin in penguins], 5)
    depths = _ticks([penguin.bill_depth for penguin in penguins], 2)
    x, y = Scale(lengths[0], lengths[-1], 36, 710), Scale(depths[0], depths[-1], 400, 44)
    parts = [
        *_grid_across(x, lengths, 44, 400),
        *_grid_up(y, depths, 36, 710),
        text(710, 440, MEASUREMENTS["bill_length"], "axis", "end"),
        text(0, 24, MEASUREMENTS["bill_depth"], "axis", "start"),
        *_species_legend(454, 19),
        *(_bird(penguin, x, y, mistakes) for penguin in penguins),
    ]
    told = f"{len(penguins)} birds; the species form three clouds that hardly overlap."
    return picture("bills", 720, 450, "Bill length and bill depth by species", told, parts)


def accuracies(scores: Mapping[str, Sequence[float]], best: str) -> str:
    """Draw the accuracies of each method as a row of dots, one for each split, with their mean."""
    ranking = sorted(scores, key=lambda method: -mean(scores[method]))
    bottom = 40 + 44 * len(ranking)
    percents = _ticks([95, 100, *(100 * share for shares in scores.values() for share in shares)], 5)
    x = Scale(percents[0] / 100, 1, 80, 630)
    rows = [_row(name, scores[name], 62 + 44 * place, x, name == best) for place, name in enumerate(ranking)]
    parts = [
        *_grid_across(x, [percent / 100 for percent in percents], 30, bottom, _percent),
        text(720, 20, "mean", "axis", "end"),
        *chain.from_iterable(rows),
        text(630, bottom + 40, "Accuracy on birds that were not trained on", "axis", "end"),
    ]
    told = "; ".join(f"{name} {mean(scores[name]):.1%}" for name in ranking)
    return picture("accuracies", 720, bottom + 50, "Accuracy of each method", f"Means: {told}.", parts)


def confusions(confusion: Mapping[str, Mapping[str, int]]) -> str:
    """Draw the confusion matrix: a row for each true species, a column for each answer."""
    rows = [_counts(truth, confusion[truth], 64 + 84 * place) for place, truth in enumerate(SPECIES)]
    parts = [
        text(111, 20, "Answer", "axis", "start"),
        text(0, 50, "Truth", "axis", "start"),
        *(text(211 + 204 * column, 50, answer, "name") for column, answer in enumerate(SPECIES)),
        *chain.from_iterable(rows),
    ]
    told = " ".join(f"Of {sum(c.values())} {truth}, {c[truth]} were recognised." for truth, c in confusion.items())
    return picture("confusions", 720, 324, "Confusion matrix", told, parts)


def key(species: str) -> str:
    """Draw the mark of one species by itself, to stand in a line of text."""
    drawn = mark(6, 6, _SHAPES[species], f"mark {species.lower()}")
    return tag("svg", drawn, viewBox="0 0 12 12", class_="key", aria_hidden="true")


def _bird(penguin: Penguin, x: Scale, y: Scale, mistakes: Mapping[str, str]) -> str:
    left, top = x(penguin.bill_length), y(penguin.bill_depth)
    label = f"{penguin.name}, {penguin.island}: {penguin.bill_length:g} × {penguin.bill_depth:g} mm"
    if penguin.name not in mistakes:
        return mark(left, top, _SHAPES[penguin.species], f"mark {penguin.species.lower()}", label)
    label += f", taken for {mistakes[penguin.name]}"
    ring = tag("circle", cx=left, cy=top, r=9, class_="ring")
    return ring + mark(left, top, _SHAPES[penguin.species], f"mark {penguin.species.lower()}", label)


def _species_legend(left: float, top: float) -> list[str]:
    entries = []
    for species in SPECIES:
        entries.append(mark(left, top, _SHAPES[species], f"mark {species.lower()}"))
        entries.append(text(left + 12, top + 5, species, "name", "start"))
        left += 44 + 7 * len(species)
    return entries


def _row(method: str, shares: Sequence[float], top: float, x: Scale, is_best: bool) -> list[str]:
    class_ = "best" if is_best else "other"
    return [
        text(0, top + 5, method, f"name {class_}", "start"),
        line(x(min(shares)), top, x(max(shares)), top, f"range {class_}"),
        line(x(mean(shares)), top - 16, x(mean(shares)), top + 16, f"mean {class_}"),
        *(_split(method, shares, split, top, x, class_) for split in range(len(shares))),
        text(720, top + 5, f"{mean(shares):.1%}", f"number {class_}", "end"),
    ]


def _split(method: str, shares: Sequence[float], split: int, top: float, x: Scale, class_: str) -> str:
    # Equal accuracies are common: stacked, each remains visible.
    share = shares[split]
    height = shares[:split].count(share) - (shares.count(share) - 1) / 2
    label = tag("title", f"{method}, split {split}: {share:.1%}")
    return tag("circle", label, cx=x(share), cy=top + 8 * height, r=4, class_=f"dot {class_}")


def _counts(truth: str, answers: Mapping[str, int], top: float) -> list[str]:
    total = sum(answers.values())
    parts = [text(0, top + 45, truth, "name", "start")]
    for column, answer in enumerate(SPECIES):
        parts += _cell(111 + 204 * column, top, answers[answer], total, f"{truth} called {answer}")
    return parts


def _cell(left: float, top: float, count: int, total: int, label: str) -> list[str]:
    share = count / total
    # The root lifts single mistakes among hundreds of right answers into sight.
    shade = tag("rect", x=left, y=top, width=200, height=80, rx=4, class_="heat", fill_opacity=f"{share**0.5:.2f}")
    class_ = "count on-heat" if share > 0.5 else "count" if count else "count nothing"
    return [
        tag("rect", tag("title", f"{label}: {count}"), x=left, y=top, width=200, height=80, rx=4, class_="cell"),
        shade,
        text(left + 100, top + 40, str(count), class_),
        text(left + 100, top + 61, f"{share:.1%}", f"share {class_}"),
    ]


def _grid_across(
    x: Scale, ticks: Sequence[float], top: float, bottom: float, name: Callable[[float], str] = str
) -> list[str]:
    lines = [line(x(tick), top, x(tick), bottom, "grid") for tick in ticks]
    return lines + [text(x(tick), bottom + 18, name(tick)) for tick in ticks]


def _grid_up(y: Scale, ticks: Sequence[float], left: float, right: float) -> list[str]:
    lines = [line(left, y(tick), right, y(tick), "grid") for tick in ticks]
    return lines + [text(left - 10, y(tick) + 4, str(tick), anchor="end") for tick in ticks]


def _ticks(values: Sequence[float], step: int) -> range:
    """Return the multiples of `step` from below the least to above the greatest value."""
    return range(step * floor(min(values) / step), step * ceil(max(values) / step) + 1, step)


def _percent(share: float) -> str:
    return f"{share:.0%}"

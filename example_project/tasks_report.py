"""The end of the line: one HTML page that holds everything it shows."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from statistics import mean
from string import Template

from penguin import MEASUREMENTS, Penguin
from pictures import accuracies, bills, confusions, key

from taskdisc import file

style = file("report.css")  # a change of colour makes a new report, and no new model
page = file("report.html")


def report(
    penguins: Sequence[Penguin],
    incomplete: Sequence[str],
    summary: Mapping[str, dict],
    scores: Mapping[str, Sequence[float]],
    best: str,
    confusion: Mapping[str, Mapping[str, int]],
    mistakes: Mapping[str, str],
    page: Path,
    style: Path,
    task_dir: Path,
    title: str = "Palmer penguins",
) -> Path:
    """Fill the page. Returned from below `task_dir`, the file is kept with the result."""
    filled = Template(page.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        style=style.read_text(encoding="utf-8"),
        best=escape(best),
        best_score=f"{mean(scores[best]):.1%}",
        commonest_share=f"{_commonest_share(summary):.0%}",
        penguins=len(penguins),
        species=len(summary),
        methods=len(scores),
        splits=len(scores[best]),
        answers=sum(sum(answers.values()) for answers in confusion.values()),
        incomplete=escape(", ".join(incomplete) or "none"),
        mistakes=escape(_sentence(mistakes)),
        rows="\n".join(_row(species, facts) for species, facts in summary.items()),
        headings="".join(f"<th scope='col'>{escape(name)}</th>" for name in MEASUREMENTS.values()),
        bills=bills(penguins, mistakes),
        accuracies=accuracies(scores, best),
        confusions=confusions(confusion),
    )
    written = task_dir / "penguins.html"
    written.write_text(filled, encoding="utf-8")
    return written


def _commonest_share(summary: Mapping[str, dict]) -> float:
    """Return how often one would be right without looking, by always naming the commonest species."""
    counts = [facts["count"] for facts in summary.values()]
    return max(counts) / sum(counts)


def _sentence(mistakes: Mapping[str, str]) -> str:
    if not mistakes:
        return "No bird was mistaken for another."
    named = ", ".join(f"{name} (taken for {answer})" for name, answer in sorted(mistakes.items()))
    return f"Ringed are the birds that the best method mistook in at least one split: {named}."


def _row(species: str, facts: dict) -> str:
    measured = "".join(_cell(*spread) for spread in facts["measurements"].values())
    islands = escape(", ".join(facts["islands"]))
    return (
        f"<tr><th scope='row'>{key(species)}{escape(species)}</th><td>{facts['count']}</td>"
        f"<td class='places'>{islands}</td>{measured}</tr>"
    )


def _cell(middle: float, spread: float) -> str:
    digits = 0 if middle >= 1000 else 1
    return f"<td>{middle:,.{digits}f} <small>± {spread:.{digits}f}</small></td>"

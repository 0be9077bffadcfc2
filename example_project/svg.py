"""The few words of SVG that the pictures are written in."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

SHAPES = {
    "circle": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "triangle": "M0,-4.8L4.6,3.6L-4.6,3.6Z",
    "square": "M-3.6,-3.6H3.6V3.6H-3.6Z",
}


@dataclass(frozen=True)
class Scale:
    """A linear map from data, `low` to `high`, to places in the picture, `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return where `value` lies in the picture."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def tag(name: str, *content: str, **attributes: object) -> str:
    """Return an element; an attribute `font_size` is written font-size, `class_` class."""
    written = "".join(f' {key.strip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(content)}</{name}>" if content else f"<{name}{written}/>"


def text(x: float, y: float, words: str, class_: str = "tick", anchor: str = "middle") -> str:
    """Return words whose baseline begins, centres or ends at a place."""
    return tag("text", escape(words), x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """Return a straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def mark(x: float, y: float, shape: str, class_: str, label: str = "") -> str:
    """Return one of SHAPES around a place; a pointer that rests on it reads the label."""
    told = (tag("title", escape(label)),) if label else ()
    return tag("path", *told, d=SHAPES[shape], transform=f"translate({_value(x)},{_value(y)})", class_=class_)


def picture(name: str, width: float, height: float, title: str, description: str, parts: Sequence[str]) -> str:
    """Return a whole picture that a screen reader can announce and describe; `name` is unique in its page."""
    told = [
        tag("title", escape(title), id=f"{name}-title"),
        tag("desc", escape(description), id=f"{name}-desc"),
    ]
    return tag(
        "svg",
        *(part + "\n" for part in (*told, *parts)),
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))

"""A drawing as SVG text that takes its colours from the page.

Colours are drawn as stand-ins and then replaced by CSS variables, so that one drawing serves light
and dark pages.  The text stays text.  Nothing in the SVG points outside.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from io import StringIO
from typing import Any

from agentmem.errors import MissingExtra

WIDTH = 4.4  # inches; 72 px each: narrow enough for a phone
STAND_INS = {
    "#000101": "var(--ink)",
    "#000202": "var(--muted)",
    "#000303": "var(--grid)",
    "#000404": "var(--series)",
    "#000505": "var(--alt)",
    "#000606": "var(--page)",
}
INK, MUTED, GRID, SERIES, ALT, PAGE = STAND_INS
SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "agentmem",
    "text.parse_math": False,  # names of arms are no formulas
    "font.size": 8.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


class Drawing:
    """A figure, its axes, and what turns it into SVG text.  MissingExtra without matplotlib."""

    def __init__(self, width: float, height: float, label: str) -> None:
        self.size = (width, height)
        self.label = label

    def __enter__(self) -> Drawing:
        try:
            import matplotlib as mpl
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtra("the plots of a report", "bench") from error
        self.context = mpl.rc_context(SETTINGS)
        self.context.__enter__()
        self.figure = Figure(figsize=self.size, layout="constrained")
        self.figure.patch.set_alpha(0.0)
        if self.label:
            self.figure.supxlabel(self.label, x=0.01, ha="left", fontsize=7, color=MUTED)
        axes = self.figure.add_subplot()
        axes.patch.set_alpha(0.0)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0)
        axes.set_axisbelow(True)
        self.axes: Any = axes
        return self

    def title(self, text: str) -> None:
        """The title, at the left edge of the drawing whatever the axes need for names."""
        self.figure.suptitle(text, x=0.01, ha="left", fontsize=10, fontweight="bold")

    def legend(self, **where: Any) -> None:
        """The legend, tight, above the axes unless `where` says otherwise."""
        above = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderaxespad": 0.1}
        small = {"fontsize": 8, "handletextpad": 0.3, "labelspacing": 0.25}
        self.axes.legend(**{**above, **small, **where})

    def __exit__(self, *error: object) -> None:
        self.context.__exit__(None, None, None)

    def svg(self, description: str) -> str:
        text = StringIO()
        self.figure.savefig(text, format="svg", metadata={"Date": None})
        return inline(text.getvalue(), description)


def inline(svg: str, description: str) -> str:
    """An SVG file's text as an element of a page: no prolog, no outside names, own ids."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"\s+xmlns(?::\w+)?=\"[^\"]*\"", "", body)
    mark = "p" + blake2b(description.encode(), digest_size=5).hexdigest()
    body = re.sub(r'\bid="', f'id="{mark}-', body)
    body = re.sub(r'((?:xlink:)?href=")#', rf"\1#{mark}-", body)
    body = body.replace("url(#", f"url(#{mark}-")
    for colour, variable in STAND_INS.items():
        body = body.replace(colour, variable)
    name = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return body.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)

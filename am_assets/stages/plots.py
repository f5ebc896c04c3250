"""Small plots as PNG bytes: same numbers, same bytes; never any sample text in them."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOUR, _MARK = "#4c6ef5", "#e03131"


def histogram(values: Sequence[float], title: str, xlabel: str, bins: int = 30) -> bytes:
    """Histogram of `values`."""
    figure, axes = _axes(title)
    axes.hist(np.asarray(values, dtype=float), bins=bins, color=_COLOUR)
    axes.set_xlabel(xlabel)
    axes.set_ylabel("samples")
    return _png(figure)


def counted_histogram(
    counts: Sequence[int], title: str, xlabel: str, marks: Sequence[float] = ()
) -> bytes:
    """Histogram of values in 0..1 that were counted in equal bins beforehand.

    `marks` are values to draw a line at.
    """
    figure, axes = _axes(title)
    edges = np.linspace(0, 1, len(counts) + 1)
    axes.stairs(counts, edges, fill=True, color=_COLOUR)
    for value in marks:
        axes.axvline(value, color=_MARK, linestyle="--")
    axes.set_xlabel(xlabel)
    axes.set_ylabel("samples")
    return _png(figure)


def bars(values: Mapping[str, float], title: str, ylabel: str = "samples") -> bytes:
    """One bar a label."""
    figure, axes = _axes(title)
    axes.bar(list(values), list(values.values()), color=_COLOUR)
    axes.set_ylabel(ylabel)
    axes.tick_params(axis="x", rotation=30)
    return _png(figure)


def curve(values: Sequence[float], title: str, xlabel: str = "step", ylabel: str = "loss") -> bytes:
    """A line over steps, e.g. the training loss."""
    figure, axes = _axes(title)
    axes.plot(
        range(1, len(values) + 1), values, color=_COLOUR, marker="." if len(values) < 60 else ""
    )
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return _png(figure)


def lines(
    xs: Sequence[float],
    series: Mapping[str, Sequence[float | None]],
    title: str,
    xlabel: str,
    ylabel: str,
    marks: Sequence[float] = (),
) -> bytes:
    """One line a name over `xs`, None a gap in it; `marks` are values of x to draw a line at."""
    figure, axes = _axes(title)
    for name, values in series.items():
        gaps = [float("nan") if value is None else value for value in values]
        axes.plot(xs, gaps, marker=".", label=name)
    for value in marks:
        axes.axvline(value, color=_MARK, linestyle="--")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False)
    return _png(figure)


def score_bars(
    scores: Mapping[str, tuple[float, float, float]], title: str, ylabel: str = "pass@1"
) -> bytes:
    """One bar a label from (mean, lower end, upper end), with its confidence interval."""
    figure, axes = _axes(title)
    means = np.array([mean for mean, _, _ in scores.values()])
    below = np.array([mean - low for mean, low, _ in scores.values()])
    above = np.array([high - mean for mean, _, high in scores.values()])
    errors = np.clip(np.stack([below, above]), 0, None) if scores else None
    axes.bar(list(scores), means, yerr=errors, capsize=4, color=_COLOUR)
    axes.set_ylim(0, 1)
    axes.set_ylabel(ylabel)
    axes.tick_params(axis="x", rotation=30)
    return _png(figure)


def _axes(title: str) -> "tuple[Figure, Axes]":
    # A second of processor time, for plots alone.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()

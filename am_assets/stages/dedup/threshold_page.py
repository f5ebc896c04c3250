"""The threshold report as one HTML file with its plots, and the texts of the pairs to look at.

For people's own eyes: unlike everything else that is reported, it shows texts.
"""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from am_assets.stages import plots
from am_assets.stages.dedup.threshold_report import ThresholdReport

_LONGEST = 600
_STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 62em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } th { text-align: left }
td, th { padding: .2em .8em; border-bottom: 1px solid #ddd; vertical-align: top }
td.text { width: 45% ; white-space: pre-wrap; overflow-wrap: anywhere }
tr.set { background: #fff3bf }
"""
_MEANINGS = {
    "threshold": "rows above it with a kept row are dropped",
    "dropped": "rows dropped",
    "identical": "of these, for repeating a text word for word",
    "similar_pairs": "pairs above, of a row and one kept before it",
    "different_references": "of these, with reference answers that differ",
    "kept_for_reference": "rows kept only because of that",
    "same_reference_share": "of nearest pairs above with references, the share of equal ones",
    "same_reference_found": "of nearest pairs with equal references, the share above",
}


def threshold_page(
    name: str,
    report: ThresholdReport,
    texts: Mapping[str, str],
    labelled: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The page about a file called `name`; `labelled` are steps of `precision_recall`."""
    drawn = threshold_pictures(report.as_dict())
    if labelled:
        drawn["labelled pairs by threshold"] = labelled_picture(labelled, report.threshold)
    images = "".join(
        f'<img alt="{escape(title)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        for title, png in drawn.items()
    )
    legend = "".join(f"<li><b>{key}</b>: {text}</li>" for key, text in _MEANINGS.items())
    parts = [
        f"<h1>Dedup thresholds for {escape(name)}</h1>",
        f"<p>{report.rows:,} rows; the threshold set is {report.threshold}.</p>",
        images,
        _table(report.sweep, report.threshold),
        f"<ul>{legend}</ul>",
    ]
    if labelled:
        parts += ["<h2>Labelled pairs</h2>", _table(labelled, report.threshold)]
    for title, pairs in (("above", report.above), ("below", report.below)):
        parts += [f"<h2>Pairs just {title} the threshold</h2>", _pairs(pairs, texts)]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Dedup thresholds</title><style>{_STYLE}</style>"
        f"<body>{''.join(parts)}</body></html>"
    )


def threshold_pictures(report: Mapping[str, Any]) -> dict[str, bytes]:
    """PNG plots of a report (`ThresholdReport.as_dict()`), by title."""
    steps, mark = report["sweep"], (report["threshold"],)
    thresholds = [step["threshold"] for step in steps]
    volume, shares = ("dropped", "kept_for_reference"), ("share", "found")
    return {
        "similarity to the nearest prompt": plots.counted_histogram(
            report["nearest"], "similarity to the nearest prompt", "cosine similarity", mark
        ),
        "rows by dedup threshold": plots.lines(
            thresholds,
            {name.replace("_", " "): [step[name] for step in steps] for name in volume},
            "rows by dedup threshold",
            "threshold",
            "rows",
            mark,
        ),
        "equal reference answers by threshold": plots.lines(
            thresholds,
            {name: [step[f"same_reference_{name}"] for step in steps] for name in shares},
            "nearest pairs with equal reference answers",
            "threshold",
            "share",
            mark,
        ),
    }


def labelled_picture(steps: Sequence[Mapping[str, Any]], threshold: float) -> bytes:
    """PNG plot of precision and recall by threshold."""
    return plots.lines(
        [step["threshold"] for step in steps],
        {name: [step[name] for step in steps] for name in ("precision", "recall")},
        "labelled pairs",
        "threshold",
        "share",
        (threshold,),
    )


def shown(value: Any) -> str:
    """A number as tables print it; "-" where there is none."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".")


def _table(steps: Sequence[Mapping[str, Any]], threshold: float) -> str:
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in steps[0])
    lines = (
        f'<tr class="{"set" if step["threshold"] == threshold else ""}">'
        + "".join(f"<td>{shown(value)}</td>" for value in step.values())
        + "</tr>"
        for step in steps
    )
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _pairs(pairs: Sequence[Mapping[str, Any]], texts: Mapping[str, str]) -> str:
    lines = (
        f"<tr><td>{pair['similarity']:.4f}<br>{pair['references']} references</td>"
        + "".join(_text(pair[key], texts) for key in ("sample_id", "twin"))
        + "</tr>"
        for pair in pairs
    )
    return f"<table><tr><th></th><th>row</th><th>twin</th></tr>{''.join(lines)}</table>"


def _text(name: str, texts: Mapping[str, str]) -> str:
    text = texts[name]
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f'<td class="text"><b>{escape(name)}</b><br>{escape(cut)}</td>'

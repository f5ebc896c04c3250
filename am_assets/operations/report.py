"""Tables that a person reads at the end of a run."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from am_assets.core.ledger import LedgerError
from am_assets.core.schema import SCORES
from am_assets.defs.project import ARTIFACTS, CHAIN, Project
from am_assets.lineage.disagreements import Report
from am_assets.lineage.ledger import Scope, WeekLedger, outside, week_ledgers


def print_summary(project: Project, out: Console) -> None:
    """The ledger of every week and the scores of every recipe."""
    snapshot = project.store.snapshot()
    scope = Scope.of(project.profile)
    try:
        weeks = week_ledgers(snapshot, CHAIN, scope=scope)
        print_ledger(weeks, outside(snapshot, scope, ARTIFACTS), out)
    except LedgerError as error:
        out.print(f"No ledger: {error}")
    scores = score_table(project)
    if scores is not None:
        out.print(scores)


def print_ledger(weeks: list[WeekLedger], left_out: str | None, out: Console) -> None:
    """The ledger, and in a line each what it could not check by ids and what it left out."""
    out.print(ledger_table(weeks))
    unchecked = [name for week in weeks for name in week.unchecked]
    if unchecked:
        out.print(
            f"{len(unchecked)} artifacts are from before ids were recorded and checked by counts "
            f"alone, the first is {unchecked[0]}: materialize them again to have ids checked"
        )
    if left_out:
        out.print(left_out)


def ledger_table(weeks: list[WeekLedger]) -> Table:
    """One column a week: rows in, drops by stage and reason, pending, released."""
    table = Table(
        "stage", "fate", *(f"week {week.week}" for week in weeks), title="Every row's fate"
    )
    for index in range(2, len(weeks) + 2):
        table.columns[index].justify = "right"
    table.add_row("", "rows in", *(str(week.rows_in) for week in weeks))
    if any(week.came_back for week in weeks):
        back = (str(week.came_back) for week in weeks)
        table.add_row("", "of earlier weeks, decided again", *back)
    for name in ("dropped", "pending"):
        keys: dict[tuple[str, str], None] = {}
        for stage in weeks[0].stages:
            for week in weeks:
                reasons = sorted(key for key in getattr(week, name) if key[0] == stage)
                keys.update(dict.fromkeys(reasons))
        for key in keys:
            counts = (str(getattr(week, name)[key]) for week in weeks)
            table.add_row(key[0], f"{name}: {key[1]}", *counts)
    table.add_row("release", "released", *(str(week.released) for week in weeks), style="bold")
    return table


def score_table(project: Project) -> Table | None:
    """pass@1 by recipe and benchmark, strict and lenient; None before anything is scored."""
    snapshot = project.store.snapshot()
    scope = Scope.of(project.profile)
    refs = [
        ref
        for ref in snapshot.refs()
        if ref.asset == "scores" and scope.has_week(ref.partition[-1])
    ]
    if not refs:
        return None
    latest = max(ref.partition[-1] for ref in refs)
    columns: dict[str, None] = {}
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for ref in sorted(refs, key=str):
        if ref.partition[-1] != latest:
            continue
        manifest = snapshot.manifests([ref])[ref]
        for row in project.store.table(manifest.dvc, SCORES.name).to_pylist():
            columns.setdefault(row["benchmark"])
            said = "none"
            if row["pass_at_1"] is not None:
                low, high = 100 * row["ci_low"], 100 * row["ci_high"]
                said = f"{100 * row['pass_at_1']:.1f} ({low:.0f}-{high:.0f})"
            if row["missing"]:
                said += f", {row['missing']} missing"
            cells.setdefault((row["metric"], ref.partition[0]), {})[row["benchmark"]] = said
    if not cells:
        return None
    table = Table("format", "recipe", *columns, title=f"pass@1 in percent, week {latest}")
    for (metric, recipe), row in sorted(cells.items(), key=lambda item: (item[0][0] != "strict",)):
        table.add_row(metric, recipe, *(row.get(name, "") for name in columns))
    return table


def disagreement_tables(report: Report) -> list[Table]:
    """How often each pair of judges says what, and the responses on which a pair differs."""
    counts = Table("pair", "the one", "the other", "responses", title="Who says what")
    counts.columns[3].justify = "right"
    for pair, found in report.pairs.items():
        for one, other, responses in found["matrix"]:
            counts.add_row(pair, one, other, f"{responses:,}")
    rows = Table(
        *("response", "kind", "rule", "judge", "answer", "majority", "reference", "recorded"),
        title="To look at",
    )
    for row in report.rows:
        rule = " ".join(filter(None, (row["rule"], row["reason"])))
        judge = "" if row["judge"] is None else f"{row['judge']} ({row['judge_score']})"
        recorded = {True: "right", False: "wrong", None: ""}[row["recorded"]]
        cells = (row["answer"], row["majority"], row["reference_answer"])
        texts = [escape(" ".join((cell or "").split())[:_CELL]) for cell in cells]
        rows.add_row(row["response_id"], row["kind"], rule, judge, *texts, recorded)
    return [counts, rows]


_CELL = 40

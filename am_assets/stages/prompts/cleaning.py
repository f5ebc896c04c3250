"""The `prompts` stage: rules on single prompts, and exact duplicates inside a source (DD 2.2.1).

Each rule is a function of one row that returns evidence when the row breaks it; the first broken
rule, in the order of `RULES`, is the row's reason. Evidence says what was found and how much of
it, with at most `_EXCERPT` characters of the text.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from am_assets.core.identity import prompt_hash
from am_assets.core.schema import DROPPED, KEPT, PROMPTS, dumps, kept
from am_assets.core.settings.prompts import Cleaning
from am_assets.stages.answers.references import DIFFERENT, answer_codes, compare_answers
from am_assets.stages.prompts.priority import priority_keys, priority_order
from am_assets.stages.text import visible_length

Row = Mapping[str, Any]
Rule = Callable[[Row, Cleaning], dict[str, Any] | None]

_EXCERPT = 20
_URL = re.compile(r"(?:https?|ftp)://[^\s<>\"']+|\bwww\.[\w-]+\.\w+", re.IGNORECASE)
_TABLES = {
    "markdown": re.compile(
        r"^[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\||$)", re.MULTILINE
    ),
    "latex": re.compile(r"\\begin\{(?:tabular|longtable|table)"),
    "html": re.compile(r"<t(?:able|r|d)\b[^>]*>", re.IGNORECASE),
    "rules": re.compile(r"^[ \t]*\+(?:[-=]{2,}\+){2,}[ \t]*$", re.MULTILINE),
    "tabs": re.compile(r"(?:^[^\t\n]*\t[^\t\n]*\t[^\n]*$\n?){3,}", re.MULTILINE),
}
# A comma after a closed sentence or quotation is a slip of the pen, and `;` ends code and options.
_OPEN_END = re.compile(r"(?:\w\s*[,，、]|[(\[{（【「《])\s*$")
_CUT_WORD = re.compile(r"\b(?:the|an|of|and|than|whose|because)\s*$")
# A fence starts a line, or follows the "\\n" of a prompt whose line ends were escaped.
_FENCE = re.compile(r"(?:^|\\n)[ \t]*```", re.MULTILINE)
_ASKS_TO_CONTINUE = re.compile(
    r"\b(?:continue|complete|completion|finish|fill|predict|next word)"
    "|续写|补全|补充|完成|接着|填空",
    re.IGNORECASE,
)
_ABNORMAL = frozenset({"Cc", "Cn", "Co", "Cs"})
_INVISIBLE = frozenset("\u00ad\u200b\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e")
_STACKED_MARKS = re.compile(r"[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{3,}")


def clean_prompts(raw: pa.Table, cleaning: Cleaning) -> pa.Table:
    """PROMPTS: the kept rows of a RAW table, each kept or dropped by a named rule.

    Rows that pass the rules are then compared by prompt hash: of identical prompts the one with
    the best priority stays and is the twin of the others, whatever their reference answers; where
    these differ, the evidence says so, for one of them may be wrong.
    """
    rows = sorted(
        (_cleaned(row, cleaning) for row in kept(raw).to_pylist()), key=lambda row: row["sample_id"]
    )
    table = PROMPTS.table(rows)
    order = priority_order(priority_keys(table, 0), table["sample_id"].combine_chunks())
    best: dict[str, Row] = {}
    for row in (rows[number] for number in order.tolist()):
        if row["decision"] != KEPT:
            continue
        twin = best.setdefault(row["prompt_hash"], row)
        if twin is not row:
            evidence: dict[str, Any] = {"twin": twin["sample_id"]}
            codes = answer_codes(one["reference_answer"] for one in (row, twin))
            if compare_answers(codes[:1], codes[1:])[0] == DIFFERENT:
                evidence["different_references"] = True
            row.update(decision=DROPPED, reason="exact_duplicate", evidence=dumps(evidence))
    return PROMPTS.table(rows)


def _cleaned(row: Row, cleaning: Cleaning) -> dict[str, Any]:
    carried = {name: row[name] for name in PROMPTS.arrow.names if name in row}
    cleaned = {**carried, "prompt_hash": prompt_hash(row["prompt"]), "decision": KEPT}
    for reason, rule in RULES.items():
        evidence = rule(row, cleaning)
        if evidence is not None:
            return {**cleaned, "decision": DROPPED, "reason": reason, "evidence": dumps(evidence)}
    return cleaned


def _empty(row: Row, cleaning: Cleaning) -> dict[str, Any] | None:
    """Nothing that could be asked: no letter, digit or symbol."""
    return None if any(_says_something(c) for c in row["prompt"]) else {"characters": 0}


def _says_something(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNSC" and not character.isspace()


def _abnormal_unicode(row: Row, cleaning: Cleaning) -> dict[str, Any] | None:
    """Control, unassigned, private, invisible and replacement characters, stacked marks."""
    prompt = row["prompt"]
    abnormal = sum(map(_is_abnormal, prompt))
    abnormal += sum(len(match.group()) for match in _STACKED_MARKS.finditer(prompt))
    share = abnormal / len(prompt)
    return {"share": round(share, 6)} if share > cleaning.max_abnormal_share else None


def _is_abnormal(character: str) -> bool:
    if character.isascii() and (character.isprintable() or character in "\n\r\t"):
        return False
    return (
        character == "\ufffd"
        or character in _INVISIBLE
        or unicodedata.category(character) in _ABNORMAL
    )


def _too_short(row: Row, cleaning: Cleaning) -> dict[str, Any] | None:
    length = visible_length(row["prompt"])
    return {"characters": length} if length < cleaning.min_characters else None


def _too_long(row: Row, cleaning: Cleaning) -> dict[str, Any] | None:
    length = len(row["prompt"])
    return {"characters": length} if length > cleaning.max_characters else None


def _odd_turns(row: Row, cleaning: Cleaning) -> dict[str, Any] | None:
    """User and assistant must alternate from the user on, so that with the response to come the
    number of turns is even (DD 2.5). A system turn may come first."""
    roles = [turn["role"] for turn in row["messages"] or ()]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    wanted = ["user" if index % 2 == 0 else "assistant" for index in range(len(turns))]
    if len(turns) % 2 == 1 and turns == wanted:
        return None
    return {"turns": len(turns)}


def _url(row: Row, cleaning: Cleaning) -> dict[str, Any] | None:
    found = _URL.findall(row["prompt"]) if cleaning.drop_urls else []
    return {"urls": len(found), "first": found[0][:_EXCERPT]} if found else None


def _table(row: Row, cleaning: Cleaning) -> dict[str, Any] | None:
    if not cleaning.drop_tables:
        return None
    style = next((name for name, form in _TABLES.items() if form.search(row["prompt"])), None)
    return {"style": style} if style else None


def _incomplete(row: Row, cleaning: Cleaning) -> dict[str, Any] | None:
    """Ends inside a sentence or a code block: the text was cut, unless the task is to go on."""
    if not cleaning.drop_incomplete:
        return None
    prompt = row["prompt"]
    if len(_FENCE.findall(prompt)) % 2:
        return {"found": "open code block"}
    if _ASKS_TO_CONTINUE.search(prompt):
        return None
    for found, form in (("open end", _OPEN_END), ("cut sentence", _CUT_WORD)):
        match = form.search(prompt)
        if match is not None:
            return {"found": found, "end": match.group().strip()[:_EXCERPT]}
    return None


RULES: dict[str, Rule] = {
    "empty": _empty,
    "abnormal_unicode": _abnormal_unicode,
    "too_short": _too_short,
    "too_long": _too_long,
    "odd_turns": _odd_turns,
    "url": _url,
    "table": _table,
    "incomplete": _incomplete,
}
"""Rules by their reason, in the order they are applied."""

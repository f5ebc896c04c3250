"""From an upstream row to the fields of the contract, by the profile's `columns`.

Mapping is faithful: it moves, joins and splits what upstream wrote and judges nothing. The one
change of text is that code points no file can hold (lone surrogates) become U+FFFD, which the
cleaning rule on abnormal Unicode then counts.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from am_assets.core.protocol import parse_response, render_response
from am_assets.core.schema import dumps
from am_assets.core.settings.sources import Columns, Marker
from am_assets.core.verdict import Kind
from am_assets.stages.sources.rows import SourceError, UpstreamRow
from am_assets.stages.sources.test_cases import asserts_case, checked_case

CONTENT = (
    "kind",
    "prompt",
    "messages",
    "reference_answer",
    "test_case",
    "constraints",
    "existing_response",
    "recorded_verdict",
    "upstream_key",
)
"""The fields that `map_row` fills; `None` where upstream has nothing."""

_ROLES = {
    "human": "user",
    "user": "user",
    "prompter": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "system": "system",
}
_VERDICTS = {
    **dict.fromkeys(("true", "1", "yes", "pass", "passed", "correct", "right"), True),
    **dict.fromkeys(("false", "0", "no", "fail", "failed", "incorrect", "wrong"), False),
}
_SURROGATES = re.compile("[\ud800-\udfff]")
# Published long-chain data without answer tags: DeepSeek-R1 style and OpenThoughts/Sky-T1 style.
_CHAINS = (
    re.compile(r"\s*<think>(.*?)</think>(.*)", re.DOTALL),
    re.compile(
        r"\s*<\|begin_of_thought\|>(.*?)<\|end_of_thought\|>\s*"
        r"<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>)?\s*",
        re.DOTALL,
    ),
)
_CODE_RATIONALE = "The task asks for a program; this one does what it describes."


def map_row(row: UpstreamRow, columns: Columns, domain: Kind) -> dict[str, Any]:
    """The contract fields of one upstream row (see `CONTENT`).

    `messages` are the turns a model is asked to continue; `prompt` is their user turns as one
    text. `existing_response` is in think/answer blocks where upstream's is, else raw. Raises
    SourceError when a mapped column is missing or has a shape that cannot be mapped.
    """
    messages, continued = _conversation(row, columns)
    prompt = "\n\n".join(turn["content"] for turn in messages if turn["role"] == "user")
    return {
        "kind": domain,
        "prompt": prompt,
        "messages": messages,
        "reference_answer": _reference(row, columns),
        "test_case": dumps(_test_case(row, columns)),
        "constraints": dumps(_constraints(row, columns)),
        "existing_response": _response(row, columns) or continued,
        "recorded_verdict": _recorded(row, columns),
        "upstream_key": None if columns.upstream_key is None else _text(row, columns.upstream_key),
    }


def _value(row: UpstreamRow, column: str) -> Any:
    """Value at a dotted path; list elements by number. A null on the way is null."""
    if column in row.data:
        return row.data[column]
    value: Any = row.data
    for part in column.split("."):
        if value is None:
            return None
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Sequence) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            available = ", ".join(sorted(map(str, row.data)))
            raise SourceError(
                f"{row.where} has no column {column}: correct `columns`; the row has {available}"
            )
    return value


def _text(row: UpstreamRow, column: str) -> str | None:
    return as_text(_value(row, column))


def as_text(value: Any) -> str | None:
    """A value as the text upstream would print: 145.0 is "145", a list is one item a line."""
    if value is None:
        return None
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return "\n".join(as_text(item) or "" for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _conversation(row: UpstreamRow, columns: Columns) -> tuple[list[dict[str, str]], str | None]:
    if columns.prompt is not None:
        names = [columns.prompt] if isinstance(columns.prompt, str) else columns.prompt
        parts = [_text(row, name) or "" for name in names]
        prompt = "\n\n".join(part for part in parts if part.strip())
        return [{"role": "user", "content": prompt}], None
    assert columns.messages is not None
    turns = [_turn(row, columns.messages, turn) for turn in _list(row, columns.messages)]
    last = max((i for i, turn in enumerate(turns) if turn["role"] == "user"), default=-1)
    continued = "\n\n".join(t["content"] for t in turns[last + 1 :] if t["role"] == "assistant")
    return turns[: last + 1], in_blocks(continued) if continued.strip() else None


def _turn(row: UpstreamRow, column: str, turn: Any) -> dict[str, str]:
    if isinstance(turn, Mapping):
        role = turn.get("role", turn.get("from"))
        content = turn.get("content", turn.get("value"))
        if role is not None and ("content" in turn or "value" in turn):
            return {
                "role": _ROLES.get(str(role).lower(), str(role)),
                "content": as_text(content) or "",
            }
    raise SourceError(
        f"{row.where} has a turn in {column} without role and content (or from and value): "
        f"map one turn as `prompt: {column}.0` or correct the row"
    )


def _list(row: UpstreamRow, column: str) -> list[Any]:
    """A list, or the JSON text of one (Parquet columns often hold JSON)."""
    value = _value(row, column)
    if isinstance(value, str):
        value = _json(row, column, value)
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise SourceError(
            f"{row.where} has {type(value).__name__} in column {column} where a list is needed: "
            "correct `columns`"
        )
    return list(value)


def _json(row: UpstreamRow, column: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{row.where} has no valid JSON in column {column}: correct the row or `columns`"
        ) from error


def _split(row: UpstreamRow, marker: Marker) -> tuple[str, str] | None:
    text = _text(row, marker.column)
    before, found, after = (text or "").rpartition(marker.marker)
    return (before.strip(), after.strip()) if found else None


def _reference(row: UpstreamRow, columns: Columns) -> str | None:
    if columns.reference_answer is None:
        return None
    if isinstance(columns.reference_answer, Marker):
        parts = _split(row, columns.reference_answer)
        answer = parts[1] if parts else None
    else:
        answer = (_text(row, columns.reference_answer) or "").strip()
    if not answer:
        return None
    unit = "" if columns.unit is None else (_text(row, columns.unit) or "").strip()
    return f"{answer} {unit}" if unit else answer


def _test_case(row: UpstreamRow, columns: Columns) -> dict[str, Any] | None:
    if columns.tests is not None:
        tests = _value(row, columns.tests)
        setup = "" if columns.test_setup is None else _text(row, columns.test_setup) or ""
        entry_point = as_text(row.data.get("entry_point"))
        return asserts_case(tests, setup, entry_point)
    if columns.test_case is None:
        return None
    value = _value(row, columns.test_case)
    if isinstance(value, str):
        value = _json(row, columns.test_case, value) if value.strip() else None
    if value is None:
        return None
    case = checked_case(value)
    if case is None:
        raise SourceError(
            f"{row.where} has a test case of unknown shape in column {columns.test_case}: write "
            "type with inputs and outputs (stdin_stdout, function) or tests (asserts)"
        )
    return case


def _constraints(row: UpstreamRow, columns: Columns) -> list[dict[str, Any]] | None:
    if columns.constraint_ids is not None and columns.constraint_kwargs is not None:
        ids = _list(row, columns.constraint_ids)
        kwargs = _list(row, columns.constraint_kwargs)
        if len(ids) != len(kwargs):
            raise SourceError(
                f"{row.where} has {len(ids)} constraint ids but {len(kwargs)} kwargs: "
                "correct the row"
            )
        pairs = list(zip(ids, kwargs, strict=True))
    elif columns.constraints is not None:
        listed = _list(row, columns.constraints)
        if not all(isinstance(item, Mapping) and "instruction_id" in item for item in listed):
            raise SourceError(
                f"{row.where} has a constraint without instruction_id in column "
                f"{columns.constraints}: correct the row"
            )
        pairs = [(item["instruction_id"], item.get("kwargs")) for item in listed]
    else:
        return None
    # Arrow structs of mixed kwargs come back with every key, null where it was absent.
    constraints = [
        {
            "instruction_id": str(name),
            "kwargs": {key: item for key, item in (given or {}).items() if item is not None},
        }
        for name, given in pairs
    ]
    return constraints or None


def _response(row: UpstreamRow, columns: Columns) -> str | None:
    if columns.response is not None:
        text = _text(row, columns.response)
        return in_blocks(text) if text and text.strip() else None
    if columns.rationale_and_answer is not None:
        parts = _split(row, columns.rationale_and_answer)
        return render_response(*parts) if parts and all(parts) else None
    if columns.code_answer is not None:
        code = (_text(row, columns.code_answer) or "").replace("\r\n", "\n").strip("\n")
        think = _CODE_RATIONALE if columns.think is None else _text(row, columns.think) or ""
        return render_response(think, f"```python\n{code}\n```") if code.strip() else None
    if columns.answer is not None:
        answer = (_text(row, columns.answer) or "").strip()
        think = "" if columns.think is None else (_text(row, columns.think) or "").strip()
        if not answer:
            return None
        return render_response(think, answer) if think else answer
    return None


def _recorded(row: UpstreamRow, columns: Columns) -> bool | None:
    if columns.recorded_verdict is None:
        return None
    text = (_text(row, columns.recorded_verdict) or "").strip()
    if text and text.lower() not in _VERDICTS:
        raise SourceError(
            f"{row.where} has {text[:20]!r} in column {columns.recorded_verdict}, which is no "
            "verdict: write true or false, or leave it out of `columns`"
        )
    return _VERDICTS.get(text.lower())


def in_blocks(text: str) -> str:
    """A response in the released format where its text can be split so, else as it is.

    A thinking block followed by untagged text is the common form of published R1 data.
    """
    blocks = parse_response(text)
    if blocks is not None:
        return render_response(*blocks)
    for chain in _CHAINS:
        match = chain.fullmatch(text)
        if match is not None:
            think, answer = match.group(1).strip(), match.group(2).strip()
            rendered = render_response(think, answer)
            if parse_response(rendered) is not None:
                return rendered
    return text

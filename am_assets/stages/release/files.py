"""The released files: AM's JSONL format, zstd-compressed, one file by who answered.

A line is `{"messages": [user turn, assistant turn]}`, each turn with an `info` of five keys, as in
AM-DeepSeek-R1-Distilled (section 10 of the dataset's description). Same rows, same bytes.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from am_assets.core.protocol import parse_response, render_response
from am_assets.core.schema import RELEASE, kept

ORIGINS = {"upstream": "open", "distilled": "distilled"}
_LEVEL = 10
_COLUMNS = (
    "sample_id",
    "source",
    "week",
    "messages",
    "reference_answer",
    "test_case",
    "response_id",
    "response",
    "origin",
    "responder",
)


def file_names(name: str) -> dict[str, str]:
    """File names of a release called `name`, by the origin of the responses they hold."""
    return {origin: f"am_{name}_{suffix}.jsonl.zst" for origin, suffix in ORIGINS.items()}


def write_release(sft: pa.Table, name: str, folder: Path) -> pa.Table:
    """Write both files of the kept rows of `sft` (schema SFT) into `folder`; a RELEASE table.

    Lines are in the order of sample ids. Raises ValueError naming the response when one is not
    in the response format: verification let nothing else pass.
    """
    rows = sorted(kept(sft, _COLUMNS).to_pylist(), key=lambda row: row["sample_id"])
    names = file_names(name)
    released: list[dict[str, Any]] = []
    for origin, file in names.items():
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        with (folder / file).open("wb") as raw, compressor.stream_writer(raw) as stream:
            for row, line in _lines(rows, origin):
                stream.write(line)
                released.append(
                    {
                        **{key: row[key] for key in ("sample_id", "source", "week", "response_id")},
                        "file": file,
                        "line_sha256": hashlib.sha256(line).hexdigest(),
                    }
                )
    return RELEASE.table(released)


def release_line(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of SFT as a line of the released files."""
    blocks = parse_response(row["response"])
    if blocks is None:
        raise ValueError(
            f"response {row['response_id']} of sample {row['sample_id']} is not one think and one "
            "answer block: verify it again"
        )
    asked = [
        {
            "role": turn["role"],
            "content": turn["content"],
            "info": _info(row["source"], row["reference_answer"], row["test_case"]),
        }
        for turn in row["messages"]
    ]
    answer = {
        "role": "assistant",
        "content": render_response(blocks.think, blocks.answer),
        "info": _info(row["responder"], think=blocks.think, answer=blocks.answer),
    }
    return {"messages": [*asked, answer]}


def _lines(rows: list[dict[str, Any]], origin: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    for row in rows:
        if row["origin"] == origin:
            text = json.dumps(release_line(row), ensure_ascii=False, separators=(",", ":"))
            yield row, text.encode() + b"\n"


def _info(
    source: str,
    reference: str | None = None,
    test_case: str | None = None,
    *,
    think: str | None = None,
    answer: str | None = None,
) -> dict[str, str | None]:
    return {
        "source": source,
        "reference_answer": reference,
        "test_case": test_case,
        "think_content": think,
        "answer_content": answer,
    }

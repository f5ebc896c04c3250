"""Identity: content hashes of values, rows and artifacts.

Everything hashed goes through one canonical JSON form, so that an identity depends on values and
never on dict order, platform or library version. Digests are SHA-256, shortened to 32 hex digits
(128 bits) where they name rows and kept whole where they name artifacts.
"""

import hashlib
import itertools
import json
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from am_assets.core.prompt_form import prompt_form

SCHEME = "am1"
"""Version of the identity scheme; part of every sample id."""

ROLE = b"role"
"""Arrow field metadata key that marks a column as b"identity" or b"provenance"."""


# One encoder for all: json.dumps would make one a call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_ATOMS = frozenset({str, int, bool, type(None)})


def canonical(value: Any) -> str:
    """Canonical JSON text of `value`: sorted keys, no spaces, nulls in mappings left out.

    Floats must be finite; NumPy scalars and tuples are accepted.
    """
    return _ENCODER.encode(_plain(value))


def digest(*parts: Any) -> str:
    """32 hex digits that identify the sequence of `parts`."""
    return hashlib.sha256(canonical(list(parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def sample_id(source: str, record: Mapping[str, Any]) -> str:
    """Identity of a sample: scheme version, source and its canonical mapped record."""
    return digest(SCHEME, source, record)


def prompt_hash(prompt: str) -> str:
    """Identity of a prompt in its form for comparing (`core.prompt_form`), for exact duplicates."""
    return digest("prompt", prompt_form(prompt))


def response_id(sample: str, request_key: str) -> str:
    """Identity of a response that an engine gave to `request_key`."""
    return digest("response", sample, request_key)


def upstream_response_id(sample: str, text: str) -> str:
    """Identity of a response that came with its source."""
    return digest("response", sample, "upstream", text)


def uniform(*parts: Any) -> float:
    """A number in [0, 1) that follows from `parts`: a seeded draw without a generator's state."""
    return int(digest("uniform", *parts)[:13], 16) / 16**13


def table_root(table: pa.Table, id_column: str) -> str:
    """Merkle root over (id, hash of the row's identity columns), in id order.

    Columns marked provenance are left out, and so are nulls: a new nullable column changes no
    old root. Raises ValueError when an id repeats.
    """
    hashed = sorted(zip(table[id_column].to_pylist(), leaves(table, id_column), strict=True))
    for (before, _), (after, _) in itertools.pairwise(hashed):
        if before == after:
            raise ValueError(f"id {before} occurs twice in one table; ids must be unique")
    return merkle(hash_ for _, hash_ in hashed)


def leaves(table: pa.Table, id_column: str) -> Iterator[bytes]:
    """The leaf of each row in the root of its table: hash of its id and identity columns."""
    columns = [
        field.name
        for field in table.schema
        if field.name != id_column and (field.metadata or {}).get(ROLE) != b"provenance"
    ]
    for batch in table.select([id_column, *columns]).to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            text = canonical([row.pop(id_column), row])
            yield hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def merkle(hashes: Iterable[bytes]) -> str:
    """Root of a binary hash tree over `hashes` (an empty tree has the hash of nothing)."""
    stack: list[tuple[int, bytes]] = []
    for leaf in hashes:
        height, node = 0, hashlib.sha256(b"\x00" + leaf).digest()
        while stack and stack[-1][0] == height:
            node = hashlib.sha256(b"\x01" + stack.pop()[1] + node).digest()
            height += 1
        stack.append((height, node))
    if not stack:
        return hashlib.sha256(b"").hexdigest()
    node = stack.pop()[1]
    while stack:
        node = hashlib.sha256(b"\x01" + stack.pop()[1] + node).digest()
    return node.hex()


def _plain(value: Any) -> Any:
    if type(value) in _ATOMS or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("identity of a number that is not finite is undefined")
        # repr differs between 1.0 and 1; the bits of the double do not lie.
        return {"f": struct.pack(">d", value).hex()}
    if isinstance(value, Mapping):
        return {
            str(key): item if type(item) in _ATOMS else _plain(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list | tuple):
        # Token ids are most of what is hashed, and plain already.
        return value if set(map(type, value)) == {int} else [_plain(item) for item in value]
    if hasattr(value, "item"):
        return _plain(value.item())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"no canonical form for {type(value).__name__}")

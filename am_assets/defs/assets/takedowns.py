"""takedowns: opaque ids and hashes of what must not be in any artifact, by source."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pyarrow.compute as pc

from am_assets.core.manifest import Manifest, Ref
from am_assets.core.profile import Profile
from am_assets.core.run import Run
from am_assets.core.schema import RAW, TAKEDOWNS
from am_assets.core.stage import SOURCE, Built, Key
from am_assets.core.store import Snapshot
from am_assets.defs.artifact import artifact
from am_assets.stages.sources.content import content_hash
from am_assets.stages.sources.takedowns import (
    CONTENT,
    TakedownError,
    content_key,
    key_name,
    read_takedowns,
)

Entries = Mapping[str, str | None]
"""What is listed, and its content hash; None until a published capture has it."""


def forget(run: Run, built: Built, root: str) -> None:
    """Erase what engines said about these samples from the row memory.

    Those that say the same under another id are forgotten by the captures that have them.
    """
    del built, root
    ids = [entry for entry, _ in run.config["entries"] if not entry.startswith(CONTENT)]
    erased = run.memory.erase(ids)
    if erased:
        run.log(f"Forgot {erased} remembered results of samples taken down")


def _facts(snapshot: Snapshot, profile: Profile, key: Key) -> dict[str, object]:
    """The lists, resolved by what is published; every list is checked before one is applied."""
    root = snapshot.store.root
    secret = content_key(root)
    captures = _captures(snapshot) if (root / "takedowns").is_dir() else {}
    lists = read_takedowns(root, profile.name, {*profile.sources, *captures})
    resolved = {
        source: _resolve(snapshot, profile, source, listed, captures, secret)
        for source, listed in lists.items()
    }
    # A source that left the profile has no partition, and its list holds all the same.
    held = [name for name in resolved if name == key["source"] or name not in profile.sources]
    entries = {entry: hash_ for name in held for entry, hash_ in resolved[name].items()}
    return {
        "entries": [[entry, hash_] for entry, hash_ in sorted(entries.items())],
        "content_key": key_name(secret),
    }


@artifact(
    SOURCE,
    facts=_facts,
    derive=forget,
    group_name="sources",
    kinds={"dvc"},
)
def takedowns(run: Run) -> Built:
    """Samples and texts taken down, one `takedowns/<profile>/<source>.txt` a source; applied as
    early as the capture, to every source, and to the row memory.
    """
    rows = [{"sample_id": entry, "content_hash": hash_} for entry, hash_ in run.config["entries"]]
    return Built([(TAKEDOWNS, TAKEDOWNS.table(rows))])


def _captures(snapshot: Snapshot) -> dict[str, list[Manifest]]:
    """The published captures by source."""
    refs = [ref for ref in snapshot.refs() if ref.asset == RAW.name]
    found: dict[str, list[Manifest]] = {}
    for ref, manifest in snapshot.manifests(refs).items():
        found.setdefault(ref.partition[0], []).append(manifest)
    return found


def _resolve(
    snapshot: Snapshot,
    profile: Profile,
    source: str,
    listed: Mapping[str, str],
    captures: Mapping[str, list[Manifest]],
    key: bytes,
) -> Entries:
    """The content hash of every entry of one list; raises TakedownError for unknown ones.

    Before everything is captured, what is not found may still come: it is an error only where
    something is captured and the entry was not in the list before.
    """
    before = _published_entries(snapshot, source, key)
    ids = {entry for entry in listed if not entry.startswith(CONTENT)}
    resolved: dict[str, str | None] = {e: before[e] for e in listed if before.get(e) is not None}
    own = captures.get(source, [])
    found = _hashes(snapshot, own, ids - resolved.keys(), key)
    every = [manifest for manifests in captures.values() for manifest in manifests]
    texts = {entry.removeprefix(CONTENT) for entry in listed.keys() - ids - resolved.keys()}
    found |= {f"{CONTENT}{text}": text for text in _known_texts(snapshot, every, texts, key)}
    for entry, where in listed.items():
        if entry in resolved:
            continue
        resolved[entry] = found.get(entry)
        waits = entry in before and not _all_captured(profile, every)
        if entry not in found and (own if entry in ids else every) and not waits:
            what = f"sample of source {source}" if entry in ids else "text"
            raise TakedownError(
                f"{where}: no published capture has a {what} {entry}: correct or remove the line "
                "(ids and content hashes are columns of raw_prompts)"
            )
    return resolved


def _published_entries(snapshot: Snapshot, source: str, key: bytes) -> dict[str, str | None]:
    """What this list said when it was last published; hashes of another key are none."""
    manifest = snapshot.manifest(Ref(asset=TAKEDOWNS.name, partition=(source,)))
    if manifest is None or manifest.config.get("content_key") != key_name(key):
        return {}
    return dict(manifest.config["entries"])


def _hashes(
    snapshot: Snapshot, captures: Iterable[Manifest], ids: set[str], key: bytes
) -> dict[str, str | None]:
    """Content hashes of those of `ids` that the captures have; None where the text is erased."""
    found: dict[str, str | None] = {}
    for manifest in captures if ids else ():
        current = _is_current(manifest, key)
        column = "content_hash" if current else "prompt"
        table = snapshot.store.table(manifest.dvc, RAW.name, ["sample_id", column])
        rows = table.filter(pc.field("sample_id").isin(sorted(ids))).to_pylist()
        for row in rows:
            value = row[column] if current else content_hash(row["prompt"] or "", key)
            found[row["sample_id"]] = found.get(row["sample_id"]) or value
    return found


def _known_texts(
    snapshot: Snapshot, captures: Iterable[Manifest], texts: set[str], key: bytes
) -> set[str]:
    """Those of `texts` (content hashes) that a capture has."""
    found: set[str] = set()
    for manifest in captures if texts else ():
        current = _is_current(manifest, key)
        column = "content_hash" if current else "prompt"
        values = snapshot.store.table(manifest.dvc, RAW.name, [column])[column].to_pylist()
        hashes = values if current else (content_hash(text or "", key) for text in values)
        found.update(texts.intersection(value for value in hashes if value is not None))
    return found


def _is_current(manifest: Manifest, key: bytes) -> bool:
    """Whether a capture has content hashes, and of this key."""
    return manifest.config.get("content_key") == key_name(key)


def _all_captured(profile: Profile, captures: Iterable[Manifest]) -> bool:
    published = {manifest.ref.partition for manifest in captures}
    weeks = profile.weeks.keys(datetime.now(UTC).date())
    return {(source, week) for source in profile.sources for week in weeks} <= published

"""Attacks on sealed captures and on takedowns, each on a copy of a finished tiny project."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard

from am_assets.defs.assets.raw_prompts import raw_prompts
from am_assets.defs.assets.takedowns import takedowns
from am_assets.stages.sources.content import content_form
from am_assets.stages.sources.sealing import SEAL
from am_assets_tests.conftest import TINY, WEEK, git, math_rows, write_jsonl, write_tiny
from am_assets_tests.integration.attacking.captures import (
    Captures,
    go_on,
    next_line,
    start_capture,
)
from am_assets_tests.integration.attacking.copies import Attack, copy_of, line_of

_NEXT_WEEK = "2025-01-13"
_ROUNDS = 24


def cut_seals(folder: Path) -> list[str]:
    """Cut the seal in the cache, and one that was published cut, at many bytes."""
    with _copy(folder) as captures:
        whole = captures.seal().read_bytes()
        points = sorted({0, 1, 4, len(whole) - 4, len(whole) - 1, *range(0, len(whole), 97)})
        return _with_other_seals(captures, [whole[:point] for point in points])


def flipped_seals(folder: Path) -> list[str]:
    """Flip one random bit of the seal at a time."""
    with _copy(folder) as captures:
        whole, chance = captures.seal().read_bytes(), random.Random(11)
        return _with_other_seals(captures, [_flipped(whole, chance) for _ in range(_ROUNDS)])


def foreign_seals(folder: Path) -> list[str]:
    """Put other files in the seal's place: not zstd, followed by more, of fewer rows, of none."""
    with _copy(folder) as captures:
        whole = captures.seal().read_bytes()
        lines = zstandard.ZstdDecompressor().decompressobj().decompress(whole).splitlines(True)
        packed = [zstandard.compress(b"".join(part)) for part in (lines[1:], lines[::-1], [])]
        others = [b"no zstd", whole + b"x", whole + whole, *packed]
        return _with_other_seals(captures, others)


def capture_race(folder: Path) -> list[str]:
    """Two processes capture at once; the slower one read an older upstream."""
    with _copy(folder) as captures:
        _open_second_week(captures.folder)
        captures = Captures(captures.folder)
        captures.make_all(weeks=1)
        slow = start_capture(captures.folder, "sums", _NEXT_WEEK)
        next_line(slow)
        write_jsonl(captures.folder / "sums.jsonl", math_rows(14))
        fast = start_capture(captures.folder, "sums", _NEXT_WEEK)
        next_line(fast)
        go_on(fast)
        won = next_line(fast)
        go_on(slow)
        lost = next_line(slow)
        slow.wait()
        fast.wait()
        root = captures.manifest(raw_prompts, {"source": "sums", "week": _NEXT_WEEK}).root
        held = won["root"] == lost["root"] == root and len(captures.sealed(week=1)) == 14
        return ["held: the first" if held else "broken: the slower capture won over a seal"]


def lost_branch(folder: Path) -> list[str]:
    """Delete the data branch, change upstream, materialize again."""
    with _copy(folder) as captures:
        git(captures.folder, "update-ref", "-d", "refs/heads/am-data")
        write_jsonl(captures.folder / "sums.jsonl", math_rows(3))

        def again() -> str | None:
            rows = captures.make_all()[0].counts["seal"]["rows"]
            return None if rows == len(math_rows()) else f"a seal was replaced by {rows} rows"

        return [line_of("another upstream", again)]


def evaded_takedowns(folder: Path) -> list[str]:
    """Take a text down that is upstream in other dress: other source, key, week and mapping."""
    with _copy(folder) as captures:
        text = math_rows(1)[0]["question"]
        dressed = [
            text.replace(" and ", ", and "),
            text.replace(".", ";").upper(),
            f"**{text}**",
            f"  {text}\n",
        ]
        rows = [{**math_rows(1)[0], "key": f"e{i}", "question": q} for i, q in enumerate(dressed)]
        gone = _id_of(captures, text)
        _open_second_week(captures.folder, rows)
        captures = Captures(captures.folder)
        captures.make_all(weeks=1)
        captures.list_down(gone)
        # The second week is captured after the takedown, and has the text under another key.
        write_jsonl(captures.folder / "sums.jsonl", [*rows, *math_rows()[1:]])
        captures.make_all()
        form = content_form(text)
        lines: list[str] = []
        for source in sorted(captures.profile.sources):
            for week in (0, 1):
                prompts = captures.raw(source, week)["prompt"].to_pylist()
                left = sum(content_form(prompt or "") == form for prompt in prompts)
                data = (
                    zstandard.ZstdDecompressor()
                    .decompressobj()
                    .decompress(captures.seal(source, week).read_bytes())
                )
                left += text.encode() in data
                said = f"broken: {source} still has it {left} times" if left else f"held: {source}"
                lines.append(said)
        return lines


def undone_takedown(folder: Path) -> list[str]:
    """Take a sample down and back: another derivation, and nothing is left to do after it."""
    with _copy(folder) as captures:
        never = captures.make_all()[0]
        path = captures.list_down(_id_of(captures, math_rows(1)[0]["question"]))
        captures.make_all()
        path.unlink()
        back = captures.make_all()[0]
        lines = [
            "broken: two roots of one derivation"
            if (never.derivation == back.derivation) and never.root != back.root
            else "held: another derivation"
        ]
        reused = captures.make(raw_prompts, source="sums", week=WEEK).reused
        again = "held: nothing to do" if reused else "broken: there is always something left to do"
        return [*lines, again]


def senseless_takedowns(folder: Path) -> list[str]:
    """List what means nothing: text, unknown ids and hashes, lists of no source or profile."""
    lines: list[str] = []
    for name, line in (
        ("tiny/sums.txt", "the text of a sample"),
        ("tiny/sums.txt", "0" * 32),
        ("tiny/sums.txt", f"content:{'0' * 32}"),
        ("tiny/summs.txt", "0" * 32),
        ("sums.txt", "0" * 32),
        ("key", ""),
    ):
        with _copy(folder) as captures:
            path = captures.folder / "takedowns" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{line}\n")

            def apply(captures: Captures = captures, name: str = name) -> str:
                captures.make(takedowns, source="sums")
                return f"{name} was taken as if it meant something"

            lines.append(line_of(f"{line[:9]} in {name}", apply))
    return lines


ATTACKS: dict[str, Attack] = {
    "a seal that is cut": cut_seals,
    "a seal with a flipped bit": flipped_seals,
    "another file in a seal's place": foreign_seals,
    "two captures at once": capture_race,
    "a data branch that is gone": lost_branch,
    "a takedown that is evaded": evaded_takedowns,
    "a takedown that is taken back": undone_takedown,
    "a takedown that means nothing": senseless_takedowns,
}
"""Every attack by what it does; each takes the folder of a finished tiny project."""


@contextmanager
def _copy(folder: Path) -> Iterator[Captures]:
    with copy_of(folder) as copy:
        yield Captures(copy)


def _with_other_seals(captures: Captures, others: list[bytes]) -> list[str]:
    """What becomes of a takedown when the seal is one of `others`, published so and in the cache.

    The capture must come out as it does with the whole seal, or be named and stay as it was.
    """
    manifest = captures.make_all()[0]
    captures.list_down(_id_of(captures, math_rows(1)[0]["question"]))
    for source in captures.profile.sources:
        captures.make(takedowns, source=source)
    rows = manifest.counts["seal"]["rows"]
    lines: list[str] = []

    def again() -> str | None:
        made = captures.make(raw_prompts, source="sums", week=WEEK).manifest
        captures.store.publish(manifest, {"run_id": "attack"})
        ledger = made.ledger or {}
        whole = ledger["rows_in"] == rows and ledger["dropped"].get("takedown") == 1
        return None if whole else f"{ledger['rows_in']} rows of {rows} came in"

    cached = captures.seal()
    kept = cached.read_bytes()
    cached.chmod(0o644)
    for data in others:
        cached.write_bytes(data)
        lines.append(line_of(f"{len(data)} bytes in the cache", again))
        cached.write_bytes(kept)
        captures.replace_files(lambda folder, data=data: _write(folder / SEAL, data))
        lines.append(line_of(f"{len(data)} bytes published", again))
        captures.store.publish(manifest, {"run_id": "attack"})
    return lines


def _open_second_week(folder: Path, rows: list[dict[str, object]] | None = None) -> None:
    """Another week, and another source that has `rows`."""
    source = TINY["sources"]["sums"]
    write_tiny(
        folder,
        weeks={"start": WEEK, "last": _NEXT_WEEK},
        sources={"sums": source, "tasks": {**source, "location": "tasks.jsonl"}},
    )
    write_jsonl(folder / "tasks.jsonl", rows or math_rows(2))


def _id_of(captures: Captures, text: str) -> str:
    rows = captures.raw().to_pylist()
    return next(row["sample_id"] for row in rows if row["prompt"] == text)


def _flipped(data: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(data)
    flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def _write(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)

"""Every row has one fate: checked by set arithmetic over ids, on the published tables."""

import json
from collections import defaultdict

from am_assets_tests.integration.histories import Folder, State

Ids = set[str]


class _Tables:
    """Ids by (source, week) of one decision, read from a folder's tables."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._refs = [name.split(" ") for name in folder.manifests()]

    def ids(self, asset: str, decision: str | None = None) -> dict[tuple[str, str], Ids]:
        """By the source of the row and the week of the artifact; of the profile's weeks alone."""
        found: dict[tuple[str, str], Ids] = defaultdict(set)
        for name, partition in self._refs:
            week = partition.split("|")[-1]
            if name != asset or week not in self._folder.weeks:
                continue
            for row in self._folder.table(asset, asset, *partition.split("|")):
                if decision is None or row["decision"] == decision:
                    place = (row["source"], week)
                    assert row["sample_id"] not in found[place], (asset, partition)
                    found[place].add(row["sample_id"])
        return found

    def rows(self, asset: str, table: str, week: str) -> Ids:
        """Ids of a table of a weekly artifact."""
        return {row["sample_id"] for row in self._folder.table(asset, table, week)}


def check_ids(folder: Folder, state: State) -> None:
    """Raise AssertionError where rows are lost, doubled or of two fates; all must be fresh."""
    tables = _Tables(folder)
    raw, prompts = tables.ids("raw_prompts", "kept"), tables.ids("prompts")
    assert {key: ids for key, ids in prompts.items() if ids} == {k: v for k, v in raw.items() if v}
    clean, decided = tables.ids("prompts", "kept"), tables.ids("deduplicated")
    returned = {week: tables.rows("deduplicated", "returned", week) for week in folder.weeks}
    for source, week in clean.keys() | decided.keys():
        came = decided[source, week] - returned[week]
        assert came == clean[source, week], (source, week)
    through = tables.ids("deduplicated", "kept")
    for asset in ("labels", "verified"):
        arrived = tables.ids(asset)
        for source, week in through:
            assert arrived[source, week] == through[source, week], (asset, source, week)
        through = tables.ids(asset, "kept")
    last = folder.weeks[-1]
    dataset = {row["sample_id"]: row for row in folder.table("sft_dataset", "sft_dataset", last)}
    live = [ids for (source, _), ids in through.items() if source in state.sources]
    assert dataset.keys() == set().union(*live)
    released = {row["sample_id"] for row in folder.table("release", "release", last)}
    assert released == {key for key, row in dataset.items() if row["decision"] == "kept"}
    _check_twins(folder, released)


def _check_twins(folder: Folder, released: Ids) -> None:
    """No row is dropped for a twin that is gone, unless the twin's own fate came after dedup."""
    latest: dict[str, tuple[str, str | None]] = {}
    superseded: Ids = set()
    for week in folder.weeks:
        for row in folder.table("deduplicated", "superseded", week):
            superseded.add(row["sample_id"])
        for row in folder.table("deduplicated", "deduplicated", week):
            latest[row["sample_id"]] = (row["decision"], _twin(row["evidence"]))
    for sample, (_, twin) in latest.items():
        if twin is not None and sample not in superseded:
            assert twin not in superseded, (sample, twin)
            assert latest[twin][0] == "kept", (sample, twin)
    assert not released & superseded


def _twin(evidence: str | None) -> str | None:
    return json.loads(evidence).get("twin") if evidence else None

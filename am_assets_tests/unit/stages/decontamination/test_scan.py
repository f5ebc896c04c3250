import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.profile import Decontamination
from am_assets.stages.decontamination import Hit, Item, Rows, Scanner, read_prompt, rows_of
from am_assets_tests.support.rows import WordCountEngine

ENGINE = WordCountEngine()
EGGS = "Janet has 16 eggs and eats three of them every morning. How many are left?"
ZH = "小明有十二个苹果，他每天早上吃掉三个，请问四天以后还剩下多少个苹果？"


def embed(texts: Sequence[str], owners: Sequence[str]) -> np.ndarray:
    del owners
    return ENGINE.embed(texts)


def embedded(texts: list[str]) -> Rows:
    parts = [read_prompt(text).parts for text in texts]
    return rows_of(texts, ENGINE.embed(texts), parts, embed, texts)


def hits(prompts: list[str], items: list[Item], **config: float) -> list[Hit | None]:
    settings = Decontamination.model_validate(config)
    scanner = Scanner(items, embedded([item.prompt for item in items]), settings)
    found = scanner.scan([read_prompt(text) for text in prompts], embedded(prompts))
    return [one if isinstance(one, Hit) else None for one in found]


def item(prompt: str, name: str = "eggs/1") -> Item:
    return Item(name, name.split("/")[0], prompt)


def test_the_same_text_in_other_spacing_and_case_is_an_exact_hit():
    (hit,) = hits([f"  {EGGS.upper()}\n"], [item(EGGS)])
    assert hit == Hit("eggs", "eggs/1", "exact", 1.0)


def test_a_short_item_is_found_by_its_text():
    assert hits(["Compute $2+2$."], [item("Compute 2 + 2")])[0] is not None
    assert hits(["Compute $2-2$."], [item("Compute 2 + 2")], embedding_threshold=1.0) == [None]


def test_an_item_quoted_inside_a_longer_prompt_is_an_ngram_hit():
    (hit,) = hits(
        [f"Please solve this for my homework, step by step: {EGGS} Thanks!"], [item(EGGS)]
    )
    assert hit is not None
    assert (hit.method, hit.score) == ("ngram", 1.0)


def test_eight_shared_words_are_a_hit_and_seven_are_none():
    shared = "one two three four five six seven eight"
    items = [item(f"{shared} here comes the rest of the item")]
    (eight,) = hits([f"before it {shared} after it"], items, embedding_threshold=1.0)
    assert eight is not None
    assert eight.method == "ngram"
    seven = shared.removesuffix(" eight")
    assert hits([f"before it {seven} after it"], items, embedding_threshold=1.0) == [None]


def test_a_quoted_chinese_item_is_found_by_its_characters():
    (hit,) = hits([f"请解答下面的应用题。{ZH}"], [item(ZH)], embedding_threshold=1.0)
    assert hit is not None
    assert (hit.method, hit.score) == ("ngram", 1.0)


def test_a_reworded_item_is_found_by_its_embedding():
    words = EGGS.split()
    reworded = " ".join(words[::-1])
    (hit,) = hits([reworded], [item(EGGS)])
    assert hit is not None
    assert (hit.method, hit.score) == ("embedding", 1.0)


def test_the_item_with_the_highest_share_is_named():
    start = "a farmer sells ten big eggs at the market"
    items = [
        item(f"{start} and gives the other twenty away to the poor", "a/1"),
        item(start, "b/1"),
    ]
    (hit,) = hits([f"Now {start} today"], items)
    assert hit is not None
    assert hit.item == "b/1"


def test_equal_items_are_named_by_the_smallest_id():
    (hit,) = hits([EGGS], [item(EGGS, "b/1"), item(EGGS, "a/9")])
    assert hit is not None
    assert hit.item == "a/9"


@pytest.mark.parametrize("prompts", [[], ["unrelated words entirely"]])
def test_without_items_nothing_is_contaminated(prompts: list[str]):
    assert hits(prompts, []) == [None] * len(prompts)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=8, max_size=17), st.integers(0, 9))
def test_any_eight_words_of_an_item_of_up_to_seventeen_are_found(words: list[str], start: int):
    start = min(start, len(words) - 8)
    quoted = "zz " + " ".join(words[start : start + 8]) + " yy"
    assert hits([quoted], [item(" ".join(words))])[0] is not None


@given(st.randoms(use_true_random=False))
def test_hits_do_not_depend_on_order_or_company(chance: random.Random):
    texts = [" ".join(chance.choices("abcdefghij", k=12)) for _ in range(20)]
    items = [item(text, f"b/{i}") for i, text in enumerate(texts[:10])]
    together = hits(texts, items)
    assert hits(texts[::-1], items[::-1]) == together[::-1]
    assert [hits([text], items)[0] for text in texts[8:12]] == together[8:12]

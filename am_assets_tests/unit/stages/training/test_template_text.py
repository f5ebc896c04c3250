import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.training.template_text import template_text, tokens_of

STOCK = "let us think about this step by step and then write down the answer to it"


def _marked(corpus: dict[str, str], tokens: int, occurrences: int) -> set[str]:
    return set(template_text(lambda: corpus.items(), tokens, occurrences))


def test_a_string_in_more_responses_than_allowed_marks_all_of_them():
    corpus = {f"r{index}": f"unique{index} {STOCK} end{index}" for index in range(21)}
    corpus["other"] = "nothing of the kind is said here at all by anyone"
    found = template_text(lambda: corpus.items(), 10, 20)
    assert set(found) == set(corpus) - {"other"}
    assert found["r3"].occurrences == 21
    assert found["r3"].text in STOCK


def test_a_string_in_exactly_as_many_responses_as_allowed_is_no_template():
    corpus = {f"r{index}": f"unique{index} {STOCK}" for index in range(20)}
    assert not _marked(corpus, 10, 20)


def test_a_string_repeated_inside_one_response_counts_once():
    assert not _marked({"r": f"{STOCK} " * 50}, 10, 20)


def test_text_shorter_than_the_window_is_never_marked():
    assert not _marked({f"r{index}": "so it is" for index in range(50)}, 5, 20)


def test_chinese_is_read_by_characters_and_tags_are_no_tokens():
    assert tokens_of("<think>答案是 four</think><answer>4</answer>") == [*"答案是", "four", "4"]
    corpus = {f"r{index}": f"首先我们需要仔细分析这个问题{index}" for index in range(5)}
    assert _marked(corpus, 10, 4) == set(corpus)


def test_strings_are_told_apart_from_those_with_the_same_words_in_another_order():
    words = STOCK.split()
    corpus = {}
    for index in range(30):
        random.Random(index).shuffle(words)
        corpus[f"r{index}"] = " ".join(words)
    assert not _marked(corpus, 10, 2)


@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=12), max_size=12),
    st.integers(2, 4),
    st.integers(1, 4),
    st.randoms(),
)
def test_the_rule_agrees_with_counting_every_window_in_any_order(
    texts: list[list[str]], tokens: int, occurrences: int, rng: random.Random
):
    windows = [
        {tuple(text[start : start + tokens]) for start in range(len(text) - tokens + 1)}
        for text in texts
    ]
    counts = Counter(window for listed in windows for window in listed)
    expected = {
        str(index)
        for index, listed in enumerate(windows)
        if any(counts[window] > occurrences for window in listed)
    }
    items = [(str(index), " ".join(text)) for index, text in enumerate(texts)]
    found = template_text(lambda: items, tokens, occurrences)
    assert set(found) == expected
    for key, template in found.items():
        listed = windows[int(key)]
        assert template.occurrences == max(counts[window] for window in listed)
    rng.shuffle(items)
    assert template_text(lambda: items, tokens, occurrences) == found

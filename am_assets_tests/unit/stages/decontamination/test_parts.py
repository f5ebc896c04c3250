"""Parts of problems, their facts, and hits that follow from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.decontamination import Item
from am_assets.stages.decontamination.facts import facts, is_foreign
from am_assets.stages.decontamination.parts import options, parts, stem
from am_assets.stages.text import tokens
from am_assets_tests.unit.stages.decontamination.test_scan import hits, item

QUESTION = "Which of these towns had the largest market for wool at that time?"
PASSAGE = (
    "Read the letter below.\n"
    "The merchants of our guild came home from the fair with empty wagons, for the weavers had "
    "bought up every bale before the second bell.\n"
)
CHOICES = ("Millbrook on the river", "Stonebridge", "The port of Easthaven", "Upper Netherfield")


def lettered(*choices: str) -> str:
    return "\n".join(f"{letter}. {choice}" for letter, choice in zip("ABCD", choices, strict=True))


def test_a_stem_is_what_stands_before_the_options():
    text = f"{QUESTION}\n{lettered(*CHOICES)}\nAnswer:"
    assert stem(text) == QUESTION
    assert options(f"{QUESTION}\n{lettered(*CHOICES)}") == list(CHOICES)
    assert stem("A. Smith and B. Jones met.") == ""
    assert stem("Vitamin A is found in carrots.") == "Vitamin A is found in carrots."


def test_the_question_of_a_passage_is_a_part_of_its_own():
    assert QUESTION in parts(PASSAGE + QUESTION)
    assert "\n".join([QUESTION, *CHOICES]) in parts(f"{PASSAGE}{QUESTION}\n{lettered(*CHOICES)}")


def test_a_problem_of_one_line_has_no_parts():
    assert parts("How many eggs does she sell at the market in a week?") == []


def test_the_prose_of_code_is_a_part():
    code = (
        "def halve(values):\n"
        '    """ Return every second number of the list, from the first one on.\n'
        "    >>> halve([4, 5, 6])\n    [4, 6]\n"
        '    """\n'
    )
    assert parts(code) == ["Return every second number of the list, from the first one on."]


@pytest.mark.parametrize(
    "text",
    [
        "She has 1,200 pens and 35.50 dollars",
        "她有一千二百支笔和35.5元",
        "Elle a 1200 stylos, 35.5",
    ],
)
def test_numbers_are_facts_in_any_language(text: str):
    assert facts(tokens(text)) == ["1200", "35.5"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("三百零五只", ["305"]),
        ("两万三千四百人", ["23400"]),
        ("十二个", ["12"]),
        ("一起", []),
        ("第二个月的三分之二", ["2"]),
        ("百分之三十和20%", ["30", "%", "20", "%"]),
        ("百分之35", ["35", "%"]),
        ("Joan's 24 hens don't lay", ["24"]),
        ("twelve of the thirty", ["12", "30"]),
        ("steps 4, 5, 6 and 7", ["4"]),
    ],
)
def test_written_numbers_are_read(text: str, found: list[str]):
    assert facts(tokens(text)) == found


@given(st.text())
def test_any_text_can_be_read(text: str):
    found = tokens(text)
    assert all(facts(found))
    assert isinstance(is_foreign(found), bool)
    assert all(part.strip() for part in parts(text))


def found(prompt: str, *items: Item) -> str | None:
    (hit,) = hits([prompt], list(items), embedding_threshold=1.0)
    return hit and hit.method


def test_shuffled_omitted_or_relettered_options_make_no_difference():
    whole = item(f"{QUESTION}\n{lettered(*CHOICES)}")
    assert found(f"{QUESTION}\n{lettered(*CHOICES[::-1])}", whole) == "exact"
    assert found(QUESTION, whole) == "exact"
    assert found(f"{QUESTION}\n(a) {CHOICES[0]}\n(b) {CHOICES[1]}", whole) is not None


def test_a_short_question_with_the_same_options_in_any_order_is_the_same():
    whole = item(f"Which is true?\n{lettered(*CHOICES)}")
    assert found(f"Which is true?\n{lettered(*CHOICES[::-1])}", whole) == "exact"
    assert found("Which is true?", whole) is None


def test_the_question_without_its_passage_is_found():
    assert found(QUESTION, item(PASSAGE + QUESTION)) == "exact"


def test_where_both_name_their_options_these_tell_similar_questions_apart():
    def asked(tree: str, *choices: str) -> str:
        return f"Which of these is found in a forest of old {tree} trees?\n{lettered(*choices)}"

    one = asked("oak", "red deer", "brown bears", "grey wolves", "wild boars")
    other = asked("pine", "sulphur", "copper", "amber", "silver")
    stems = {"embedding_threshold": 0.75, "choices_threshold": 0.9, "ngram_share": 1}
    assert hits([stem(one)], [item(other)], **stems)[0] is not None
    assert hits([one], [item(stem(other))], **stems)[0] is not None
    assert hits([one], [item(other)], **stems) == [None]
    assert hits([one.replace("old", "very old")], [item(one)], **stems)[0] is not None


def test_the_examples_of_a_task_in_code_may_have_other_numbers():
    def task(doc: str, *examples: int) -> str:
        lines = "".join(f"    >>> squared({one})\n    {one * one}\n" for one in examples)
        return f'def squared(n: int) -> int:\n    """{doc}\n{lines}    """'

    doc = "Return the product of the given whole number with itself as a whole number"
    near = {"embedding_threshold": 0.8, "differing_threshold": 0.95, "ngram_share": 1}
    theirs = item(task(doc, 31, 47, 59))
    assert hits([task(f"{doc} again", 12, 23, 78)], [theirs], **near)[0] is not None
    assert hits([task("Sort words", 12, 23, 78)], [theirs], **near) == [None]


def test_the_same_question_after_another_passage_is_another_problem():
    asked = "What does the author of the passage above want to say with it?"
    ship = "A ship sailed far to the north, and nobody on board had ever seen ice.\n"
    wheat = "Farmers reap wheat in summer under a hot sun while children play games.\n"
    near = {"embedding_threshold": 0.8, "agreeing_threshold": 0.7, "ngram_share": 1}
    reworded = asked.replace("above", "given")
    assert hits([reworded], [item(wheat + asked)], **near)[0] is not None
    assert hits([ship + reworded], [item(wheat + asked)], **near) == [None]
    assert hits([wheat + reworded], [item(wheat + asked)], **near)[0] is not None


def test_a_question_that_two_items_ask_names_neither():
    asked = "What does the author of the passage above want to say with it?"
    first, second = item(f"{PASSAGE}{asked}", "p/1"), item(f"{PASSAGE[::-1]}\n{asked}", "p/2")
    assert found(asked, first) == "exact"
    assert found(asked, first, second) != "exact"


def test_an_item_after_solved_examples_is_found():
    examples = "Question: What is two and two?\nAnswer: 4\n\nQuestion: "
    problem = "How many apples grow on nine trees with seven apples each?"
    assert found(f"{examples}{problem}\nAnswer:", item(problem)) is not None


def test_a_short_item_inside_a_longer_prompt_is_found_unless_its_formula_goes_on():
    short = item("Compute 17+25.")
    assert found("Dear teacher, please compute 17 + 25 for me today", short) == "ngram"
    assert found("Compute 17 + 25 * 3 for me today", short) is None


def test_a_translation_with_the_same_numbers_is_found():
    english = item(
        "A shop sells 48 lamps at 17 dollars each and 125 candles. After giving 36 candles away it "
        "sells the rest for 2.5 dollars each. How much does it earn?"
    )
    chinese = "商店以每盏17元卖出48盏灯"
    assert (
        found(
            "商店卖48盏灯，每盏17元，还有125支蜡烛。送出36支后，其余每支卖2.5元。一共收入多少？",
            english,
        )
        == "ngram"
    )
    assert found(f"{chinese}，收入多少？", english) is None


def test_a_translation_needs_fewer_numbers_than_a_text_whose_words_can_be_compared():
    english = item("Of 16 loaves Ada eats 3, sells 5 and shares the rest with 2 friends. How many?")
    assert (
        found("共有16个面包，艾达吃了3个，卖了5个，其余与2位朋友分。每人几个？", english) == "ngram"
    )
    assert found("共有16个面包，艾达吃了3个，卖了6个，其余与2位朋友分。每人几个？", english) is None
    assert found("With 16 euros Bo pays 3 pens, 5 books and 2 cups. What is left?", english) is None


def test_the_template_of_a_benchmark_names_no_item():
    frame = "Write a program that reads numbers from the input and prints the answer to the output"
    items = [
        item(f"{frame} task {chr(97 + i) * 5} of set {chr(97 + i)}", f"b/{i}") for i in range(26)
    ]
    assert found(f"{frame} but for something new", *items) is None
    assert found(f"{frame} but for something new", items[0]) == "ngram"

import pytest

from am_assets.core.settings.verification import InstructionConfig
from am_assets.stages.verification.instruction.check import Accuracy, check_instructions
from am_assets.stages.verification.instruction.ifeval import CONSTRAINTS, loose_readings

# constraint, arguments, a response that follows it, one that breaks it
CASES = [
    ("keywords:existence", {"keywords": ["Tea", "cup"]}, "A cup of tea.", "A mug of tea."),
    (
        "keywords:frequency",
        {"keyword": "go", "frequency": 2, "relation": "at least"},
        "Go and go.",
        "Go now.",
    ),
    (
        "keywords:frequency",
        {"keyword": "go", "frequency": 2, "relation": "less than"},
        "Go now.",
        "Go, go.",
    ),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, "A rocket.", "Rock on."),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 2, "let_relation": "at least"},
        "#a #b",
        "#a b",
    ),
    (
        "language:response_language",
        {"language": "de"},
        "Das ist nicht der Hund und auch nicht die Katze.",
        "That is not the dog and it is not the cat.",
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "at least"},
        "One here. Two here!",
        "Only one here.",
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        "First\n***\nSecond",
        "First\n\nSecond",
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": "less than"},
        "two words",
        "now three words",
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"},
        "One.\n\n'then', two.",
        "Then.\n\nOne.",
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] [b]", "[a]"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\nP. S. more", "Bye."),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.P.S more", "P.S. more"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n- b", "* a\n* b\n* c"),
    ("detectable_format:constrained_response", {}, "My answer is maybe.", "Maybe."),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* **b**", "*a*"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        "SECTION 1\na\nSECTION 2\nb",
        "SECTION 1\na",
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"),
    ("detectable_format:title", {}, "<<A title>>\ntext", "<< >>\ntext"),
    ("combination:two_responses", {}, "one\n******\ntwo", "one\n******\none"),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": "Write a poem."},
        "write a poem. Roses …",
        "Roses …",
    ),
    ("startend:end_checker", {"end_phrase": "The end."}, 'So.\n"the end."', "The end. Or not."),
    ("startend:quotation", {}, ' "all of it" ', '"only" this'),
    ("change_case:english_capital", {}, "ALL OF IT IS LOUD.", "Not all."),
    ("change_case:english_lowercase", {}, "all of it is quiet.", "Not all."),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        "LOUD and CLEAR",
        "LOUD and Clear",
    ),
    ("punctuation:no_comma", {}, "no commas; none", "one, comma"),
]


def judge(response, *constraints):
    rows = [{"instruction_id": name, "kwargs": kwargs} for name, kwargs in constraints]
    return check_instructions(response, rows, InstructionConfig())


def test_every_constraint_has_a_case():
    assert {name for name, *_ in CASES} == CONSTRAINTS.keys()
    assert len(CONSTRAINTS) == 25


@pytest.mark.parametrize(("name", "kwargs", "good", "bad"), CASES)
def test_a_constraint_tells_following_from_breaking(name, kwargs, good, bad):
    assert judge(good, (name, kwargs)).status == "pass"
    assert judge(bad, (name, kwargs)).status == "fail"


def test_the_score_is_the_mean_over_constraints():
    outcome = judge("a, b", ("punctuation:no_comma", {}), ("change_case:english_lowercase", {}))
    assert (outcome.status, outcome.score) == ("fail", 0.5)
    assert outcome.evidence == {
        "constraints": [
            {"instruction_id": "punctuation:no_comma", "strict": False, "loose": False},
            {"instruction_id": "change_case:english_lowercase", "strict": True, "loose": True},
        ],
        "prompt_strict": False,
        "prompt_loose": False,
        "instruction_strict": 0.5,
        "instruction_loose": 0.5,
    }


def test_arguments_filled_with_nulls_are_left_out():
    kwargs = {"num_words": None, "relation": None}
    assert judge("fine", ("punctuation:no_comma", kwargs)).status == "pass"


def test_an_unknown_constraint_is_unverifiable_by_name():
    outcome = judge("x", ("punctuation:no_comma", {}), ("style:rhyme", {}))
    assert (outcome.status, outcome.reason) == ("unverifiable", "unknown_constraint")
    assert outcome.evidence == {"instruction_id": "style:rhyme"}


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"num_words": "many", "relation": "at least"},
        {"num_words": 3, "relation": "about"},
        {"num_words": float("nan"), "relation": "at least"},
        {"num_words": float("inf"), "relation": "less than"},
        {"num_words": -1, "relation": "at least"},
        {"num_words": True, "relation": "at least"},
        ["num_words", 3],
        "num_words",
    ],
)
def test_a_malformed_constraint_is_unverifiable(kwargs):
    outcome = judge("x", ("length_constraints:number_words", kwargs))
    assert (outcome.status, outcome.reason) == ("unverifiable", "malformed_constraint")


def test_a_language_that_cannot_be_told_is_unverifiable():
    outcome = judge("12 34", ("language:response_language", {"language": "de"}))
    assert (outcome.status, outcome.reason) == ("unverifiable", "undecided_constraint")


def test_no_constraints_are_unverifiable():
    assert check_instructions("x", [], InstructionConfig()).reason == "no_constraints"


@pytest.mark.parametrize(
    "constraints",
    [{"instruction_id": "punctuation:no_comma"}, "punctuation:no_comma", 3],
)
def test_constraints_that_are_no_list_are_unverifiable(constraints):
    outcome = check_instructions("x", constraints, InstructionConfig())
    assert (outcome.status, outcome.reason) == ("unverifiable", "malformed_constraint")


@pytest.mark.parametrize("name", [None, 3, ["punctuation:no_comma"], {"a": 1}, "style:rhyme"])
def test_a_name_that_is_none_of_the_25_is_unverifiable(name):
    outcome = check_instructions("x", [{"instruction_id": name}], InstructionConfig())
    assert (outcome.status, outcome.reason) == ("unverifiable", "unknown_constraint")


def test_a_malformed_constraint_is_so_whatever_the_response():
    for response in ("one\n***\n***\ntwo", "one\n***\ntwo"):
        outcome = judge(response, ("length_constraints:number_paragraphs", {}))
        assert outcome.reason == "malformed_constraint"


def test_an_empty_response_follows_nothing():
    kwargs = {"num_words": 9, "relation": "less than"}
    outcome = judge(
        " \n", ("punctuation:no_comma", {}), ("length_constraints:number_words", kwargs)
    )
    assert (outcome.status, outcome.score) == ("fail", 0.0)


# constraint, arguments, a response that follows it only without its first line, last line, or *
LOOSE = [
    ("startend:quotation", {}, 'Sure, here it is:\n"All of it."'),
    ("startend:quotation", {}, '"All of it."\nHope that helps!'),
    ("startend:quotation", {}, 'Sure:\n"All of it."\nHope that helps!'),
    ("startend:quotation", {}, '**"All of it."**'),
    ("change_case:english_lowercase", {}, "Sure:\n*all of it is quiet.*\nBye!"),
]


@pytest.mark.parametrize(("name", "kwargs", "response"), LOOSE)
def test_the_loose_reading_forgives_a_line_around_the_answer_and_asterisks(name, kwargs, response):
    outcome = judge(response, (name, kwargs))
    assert (outcome.status, outcome.score) == ("fail", 0.0)
    assert outcome.evidence["prompt_loose"] is True
    assert outcome.evidence["instruction_loose"] == 1.0


def test_there_are_eight_readings_and_empty_ones_are_left_out():
    assert len(loose_readings("*a*\n*b*\n*c*")) == 8
    assert loose_readings("*a*") == ["*a*", "a"]
    assert loose_readings("") == []


def test_accuracies_are_by_prompt_and_by_instruction_strict_and_loose():
    accuracy = Accuracy()
    assert accuracy.as_dict() == {}
    comma, quiet = ("punctuation:no_comma", {}), ("change_case:english_lowercase", {})
    for response in ("all quiet here", "Sure:\nall quiet here", "LOUD, all of it"):
        accuracy.add(judge(response, comma, quiet).evidence)
    accuracy.add(judge("x", ("style:rhyme", {})).evidence)
    assert accuracy.as_dict() == {
        "prompts": 3,
        "instructions": 6,
        "prompt_strict": 0.333333,
        "prompt_loose": 0.666667,
        "instruction_strict": 0.5,
        "instruction_loose": 0.666667,
    }


# Where the published checkers are plainly mistaken, or say nothing about Chinese.
SENSIBLE = [
    ("punctuation:no_comma", {}, "好的。没有逗号。", "好的，有逗号。"),
    ("startend:quotation", {}, "“全部。”", "“一半”。"),
    ("startend:quotation", {}, "「全部。」", "「一半』"),
    (
        "startend:end_checker",
        {"end_phrase": "Is that all?"},
        "So. “Is that all?”",
        "Is that all? No.",
    ),
    ("startend:end_checker", {"end_phrase": '"Bye."'}, 'So. "Bye."', "So. By."),
    ("keywords:forbidden_words", {"forbidden_words": ["苹果"]}, "我喜欢香蕉。", "我喜欢苹果派。"),
    ("keywords:forbidden_words", {"forbidden_words": ["C++"]}, "C is old.", "Use C++ here."),
    ("keywords:existence", {"keywords": ["a.b"]}, "It is a.b here.", "It is aXb here."),
    (
        "length_constraints:number_words",
        {"num_words": 6, "relation": "at least"},
        "我喜欢用Python写",
        "我用Python写",
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "春天"},
        "冬天走了。\n\n\n\n春天来了，花开了。",
        "春天走了。\n\n夏天来了。",
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        "***First*** of two\n***\nSecond",
        "***First*** of one",
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        "* **one**: a\n* **two**: b",
        "* **one**: a\n* two: ***",
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        "*Two* points\n---\n- a\n* b",
        "- a\n---",
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 1}, "[name]", "a[] = [ ]"),
    ("detectable_format:json_format", {}, "[" + "1" * 5000 + "]", "[1] and more"),
    (
        "keywords:letter_frequency",
        {"letter": "A", "let_frequency": 2, "let_relation": "at least"},
        "Aa",
        "Ab",
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
        "The U.S.A. has one",
        "The USA and COVID-19",
    ),
    (
        "language:response_language",
        {"language": "zh-cn"},
        "这是一本书，那是一支铅笔。",
        "That is the book and this is it.",
    ),
]


@pytest.mark.parametrize(("name", "kwargs", "good", "bad"), SENSIBLE)
def test_a_constraint_means_what_it_says(name, kwargs, good, bad):
    assert judge(good, (name, kwargs)).status == "pass"
    assert judge(bad, (name, kwargs)).status == "fail"


def test_a_text_without_case_is_neither_in_capitals_nor_not():
    for name in ("change_case:english_capital", "change_case:english_lowercase"):
        assert judge("42 + 1 = 43", (name, {})).reason == "undecided_constraint"
        # It is not English either.
        assert judge("这是一本书，那是一支铅笔。", (name, {})).status == "fail"


def test_words_without_spaces_are_decided_only_where_no_split_changes_the_answer():
    thai = "นี่คือหนังสือและนั่นคือดินสอ"

    def words(number, relation):
        kwargs = {"num_words": number, "relation": relation}
        return judge(thai, ("length_constraints:number_words", kwargs))

    assert words(10, "at least").reason == "undecided_constraint"
    assert words(100, "at least").status == "fail"
    assert words(100, "less than").status == "pass"


HOSTILE = [
    "<",
    "<<",
    "[",
    "*",
    "* ",
    "***",
    ".",
    "…",
    "?!",
    "“",
    "\n",
    "\n\n",
    "- ",
    "a.",
    "```",
    "p.",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_flood_of_marks_is_read_in_linear_time(unit):
    # Quadratic time would be hours.
    for name, kwargs, *_ in CASES:
        judge(unit * 100_000, (name, kwargs))

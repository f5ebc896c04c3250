import pytest

from am_assets.stages.verification.config import InstructionConfig
from am_assets.stages.verification.ifeval import CONSTRAINTS, sentences
from am_assets.stages.verification.instruction import check_instructions

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


def test_arguments_filled_with_nulls_are_left_out():
    kwargs = {"num_words": None, "relation": None}
    assert judge("fine", ("punctuation:no_comma", kwargs)).status == "pass"


def test_an_unknown_constraint_is_unverifiable_by_name():
    outcome = judge("x", ("punctuation:no_comma", {}), ("style:rhyme", {}))
    assert (outcome.status, outcome.reason) == ("unverifiable", "unknown_constraint")
    assert outcome.evidence == {"instruction_id": "style:rhyme"}


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"num_words": "many", "relation": "at least"}, {"num_words": 3, "relation": "about"}],
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
    ("text", "count"),
    [
        ("Dr. Smith came. He left.", 2),
        ("Is it? Yes! Good", 3),
        ("# Heading\n\n- item one\n- item two", 3),
        ("It costs 3.5 dollars.", 1),
        ("e.g. this one.", 1),
        ("他来了。他走了！", 2),
        ("", 0),
    ],
)
def test_sentences_are_counted_by_their_ends(text, count):
    assert sentences(text) == count

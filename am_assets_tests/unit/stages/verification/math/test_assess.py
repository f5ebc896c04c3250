import pytest

from am_assets.stages.verification.math.assess import assess, gold_is_readable

# Gold, answer and, where it matters, the question.
DIFFERENT = [
    ("1-1/e", "1+1/e"),
    ("1/2004!", "1/2006!"),
    ("2^-99", "2^-98"),
    ("3*x-1*y+13=0", "3x+4y+14=0"),
    ("3 cm", "3 m"),
    ("3\\text{ cm}", "3\\text{ m}"),
    ("5%", "5"),
    ("5\\%", "5"),
    ("0", "3x+4y+14=0"),
    ("3x+4y+14=0", "0"),
    ("dog", "god"),
    ("\\text{Monday}", "\\text{Tuesday}"),
    ("0.0000001", "0.0000002"),
    ("(1,2)", "\\{1,2\\}"),
    ("(1,2)", "(2,1)"),
    ("[1,2]", "[1,2)"),
    ("1,000", "1001"),
    ("x^2", "x^3"),
    ("1/3", "0.33"),
    ("4", "3 \\text{ or } 4"),
    ("4", "3, 4"),
    ("5", "4=5"),
    ("x=5", "2x+3=13", "Solve 2x+3=13"),
    ("4", "2+2", "What is 2+2?"),
    ("391", "17\\times 23"),
    ("768", "3^2\\cdot 2^8"),
    ("\\frac34", "\\frac68", "Simplify $\\frac{6}{8}$."),
    ("101_2", "101_3"),
    ("5", "101_2"),
    ("(1,2)", "[1,2]"),
    ("2", "\\pm 2"),
    ("\\pm 2", "2"),
    ("x<2", "x>2"),
    ("x<2", "x\\le 2"),
    ("|x|", "x"),
    ("\\text{yes}", "\\text{no}"),
    ("2:3", "3:2"),
    ("3:30", "3:20"),
    ("\\$5", "5 \\text{ cents}"),
    ("x=5", "y=5"),
    ("1,2", "1"),
    ("1", "1,2"),
    ("1,2", "1,2,3"),
    ("90^\\circ", "90\\text{ cm}"),
    ("2\\frac13", "2/3"),
    ("\\infty", "-\\infty"),
    ("1+2i", "1-2i"),
    ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}2\\\\1\\end{pmatrix}"),
    ("x^2+C", "x^3+C"),
    ("\\sin x", "\\cos x"),
    ("\\{1,2\\}", "[1,2]"),
    ("10000", "1000"),
    ("1e-30", "1e-31"),
    ("12345678901234567890", "12345678901234567891"),
    ("(1,2)", "1"),
    ("5 apples", "5 oranges"),
    ("y=2x+1", "y=2x+2"),
    ("3.14", "\\pi"),
    ("\\frac{1}{3}", "0.333"),
    ("0.333333", "0.333334"),
    ("(-\\infty,2)", "(-\\infty,2]"),
    ("AB", "BA"),
    ("3 hours", "3 minutes"),
    ("1.5 \\times 10^{3}", "1.5 \\times 10^{4}"),
    ("30", "30 seconds", "How many minutes does it take?"),
]

SAME = [
    ("768", "3\\cdot 2^8"),
    ("1-1/e", "1 - e^{-1}"),
    ("x=5", "5"),
    ("5", "x=5"),
    ("5", "2+3=5"),
    ("1,000", "1000"),
    ("1/2", "0.5"),
    ("\\frac{1}{2}", "\\dfrac12"),
    ("\\text{Monday}", "Monday"),
    ("9 quarts", "9"),
    ("9", "9 quarts"),
    ("3 cm", "3\\text{ cm}"),
    ("3 cm", "3 centimeters"),
    ("3x+4y+14=0", "6x+8y=-28"),
    ("y=2x+1", "y = 1+2x"),
    ("10\\%", "0.1"),
    ("\\$5", "5"),
    ("90^\\circ", "90"),
    ("\\{1,2\\}", "\\{2,1\\}"),
    ("\\sqrt{2}/2", "\\frac{1}{\\sqrt{2}}"),
    ("\\text{(E)}", "E"),
    ("$18$", "18"),
    ("5%", "5", "What percent?"),
    ("1,2", "2, 1"),
    ("1,2", "\\{1,2\\}"),
    ("x=1 or x=2", "1, 2"),
    ("x=1,y=2", "(1,2)"),
    ("\\pm 2", "2, -2"),
    ("\\pm 2", "x = \\pm 2"),
    ("2 \\pm \\sqrt{3}", "2+\\sqrt3, 2-\\sqrt3"),
    ("(1,2]", "1 < x \\le 2"),
    ("(-\\infty,2)\\cup(3,\\infty)", "x<2 \\text{ or } x>3"),
    ("x \\in [1,2]", "[1,2]"),
    ("2:3", "4:6"),
    ("2:3", "\\frac23"),
    ("3:30", "3:30 p.m."),
    ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{bmatrix}1\\\\2\\end{bmatrix}"),
    ("1/3", "0.333333"),
    ("7/3", "2\\frac13"),
    ("101_2", "101_2"),
    ("101_2", "101"),
    ("18", "18元"),
    ("18元", "18"),
    ("三", "3"),
    ("3", "three"),
    ("12^{\\text{th}}", "12"),
    ("12", "12^{\\text{th}} \\text{ grade}"),
    ("0.\\overline{3}", "1/3"),
    ("y=2x+1", "2x-y+1=0"),
    ("y=2x+1", "2x+1"),
    ("f(x)=2x+1", "y=2x+1"),
    ("5", "a+b=5", "Find $a+b$."),
    ("5", "f(3)=5"),
    ("\\sin^2 x", "1-\\cos^2 x"),
    ("x^2+C", "x^2+K", "Find the integral."),
    ("\\text{even}", "\\text{an even}"),
    ("18.00", "18"),
    ("$18", "18.00"),
    ("1.5e3", "1500"),
    ("3 m", "300 cm"),
    ("1.5\\text{ hours}", "90 minutes"),
    ("yes", "\\text{Yes}"),
    ("(a+5)(b+2)", "ab+2a+5b+10"),
    ("10{,}000", "10000"),
    ("11,\\! 111,\\! 111", "11111111"),
    ("123,456", "123, 456"),
    ("9R^2", "9r^2"),
    ("-2,1", "1,-2"),
    ("5", "5."),
    ("1 1/2", "3/2"),
    ("\\emptyset", "\\varnothing"),
    ("\\infty", "+\\infty"),
    ("x > 3", "(3,\\infty)"),
    ("3+4i", "4i+3"),
    ("90", "1.5 hours", "How many minutes?"),
    ("1,2", "\\boxed{1} \\text{ and } \\boxed{2}"),
]


def status(gold, answer, prompt="Compute."):
    return assess(prompt, rf"So it is \boxed{{{answer}}}", gold, last_number=False).status


@pytest.mark.parametrize("case", DIFFERENT, ids=str)
def test_answers_that_only_look_alike_fail(case):
    assert status(*case) == "fail"


@pytest.mark.parametrize("case", SAME, ids=str)
def test_answers_that_are_equal_pass(case):
    assert status(*case) == "pass"


@pytest.mark.parametrize("case", [*DIFFERENT, *SAME], ids=str)
def test_an_answer_equals_itself(case):
    gold, answer, *_ = case
    assert status(gold, gold) == "pass"
    assert status(answer, answer) in ("pass", "unverifiable")


@pytest.mark.parametrize("gold", [r"\frac{", "???", "x" * 3000, r"\frac{1}{", "3 = 4"])
def test_an_unreadable_reference_is_unverifiable(gold):
    assert status(gold, "5") == "unverifiable"
    assert not gold_is_readable("Compute.", gold)


def test_parts_may_be_boxed_one_by_one():
    answer = r"(a) \boxed{3} after some work, and then (b) after more of it \boxed{4}"
    assert assess("Find both.", answer, "3, 4", False).status == "pass"
    assert assess("Find both.", answer, "3, 5", False).status == "fail"
    assert assess("Find one.", answer, "3", False).status == "fail"


def test_naming_every_candidate_names_none():
    for answer in (r"\boxed{3} or \boxed{4}", "The answer is 3 or 4 or 5.", "It is 3, 4 or 5."):
        for gold in ("3", "4", "5"):
            assert assess("Compute.", answer, gold, False).status == "fail"


def test_an_option_goes_by_its_letter_or_its_text():
    prompt = "Which?\nA. 3\nB. 4"
    assert assess(prompt, "The answer is B.", "B", False).status == "pass"
    assert assess(prompt, r"\boxed{4}", "B", False).status == "pass"
    assert assess(prompt, r"\boxed{B}", "4", False).status == "pass"
    assert assess(prompt, r"\boxed{\text{A}}", "B", False).status == "fail"
    assert assess(prompt, r"\boxed{\text{A or B}}", "B", False).status == "fail"
    assert assess(prompt, "Both look fine.", "B", False).reason == "no_answer"

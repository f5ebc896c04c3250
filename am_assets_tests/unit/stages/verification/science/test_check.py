import pytest

from am_assets.core.settings.verification import ScienceConfig
from am_assets.stages.verification.science.check import check_science


def status(prompt, answer, reference):
    outcome = check_science(prompt, answer, reference, ScienceConfig())
    return None if outcome is None else (outcome.status, outcome.verifier)


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("Photosynthesis.", "photosynthesis", ("pass", "exact")),
        (r"So it is \boxed{50.6 atm}", r"50.7 $\mathrm{atm}$", ("pass", "numeric")),
        (r"So it is \boxed{50.6}", r"50.7 $\mathrm{atm}$", ("pass", "numeric")),
        (r"So it is \boxed{60 atm}", r"50.7 $\mathrm{atm}$", ("fail", "numeric")),
        (r"\boxed{1.5 \times 10^{3} J}", "1500.0 J", ("pass", "numeric")),
        (r"\boxed{-7.3}", "+7.3", ("fail", "numeric")),
        (r"\boxed{50700 Pa}", "50.7 kPa", ("pass", "numeric")),
        (r"\boxed{50.7 Pa}", "50.7 kPa", ("fail", "numeric")),
        # A near count, "per mole" and prose are for the judge.
        (r"\boxed{40 kJ}", "40.1 kJ/mol", None),
        (r"\boxed{101}", "100", None),
        ("Because the light bends.", "Refraction", None),
    ],
)
def test_rules_decide_what_they_can_and_leave_the_rest(answer, reference, expected):
    assert status("Why?", answer, reference) == expected


def test_letters_are_decided_by_rule():
    prompt = "Which?\nA. this\nB. that"
    assert status(prompt, "The answer is B.", "B") == ("pass", "choice")
    assert status(prompt, "The answer is A.", "B") == ("fail", "choice")
    assert status(prompt, "The answer is A or B.", "B") == ("fail", "choice")
    assert status(prompt, "Hard to say", "B") is None


def test_no_reference_is_unverifiable():
    outcome = check_science("q", "a", None, ScienceConfig())
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("unverifiable", "no_reference")

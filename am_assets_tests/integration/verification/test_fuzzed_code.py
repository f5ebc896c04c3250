"""A few of what `fuzzing_code` judges by the thousand."""

import pytest

from am_assets_tests.support.verification import fuzzing_code


def test_a_value_is_itself_and_nothing_else():
    assert sum(fuzzing_code.judged_values(3000).values()) == 3000


def test_an_output_is_itself_in_any_layout_and_nothing_else():
    assert sum(fuzzing_code.judged_outputs(3000).values()) == 3000


@pytest.mark.soak
def test_test_cases_of_any_shape_are_judged_and_never_passed_by_mistake(sandbox):
    seen = fuzzing_code.judged_test_cases(sandbox, 150)
    assert {key.split()[0] for key in seen} == {"function", "asserts", "stdin_stdout", "broken"}

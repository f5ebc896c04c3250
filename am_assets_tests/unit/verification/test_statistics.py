import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.stages.verification.statistics import coefficient_of_variation, pass_rate


def test_the_pass_rate_is_the_mean_of_passes():
    assert pass_rate([True, False, False, True]) == 0.5


def test_the_coefficient_of_variation_is_sigma_over_mu():
    assert coefficient_of_variation([1.0, 3.0]) == 0.5


def test_scores_that_are_all_zero_do_not_vary():
    assert coefficient_of_variation([0.0, 0.0]) == 0.0


@pytest.mark.parametrize("function", [pass_rate, coefficient_of_variation])
def test_no_samples_have_no_statistics(function):
    with pytest.raises(ValueError, match="one"):
        function([])


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0.1, 10))
def test_variation_does_not_depend_on_scale(scores, factor):
    scaled = [score * factor for score in scores]
    assert coefficient_of_variation(scaled) == pytest.approx(
        coefficient_of_variation(scores), rel=1e-6, abs=1e-6
    )

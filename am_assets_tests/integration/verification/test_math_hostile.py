from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from am_assets.stages.verification.math.assess import assess
from am_assets.stages.verification.math.pool import MathPool
from am_assets_tests.support.verification import adversarial, fuzzing


@pytest.fixture(scope="module")
def pool() -> Iterator[MathPool]:
    with MathPool(workers=1) as running:
        yield running


@pytest.mark.soak
def test_nothing_breaks_and_no_answer_passes_once_its_gold_has_changed(pool):
    report = fuzzing.run(1500, seed=3, pool=pool)
    assert report.wrong == []
    assert report.missed == []
    assert sum(report.statuses.values()) >= 1500


@pytest.mark.attack
def test_hostile_expressions_end_and_never_pass(pool):
    statuses, _, _ = adversarial.run(60, 0.3, pool)
    assert statuses["answer fail"] == 60
    assert statuses["gold fail"] + statuses["gold unverifiable"] == 60


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=30))
def test_assessing_any_text_gives_a_status(prompt, answer, reference):
    assert assess(prompt, answer, reference, False).status in ("pass", "fail", "unverifiable")

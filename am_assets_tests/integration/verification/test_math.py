import asyncio
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from am_assets.core.settings.verification import MathConfig
from am_assets.stages.verification.math.check import MathCheck, check_math, check_math_batch
from am_assets.stages.verification.math.pool import MathPool, Pair, WorkerFailed

SLOW = r"\int_0^{\infty} \frac{\sin(x^{x})}{x} dx"
TOWER = r"\sin(7^{7^{7^{7}}}) + \left(10^{10^{7}}\right)!"


@pytest.fixture(scope="module")
def pool() -> Iterator[MathPool]:
    with MathPool(workers=2) as running:
        yield running


def outcome(pool, gold, answer, prompt="Compute.", **config):
    boxed = rf"So it is \boxed{{{answer}}}"
    return check_math(prompt, boxed, gold, pool, MathConfig(**config))


def status(pool, gold, answer):
    return outcome(pool, gold, answer).status


def process_of(pool):
    process = pool._all[0]._process
    assert process is not None
    return process


def test_verdicts_come_in_the_order_of_the_checks(pool):
    checks = [MathCheck("Compute.", rf"\boxed{{{n}}}", str(n - n % 3)) for n in range(300)]
    checks[7] = MathCheck("Compute.", "5", None)
    checks[8] = MathCheck("Compute.", "5", "???")
    found = [one.status for one in check_math_batch(checks, pool, MathConfig())]
    expected = ["pass" if n % 3 == 0 else "fail" for n in range(300)]
    expected[7] = expected[8] = "unverifiable"
    assert found == expected


def test_evidence_says_what_was_compared(pool):
    found = outcome(pool, r"\frac{1}{2}", "0.5")
    assert found.evidence == {
        "rule": "exact",
        "extracted": "0.5",
        "found": "boxed",
        "gold": r"\frac{1}{2}",
    }
    assert outcome(pool, "(1,2)", "[1,2]").evidence["guard"] == "brackets"


@pytest.mark.parametrize("gold", [None, "", "  "])
def test_no_reference_is_unverifiable(pool, gold):
    assert outcome(pool, gold, "5").reason == "no_reference"


def test_no_answer_fails_when_there_was_something_to_answer(pool):
    prose = "I do not know what one could say about this problem at all"
    found = check_math("Compute.", prose, "5", pool, MathConfig())
    assert (found.status, found.reason) == ("fail", "no_answer")
    assert check_math("Compute.", prose, "???", pool, MathConfig()).status == "unverifiable"


def test_the_last_number_counts_only_where_it_is_allowed(pool):
    text = "First 3 of them, then 4 others, so it ends after 7 long days and nights."
    assert check_math("How many?", text, "7", pool, MathConfig()).status == "fail"
    allowed = MathConfig(last_number=True)
    assert check_math("How many?", text, "7", pool, allowed).status == "pass"


def test_a_comparison_that_never_ends_is_the_answers_fault(pool):
    found = outcome(pool, "5", TOWER, timeout_s=0.5)
    assert found.status == "fail"
    assert status(pool, "5", "5") == "pass"


def test_a_worker_that_overstays_is_killed_and_the_rest_of_its_batch_decided(monkeypatch):
    # Kill before the alarm of the worker itself rings.
    monkeypatch.setattr("am_assets.stages.verification.math.pool._CPU_FACTOR", 0.05)
    answers = ("5", SLOW, "6", "5")
    with MathPool(workers=1) as fresh:
        pairs = [Pair("Compute.", rf"\boxed{{{answer}}}", "5") for answer in answers]
        found = fresh.compare(pairs, 5.0)
    assert [getattr(one, "status", one) for one in found] == ["pass", "fail", "fail", "pass"]
    assert getattr(found[1], "reason", "") == "timeout"


def test_a_worker_that_dies_is_replaced():
    with MathPool(workers=1) as fresh:
        assert status(fresh, "5", "5") == "pass"
        process = process_of(fresh)
        process.kill()
        process.wait()
        assert status(fresh, "5", "5") == "pass"


def test_a_worker_killed_in_the_middle_of_a_batch_changes_no_verdict():
    with MathPool(workers=1) as fresh, ThreadPoolExecutor(1) as thread:
        assert status(fresh, "5", "5") == "pass"
        process = process_of(fresh)
        os.kill(process.pid, signal.SIGSTOP)
        checks = [MathCheck("Compute.", rf"\boxed{{{n}}}", "5") for n in range(10)]
        asked = thread.submit(check_math_batch, checks, fresh, MathConfig())
        os.kill(process.pid, signal.SIGKILL)
        found = [one.status for one in asked.result()]
        assert found == ["pass" if n == 5 else "fail" for n in range(10)]


def test_a_worker_that_cannot_start_is_an_error(monkeypatch):
    monkeypatch.setattr("am_assets.stages.verification.math.pool._WORKER", "no_such_module")
    with MathPool(workers=1) as broken:
        assert isinstance(broken.compare([Pair("", "5", "5")], 5.0)[0], WorkerFailed)
        found = outcome(broken, "5", "5")
        assert (found.status, found.reason) == ("error", "math_worker_failed")


def test_the_pool_serves_any_thread(pool):
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: status(pool, str(n), str(n - n % 2)), range(40)))
    assert found == ["pass" if n % 2 == 0 else "fail" for n in range(40)]


def test_the_pool_serves_asyncio(pool):
    async def ask() -> list[str]:
        return await asyncio.gather(
            *(asyncio.to_thread(status, pool, "5", str(n)) for n in range(4, 7))
        )

    assert asyncio.run(ask()) == ["fail", "pass", "fail"]

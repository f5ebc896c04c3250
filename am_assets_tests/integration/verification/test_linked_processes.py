"""Two linked processes: a candidate that serves, and tests that it can neither see nor reach."""

import pytest

from am_assets.core.runner import Job


def linked(sandbox, source, tests, **limits):
    return sandbox.run(Job(source, tests=tests, **limits))


def test_the_tests_process_decides_and_ends_the_candidate(sandbox):
    result = linked(sandbox, "import time\nprint('hi', flush=True)", "x = 1 + 1")
    assert (result.status, result.process) == ("ok", "tests")


def test_a_failure_of_the_tests_is_their_own(sandbox):
    result = linked(sandbox, "x = 1", "1 / 0")
    assert (result.status, result.process) == ("ok", "tests")
    assert result.values[0]["outcome"] == "unverifiable"
    assert "ZeroDivisionError" in result.values[0]["detail"]


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("while True: pass", "timeout"),
        ("while True: print('x' * 999)", "output_limit"),
    ],
)
def test_a_limit_of_the_candidates_ends_both(sandbox, source, status):
    result = linked(sandbox, source, "import time\nwhile True: time.sleep(1)", time_limit_s=0.3)
    assert (result.status, result.process) == (status, "candidate")


def test_a_limit_of_the_tests_is_not_the_candidates(sandbox):
    result = linked(sandbox, "x = 1", "while True: pass", time_limit_s=0.2)
    assert (result.status, result.process) == ("timeout", "tests")


def test_the_candidate_never_holds_the_tests(sandbox):
    secret = "the " + "expected" + " value"
    # Twice, so that nothing the first run left in the server is found by the second.
    search = (
        "import ctypes, gc, os, sys\n"
        "found = [o for o in gc.get_objects() if chr(32).join(['expected', 'value']) in repr(o)]\n"
        "print(len(found), open(0).read(), flush=True)\n"
        "for fd in range(3, 64):\n"
        "    try: os.fstat(fd); print('fd', fd, flush=True)\n"
        "    except OSError: pass\n"
    )
    for _ in range(2):
        tests = f"import time\nSECRET = {secret!r}\ntime.sleep(0.3)"
        result = linked(sandbox, search, tests)
        assert result.stdout.split() == ["0", "fd", "3", "fd", "4"]


def test_tests_that_sleep_are_not_the_candidates_timeout(sandbox):
    result = linked(sandbox, "x = 1", "import time\ntime.sleep(60)", time_limit_s=0.1)
    assert (result.status, result.process) == ("timeout", "tests")


def test_a_candidate_that_sleeps_keeps_its_tests_waiting(sandbox):
    source = "import time\ndef f(): time.sleep(60)"
    result = linked(sandbox, source, "assert f() is None", time_limit_s=0.1)
    assert (result.status, result.process) == ("timeout", "candidate")

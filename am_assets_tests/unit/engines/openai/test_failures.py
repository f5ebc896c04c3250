import math

import pytest

from am_assets.engines.openai.failures import one_line, retry_after_s

NOW = 1_736_121_600.0  # Mon, 06 Jan 2025 00:00:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1),
        ({"retry-after": "Mon, 06 Jan 2025 00:01:30 GMT"}, 90),
        ({"retry-after": "Sun, 05 Jan 2025 00:00:00 GMT"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "inf"}, math.inf),
        ({"retry-after": "1e999"}, math.inf),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 99 Jan 2025 00:01:30 GMT"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_from_seconds_milliseconds_and_dates(
    headers: dict[str, str], seconds: float | None
):
    assert retry_after_s(headers, NOW) == seconds


def test_an_error_is_one_bounded_line_without_the_key():
    text = one_line("bad\n key  s3cret\n" + "x" * 1000, "s3cret")
    assert text.startswith("bad key *** x")
    assert len(text) < 300
    assert one_line("none", "") == "none"

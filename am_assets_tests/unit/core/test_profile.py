"""A wrong profile is one sentence that names the file and the key."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from am_assets.core.profile import Profile, ProfileError, load_profile
from am_assets.core.settings.weeks import Weeks
from am_assets_tests.conftest import TINY


def _changed(path: str, value: Any) -> dict[str, Any]:
    data = yaml.safe_load(yaml.safe_dump(TINY))
    *parents, last = path.split(".")
    place = data
    for part in parents:
        place = place[part]
    place[last] = value
    return data


def _error(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_profile(str(path))
    message = str(caught.value)
    assert "mine.yaml" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["mini", "files", "full"])
def test_every_packaged_profile_loads(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.sources


def test_globs_start_at_the_folder_of_the_profile_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(TINY))
    assert load_profile(str(path)).folder == tmp_path.resolve()
    assert load_profile(str(path), tmp_path / "data").folder == (tmp_path / "data").resolve()


def test_the_folder_is_no_part_of_the_profile(tmp_path: Path) -> None:
    data = {**TINY, "folder": tmp_path}
    assert "folder" not in Profile.model_validate(data).model_dump()


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("surces", {}, "surces"),
        ("sources.sums.collumns", {}, "sources.sums.collumns"),
        ("dedup", {"treshold": 0.9}, "dedup.treshold"),
        ("responses", {"sampling": {"temp": 1}}, "responses.sampling.temp"),
    ],
)
def test_an_unknown_key_is_named(tmp_path: Path, path: str, value: Any, key: str) -> None:
    message = _error(tmp_path, yaml.safe_dump(_changed(path, value)))
    assert f"key {key}: is not a known key" in message


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("dedup", {"threshold": "high"}, "dedup.threshold"),
        ("dedup", {"threshold": 1.5}, "dedup.threshold"),
        ("sources.sums.rank", "first", "sources.sums.rank"),
        ("sources.sums.domain", "poetry", "sources.sums.domain"),
        ("sources.sums.columns", {"prompt": 3}, "sources.sums.columns.prompt"),
        ("sources", ["sums"], "sources"),
        ("name", "Not A Name", "name"),
        ("models.embedding", None, "models.embedding"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(
    tmp_path: Path, path: str, value: Any, key: str
) -> None:
    assert f"key {key}: " in _error(tmp_path, yaml.safe_dump(_changed(path, value)))


SECTIONS = ("rules", "judge", "math", "code", "science", "instruction", "chat")


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_of_a_section_of_verification_is_named(tmp_path: Path, section: str) -> None:
    typo = {"verification": {section: {"pas_score": 0.9}}}
    message = _error(tmp_path, yaml.safe_dump({**TINY, **typo}))
    assert message.endswith(
        f"key verification.{section}.pas_score: is not a known key; check its spelling or remove it"
    )


@pytest.mark.parametrize(
    ("verification", "key"),
    [
        ({"maths": {}}, "verification.maths"),
        ({"math": None}, "verification.math"),
        ({"math": {"pass_score": "high"}}, "verification.math.pass_score"),
        ({"math": {"pass_score": 1.5}}, "verification.math.pass_score"),
        ({"science": {"relative_tolerance": 1}}, "verification.science.relative_tolerance"),
        ({"code": {"max_tests": 0}}, "verification.code.max_tests"),
        ({"judge": {"template": "no places"}}, "verification.judge.template"),
        ({"judge": {"score_pattern": "("}}, "verification.judge.score_pattern"),
        ({"chat": {"dimensions": []}}, "verification.chat.dimensions"),
        ({"chat": {"threshold": 7}}, "verification.chat.threshold"),
        ({"chat": {"threshold": "high"}}, "verification.chat.threshold"),
        ({"chat": {"threshold": [0.5]}}, "verification.chat.threshold"),
        ({"chat": {"threshold": None}}, "verification.chat.threshold"),
        ({"chat": {"threshold": {}}}, "verification.chat.threshold.keep_top"),
        ({"chat": {"threshold": {"keep_top": 60}}}, "verification.chat.threshold.keep_top"),
        (
            {"chat": {"threshold": {"keep_top": 0.6, "ovr": "source"}}},
            "verification.chat.threshold.ovr",
        ),
        (
            {"chat": {"threshold": {"keep_top": 0.6, "over": "month"}}},
            "verification.chat.threshold.over",
        ),
        (["math"], "verification"),
        (None, "verification"),
    ],
)
def test_a_setting_of_verification_that_means_nothing_is_named(
    tmp_path: Path, verification: Any, key: str
) -> None:
    message = _error(tmp_path, yaml.safe_dump({**TINY, "verification": verification}))
    assert f"key {key}: " in message


def test_a_lacking_key_is_named(tmp_path: Path) -> None:
    source = {key: value for key, value in TINY["sources"]["sums"].items() if key != "licence"}
    message = _error(tmp_path, yaml.safe_dump(_changed("sources.sums", source)))
    assert "key sources.sums.licence: Field required" in message


@pytest.mark.parametrize("key", ["start", "last"])
def test_a_week_that_starts_on_no_monday_is_named(tmp_path: Path, key: str) -> None:
    weeks = {"start": date(2025, 1, 6), "last": date(2025, 1, 13), key: date(2025, 1, 15)}
    message = _error(tmp_path, yaml.safe_dump({**TINY, "weeks": weeks}))
    assert f"`weeks.{key}` must be a Monday, 2025-01-15 is a Wednesday" in message


def test_weeks_that_end_before_they_start_are_refused(tmp_path: Path) -> None:
    weeks = {"start": date(2025, 1, 13), "last": date(2025, 1, 6)}
    assert "lies before" in _error(tmp_path, yaml.safe_dump({**TINY, "weeks": weeks}))


@pytest.mark.parametrize("section", ["sources.sums", "benchmarks.bench"])
def test_a_hub_source_without_a_revision_is_refused(tmp_path: Path, section: str) -> None:
    message = _error(tmp_path, yaml.safe_dump(_changed(f"{section}.kind", "hub")))
    assert f"key {section}: " in message
    assert "`revision`" in message


@pytest.mark.parametrize("columns", [{}, {"prompt": "p", "messages": "m"}])
def test_exactly_one_of_prompt_and_messages_is_needed(tmp_path: Path, columns: Any) -> None:
    message = _error(tmp_path, yaml.safe_dump(_changed("sources.sums.columns", columns)))
    assert "exactly one of `prompt` and `messages`" in message


@pytest.mark.parametrize("text", ["", "- a\n", "just words"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    assert "must be a mapping" in _error(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "a: [1,\nb: }",
        "a: 2025-13-01",
        "a: !!bool x",
        "a: !!timestamp x",
        "a: !!int x",
        "a: " + "[" * 3000,
    ],
    ids=["brackets", "no such month", "no bool", "no time", "no number", "deep"],
)
def test_text_that_is_no_yaml_is_refused(tmp_path: Path, text: str) -> None:
    assert "not valid YAML" in _error(tmp_path, text)


def test_a_profile_that_does_not_exist_names_the_packaged_ones() -> None:
    with pytest.raises(ProfileError, match="name one of mini, files, full, or a YAML file"):
        load_profile("no_such_profile")


def test_a_folder_or_a_file_of_bytes_is_no_profile(tmp_path: Path) -> None:
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    for name in (tmp_path, path):
        with pytest.raises(ProfileError, match="cannot be read"):
            load_profile(str(name))


def test_weeks_end_at_the_last_or_include_the_current_one() -> None:
    start = date(2025, 1, 6)
    assert Weeks(start=start, last=start).keys(date(2030, 1, 1)) == ["2025-01-06"]
    current = Weeks(start=start).keys(date(2025, 1, 19))
    assert current == ["2025-01-06", "2025-01-13"]
    assert Weeks(start=start).keys(date(2025, 1, 20))[-1] == "2025-01-20"

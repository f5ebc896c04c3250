"""Thresholds that belong to the embedding model."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from am_assets.core.profile import ProfileError, load_profile
from am_assets_tests.conftest import TINY

PATH = {"path": "weights/other", "engine": "sentence-transformers"}
CALIBRATION = {
    "dedup_threshold": 0.87,
    "decontamination_threshold": 0.77,
    "agreeing_threshold": 0.6,
}


def load(folder: Path, embedding: dict[str, Any], **changes: Any) -> Any:
    models = {**TINY["models"], "embedding": embedding}
    path = folder / "p.yaml"
    path.write_text(yaml.safe_dump({**TINY, "models": models, **changes}))
    return load_profile(str(path))


def test_thresholds_that_are_not_given_are_the_models(tmp_path: Path):
    profile = load(tmp_path, {**PATH, "calibration": CALIBRATION}, dedup={"threshold": None})
    assert profile.dedup.threshold == 0.87
    assert profile.decontamination.embedding_threshold == 0.77
    assert profile.decontamination.agreeing_threshold == 0.6


def test_a_given_threshold_stands_by_itself(tmp_path: Path):
    given = {"embedding_threshold": 0.93, "word_ngram": 9}
    profile = load(tmp_path, {**PATH, "calibration": CALIBRATION}, decontamination=given)
    assert profile.decontamination.embedding_threshold == 0.93
    assert profile.decontamination.agreeing_threshold is None
    assert profile.decontamination.word_ngram == 9
    assert profile.dedup.threshold == 0.87


def test_a_model_without_calibration_needs_thresholds(tmp_path: Path):
    with pytest.raises(ProfileError, match=r"key dedup.threshold: .*`am-assets calibrate`"):
        load(tmp_path, PATH)
    with pytest.raises(ProfileError, match=r"key decontamination.embedding_threshold: "):
        load(tmp_path, PATH, dedup={"threshold": 0.9})
    both = {"dedup": {"threshold": 0.9}, "decontamination": {"embedding_threshold": 0.8}}
    assert load(tmp_path, PATH, **both).decontamination.embedding_threshold == 0.8


def test_the_packaged_model_brings_its_calibration_along(tmp_path: Path):
    calibration = load_profile("files").models.embedding.calibration
    assert calibration is not None
    profile = load(tmp_path, TINY["models"]["embedding"])
    assert profile.dedup.threshold == calibration.dedup_threshold
    assert profile.decontamination.embedding_threshold == calibration.decontamination_threshold


def test_bge_m3_has_the_papers_threshold():
    profile = load_profile("full")
    assert profile.dedup.threshold == profile.decontamination.embedding_threshold == 0.9


def test_a_judge_needs_an_instruct_model(tmp_path: Path):
    judge = {"judge": {"enabled": True}, "embedding_threshold": 0.9}
    with pytest.raises(ProfileError, match=r"key decontamination.judge.enabled: .*models.instruct"):
        load(tmp_path, TINY["models"]["embedding"], decontamination=judge)

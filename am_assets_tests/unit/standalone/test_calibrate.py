import numpy as np
import pytest
import yaml

from am_assets.core.settings.calibration import Calibration
from am_assets.standalone.calibrate import calibrate

SIMILARITY = np.array([0.99, 0.95, 0.93, 0.91, 0.85, 0.80, 0.72, 0.60])
SAME = np.array([True, True, True, False, True, True, False, False])


def test_dedup_wants_precision_and_decontamination_the_best_of_both():
    found = calibrate(SIMILARITY, SAME)
    assert found.dedup["threshold"] == 0.91
    assert found.dedup["precision"] == 1.0
    assert found.decontaminate["threshold"] == 0.72
    assert found.decontaminate["recall"] == 1.0


def test_the_snippet_is_a_calibration():
    snippet = yaml.safe_load(calibrate(SIMILARITY, SAME).snippet("pairs.csv"))
    read = Calibration.model_validate(snippet["calibration"])
    assert (read.dedup_threshold, read.decontamination_threshold) == (0.91, 0.72)
    assert [one.count for one in read.measured_on] == [8, 8]


@pytest.mark.parametrize("same", [np.zeros(8, dtype=bool), np.ones(8, dtype=bool)])
def test_pairs_of_one_sort_are_an_error(same: np.ndarray):
    with pytest.raises(ValueError, match="add the missing sort"):
        calibrate(SIMILARITY, same)


def test_pairs_that_are_all_unlike_are_an_error():
    with pytest.raises(ValueError, match="look at the pairs"):
        calibrate(SIMILARITY / 10, SAME)

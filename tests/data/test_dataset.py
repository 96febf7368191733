import math

import numpy as np
import pytest

from iml_tui.data.dataset import Dataset, Split


def split(*labels: int) -> Split:
    return Split(np.zeros((len(labels), 2), dtype=np.float32), np.array(labels, dtype=np.int64))


def test_summary_measures_the_baselines_on_every_split() -> None:
    dataset = Dataset("tiny", "a test", split(0, 0, 0, 1), split(1, 1), split(0), ("a", "b"), "f" * 64, False)
    summary = dataset.summary()
    assert summary.rows == {"train": 4, "validation": 2, "test": 1}
    assert (summary.name, summary.classes, summary.sha256, summary.embedded) == ("tiny", 2, "f" * 64, False)
    assert summary.frequency_loss["train"] == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert summary.frequency_loss["validation"] == pytest.approx(-math.log(0.25))
    assert summary.frequency_loss["test"] == pytest.approx(-math.log(0.75))
    assert summary.majority_accuracy == {"train": 0.75, "validation": 0.0, "test": 1.0}

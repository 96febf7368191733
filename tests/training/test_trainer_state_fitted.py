"""What is fitted at once has no state to go on from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from iml_tui.data.dataset import Dataset, Split
from iml_tui.errors import LabError
from iml_tui.experiments.trials import ClassifierTrial
from iml_tui.training.classifiers import ClassifierTrainer
from iml_tui.training.faces.fitted import FittedTrainer, LogisticProbe
from iml_tui.training.faces.inputs import FeatureInputs
from iml_tui.training.trainer import EpochTrainer


def on_coordinates() -> EpochTrainer:
    points = Split(np.zeros((4, 2), np.float32), np.arange(4) % 2)
    data = Dataset("toy", "made up", points, points, points, ("west", "east"), "0" * 64, False)
    return ClassifierTrainer(ClassifierTrial(name="1-NN", label="1-NN", seed=1, kind="nearest-neighbour"), data)


def on_features() -> EpochTrainer:
    features = FeatureInputs(torch.zeros(4, 3), None, np.arange(4) % 2)
    return FittedTrainer(LogisticProbe({"train": features}, lambda note: None))


@pytest.mark.parametrize("make", [on_coordinates, on_features])
def test_it_has_no_state_and_nothing_to_change(make: object) -> None:
    trainer: EpochTrainer = make()  # type: ignore[operator]
    assert trainer.state(between_epochs=True) is None
    assert trainer.state(between_epochs=False) is None
    assert trainer.changeable == frozenset()
    with pytest.raises(LabError, match="fit it anew"):
        trainer.restore({})
    with pytest.raises(LabError, match="learning_rate"):
        trainer.change(0, "learning_rate", 1.0)

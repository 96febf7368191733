"""The plain networks that trials ask for, as they are before the first step."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from iml_tui.errors import UsageError
from iml_tui.experiments.trials import MLPTrial
from iml_tui.networks.features import Features, FourierFeatures, SineFeatures
from iml_tui.networks.mlp import MLP
from iml_tui.training.data import DeviceData, DeviceSplit


def make_members(trials: Sequence[MLPTrial], data: DeviceData) -> list[MLP]:
    """The network of each trial, with the initial weights of its seed, in float32 on the CPU.

    Raises:
        UsageError: a trial asks for sine and Fourier features at once.
    """
    return [
        MLP.seeded(
            trial.seed,
            trial.hidden_layers,
            trial.hidden_width,
            data.classes,
            batch_norm=trial.batch_norm,
            residual=trial.residual,
            features=make_features(trial, data.train),
        )
        for trial in trials
    ]


def make_features(trial: MLPTrial, train: DeviceSplit) -> Features | None:
    """The features that a trial asks for, standardised with the training split; None for raw coordinates.

    Raises:
        UsageError: it asks for sine and Fourier features at once.
    """
    if trial.sine_frequencies and trial.fourier_frequencies:
        raise UsageError(f"{trial.name} asks for sine and Fourier features, and a network has one kind")
    if trial.sine_frequencies:
        return SineFeatures(trial.sine_frequencies)
    if trial.fourier_frequencies:
        deviation, mean = torch.std_mean(train.coordinates.double(), dim=0, correction=0)
        mean, deviation = mean.float().cpu(), deviation.float().cpu()
        return FourierFeatures.seeded(trial.seed, mean, deviation, trial.fourier_frequencies, trial.fourier_scale)
    return None

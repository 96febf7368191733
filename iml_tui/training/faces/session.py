"""Training the baselines on pictures, and writing what happens into the run's directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from iml_tui.data.loading import load_pictures, refuse_changed
from iml_tui.data.picture_summary import summarise_pictures
from iml_tui.data.pictures import PictureData
from iml_tui.experiments.trials import FaceTrial
from iml_tui.networks.resnet import FeatureNetwork, LogitNetwork, make_backbone, make_head
from iml_tui.runs.pictures import write_predictions, write_test_pictures
from iml_tui.runs.places import cache_root
from iml_tui.training.devices import DEFAULT_THREADS, set_threads
from iml_tui.training.faces.features import FrozenFeatures
from iml_tui.training.faces.inputs import picture_inputs
from iml_tui.training.faces.metrics import probabilities
from iml_tui.training.faces.network_trainer import NetworkTrainer
from iml_tui.training.group import Group, train_group
from iml_tui.training.run_context import RunContext
from iml_tui.training.trainer import EpochTrainer

if TYPE_CHECKING:
    from iml_tui.training.weights import Weights


class FaceTrainer(EpochTrainer, Protocol):
    """Trains one baseline: an `EpochTrainer` of one member that keeps what it gives to the test pictures."""

    @property
    def test_logits(self) -> NDArray[np.floating]:
        """The logits of class 1 [n] that the test split was last measured with."""


def train_faces(
    context: RunContext, trials: Sequence[FaceTrial], data_folder: Path | None, sha256: str
) -> Literal["done", "stopped"]:
    """Train every baseline to its end, or until asked to stop.

    Args:
        context: the run.
        trials: what to train, in order.
        data_folder: an image folder; None for the rendered faces.
        sha256: of the data that the run was asked for.

    Raises:
        UsageError: something is wrong with the folder.
        LabError: the data changed, or the weights cannot be had.
        StoppedError: the run was asked to stop while pictures or weights were prepared.
    """
    weights = None
    if any(trial.is_pretrained for trial in trials):
        # Finding them may take a process of its own, or a download.
        from iml_tui.training.weights import find_weights

        weights = find_weights(context)
        context.found_weights(weights.summary)
    data = _load(context, weights, data_folder, sha256)
    write_test_pictures(context.directory, data.test, data.class_names)
    # Equal seeds give equal figures as far as cuDNN can: its fastest gradients add up in no fixed order.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        return FaceSession(context, trials, data, weights).train()


def _load(context: RunContext, weights: Weights | None, folder: Path | None, sha256: str) -> PictureData:
    """The pictures that the run was asked for; what is to be said of them is noted."""
    size = int(context.settings["image_size"])
    transform = weights.transform.scaled(size) if weights is not None and folder is not None else None
    data = load_pictures(folder, cache_root(), transform, context.settings, context.preparation)
    refuse_changed(folder, sha256, data.sha256)
    for sentence in data.notes:
        context.preparation.note(sentence)
    if not data.embedded:  # Which of a folder's pictures are broken shows only when they are decoded.
        context.found_data(summarise_pictures(data))
    return data


class FaceSession:
    """Trains the trials of one run on pictures, one after the other; they share the pictures and the features.

    Args:
        context: the run.
        trials: what to train, in order.
        data: the pictures.
        weights: the pretrained ones, where a trial starts from them.
    """

    def __init__(
        self, context: RunContext, trials: Sequence[FaceTrial], data: PictureData, weights: Weights | None
    ) -> None:
        self._context, self._trials, self._data, self._weights = context, trials, data, weights
        self._device = context.device.device
        self._pictures = picture_inputs(data, self._device)
        self._features: FrozenFeatures | None = None

    def train(self) -> Literal["done", "stopped"]:
        """Train every trial to its end, or until asked to stop."""
        for position, trial in enumerate(self._trials):
            if self._context.has_ended([position]):
                continue
            if self._context.stop() or not self._train_trial(position, trial):
                return "stopped"
        return "done"

    def _train_trial(self, position: int, trial: FaceTrial) -> bool:
        context = self._context
        trainer = self._trainer(trial)

        def keep_predictions(epoch: int) -> None:
            write_predictions(context.directory, position, probabilities(trainer.test_logits))
            context.events.append("predictions", trial=position)

        group = Group(
            [position],
            [trial],
            trainer,
            trial.samples_per_step(len(self._data.train)),
            trial.epochs if trial.is_trained else 1,  # What has no learning rate is fitted once.
            may_diverge=trial.is_trained,
        )
        with _one_thread() if _on_features(trial) else nullcontext():
            return train_group(context, group, keep_predictions)

    def _trainer(self, trial: FaceTrial) -> FaceTrainer:
        """What trains a trial."""
        stop = self._context.stop
        if trial.kind in ("xgboost-pixels", "sklearn-probing"):
            # They take long to import, and not every run has them.
            from iml_tui.training.faces.fitted import BoostedPixels, FittedTrainer, LogisticProbe

            if trial.kind == "xgboost-pixels":
                return FittedTrainer(BoostedPixels(trial.seed, self._data, self._device), stop)
            return FittedTrainer(LogisticProbe(self._shared_features().inputs(), self._context.preparation.note), stop)
        head = make_head(trial.seed)
        if _on_features(trial):
            network = LogitNetwork(torch.nn.Identity(), head)
            return NetworkTrainer(trial, network, self._shared_features().inputs(), self._device, stop)
        return NetworkTrainer(trial, LogitNetwork(self._network(trial), head), self._pictures, self._device, stop)

    def _network(self, trial: FaceTrial) -> FeatureNetwork:
        backbone = make_backbone(trial.seed)
        if trial.is_pretrained:
            assert self._weights is not None
            backbone.load_state_dict(self._weights.state)
        return FeatureNetwork(backbone, frozen=trial.kind == "linear-probing")

    def _shared_features(self) -> FrozenFeatures:
        if self._features is None:
            mirrored = any(trial.horizontal_flip for trial in self._trials if _on_features(trial))
            frozen = next(trial for trial in self._trials if trial.kind in ("linear-probing", "sklearn-probing"))
            network = self._network(frozen.model_copy(update={"kind": "linear-probing"}))
            self._features = FrozenFeatures(network, self._pictures, self._device, mirrored, self._context.preparation)
        return self._features


def _on_features(trial: FaceTrial) -> bool:
    """Whether a last layer is trained on features that were computed once.

    Of moved pictures there are too many to keep the features of all: the network runs at every step.
    """
    return trial.kind == "linear-probing" and not trial.shift


@contextmanager
def _one_thread() -> Iterator[None]:
    """Inside, torch uses `DEFAULT_THREADS` inside one operation: what is too short for more is slower with them.

    Measured with a last layer, 1,000 pictures, and other work on both cores: 0.08 s an epoch with one thread, 5 s with
    two.
    """
    threads = torch.get_num_threads()
    set_threads(DEFAULT_THREADS)
    try:
        yield
    finally:
        set_threads(threads)

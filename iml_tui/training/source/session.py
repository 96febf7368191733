"""Pretraining on scenes, and keeping the weights for other tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from iml_tui.data.scenes.dataset import SceneData, load_scenes
from iml_tui.experiments.trials import SourceTrial
from iml_tui.runs.places import cache_root, weights_root
from iml_tui.training.group import Group, train_group
from iml_tui.training.group_recorder import GroupRecorder
from iml_tui.training.run_context import RunContext
from iml_tui.training.source.trainer import SourceTrainer
from iml_tui.training.weights_store import SourceSettings, save_offline


def train_source(context: RunContext, trials: Sequence[SourceTrial]) -> Literal["done", "stopped"]:
    """Render the scenes and train every trial on them; of each that ends well the weights are kept.

    Raises:
        StoppedError: the run was asked to stop while the scenes were being rendered.
        LabError: the scenes cannot be kept.
    """
    settings = context.settings
    data = load_scenes(cache_root(), int(settings["pictures"]), int(settings["image_size"]), context.preparation)
    context.preparation.note(data.note)
    for position, trial in enumerate(trials):
        if context.has_ended([position]):
            continue
        if context.stop() or not _train(context, position, trial, data):
            return "stopped"
    return "done"


def _train(context: RunContext, position: int, trial: SourceTrial, data: SceneData) -> bool:
    """Train one trial; False when it was stopped."""
    trainer = SourceTrainer(trial, data, context.device.device)

    def keep_weights(recorder: GroupRecorder) -> None:
        if recorder.diverged[0]:
            return
        state = trainer.network.backbone.state_dict()
        file = save_offline(weights_root(), SourceSettings.of(trial, context.settings), state, context.directory.id)
        context.preparation.note(f"The weights are kept in {file.name} for runs that ask for offline weights.")

    samples = trial.samples_per_step(len(data.splits["train"]))
    group = Group([position], [trial], trainer, samples, trial.epochs)
    return train_group(context, group, lambda epoch: None, keep_weights)

"""Every experiment there is. A new experiment is one new file and one line here."""

from __future__ import annotations

import difflib

from iml_tui.errors import UsageError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.batch_norm import BatchNormExperiment
from iml_tui.experiments.batch_size import BatchSizeExperiment
from iml_tui.experiments.best_mlp import BestMLPExperiment
from iml_tui.experiments.depth_width import DepthWidthExperiment
from iml_tui.experiments.epochs import EpochsExperiment
from iml_tui.experiments.face_baselines import FaceBaselinesExperiment
from iml_tui.experiments.gradients import GradientsExperiment
from iml_tui.experiments.healthy_gradients import HealthyGradientsExperiment
from iml_tui.experiments.learning_rate import LearningRateExperiment
from iml_tui.experiments.offline_weights import OfflineWeightsExperiment
from iml_tui.experiments.sine_features import SineFeaturesExperiment

EXPERIMENTS: tuple[Experiment, ...] = (
    LearningRateExperiment(),
    EpochsExperiment(),
    BatchNormExperiment(),
    BatchSizeExperiment(),
    DepthWidthExperiment(),
    GradientsExperiment(),
    HealthyGradientsExperiment(),
    SineFeaturesExperiment(),
    BestMLPExperiment(),
    FaceBaselinesExperiment(),
    OfflineWeightsExperiment(),
)


def find(name: str) -> Experiment:
    """The experiment with this slug ("learning-rate") or id ("6.1.2.1"), in any case, "_" as good as "-".

    An experiment that covers several ids of the course is found by each of them.

    Raises:
        UsageError: no experiment has this name; the message says which there are and which is closest.
    """
    wanted = name.strip().lower().replace("_", "-")
    for experiment in EXPERIMENTS:
        if wanted in (experiment.slug, experiment.id, *experiment.other_ids):
            return experiment
    slugs = [experiment.slug for experiment in EXPERIMENTS]
    close = difflib.get_close_matches(wanted, slugs, n=1)
    hint = f"did you mean {close[0]}? There are" if close else "there are"
    known = ", ".join(f"{experiment.slug} ({experiment.id})" for experiment in EXPERIMENTS)
    raise UsageError(f"no experiment is called {name!r}; {hint} {known}")

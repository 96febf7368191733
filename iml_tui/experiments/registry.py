"""Every experiment there is. A new experiment is one new file and one line here."""

from __future__ import annotations

import difflib

from iml_tui.errors import UsageError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.batch_norm import BatchNormExperiment
from iml_tui.experiments.batch_size import BatchSizeExperiment
from iml_tui.experiments.epochs import EpochsExperiment
from iml_tui.experiments.learning_rate import LearningRateExperiment

EXPERIMENTS: tuple[Experiment, ...] = (
    LearningRateExperiment(),
    EpochsExperiment(),
    BatchNormExperiment(),
    BatchSizeExperiment(),
)


def find(name: str) -> Experiment:
    """The experiment with this slug ("learning-rate") or id ("6.1.2.1"), in any case, "_" as good as "-".

    Raises:
        UsageError: no experiment has this name; the message says which there are and which is closest.
    """
    wanted = name.strip().lower().replace("_", "-")
    for experiment in EXPERIMENTS:
        if wanted in (experiment.slug, experiment.id):
            return experiment
    slugs = [experiment.slug for experiment in EXPERIMENTS]
    close = difflib.get_close_matches(wanted, slugs, n=1)
    hint = f"did you mean {close[0]}? There are" if close else "there are"
    known = ", ".join(f"{experiment.slug} ({experiment.id})" for experiment in EXPERIMENTS)
    raise UsageError(f"no experiment is called {name!r}; {hint} {known}")

"""7+: pretraining without internet, on rendered scenes whose labels the renderer knows."""

from __future__ import annotations

import math
from typing import Final

from pydantic import Field

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.charts import Chart
from iml_tui.experiments.hyperparameters import EpochCount, Hyperparameters, LearningRate
from iml_tui.experiments.reporting import final, measured_on, shown, timing_table
from iml_tui.experiments.results import SPLITS, Results, TrialResult
from iml_tui.experiments.scene_heads import HEADS, OVERLAPPING, accuracy_metric
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.trials import SourceTrial

OFFLINE_CAVEAT: Final = (
    "These are not ImageNet's weights: they come from the lab's offline source task, whose resampling and pattern "
    "labels overlap with the giveaways of the generated faces, and much of what they transfer comes from those labels."
)
"""What is said wherever weights of the source task are used."""

STANDARD_ERRORS: Final = 2.0
"""How many standard errors above chance an accuracy must lie for a head to count as having learned anything."""


class OfflineWeightsHyperparameters(Hyperparameters):
    """How long, and on what, the source task trains. Runs that ask for offline weights use the defaults."""

    pictures: int = Field(
        9600,
        title="Scenes",
        ge=64,
        le=200_000,
        json_schema_extra={"unit": "scenes"},
        description="Rendered scenes to train on. More of them take longer and give more general features.",
    )
    epochs: EpochCount = 3
    batch_size: int = Field(
        32,
        title="Batch size",
        ge=2,
        le=4096,
        json_schema_extra={"unit": "samples"},
        description="Samples whose mean gradient makes one step; at least 2, for batch norm needs a variance.",
    )
    learning_rate: LearningRate = 0.001
    image_size: int = Field(
        64,
        title="Image size",
        ge=48,
        le=224,
        json_schema_extra={"unit": "pixels"},
        description="The side of the rendered scenes. Training takes as many times longer as there are more pixels.",
    )


class OfflineWeightsExperiment(Experiment):
    """Pretrains a ResNet18 on rendered scenes and keeps its weights for the baselines on faces."""

    id = "7+"
    slug = "offline-weights"
    title = "Offline source task"
    section = "7 Real and generated faces"
    question = "What can a ResNet18 learn to read off rendered scenes, to start from where there is no ImageNet?"
    hyperparameters = OfflineWeightsHyperparameters
    data = "scenes"
    shows = "nothing"
    charts = (
        Chart("batch-loss", "Training loss, mean over the heads", ("batch_loss",), x="batch", y_label="loss (nats)"),
        Chart(
            "running-accuracy",
            "Accuracy over the epoch so far, mean over the heads",
            ("running_accuracy",),
            x="batch",
            y_label="accuracy",
        ),
        Chart("loss", "Loss, mean over the heads", ("train_loss", "validation_loss"), y_label="loss (nats)"),
        Chart(
            "accuracy",
            "Accuracy, mean over the heads",
            ("train_accuracy", "validation_accuracy", "test_accuracy"),
            y_label="accuracy",
        ),
    )

    def models(self, hyperparameters: Hyperparameters) -> list[SourceTrial]:
        """The one network."""
        assert isinstance(hyperparameters, OfflineWeightsHyperparameters)
        settings = hyperparameters.settings("pictures", "image_size")
        return [SourceTrial(name="source task", label="source task", **settings)]

    def tables(self, results: Results) -> list[Table]:
        """Every head against chance, the means over the heads, and the speed."""
        return [_heads_table(results), _means_table(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Which heads were learned, and what features from this task may show."""
        model = results.models[0]
        if not model.epochs:
            return []
        return [_heads_finding(model, results), *_diverged(model), _caveat()]


def _heads_table(results: Results) -> Table:
    columns = (
        Column("head", "Label"),
        Column("classes", "Classes"),
        Column("chance", "Chance"),
        Column("validation_accuracy", "Validation accuracy"),
        Column("test_accuracy", "Test accuracy"),
        Column("learned", "Of the way from chance to 1", decimals=1, unit="%"),
    )
    model = results.models[0]
    rows = tuple(
        (
            head,
            len(classes),
            1 / len(classes),
            *(final(model, accuracy_metric(split, head)) for split in ("validation", "test")),
            _percent_learned(model, head),
        )
        for head, classes in HEADS.items()
    )
    note = (
        f"{measured_on(results)} Every label has its own linear head on shared features; its classes are drawn evenly, "
        f"so that guessing is right as often as the chance given. {OFFLINE_CAVEAT}"
    )
    return Table("heads", "What the network reads off a scene", columns, rows, note=note)


def _means_table(results: Results) -> Table:
    columns = (
        Column("split", "Split"),
        Column("loss", "Loss", unit="nats"),
        Column("frequency_loss", "Frequency loss", unit="nats"),
        Column("accuracy", "Accuracy"),
        Column("majority_accuracy", "Majority accuracy"),
    )
    model, data = results.models[0], results.data
    rows = tuple(
        (
            split,
            final(model, f"{split}_loss"),
            data.frequency_loss.get(split),
            final(model, f"{split}_accuracy"),
            data.majority_accuracy.get(split),
        )
        for split in SPLITS
    )
    note = (
        f"{measured_on(results)} All figures are means over the {len(HEADS)} heads, after the last epoch; those of the "
        "train split were measured while training. The frequency loss and the majority accuracy are those of always "
        "predicting the class frequencies of the training split, and its most frequent class."
    )
    return Table("means", "Means over the heads", columns, rows, note=note)


def _percent_learned(model: TrialResult, head: str) -> Value:
    share = _learned(model, head)
    return None if math.isnan(share) else 100 * share


def _learned(model: TrialResult, head: str) -> float:
    """How much of the way from chance to 1 the head's test accuracy lies; NaN before the first epoch."""
    chance = 1 / len(HEADS[head])
    return (model.last(accuracy_metric("test", head)) - chance) / (1 - chance)


def _heads_finding(model: TrialResult, results: Results) -> Finding:
    """Which label is read off best, which worst, and which are not told from chance."""
    rows = results.data.rows.get("test", 0)
    shares = {head: _learned(model, head) for head in HEADS}
    known = {head: share for head, share in shares.items() if math.isfinite(share)}
    evidence: dict[str, Value] = {head: final(model, accuracy_metric("test", head)) for head in HEADS}
    if not known:
        return Finding("What was learned", f"None of the {len(HEADS)} heads has a finite accuracy.", evidence)
    best, worst = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    text = (
        f"Best read off is {best}, right for {shown(evidence[best], 3)} of the test scenes (guessing: "
        f"{1 / len(HEADS[best]):.3f}); worst is {worst}, {shown(evidence[worst], 3)} (guessing: "
        f"{1 / len(HEADS[worst]):.3f})."
    )
    at_chance = [head for head in known if _is_at_chance(model, head, rows)]
    if at_chance:
        text += f" Not told from guessing by {STANDARD_ERRORS:g} standard errors: {', '.join(at_chance)}."
    return Finding("What was learned", text, evidence)


def _is_at_chance(model: TrialResult, head: str, rows: int) -> bool:
    chance = 1 / len(HEADS[head])
    error = math.sqrt(chance * (1 - chance) / rows) if rows else math.inf
    return model.last(accuracy_metric("test", head)) <= chance + STANDARD_ERRORS * error


def _diverged(model: TrialResult) -> list[Finding]:
    if model.diverged_at is None:
        return []
    epoch, batch = model.diverged_at
    text = (
        f"The loss was not finite at batch {batch} of epoch {epoch}, so no weights were kept; a lower learning rate "
        "may help."
    )
    return [Finding("The training diverged", text, {"epoch": epoch, "batch": batch})]


def _caveat() -> Finding:
    """What transfer from this task shows and does not show. Figures of the trial that the task was chosen by."""
    text = (
        f"{OFFLINE_CAVEAT} In a trial of this design (one seed, 400 test faces, standard error about 0.025) "
        f"fine-tuning reached 0.825 from weights of all labels, and 0.65 to 0.67 without {' and '.join(OVERLAPPING)}."
    )
    return Finding("What these weights may show", text, {"overlapping labels": ", ".join(OVERLAPPING)})

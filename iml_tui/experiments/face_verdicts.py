"""What training did to a network on faces, judged by what was measured alone, never by its learning rate.

One epoch is too short for the verdicts of `verdicts.py`, which rest on the course of many: here the losses of single
batches and the decisions on the test pictures tell.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from iml_tui.experiments.best_mlp_tables import standard_error
from iml_tui.experiments.results import LOSSES, DataSummary, TrialResult, confusion_metric
from iml_tui.experiments.seeds import seeds_of, spread
from iml_tui.experiments.tables import Value
from iml_tui.experiments.trials import BATCH_LOSS

# An accuracy that far above chance is luck for one in 44 networks that know nothing (a one-sided normal tail).
CLEAR_ERRORS: Final = 2.0
# A mean over a fifth of the batches of an epoch: of 32 batches of 32 pictures it is known to about 2 %, and a network
# that learns at all has not done so yet after the first fifth.
WINDOW: Final = 0.2
# A fall of the training loss by less is nothing that a second epoch would show; nor is one that noise alone makes, less
# than two standard errors of the difference of the two means.
LEAST_FALL: Final = 0.05
# A loss that rises by a quarter, over a fifth of an epoch, has left where it started: noise makes some 5 %.
LEAST_RISE: Final = 0.25
# Taking a tenth of the smaller class at most for what it is, or as many others for it, is as good as naming one class:
# with classes of the same size the accuracy is then 0.55 at most.
ONE_CLASS: Final = 0.1
# Half as much again as knowing nothing costs: outputs are large and often wrong. Noise makes some 5 %.
OVERSHOOT: Final = 1.5

Kind = Literal[
    "diverged", "predicts one class", "overshoots", "no better than chance", "barely moved", "learned little", "learned"
]

# The worst kinds come first.
PHRASES: Final[Mapping[Kind, str]] = {
    "diverged": "diverged",
    "predicts one class": "predicts one class",
    "overshoots": "overshoots",
    "no better than chance": "is no better than chance",
    "barely moved": "barely moved",
    "learned little": "learned little",
    "learned": "learned",
}


@dataclass(frozen=True)
class FaceVerdict:
    """What happened (`kind`), the figure that says so in a few words, the reason as a clause, and the evidence.

    `evidence` holds the training loss (nats): mean over the last epoch (`train_loss`), over the first and the last
    fifth of an epoch's batches (`start_loss`, `end_loss`), the highest such mean (`highest_loss`), and what knowing
    only the class frequencies costs (`frequency_loss`); the test accuracy, that of always naming the most frequent
    class (`chance`), how many standard errors the one is above the other (`errors_above_chance`), and the share of the
    test pictures that is taken for the class named more often (`largest_share`). Means over seeds, where there are.
    """

    kind: Kind
    figure: str
    reason: str
    evidence: Mapping[str, Value] = field(default_factory=dict)

    @property
    def phrase(self) -> str:
        """The kind as a predicate: "barely moved"."""
        return PHRASES[self.kind]


@dataclass(frozen=True)
class LossCourse:
    """Where the training loss began and ended, nats; see `FaceVerdict`. `error` is the standard error of its fall."""

    start: float
    end: float
    highest: float
    error: float

    @property
    def fall(self) -> float:
        """How far the loss fell; negative where it rose."""
        return self.start - self.end

    @property
    def moved(self) -> bool:
        """Whether the loss fell by more than noise would make it, or was once far above its start."""
        fell = self.fall >= max(LEAST_FALL * self.start, 2 * self.error)
        return fell or self.highest > (1 + LEAST_RISE) * self.start

    @property
    def in_words(self) -> str:
        """The course as a clause."""
        text = f"the training loss went from {self.start:.3f} to {self.end:.3f}"
        passed = self.highest > (1 + LEAST_RISE) * max(self.start, self.end)
        return f"{text}, through {self.highest:.3g}" if passed else text


@dataclass(frozen=True)
class Decisions:
    """How many test pictures were taken for each class, and how many belong to the smaller one."""

    taken: tuple[float, float]
    smaller: float

    @property
    def largest_share(self) -> float:
        """The share that is taken for the class named more often."""
        return max(self.taken) / sum(self.taken)

    @property
    def one_class(self) -> bool:
        """Whether as good as all are taken for one class."""
        return min(self.taken) <= ONE_CLASS * self.smaller


def face_verdict(model: TrialResult, data: DataSummary) -> FaceVerdict | None:
    """The verdict on a network as far as it got; None before its first epoch, unless it diverged within that.

    Of several seeds each is judged by itself; the most frequent verdict counts, the worst of those as frequent.
    """
    judged = [(trial.trial.seed, found) for trial in seeds_of(model) if (found := _of_one_seed(trial, data))]
    return _most_frequent(judged) if len(judged) > 1 else judged[0][1] if judged else None


def loss_course(trial: TrialResult, data: DataSummary) -> LossCourse | None:
    """The course of a trial's batch losses; None where too few were kept, or one is not finite."""
    load = trial.series.get(BATCH_LOSS)
    losses = np.asarray(load() if load is not None else (), dtype=np.float64)
    window = max(2, math.ceil(WINDOW * trial.trial.batches_per_epoch(data.rows.get("train", 0))))
    if len(losses) < 2 * window or not np.isfinite(losses).all():
        return None
    blocks = losses[: len(losses) // window * window].reshape(-1, window).mean(axis=1)
    end = float(losses[-window:].mean())
    # Differences of neighbours do not see the course, only the noise.
    noise = float(np.diff(losses).std()) / math.sqrt(2)
    return LossCourse(float(blocks[0]), end, max(float(blocks.max()), end), noise * math.sqrt(2 / window))


def decisions(trial: TrialResult) -> Decisions | None:
    """What a trial takes the test pictures for after its last epoch; None where that was not measured."""
    counts = [[trial.last(confusion_metric(true, predicted)) for predicted in (0, 1)] for true in (0, 1)]
    if not all(math.isfinite(count) for row in counts for count in row) or not sum(map(sum, counts)):
        return None
    (a, b), (c, d) = counts
    return Decisions((a + c, b + d), min(a + b, c + d))


def class_name(data: DataSummary, position: int) -> str:
    """What class 0 or 1 is called; records of other labs may lack the names."""
    return data.class_names[position] if position < len(data.class_names) else f"class {position}"


def _of_one_seed(trial: TrialResult, data: DataSummary) -> FaceVerdict | None:
    if not trial.epochs and trial.diverged_at is None:
        return None
    nothing = data.frequency_loss.get("train", math.log(2))
    course = loss_course(trial, data)
    taken = decisions(trial)
    accuracy, chance = trial.last("test_accuracy"), data.majority_accuracy.get("test", 0.5)
    error = standard_error(chance, data.rows.get("test", 0))
    above = (accuracy - chance) / error if error > 0 else math.nan
    evidence: dict[str, Value] = {
        "train_loss": trial.last("train_loss"),
        "start_loss": course.start if course else math.nan,
        "end_loss": course.end if course else math.nan,
        "highest_loss": course.highest if course else math.nan,
        "frequency_loss": nothing,
        "test_accuracy": accuracy,
        "chance": chance,
        "errors_above_chance": above,
        "largest_share": taken.largest_share if taken else math.nan,
    }
    if (found := _not_finite(trial)) is not None:
        return FaceVerdict("diverged", *found, evidence)
    if course is None:  # Without the losses of the batches only their mean tells, beside what knowing nothing costs.
        mean = trial.last("train_loss")
        course = LossCourse(nothing, mean, max(nothing, mean), 0.0)
    against = (
        f"the test accuracy of {accuracy:.4f} is {abs(above):.1f} standard errors {'above' if above >= 0 else 'below'} "
        f"the {chance:.4f} of always naming the most frequent class"
    )
    return FaceVerdict(*_judge(course, taken, nothing, accuracy, above, against, data), evidence)


def _judge(
    course: LossCourse,
    taken: Decisions | None,
    nothing: float,
    accuracy: float,
    above: float,
    against: str,
    data: DataSummary,
) -> tuple[Kind, str, str]:
    """Kind, figure and reason of the verdict on a network whose losses are finite."""
    clear = above >= CLEAR_ERRORS
    moved_figure = f"training loss {course.start:.3f} to {course.end:.3f}"
    # What has learned most of it within the first fifth of an epoch need not fall any further; what is far above what
    # knowing nothing costs was thrown there by its first steps.
    near_nothing = (1 - 2 * LEAST_FALL) * nothing < course.end and course.highest < OVERSHOOT * nothing
    if not course.moved and near_nothing:
        if clear:
            return "learned little", moved_figure, f"{course.in_words}, though {against}"
        return "barely moved", moved_figure, f"{course.in_words}, and {against}"
    if taken is not None and taken.one_class:
        favourite = class_name(data, int(taken.taken[1] > taken.taken[0]))
        share = f"{taken.largest_share:.1%}"
        reason = f"it takes {share} of the test pictures for {favourite}; {course.in_words}, and {against}"
        return "predicts one class", f"{share} taken for {favourite}", reason
    if course.end >= OVERSHOOT * nothing:
        reason = (
            f"at the end its training loss of {course.end:.3g} is {course.end / nothing:.1f} times the {nothing:.3f} "
            f"that knowing nothing costs, so its steps are too long; {against}"
        )
        return "overshoots", f"training loss {course.end:.3g} at the end", reason
    chance_figure = f"test accuracy {accuracy:.4f}, {above:+.1f} standard errors from chance".replace("-", "−")
    if not clear:
        return "no better than chance", chance_figure, f"{against}; {course.in_words}"
    return "learned", chance_figure, f"{against}; {course.in_words}"


def _not_finite(trial: TrialResult) -> tuple[str, str] | None:
    """The figure and the reason of what is not finite, the first thing that was not; None where all is."""
    if trial.diverged_at is not None:
        epoch, batch = trial.diverged_at
        where = f"epoch {epoch}, batch {batch}"
        return f"not finite: {where}", f"the loss was not finite from {where}"
    for metric in LOSSES:
        if not math.isfinite(trial.last(metric)):
            split = metric.removesuffix("_loss")
            reason = f"the {split} loss after epoch {len(trial.epochs)} is not finite"
            return f"not finite: {split} loss", reason
    return None


def _most_frequent(judged: Sequence[tuple[int, FaceVerdict]]) -> FaceVerdict:
    """The verdict on a model from those on its seeds."""
    counts = Counter(found.kind for _, found in judged)
    kind = max(PHRASES, key=lambda each: counts[each])
    seed, first = next((seed, found) for seed, found in judged if found.kind == kind)
    total, agreeing = len(judged), counts[kind]
    share = f"in {'all' if agreeing == total else f'{agreeing} of'} {total} seeds"
    others = ", ".join(f"{count} {PHRASES[other]}" for other, count in counts.items() if other != kind)
    return FaceVerdict(
        kind,
        f"{first.figure} with seed {seed}; {share}",
        f"with seed {seed} {first.reason}; so {share}{f' ({others})' if others else ''}",
        {
            **{key: spread([found.evidence[key] for _, found in judged]) for key in first.evidence},
            "seeds": total,
            "seeds_so_judged": agreeing,
        },
    )

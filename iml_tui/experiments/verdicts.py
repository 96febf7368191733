"""What happened to a trial, judged by its measured curves alone, never by its hyperparameters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from iml_tui.experiments.measures import fall_per_epoch, falling_share, fluctuation, last_third, rise
from iml_tui.experiments.results import DataSummary, TrialResult
from iml_tui.experiments.seeds import seeds_of, spread
from iml_tui.experiments.tables import Value

# A loss less than 2 % below that of predicting the class frequencies is no sign of learning: large steps keep the
# output biases jumping about the frequencies by this much.
LEARNED_MARGIN: Final = 0.02
# Noise goes down in half of the steps; nine of ten is a trend.
STEADY_SHARE: Final = 0.9
# The last third of fewer epochs has under 4 points, and a line through 3 says little.
MIN_EPOCHS: Final = 10
# Typical jumps of a tenth: the epoch at which training happens to end decides more than most hyperparameters do.
UNSTABLE_FLUCTUATION: Final = 0.10
# A rise over the last third that is worth stopping for, and that is no fluctuation (two standard deviations).
OVERFITTING_RISE: Final = 0.05
OVERFITTING_DEVIATIONS: Final = 2.0
# At half a percent an epoch the loss takes 139 more epochs to halve.
STILL_FALLING: Final = 0.005
# A falling loss still above half of the loss of knowing only the class frequencies: less than half is learned.
SLOW_REMAINING: Final = 0.5

Kind = Literal["diverged", "unstable", "overfitting", "too slow", "still falling", "converged", "too few epochs"]

# The worst kinds come first.
PHRASES: Final[Mapping[Kind, str]] = {
    "diverged": "diverged",
    "unstable": "was unstable",
    "overfitting": "overfitted",
    "too slow": "was too slow",
    "still falling": "was still improving",
    "converged": "converged",
    "too few epochs": "ran for too few epochs to tell",
}


@dataclass(frozen=True)
class Verdict:
    """What happened (`kind`), the figure that says so in a few words, the reason as a clause, and the evidence.

    The fractions in `evidence` are (see `measures`): `fluctuation` of the validation loss and `fall_per_epoch` of the
    train loss over the last third, and `remaining`, the last train loss divided by the frequency loss. Of several seeds
    they are means over all of them.
    """

    kind: Kind
    figure: str
    reason: str
    evidence: Mapping[str, Value] = field(default_factory=dict)

    @property
    def phrase(self) -> str:
        """The kind as a predicate: "was unstable"."""
        return PHRASES[self.kind]


def verdict_of(model: TrialResult, data: DataSummary) -> Verdict | None:
    """The verdict on a model as far as it got; None before its first epoch, unless it diverged within that.

    Of several seeds each is judged by its own curves, as the mean of curves fluctuates less than any of them, and the
    most frequent verdict counts, the worst of those that are equally frequent.
    """
    judged = [(trial.trial.seed, found) for trial in seeds_of(model) if (found := _of_one_seed(trial, data))]
    return _most_frequent(judged) if len(judged) > 1 else judged[0][1] if judged else None


def _most_frequent(judged: Sequence[tuple[int, Verdict]]) -> Verdict:
    """The verdict on a model from those on its seeds."""
    counts = Counter(found.kind for _, found in judged)
    kind = max(PHRASES, key=lambda each: counts[each])
    seed, first = next((seed, found) for seed, found in judged if found.kind == kind)
    total, agreeing = len(judged), counts[kind]
    every = "both" if total == 2 else f"all {total}"
    share = f"in {every if agreeing == total else f'{agreeing} of {total}'} seeds"
    others = ", ".join(f"{count} {PHRASES[other]}" for other, count in counts.items() if other != kind)
    evidence: dict[str, Value] = {
        key: value if isinstance(value, int) else spread([found.evidence[key] for _, found in judged])
        for key, value in first.evidence.items()
    }
    return Verdict(
        kind,
        f"{first.figure}, {share}",
        f"{first.reason} with seed {seed}, and so {share}{f' ({others})' if others else ''}",
        {**evidence, "seeds": total, "seeds_so_judged": agreeing},
    )


def _of_one_seed(trial: TrialResult, data: DataSummary) -> Verdict | None:
    if not trial.epochs and trial.diverged_at is None:
        return None
    frequency_loss = data.frequency_loss.get("train", math.nan)
    train, validation = (_without_gaps(trial, metric) for metric in ("train_loss", "validation_loss"))
    return verdict(train, validation, frequency_loss, trial.diverged_at)


def _without_gaps(trial: TrialResult, metric: str) -> list[float]:
    """The metric after every epoch; of an epoch whose figures were lost to damage, that of the one before.

    Of what is not known nothing is to be concluded, least of all that it was no number.
    """
    known = [epoch[metric] for epoch in trial.epochs if epoch.metrics]
    values: list[float] = []
    for epoch in trial.epochs:
        values.append(epoch[metric] if epoch.metrics else values[-1] if values else (known or [math.nan])[0])
    return values


def verdict(
    train: Sequence[float],
    validation: Sequence[float],
    frequency_loss: float,
    diverged_at: tuple[int, int] | None = None,
) -> Verdict:
    """Judge a trial by its loss curves.

    Args:
        train, validation: losses after each epoch, nats per sample.
        frequency_loss: train loss of always predicting the class frequencies, nats per sample.
        diverged_at: (epoch, batch), from 1, of the first batch loss that was not finite.
    """
    evidence = _evidence(train, validation, frequency_loss)
    return (
        _not_finite(train, validation, diverged_at, evidence)
        or _learned_nothing(train, frequency_loss, evidence)
        or _too_few(train, evidence)
        or _overfitting(train, validation, evidence)
        or _unstable(train, evidence)
        or _falling(train, frequency_loss, evidence)
        or _converged(train, evidence)
    )


def _evidence(train: Sequence[float], validation: Sequence[float], frequency_loss: float) -> dict[str, float]:
    window = last_third(len(train))
    return {
        "epochs": len(train),
        "window_epochs": window,
        "train_loss": train[-1] if train else math.nan,
        "validation_loss": validation[-1] if validation else math.nan,
        "frequency_loss": frequency_loss,
        "remaining": train[-1] / frequency_loss if train and frequency_loss > 0 else math.nan,
        "fluctuation": fluctuation(validation[-window:]),
        "fall_per_epoch": fall_per_epoch(train[-window:]),
        "validation_rise": rise(validation[-window:]),
    }


def _not_finite(
    train: Sequence[float],
    validation: Sequence[float],
    diverged_at: tuple[int, int] | None,
    evidence: dict[str, float],
) -> Verdict | None:
    if diverged_at is not None:
        epoch, batch = diverged_at
        where = f"epoch {epoch}, batch {batch}"
        return Verdict("diverged", f"not finite: {where}", f"the loss was not finite from {where}", evidence)
    for name, values in (("train", train), ("validation", validation)):
        epoch = next((i for i, value in enumerate(values, 1) if not math.isfinite(value)), 0)
        if epoch:
            reason = f"the {name} loss of epoch {epoch} was not finite"
            return Verdict("diverged", f"not finite: epoch {epoch}", reason, evidence)
    return None


def _learned_nothing(train: Sequence[float], frequency_loss: float, evidence: dict[str, float]) -> Verdict | None:
    last = train[-1] if train else math.nan
    threshold = (1 - LEARNED_MARGIN) * frequency_loss
    # One epoch has no trend, and a slow learner starts above the threshold too: only one that does not fall is lost.
    if len(train) < 2 or not last >= threshold or _falls_steadily(train):
        return None
    reference = f"{frequency_loss:.2f}, the loss of always predicting the class frequencies"
    figure = f"train loss {last:.3g} against {frequency_loss:.3g}"
    best = min(train)
    if best < threshold:
        reason = f"the train loss rose from {best:.2f} at epoch {train.index(best) + 1} to {last:.2f}, no better than "
    elif last > frequency_loss:
        reason = f"it learned nothing, as its train loss of {last:.2f} is above "
    else:
        reason = f"it learned nothing, as its train loss of {last:.2f} is less than {LEARNED_MARGIN:.0%} below "
    return Verdict("diverged", figure, reason + reference, evidence)


def _falls_steadily(train: Sequence[float]) -> bool:
    window = train[-last_third(len(train), at_least=4) :]
    if len(window) < 4:
        return train[-1] < (1 - STILL_FALLING) * train[-2]
    return falling_share(window) >= STEADY_SHARE


def _too_few(train: Sequence[float], evidence: dict[str, float]) -> Verdict | None:
    if len(train) >= MIN_EPOCHS:
        return None
    figure = "1 epoch" if len(train) == 1 else f"{len(train)} epochs"
    return Verdict("too few epochs", figure, f"{figure} of the {MIN_EPOCHS} that a verdict needs", evidence)


def _overfitting(train: Sequence[float], validation: Sequence[float], evidence: dict[str, float]) -> Verdict | None:
    rose, noise = evidence["validation_rise"], evidence["fluctuation"]
    if not (rose >= max(OVERFITTING_RISE, OVERFITTING_DEVIATIONS * noise) and evidence["fall_per_epoch"] > 0):
        return None
    reason = f"over {_span(evidence)} the validation loss rose by {rose:.1%} while the train loss fell"
    return Verdict("overfitting", f"validation loss rose {rose:.1%}", reason, evidence)


def _unstable(train: Sequence[float], evidence: dict[str, float]) -> Verdict | None:
    noise = evidence["fluctuation"]
    if not noise > UNSTABLE_FLUCTUATION:
        return None
    reason = f"over {_span(evidence)} the validation loss fluctuated by {noise:.1%}"
    return Verdict("unstable", f"fluctuation {noise:.1%}", reason, evidence)


def _falling(train: Sequence[float], frequency_loss: float, evidence: dict[str, float]) -> Verdict | None:
    fall, last = evidence["fall_per_epoch"], train[-1]
    far = evidence["remaining"] > SLOW_REMAINING
    above = last >= (1 - LEARNED_MARGIN) * frequency_loss  # Reached only while it falls steadily, however slowly.
    if not (fall > STILL_FALLING or above):
        return None
    still = f"the train loss still fell by {_rate(fall)} an epoch over {_span(evidence)}"
    figure = f"falling {_rate(fall)} an epoch"
    if not far:
        return Verdict("still falling", figure, f"{still}, to {last:.4f}", evidence)
    reason = (
        f"{still}, and {last:.2f} is {evidence['remaining']:.0%} of {frequency_loss:.2f}, the loss of always "
        "predicting the class frequencies"
    )
    return Verdict("too slow", f"{figure} at {last:.3g}", reason, evidence)


def _converged(train: Sequence[float], evidence: dict[str, float]) -> Verdict:
    fall, noise = evidence["fall_per_epoch"], evidence["fluctuation"]
    direction, falling = ("fell", "falling") if fall >= 0 else ("rose", "rising")
    reason = (
        f"over {_span(evidence)} the train loss {direction} by only {_rate(abs(fall))} an epoch and the validation "
        f"loss fluctuated by {noise:.1%}"
    )
    return Verdict("converged", f"{falling} {_rate(abs(fall))} an epoch", reason, evidence)


def _span(evidence: dict[str, float]) -> str:
    return f"the last {evidence['window_epochs']:.0f} epochs"


def _rate(fraction: float) -> str:
    return f"{fraction:.2%}"

"""What is said to have happened to a network on faces, each verdict with the figures that it rests on."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from iml_tui.experiments.face_verdicts import FaceVerdict, face_verdict, loss_course
from iml_tui.experiments.results import DataSummary, TrialResult
from iml_tui.experiments.trials import BATCH_LOSS
from tests.experiments.faces_factory import (
    BARELY,
    CHANCE,
    COLLAPSED,
    DIVERGED,
    FACES,
    LITTLE,
    NOTHING,
    OVERSHOT,
    Fate,
    face_results,
)

NAME = "fine-tuning at 0.01"
LEARNED = Fate(end=0.45, validation=0.8, test=0.8)


def trained(fate: Fate, data: DataSummary = FACES, seeds: tuple[int, ...] = (42,)) -> TrialResult:
    results = face_results({NAME: fate}, data, learning_rates=(0.01,), seeds=seeds)
    (model,) = (model for model in results.models if model.epochs)
    return model


def judged(fate: Fate, data: DataSummary = FACES) -> FaceVerdict:
    found = face_verdict(trained(fate, data), data)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("fate", "kind", "figures"),
    [
        (DIVERGED, "diverged", ["epoch 1, batch 7"]),
        (COLLAPSED, "predicts one class", ["100.0% of the test pictures for real", "through 4.5", "0.694"]),
        (replace(COLLAPSED, real_share=0.0), "predicts one class", ["for generated"]),
        (replace(COLLAPSED, real_share=0.97), "predicts one class", ["97.0%"]),
        (replace(COLLAPSED, real_share=0.9), "no better than chance", ["through 4.5"]),
        (OVERSHOT, "overshoots", ["3.2 is 4.6 times the 0.693", "4.4 standard errors above"]),
        # A last layer whose steps are far too long jumps about where its first ones threw it.
        (Fate(start=2.47, end=2.4, noise=0.9, test=0.5, real_share=0.02), "predicts one class", ["98.0%"]),
        (Fate(start=2.47, end=2.4, noise=0.9, test=0.6), "overshoots", []),
        (BARELY, "barely moved", ["0.710 to 0.705", "0.7 standard errors above"]),
        (replace(BARELY, real_share=1.0, test=0.5), "barely moved", ["0.0 standard errors"]),
        (replace(BARELY, noise=0.04), "barely moved", []),
        (LITTLE, "learned little", ["0.710 to 0.690", "4.8 standard errors above"]),
        (CHANCE, "no better than chance", ["0.5100", "0.710 to 0.600"]),
        (replace(CHANCE, test=0.44), "no better than chance", ["2.4 standard errors below"]),
        (LEARNED, "learned", ["0.8000 is 12.0 standard errors above", "0.710 to 0.450"]),
        (replace(LEARNED, noise=0.05), "learned", []),
        (replace(LEARNED, start=0.30, end=0.29, test=0.95), "learned", []),
    ],
)
def test_each_fate_has_its_verdict(fate: Fate, kind: str, figures: list[str]) -> None:
    found = judged(fate)
    assert found.kind == kind
    for figure in figures:
        assert figure in f"{found.figure} {found.reason}"
    assert "\n" not in found.reason
    assert found.figure


def test_there_is_no_verdict_before_the_first_epoch_but_on_what_diverged_within_it() -> None:
    model = trained(LEARNED)
    model.epochs.clear()
    assert face_verdict(model, FACES) is None
    model.diverged_at = (1, 3)
    found = face_verdict(model, FACES)
    assert found is not None
    assert (found.kind, found.figure) == ("diverged", "not finite: epoch 1, batch 3")


def test_a_loss_that_is_not_finite_after_the_epoch_is_divergence_too() -> None:
    model = trained(LEARNED)
    model.epochs[0].metrics["test_loss"] = math.nan
    found = face_verdict(model, FACES)
    assert found is not None
    assert (found.kind, found.figure) == ("diverged", "not finite: test loss")


def test_without_the_losses_of_batches_their_mean_tells() -> None:
    for mean, accuracy, kind in ((3.0, 0.6, "overshoots"), (0.69, 0.51, "barely moved"), (0.4, 0.8, "learned")):
        model = trained(replace(LEARNED, test=accuracy))
        model.series.clear()
        model.epochs[0].metrics["train_loss"] = mean
        found = face_verdict(model, FACES)
        assert found is not None
        assert found.kind == kind
        assert math.isnan(float(found.evidence["start_loss"] or 0))


def test_without_the_confusion_counts_one_class_cannot_be_told() -> None:
    model = trained(COLLAPSED)
    for metric in [name for name in model.epochs[0].metrics if "confusion" in name]:
        del model.epochs[0].metrics[metric]
    found = face_verdict(model, FACES)
    assert found is not None
    assert found.kind == "no better than chance"
    assert math.isnan(float(found.evidence["largest_share"] or 0))


def test_classes_are_called_as_their_folders() -> None:
    assert "for true" in judged(COLLAPSED, replace(FACES, embedded=False, class_names=("fake", "true"))).reason
    assert "for class 1" in judged(COLLAPSED, replace(FACES, class_names=())).reason


def test_chance_is_what_the_most_frequent_class_gives() -> None:
    uneven = replace(FACES, majority_accuracy=dict.fromkeys(FACES.majority_accuracy, 0.8))
    assert judged(LEARNED, uneven).kind == "no better than chance"
    assert "0.8000 of always naming the most frequent class" in judged(LEARNED, uneven).reason


def test_the_course_of_the_loss_takes_means_over_a_fifth_of_an_epoch() -> None:
    model = trained(LEARNED)
    model.series[BATCH_LOSS] = partial(np.asarray, np.r_[[0.7] * 7, [2.0] * 7, [0.6] * 11, [0.5] * 7])
    course = loss_course(model, FACES)
    assert course is not None
    assert (course.start, course.highest, course.end) == pytest.approx((0.7, 2.0, 0.5))
    assert course.fall == pytest.approx(0.2)
    for few in ([], [0.7] * 13, [*[0.7] * 31, math.inf]):
        model.series[BATCH_LOSS] = partial(np.asarray, few)
        assert loss_course(model, FACES) is None


def test_noise_alone_is_no_fall() -> None:
    model = trained(LEARNED)
    moved = 0
    for seed in range(100):
        losses = NOTHING + np.random.default_rng(seed).normal(0, 0.045, 32)
        model.series[BATCH_LOSS] = partial(np.asarray, losses)
        course = loss_course(model, FACES)
        assert course is not None
        moved += course.moved
    assert moved <= 6  # One in 44 by two standard errors.


def test_several_seeds_are_judged_each_by_itself() -> None:
    model = trained(LEARNED, seeds=(1, 2, 3))
    found = face_verdict(model, FACES)
    assert found is not None
    assert found.kind == "learned"
    assert "in all 3 seeds" in found.figure
    assert found.evidence["seeds_so_judged"] == 3

    diverged = trained(DIVERGED, seeds=(1, 2, 3))
    mixed = [*diverged.members[:1], *model.members[1:]]  # type: ignore[attr-defined]
    model.members = mixed  # type: ignore[attr-defined]
    found = face_verdict(model, FACES)
    assert found is not None
    assert found.kind == "learned"
    assert "in 2 of 3 seeds (1 diverged)" in found.reason

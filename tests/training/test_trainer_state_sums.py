"""The sums of an epoch: the same bits however the epoch is cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from iml_tui.training.epoch_sums import EpochSums
from iml_tui.training.progress import EpochReport, Pace
from tests.training.interrupted import Told, same, steady

STEPS, MEMBERS, LAYERS = 97, 3, 4


def made_up() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    # Of many sizes: a float64 adds up so few float32 of one size without rounding.
    losses = torch.rand((STEPS, MEMBERS), generator=generator) ** 9
    correct = torch.randint(0, 32, (STEPS, MEMBERS), generator=generator)
    norms = torch.rand((STEPS, MEMBERS, LAYERS), generator=generator, dtype=torch.float64) ** 9
    norms[5, 1, 2] = 0
    return losses, correct, norms


def summed(cuts: list[int]) -> EpochSums:
    losses, correct, norms = (tensor.numpy() for tensor in made_up())
    sums = EpochSums(MEMBERS, LAYERS)
    for start, end in zip([0, *cuts], [*cuts, STEPS], strict=True):
        sums.add(losses[start:end], correct[start:end], np.full(end - start, 32), norms[start:end])
    return sums


@pytest.mark.parametrize("cuts", [[1], [50], [8, 40, 41, 96], list(range(1, STEPS))], ids=len)
def test_sums_do_not_depend_on_how_an_epoch_is_cut(cuts: list[int]) -> None:
    whole, cut = summed([]), summed(cuts)
    assert same(whole.state(), cut.state())
    assert whole.zeros is not None
    assert whole.zeros.sum() == 1


def test_sums_are_those_of_the_steps() -> None:
    losses, correct, norms = (tensor.numpy().astype(np.float64) for tensor in made_up())
    outcome = summed([10]).outcome(complete=True)
    np.testing.assert_allclose(outcome.train_loss, losses.mean(0), rtol=1e-13)
    np.testing.assert_allclose(outcome.train_accuracy, correct.mean(0) / 32, rtol=1e-13)
    assert outcome.gradient_norms is not None
    np.testing.assert_allclose(outcome.gradient_norms, norms.mean(0), rtol=1e-13)
    assert (outcome.steps, outcome.samples) == (STEPS, STEPS * 32)


def test_a_report_that_goes_on_tells_the_accuracies_of_the_whole_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "learn", steady)
    losses, correct, _ = made_up()

    def report(sums: EpochSums, pace: int, start: int, end: int) -> Told:
        told = Told()
        reporting = EpochReport(sums, told, Pace(pace), running_accuracies=True)
        for step in range(start, end):
            reporting.add(losses[step], correct[step], None, 32, last=step == end - 1)
        return told

    whole = report(EpochSums(MEMBERS), 10, 0, STEPS)
    first = EpochSums(MEMBERS)
    before = report(first, 7, 0, 31)
    after = report(EpochSums.restored(first.state()), 4, 31, STEPS)
    assert after.steps[0] == 35
    assert same([*before.losses, *after.losses], whole.losses)
    assert same([*before.others, *after.others], whole.others)


def test_no_steps_have_no_figures() -> None:
    outcome = EpochSums(2, 1).outcome(complete=False)
    assert np.isnan(outcome.train_loss).all()
    assert outcome.gradient_norms is not None
    assert np.isnan(outcome.gradient_norms).all()

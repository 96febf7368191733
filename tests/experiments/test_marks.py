"""Marks of changes and forks on the x axes of charts."""

from __future__ import annotations

from iml_tui.experiments.charts import Chart, curves
from iml_tui.experiments.marks import Mark, marks_of
from iml_tui.experiments.results import Change, ForkPoint, Results, TrialResult
from iml_tui.experiments.trials import MLPTrial
from tests.recorded import DATA

STEPS = 100


def result(index: int = 0, seed: int = 1, model: str = "") -> TrialResult:
    trial = MLPTrial(
        name=f"trial {index}",
        label=f"t{index}",
        model=model,
        seed=seed,
        epochs=10,
        hidden_layers=1,
        hidden_width=4,
        batch_norm=False,
        learning_rate=0.1,
        batch_size=16,
    )
    return TrialResult(index, trial)


def change(epoch: int, step: int, new: float = 0.05, field: str = "learning_rate") -> Change:
    return Change(epoch, step, STEPS, field, 0.1, new, 0.0)


def test_a_change_stands_between_the_epochs() -> None:
    model = result()
    model.changes.append(change(3, 50))
    assert marks_of(model, "epoch") == (Mark(2.5, "lr 0.05"),)
    assert marks_of(model, "batch") == (Mark(250.0, "lr 0.05"),)


def test_what_changed_before_the_first_figure_stands_at_it() -> None:
    model = result()
    model.changes.append(change(1, 20))
    assert marks_of(model, "epoch") == (Mark(1.0, "lr 0.05"),)
    assert marks_of(model, "batch") == (Mark(20.0, "lr 0.05"),)


def test_changes_of_one_moment_are_one_mark() -> None:
    model = result()
    model.changes += [change(3, 50), change(3, 50, 5.0, "clip_norm"), change(4, 0, 0.01)]
    assert marks_of(model, "epoch") == (Mark(2.5, "lr 0.05, clip 5"), Mark(3.0, "lr 0.01"))


def test_a_fork_tells_what_differs() -> None:
    model = result()
    model.fork = ForkPoint("20251009-085320-epochs", "trial", 5, 0, STEPS, (("learning_rate", 0.1, 0.01),))
    assert marks_of(model, "epoch") == (Mark(5.0, "fork, lr 0.01"),)
    model.fork = ForkPoint("20251009-085320-epochs", "trial", 5, 25, STEPS)
    assert marks_of(model, "batch") == (Mark(525.0, "fork"),)


def test_seeds_that_share_a_change_have_one_mark() -> None:
    seeds = [result(0, 1, "m"), result(1, 2, "m")]
    for trial in seeds:
        trial.changes.append(change(3, 50))
    seeds[1].changes.append(change(6, 0, 0.01))
    [model] = Results("epochs", DATA, seeds).models
    assert marks_of(model, "epoch") == (Mark(2.5, "lr 0.05"), Mark(5.0, "lr 0.01"))


def test_curves_over_epochs_and_batches_have_the_marks_of_their_model() -> None:
    first, second = result(0), result(1)
    first.changes.append(change(3, 50))
    results = Results("epochs", DATA, [first, second])
    of_epochs = curves(Chart("a", "a", ("train_loss", "validation_loss")), results)
    assert [len(curve.marks) for curve in of_epochs] == [1, 1, 0, 0]
    of_batches = curves(Chart("b", "b", ("batch_loss",), x="batch"), results)
    assert [curve.marks for curve in of_batches] == [(Mark(250.0, "lr 0.05"),), ()]
    by_layer = curves(Chart("c", "c", ("gradient_norms",), x="layer"), results)
    assert not any(curve.marks for curve in by_layer)

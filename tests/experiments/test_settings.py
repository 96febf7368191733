"""Hyperparameters as typed, and the trials they make."""

from __future__ import annotations

import pytest

from iml_tui.errors import UsageError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.hyperparameters import (
    MAX_TRIALS,
    FieldError,
    MLPHyperparameters,
    fields,
    format_exact,
    format_setting,
    parse,
    parse_or_raise,
)
from iml_tui.experiments.registry import EXPERIMENTS, find
from iml_tui.experiments.trials import MLPTrial

DEFAULTS = {
    "learning-rate": [(rate, 256, 50, False) for rate in (1.0, 0.01, 0.001, 0.00001)],
    "epochs": [(0.001, 256, 100, False)],
    "batch-norm": [(0.001, 256, 50, False), (0.001, 256, 50, True)],
    "batch-size": [(0.001, size, count, False) for size, count in ((1, 1), (16, 10), (128, 50), (1024, 50))],
}


def trials(slug: str, **texts: str) -> list[MLPTrial]:
    experiment = find(slug)
    return experiment.trials(parse_or_raise(experiment.hyperparameters, texts))


def refusal(slug: str, **texts: str) -> FieldError:
    hyperparameters, errors = parse(find(slug).hyperparameters, texts)
    assert hyperparameters is None
    assert len(errors) == 1
    return errors[0]


@pytest.mark.parametrize(("slug", "expected"), DEFAULTS.items())
def test_default_trials(slug: str, expected: list[tuple[float, int, int, bool]]) -> None:
    made = trials(slug)
    assert [(t.learning_rate, t.batch_size, t.epochs, t.batch_norm) for t in made] == expected
    assert {(t.hidden_layers, t.hidden_width, t.seed) for t in made} == {(6, 16, 42)}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.slug)
def test_defaults_read_back_as_typed(experiment: Experiment) -> None:
    texts = {spec.name: format_setting(spec.default) for spec in fields(experiment.hyperparameters)}
    assert parse_or_raise(experiment.hyperparameters, texts) == experiment.hyperparameters()


@pytest.mark.parametrize(
    "experiment", [e for e in EXPERIMENTS if issubclass(e.hyperparameters, MLPHyperparameters)], ids=lambda e: e.slug
)
def test_shared_settings_reach_every_trial(experiment: Experiment) -> None:
    texts = {"hidden_layers": "3", "hidden_width": "7", "seeds": "5"}
    made = experiment.trials(parse_or_raise(experiment.hyperparameters, texts))
    networks = [trial for trial in made if isinstance(trial, MLPTrial)]
    shapes = {(t.hidden_layers, t.hidden_width) for t in networks}
    # Beside its own network the last one trains those of other experiments, whose shapes are theirs.
    assert shapes == {(3, 7)} or (experiment.slug == "best-mlp" and (3, 7) in shapes)
    assert {trial.seed for trial in made} == {5}
    for names in ([t.name for t in made], [t.label for t in made]):
        assert len(set(names)) == len(made)


def test_learning_rates_too_close_for_six_digits_keep_their_own_names() -> None:
    made = trials("learning-rate", learning_rates="0.001, 0.00100000001")
    assert [t.name for t in made] == ["learning rate 0.001", "learning rate 0.00100000001"]


@pytest.mark.parametrize("value", [1.0, 0.01, 1e-5, 1 / 3, 0.00100000001, 16])
def test_format_exact_reads_back(value: float) -> None:
    assert float(format_exact(value)) == value


@pytest.mark.parametrize(
    ("slug", "texts", "words"),
    [
        ("learning-rate", {"learning_rates": "0.1,0.01,0.1"}, "names the learning rate 0.1 twice"),
        ("learning-rate", {"learning_rates": ""}, "at least one learning rate"),
        ("learning-rate", {"learning_rates": ",".join(str(i) for i in range(1, 20))}, f"at most {MAX_TRIALS} trials"),
        ("learning-rate", {"learning_rates": "0,0.1"}, "greater than 0"),
        ("learning-rate", {"learning_rates": "0.1;0.2"}, "separated by commas"),
        ("learning-rate", {"batch_norm": "yes", "batch_size": "1"}, "variance of one sample is 0"),
        ("epochs", {"epochs": "0"}, "at least 1"),
        ("epochs", {"epochs": "2.5"}, "whole number"),
        ("epochs", {"learning_rate": "nan"}, "must be a number"),
        ("epochs", {"batch_norm": "yes", "batch_size": "1"}, "variance of one sample is 0"),
        ("epochs", {"batch_norm": "maybe"}, "yes or no"),
        ("batch-norm", {"batch_size": "1"}, "variance of one sample is 0"),
        ("batch-norm", {"batch_norm": "no"}, "unknown hyperparameter"),
        ("batch-size", {"batch_sizes": "8,8", "epochs": "1"}, "names the batch size 8 twice"),
        ("batch-size", {"epochs": "1,2"}, "epochs has 2 numbers for 4 batch sizes"),
        ("batch-size", {"epochs": ""}, "one number for every batch size, or one number for all"),
        ("batch-size", {"batch_sizes": "16"}, "epochs has 4 numbers for 1 batch size:"),
        ("batch-size", {"batch_norm": "yes"}, "variance of one sample is 0"),
    ],
)
def test_refusals_say_why_in_one_sentence(slug: str, texts: dict[str, str], words: str) -> None:
    error = refusal(slug, **texts)
    assert words in error.message
    assert "\n" not in str(error)
    assert "Value error" not in str(error)


def test_a_refused_key_is_named_with_its_value() -> None:
    with pytest.raises(UsageError, match=r"learning_rates = '-1': must be"):
        trials("learning-rate", learning_rates="-1")


def test_one_number_of_epochs_serves_every_batch_size() -> None:
    assert [t.epochs for t in trials("batch-size", batch_sizes="2,4,8", epochs="7")] == [7, 7, 7]


def test_batch_norm_is_allowed_with_batches_of_two() -> None:
    assert all(t.batch_norm for t in trials("batch-size", batch_sizes="2,4", epochs="1", batch_norm="yes"))

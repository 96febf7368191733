"""The paired t-test against SciPy's, and what cannot be tested."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from iml_tui.experiments.registry import find
from iml_tui.experiments.significance import compare, holm, paired_t_test, two_sided_p
from tests.experiments.factory import healthy, results

FIRST = [0.9412, 0.9380, 0.9431, 0.9399, 0.9405]
SECOND = [0.9391, 0.9385, 0.9402, 0.9370, 0.9377]


def test_it_is_scipys_on_fixed_figures() -> None:
    expected = stats.ttest_rel(FIRST, SECOND)
    found = paired_t_test(FIRST, SECOND)
    assert (found.pairs, found.degrees_of_freedom) == (5, expected.df)
    assert found.t == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-12)
    assert found.difference == pytest.approx(np.mean(np.subtract(FIRST, SECOND)))
    assert found.deviation == pytest.approx(np.std(np.subtract(FIRST, SECOND), ddof=1))


@pytest.mark.parametrize("count", range(2, 21))
def test_it_is_scipys_for_every_number_of_seeds(count: int) -> None:
    generator = np.random.default_rng(count)
    for shift in (0.0, 0.3, 5.0):
        first = generator.normal(0.9, 0.01, count)
        second = first + generator.normal(0.01 * shift, 0.01, count)
        expected = stats.ttest_rel(first, second)
        found = paired_t_test(first.tolist(), second.tolist())
        assert found.t == pytest.approx(expected.statistic, rel=1e-9)
        assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-14)


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 19])
@pytest.mark.parametrize("t", [-50.0, -2.0, 0.0, 1e-9, 0.7, 12.0, 1e9])
def test_the_tail_is_that_of_students_distribution(t: float, freedom: int) -> None:
    assert two_sided_p(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-9, abs=1e-14)


def test_swapping_the_models_turns_the_sign_alone() -> None:
    one, other = paired_t_test(FIRST, SECOND), paired_t_test(SECOND, FIRST)
    assert (other.t, other.difference, other.p) == (-one.t, -one.difference, one.p)


@pytest.mark.parametrize(
    ("first", "second", "pairs", "difference"),
    [
        ([], [], 0, math.nan),
        ([0.9], [0.8], 1, 0.1),
        ([0.9, math.nan], [0.8, 0.7], 2, math.nan),
        ([0.9, math.inf], [0.8, 0.7], 2, math.inf),
        ([0.9, 0.8, 0.7], [0.8, 0.7, 0.6], 3, 0.1),
        ([0.9, 0.8], [0.9, 0.8], 2, 0.0),
    ],
    ids=["no seed", "one seed", "not a number", "infinite", "the same difference", "no difference"],
)
def test_what_cannot_be_tested_has_no_p(first: list[float], second: list[float], pairs: int, difference: float) -> None:
    found = paired_t_test(first, second)
    assert found.pairs == pairs
    assert found.difference == pytest.approx(difference, nan_ok=True)
    assert math.isnan(found.t)
    assert math.isnan(found.p)


def test_every_figure_needs_its_partner() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_t_test([1.0, 2.0], [1.0])


def test_holms_correction_is_that_of_his_paper() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_what_was_not_tested_is_no_comparison() -> None:
    corrected = holm({"a": 0.02, "b": math.nan})
    assert corrected["a"] == 0.02
    assert math.isnan(corrected["b"])


def test_models_are_paired_by_their_seeds() -> None:
    found = results(
        find("batch-norm"),
        [healthy(5, 0.25), healthy(5, 0.3), healthy(5, 0.2), healthy(5, 0.21)],
        epochs=5,
        seeds=(1, 2),
    )
    one, other = found.models
    accuracies = [trial.last("validation_accuracy") for trial in found.trials]
    assert compare(one, other, "validation_accuracy") == paired_t_test(accuracies[:2], accuracies[2:])
    # Of the second model only the other seed is there: one pair is left.
    assert compare(one, found.trials[3], "validation_accuracy").pairs == 1

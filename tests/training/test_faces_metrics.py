"""The figures of two classes, against scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from iml_tui.training.faces.metrics import cross_entropy, decide, measure, probabilities, roc_auc


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_area_is_that_of_scikit_learn_with_and_without_ties(decimals: int) -> None:
    generator = np.random.default_rng(decimals)
    labels = generator.integers(0, 2, 200)
    scores = np.round(generator.normal(labels * 0.7, 1.0), decimals).astype(np.float32)
    assert len(np.unique(scores)) == 200 or decimals < 6
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_area_of_sure_reversed_and_constant_scores() -> None:
    labels = np.array([0, 0, 1, 1])
    assert roc_auc(labels, np.array([1.0, 2.0, 3.0, 4.0])) == 1
    assert roc_auc(labels, np.array([4.0, 3.0, 2.0, 1.0])) == 0
    assert roc_auc(labels, np.array([-math.inf, 3.0, 3.0, math.inf])) == 0.875
    assert roc_auc(labels, np.zeros(4)) == 0.5


def test_there_is_no_area_with_one_class_or_without_numbers() -> None:
    assert math.isnan(roc_auc(np.array([1, 1]), np.array([0.1, 0.2])))
    assert math.isnan(roc_auc(np.array([0, 0]), np.array([0.1, 0.2])))
    assert math.isnan(roc_auc(np.array([], np.int64), np.array([])))
    assert math.isnan(roc_auc(np.array([0, 1]), np.array([0.1, math.nan])))


def test_cross_entropy_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    labels, logits = generator.integers(0, 2, 100), generator.normal(0, 3, 100)
    expected = log_loss(labels, probabilities(logits).astype(np.float64))
    assert cross_entropy(labels, logits) == pytest.approx(expected, rel=1e-6)


def test_cross_entropy_of_large_logits_is_exact() -> None:
    assert cross_entropy(np.array([0, 1]), np.array([4e3, -2e3], np.float32)) == 3e3
    assert cross_entropy(np.array([1, 0]), np.array([4e3, -2e3], np.float32)) == 0
    assert math.isnan(cross_entropy(np.array([1, 0]), np.array([math.nan, 1.0])))
    assert math.isnan(cross_entropy(np.array([], np.int64), np.array([])))


def test_probabilities_decide_as_logits_do() -> None:
    tiny = np.float32(1e-30)
    logits = np.array([-90.0, -tiny, -0.0, 0.0, tiny, 1e-9, 90.0, math.nan, math.inf, -math.inf], np.float32)
    assert decide(logits).tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 1, 0]
    assert (probabilities(logits) > 0.5).tolist() == decide(logits).tolist()
    assert probabilities(np.array([math.log(3)])) == pytest.approx([0.75])
    assert probabilities(np.array([math.inf, -math.inf])).tolist() == [1, 0]


def test_all_figures_of_a_split() -> None:
    labels, logits = np.array([0, 0, 0, 1, 1]), np.array([-1.0, 2.0, -3.0, 4.0, -5.0])
    test = measure("test", labels, logits)
    assert test.accuracy.tolist() == [0.6]
    assert test.loss == pytest.approx([cross_entropy(labels, logits)])
    assert test.others == {
        "test_auc": [0.5],
        "test_confusion_00": [2],
        "test_confusion_01": [1],
        "test_confusion_10": [1],
        "test_confusion_11": [1],
    }
    assert list(measure("validation", labels, logits).others) == ["validation_auc"]

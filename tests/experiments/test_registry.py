from __future__ import annotations

import subprocess
import sys

import pytest

from iml_tui.errors import UsageError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.charts import METRIC_TITLES, HeatMap
from iml_tui.experiments.hyperparameters import fields
from iml_tui.experiments.registry import EXPERIMENTS, find


def test_section_6_1_is_complete_and_in_order() -> None:
    assert [(e.id, e.slug) for e in EXPERIMENTS[:4]] == [
        ("6.1.2.1", "learning-rate"),
        ("6.1.2.2", "epochs"),
        ("6.1.2.3", "batch-norm"),
        ("6.1.2.4", "batch-size"),
    ]


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.slug)
def test_descriptions_are_whole(experiment: Experiment) -> None:
    assert experiment.question.endswith("?")
    assert experiment.section.startswith(experiment.id[:3].rstrip("+"))  # "7+" stands beside "7".
    ids = [chart.id for chart in experiment.charts]
    assert len(set(ids)) == len(ids) > 0
    for chart in experiment.charts:
        assert chart.title
        if isinstance(chart, HeatMap):
            continue
        assert chart.y_label
        assert all(metric in METRIC_TITLES or metric.startswith("gradient_norm") for metric in chart.metrics)
        assert (chart.x == "batch") == (chart.metrics in (("batch_loss",), ("running_accuracy",)))
    for spec in fields(experiment.hyperparameters):
        assert spec.title[0].isupper(), spec.name
        assert spec.help.endswith("."), spec.name
        assert spec.allowed.startswith("must be"), spec.name


def test_ids_and_slugs_are_unique() -> None:
    names = [name for e in EXPERIMENTS for name in (e.id, *e.other_ids, e.slug)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["batch-norm", "6.1.2.3", "BATCH_NORM", " batch-norm "])
def test_find_by_slug_or_id(name: str) -> None:
    assert find(name).slug == "batch-norm"


def test_an_experiment_of_several_ids_is_found_by_each() -> None:
    assert {find(f"6.2.1.{number}").slug for number in (1, 2, 3, 4)} == {"depth-width"}


def test_unknown_name_is_told_what_there_is_and_what_is_close() -> None:
    with pytest.raises(UsageError) as caught:
        find("lerning-rate")
    message = str(caught.value)
    assert "'lerning-rate'" in message
    assert "did you mean learning-rate?" in message
    assert all(experiment.slug in message and experiment.id in message for experiment in EXPERIMENTS)


def test_nothing_close_gets_no_suggestion() -> None:
    with pytest.raises(UsageError, match="no experiment is called 'qqq'; there are"):
        find("qqq")


def test_experiments_import_neither_torch_nor_textual() -> None:
    code = "import sys, iml_tui.experiments.registry; print(sorted({'torch', 'textual'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

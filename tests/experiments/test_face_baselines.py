"""Section 7: its settings, its models, its charts, and what is known of it at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from iml_tui.experiments.charts import Chart, curves
from iml_tui.experiments.face_baselines import FaceBaselinesExperiment, FaceBaselinesHyperparameters
from iml_tui.experiments.face_reference import TRAINED, report_extremes, report_figures, report_mean
from iml_tui.experiments.hyperparameters import fields, parse
from iml_tui.experiments.registry import find
from iml_tui.experiments.results import Results
from iml_tui.experiments.trials import FaceTrial
from iml_tui.runs.figures import write_figures
from iml_tui.ui.plotting import render
from tests.experiments.faces_factory import OFFLINE, USUAL, Fate, face_results

EXPERIMENT = FaceBaselinesExperiment()


def models(**hyperparameters: object) -> list[FaceTrial]:
    return EXPERIMENT.models(FaceBaselinesHyperparameters.model_validate(hyperparameters))


def without(*starts: str) -> Mapping[str, Fate]:
    return {name: fate for name, fate in USUAL.items() if not name.startswith(starts)}


def drawn(results: Results, chart_id: str) -> Chart:
    (chart,) = (chart for chart in EXPERIMENT.charts_for(results) if chart.id == chart_id)
    assert isinstance(chart, Chart)
    return chart


def labels(results: Results, chart_id: str) -> list[str]:
    return [curve.label for curve in curves(drawn(results, chart_id), results)]


def test_the_report_s_seventeen_models_are_the_default() -> None:
    made = models()
    assert len(made) == 17
    assert {name: [model.kind for model in made].count(name) for name in TRAINED} == dict.fromkeys(TRAINED, 5)
    for attribute in ("name", "label"):
        assert len({getattr(model, attribute) for model in made}) == 17
    assert {"XGBoost", "scratch 0.001", "probe 1e-05", "sklearn probe", "fine-tune 0.0001"} <= {m.label for m in made}
    assert all(model.epochs == 1 and model.batch_size == 32 and model.seed == 42 for model in made)
    assert all(report_figures(model) is not None for model in made if model.is_trained)


def test_the_report_s_means_and_extremes_follow_from_its_figures() -> None:
    means = {kind: round(report_mean(kind), 4) for kind in TRAINED}
    assert means == {"from-scratch": 0.5535, "linear-probing": 0.614, "fine-tuning": 0.6165}
    assert report_extremes() == (("fine-tuning at 0.0001", 0.7550), ("fine-tuning at 0.1", 0.4975))


def test_it_is_found_by_the_numbers_of_the_course() -> None:
    assert {find(name).slug for name in ("7", "7.1", "7.6.2", "face-baselines")} == {"face-baselines"}


def test_only_what_is_trained_has_epochs_and_augmentations() -> None:
    made = models(epochs=3, horizontal_flip=True, shift=4, learning_rates=(0.01,))
    assert [(m.epochs, m.horizontal_flip, m.shift) for m in made if m.is_trained] == [(3, True, 4)] * 3
    assert [(m.epochs, m.horizontal_flip, m.shift) for m in made if not m.is_trained] == [(1, False, 0)] * 2


def test_seeds_repeat_only_what_is_random() -> None:
    trials = EXPERIMENT.trials(FaceBaselinesHyperparameters(seeds=(1, 2, 3), learning_rates=(0.1, 0.01)))
    assert len(trials) == 2 + 3 * 2 * 3
    assert [trial.name for trial in trials].count("XGBoost") == 1
    assert len({trial.name for trial in trials}) == len(trials)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("learning_rates", "", "needs at least one learning rate"),
        ("learning_rates", "0.1,0.1", "names the learning rate 0.1 twice"),
        ("batch_size", "1", "batch norm needs a batch size of at least 2"),
        ("image_size", "15", "must be 0, or at least 16 pixels"),
        ("image_size", "513", "must be 0, or a whole number at least 16 and at most 512"),
        ("shift", "33", "at most 32"),
        ("difficulty", "1.5", "at most 1"),
        ("weights", "/nowhere/weights.pth", "/nowhere/weights.pth"),
        ("weights", " ", "must be auto, imagenet or offline"),
    ],
)
def test_a_refused_setting_says_what_is_allowed(key: str, text: str, words: str) -> None:
    hyperparameters, (error,) = parse(FaceBaselinesHyperparameters, {key: text})
    assert hyperparameters is None
    assert error.name == key
    assert words in error.message


def test_a_shift_as_wide_as_the_picture_is_refused() -> None:
    _, (error,) = parse(FaceBaselinesHyperparameters, {"image_size": "16", "shift": "16"})
    assert "out of sight" in error.message
    assert parse(FaceBaselinesHyperparameters, {"image_size": "0", "shift": "32"})[1] == []


def test_every_setting_is_in_the_form_seeds_last() -> None:
    names = [field.name for field in fields(FaceBaselinesHyperparameters)]
    assert names == [
        "learning_rates",
        "epochs",
        "batch_size",
        "image_size",
        "horizontal_flip",
        "shift",
        "weights",
        "difficulty",
        "seeds",
    ]


def test_the_chart_in_front_shows_what_is_in_training() -> None:
    assert labels(face_results({}), "latest-loss") == [f"scratch {rate}" for rate in (0.1, 0.01, 0.001, 0.0001, 1e-05)]
    probing = face_results(without("fine-tuning", "linear probing at 1e-05"))
    assert labels(probing, "latest-loss")[0] == "probe 0.1"
    # Fine-tuning has begun, and nothing of it is measured yet.
    probing.trials[12].state = "running"
    assert labels(probing, "latest-loss")[0] == "fine-tune 0.1"
    assert drawn(probing, "latest-loss").title.endswith(": fine-tuning")
    assert labels(face_results(), "latest-loss")[0] == "fine-tune 0.1"


def test_each_baseline_has_its_own_charts_of_batches() -> None:
    results = face_results()
    for kind, first in zip(TRAINED, ("scratch 0.1", "probe 0.1", "fine-tune 0.1"), strict=True):
        for chart_id in (f"loss-{kind}", f"running-accuracy-{kind}"):
            assert labels(results, chart_id)[0] == first
            assert all(len(curve.y) == 32 for curve in curves(drawn(results, chart_id), results))


def test_charts_of_accuracy_name_the_weights() -> None:
    assert drawn(face_results(weights=OFFLINE), "test-accuracy").title.endswith("pretrained: offline source task")
    assert drawn(face_results(weights=None), "test-accuracy").title == "Test accuracy"


@pytest.mark.parametrize("fates", [USUAL, without("fine-tuning"), {}], ids=["done", "stopped", "empty"])
@pytest.mark.parametrize("seeds", [(42,), (1, 2)])
def test_everything_can_be_asked_for_at_any_moment(fates: Mapping[str, Fate], seeds: tuple[int, ...]) -> None:
    results = face_results(fates, seeds=seeds)
    tables, findings = EXPERIMENT.tables(results), EXPERIMENT.findings(results)
    assert len(tables) == 9
    assert bool(findings) == bool(fates) == bool(EXPERIMENT.summary(results))
    assert all(finding.evidence and finding.text.endswith(".") for finding in findings)


def test_the_summary_does_not_choose_by_the_test_split() -> None:
    assert EXPERIMENT.summary(face_results()) == "test accuracy 0.815, best on validation: sklearn probe"


@pytest.mark.parametrize("seeds", [(42,), (1, 2)])
def test_accuracy_against_learning_rate_is_drawn_on_the_screen(seeds: tuple[int, ...]) -> None:
    results = face_results(seeds=seeds)
    chart = drawn(results, "test-accuracy")
    drawing = render(curves(chart, results), 80, 20, title=chart.title, log_x=chart.log_x, at_points=True)
    text = "\n".join("".join(segment.text for segment in line) for line in drawing.lines)
    for shown in ("1e-05", "0.0001", "0.001", "0.01", "0.1", "XGBoost", "sklearn probing", "fine-tuning"):
        assert shown in text


def test_the_smallest_learning_rates_have_ticks_of_their_own() -> None:
    fates = {f"from scratch at {rate}": Fate() for rate in ("1e-08", "1e-07", "1e-06")}
    results = face_results(fates, learning_rates=(1e-08, 1e-07, 1e-06))
    chart = drawn(results, "test-accuracy")
    drawing = render(curves(chart, results), 80, 20, log_x=True, at_points=True)
    assert drawing.plain().split("\n")[-1].split() == ["1e-08", "1e-07", "1e-06"]


def test_accuracy_against_learning_rate_is_drawn_as_a_figure(tmp_path: Path) -> None:
    results = face_results()
    (path,) = write_figures(tmp_path / "figures", [drawn(results, "test-accuracy")], results)
    svg = "{http://www.w3.org/2000/svg}"
    figure = ElementTree.fromstring(path.read_bytes())
    texts = ["".join(text.itertext()) for text in figure.iter(f"{svg}text")]
    assert {"10−5", "10−1", "learning rate", "from scratch", "XGBoost"} <= set(texts)
    assert not any("no data" in text or "not finite" in text for text in texts)
    group = figure.find(f"{svg}g")
    assert group is not None
    heights = [[point.split()[1] for point in path.attrib["d"].replace("M", "L").split("L")[1:]] for path in group]
    assert [len(points) for points in heights] == [2, 5, 5, 2, 5]
    assert heights[0][0] == heights[0][1]  # XGBoost, which has no learning rate, is level.

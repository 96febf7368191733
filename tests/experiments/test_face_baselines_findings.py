"""The findings of section 7, on made-up results whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from iml_tui.experiments.base import Finding
from iml_tui.experiments.face_findings import face_findings
from iml_tui.experiments.results import Results, WeightsSummary
from tests.experiments.faces_factory import FACES, IMAGENET, OFFLINE, USUAL, Fate, face_results

FILE = WeightsSummary("file", "resnet18.pth", "ab" * 32)


def titled(results: Results, start: str) -> Finding:
    (found,) = (finding for finding in face_findings(results) if finding.title.startswith(start))
    return found


def without(*starts: str) -> Mapping[str, Fate]:
    return {name: fate for name, fate in USUAL.items() if not name.startswith(starts)}


def test_offline_weights_come_first_and_are_never_imagenet_s() -> None:
    first, *_ = face_findings(face_results(weights=OFFLINE))
    assert first.title == "These weights are not ImageNet's"
    assert OFFLINE.caveat in first.text
    assert "0.8250" in first.text
    assert first.evidence["sha256"] == OFFLINE.sha256


@pytest.mark.parametrize(("weights", "told"), [(IMAGENET, False), (FILE, True), (None, False)])
def test_of_other_weights_only_a_file_is_told(weights: WeightsSummary | None, told: bool) -> None:
    findings = face_findings(face_results(weights=weights))
    assert any(finding.title == "Weights from a file" for finding in findings) == told
    assert not any("not ImageNet's" in finding.title for finding in findings)


def test_the_caveat_waits_for_a_pretrained_result() -> None:
    findings = face_findings(face_results(without("linear", "sklearn", "fine"), weights=OFFLINE))
    assert findings
    assert not any("ImageNet" in finding.title for finding in findings)


def test_best_and_worst_with_the_choice_by_validation() -> None:
    found = titled(face_results(), "Best and worst")
    assert found.title == "Best and worst: fine-tune 0.0001, fine-tune 0.01"
    assert "as the report does, which flatters it; by validation accuracy it is sklearn probing" in found.text
    assert found.evidence["test_accuracy_of_best_by_validation"] == 0.815
    agreed = titled(face_results({**USUAL, "XGBoost": Fate(validation=0.9, test=0.9)}), "Best and worst")
    assert "Validation accuracy chooses the same best model" in agreed.text


def test_a_run_that_is_not_over_says_so_far() -> None:
    found = face_findings(face_results(without("fine-tuning at 0.0001")))
    assert found[0].title == "Best and worst so far: sklearn probe, fine-tune 0.01"
    # What diverged gets no further, and nothing is to be waited for.
    assert "so far" not in titled(face_results(), "Best and worst").title


def test_one_model_has_nothing_to_be_compared_with() -> None:
    (only,) = face_findings(face_results({"XGBoost": USUAL["XGBoost"]}))
    assert only.title == "First figure: XGBoost"
    assert "0.6900, with a standard error of 0.0231" in only.text


def test_models_within_noise_of_the_best_are_listed() -> None:
    found = titled(face_results(), "Not to be told from the best")
    assert "0.0190" in found.text
    assert found.text.endswith("are 2 of the 16 other models: sklearn probe, probe 0.01.")
    alone = titled(face_results({**USUAL, "XGBoost": Fate(test=0.99)}), "Not to be told from the best")
    assert "is none of the 16 other models." in alone.text
    many = titled(face_results(data=replace(FACES, rows={**FACES.rows, "test": 40_000})), "Not to be told")
    assert many.evidence["within"] == 0


def test_means_are_ranked_beside_the_report_s() -> None:
    found = titled(face_results(), "Best baseline on average")
    assert found.title == "Best baseline on average: fine-tuning"
    assert "is fine-tuning 0.6530, linear probing 0.6515 and from scratch 0.5445" in found.text
    assert "no more than chance may make" in found.text
    assert "the same order" in found.text
    other = titled(face_results({**USUAL, "from scratch at 0.01": Fate(test=0.99)}, seeds=(1, 2)), "Best baseline")
    assert "another order" not in titled(face_results(epochs=2), "Best baseline").text
    assert float(other.evidence["mean from scratch"] or 0) == pytest.approx(
        (0.5 + 0.99 + 0.575 + 0.62 + 0.5175) / 5 + 0.005
    )


def test_pretraining_is_compared_by_models_that_validation_chose() -> None:
    found = titled(face_results(weights=OFFLINE), "Pretraining")
    assert found.title == "Pretraining beats training from scratch"
    assert (found.evidence["pretrained"], found.evidence["from_scratch"]) == (
        "sklearn probing",
        "from scratch at 0.0001",
    )
    assert "offline source task" in found.text
    assert "6.3 standard errors" in found.text
    close = titled(face_results({**USUAL, "from scratch at 0.1": Fate(validation=0.9, test=0.80)}), "Pretraining")
    assert close.title == "Pretraining cannot be told from training from scratch"
    behind = titled(face_results({**USUAL, "from scratch at 0.1": Fate(validation=0.9, test=0.95)}), "Pretraining")
    assert behind.title == "Pretraining is behind training from scratch"


def test_every_learning_rate_of_every_trained_baseline_has_a_finding() -> None:
    kinds = [f.evidence["verdict"] for f in face_findings(face_results()) if "verdict" in f.evidence]
    assert len(kinds) == 15
    assert len(set(kinds)) == 7
    found = titled(face_results(), "Fine-tuning at 0.1:")
    assert found.title == "Fine-tuning at 0.1: predicts one class"
    assert found.text.startswith("Fine-tuning at learning rate 0.1 predicts one class: it takes 100.0%")


def test_several_seeds_are_tested_against_the_noise_between_them() -> None:
    results = face_results(seeds=(1, 2, 3))
    (second,) = (m for m in results.models if m.name == "linear probing at 0.01")
    for trial, accuracy in zip(second.members, (0.82, 0.78, 0.80), strict=True):  # type: ignore[attr-defined]
        trial.epochs[0] = replace(trial.epochs[0], metrics={**trial.epochs[0].metrics, "test_accuracy": accuracy})
    tested = titled(results, "Highest test accuracy at the end over seeds")
    assert tested.text.startswith("Of the networks trained with 3 seeds: Fine-tuning at 0.0001 has the highest")
    assert "Paired over 3 seeds the difference is 0.0350 ± 0.0265" in tested.text
    assert not any("over seeds" in finding.title for finding in face_findings(face_results()))

"""The findings on the five baselines: best and worst, which lead exceeds chance, and what each learning rate did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from iml_tui.experiments.base import Finding
from iml_tui.experiments.best_mlp_tables import CLEAR_LEAD, error_of_difference, standard_error
from iml_tui.experiments.face_reference import (
    BASELINE_TITLES,
    TRAINED,
    face_trial,
    models_of,
    report_mean,
)
from iml_tui.experiments.face_reporting import all_done, mean_over_rates, reports_rates, weights_name
from iml_tui.experiments.face_verdicts import face_verdict
from iml_tui.experiments.reporting import best_finding, capital, final, over_how_many, shown, so_far
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import count_seeds
from iml_tui.experiments.tables import Value
from iml_tui.experiments.trials import Baseline
from iml_tui.text import printable


def face_findings(results: Results) -> list[Finding]:
    """What the weights do not show, best and worst, the means, pretrained against scratch, and every learning rate."""
    return [
        *_weights(results),
        *_best_and_worst(results),
        *_within_noise(results),
        *_means(results),
        *_pretraining(results),
        *_over_seeds(results),
        *_verdicts(results),
    ]


def _weights(results: Results) -> list[Finding]:
    """That figures from other weights than ImageNet's are not to be taken for those; of ImageNet's nothing."""
    weights = results.weights
    trained = [m for m in results.models if face_trial(m).is_pretrained and math.isfinite(m.last("test_accuracy"))]
    if weights is None or weights.kind == "imagenet" or not trained:
        return []
    best = max(trained, key=lambda model: model.last("test_accuracy"))
    caveat = printable(weights.caveat)
    name = printable(weights.name)
    whose = ", not from ImageNet's as the report's do" if weights.kind == "offline" else ""
    text = (
        f"The pretrained baselines start from other weights ({name}){whose}; the best of them reached a test "
        f"accuracy of {shown(final(best, 'test_accuracy'))}{over_how_many(best)}.{f' {caveat}' if caveat else ''}"
    )
    evidence: dict[str, Value] = {
        "weights": name,
        "kind": weights.kind,
        "sha256": weights.sha256,
        "test_accuracy": final(best, "test_accuracy"),
    }
    title = "These weights are not ImageNet's" if weights.kind == "offline" else "Weights from a file"
    return [Finding(title, text if text.endswith(".") else f"{text}.", evidence)]


def _best_and_worst(results: Results) -> list[Finding]:
    """The models of highest and lowest test accuracy, and the one that the validation split would choose."""
    ranked = results.ranking("test_accuracy")
    if len(ranked) < 2:
        return [_only_one(results, results.models[position]) for position in ranked]
    best, worst = results.models[ranked[0]], results.models[ranked[-1]]
    figures = {model.name: final(model, "test_accuracy") for model in (best, worst)}
    text = (
        f"{capital(best.name)} has the highest test accuracy{_when(results)}, {shown(figures[best.name])}, and "
        f"{worst.name} the lowest, {shown(figures[worst.name])}{over_how_many(best)}."
    )
    evidence: dict[str, Value] = {
        "best": best.name,
        "test_accuracy": figures[best.name],
        "standard_error": _error(results, best),
        "worst": worst.name,
        "worst_test_accuracy": figures[worst.name],
    }
    if by_validation := results.ranking():
        chosen = results.models[by_validation[0]]
        text += _chosen_fairly(best, chosen)
        evidence |= {
            "best_by_validation": chosen.name,
            "validation_accuracy": final(chosen, "validation_accuracy"),
            "test_accuracy_of_best_by_validation": final(chosen, "test_accuracy"),
        }
    return [Finding(f"Best and worst{_when(results)}: {best.label}, {worst.label}", text, evidence)]


def _only_one(results: Results, model: TrialResult) -> Finding:
    """The only model that has a figure yet."""
    accuracy, error = final(model, "test_accuracy"), _error(results, model)
    text = (
        f"{capital(model.name)} is the only model with a figure so far: a test accuracy of {shown(accuracy)}, with a "
        f"standard error of {error:.4f}{over_how_many(model)}."
    )
    evidence: dict[str, Value] = {"model": model.name, "test_accuracy": accuracy, "standard_error": error}
    return Finding(f"First figure: {model.label}", text, evidence)


def _chosen_fairly(best: TrialResult, chosen: TrialResult) -> str:
    """The sentence on the model that validation accuracy would choose."""
    reached = f"a validation accuracy of {shown(final(chosen, 'validation_accuracy'))}"
    if chosen is best:
        return f" Validation accuracy chooses the same best model, at {reached}."
    return (
        f" The best was chosen by the test split, as the report does, which flatters it; by validation accuracy it is "
        f"{chosen.name}, at {reached} and a test accuracy of {shown(final(chosen, 'test_accuracy'))}."
    )


def _within_noise(results: Results) -> list[Finding]:
    """Which models' test accuracies cannot be told from the best one's by so many test pictures."""
    models = [results.models[position] for position in results.ranking("test_accuracy")]
    if len(models) < 2:
        return []
    best, *others = models
    rows = results.data.rows.get("test", 0)
    behind = {model.label: best.last("test_accuracy") - model.last("test_accuracy") for model in others}
    near = [model.label for model in others if behind[model.label] <= CLEAR_LEAD * _apart(results, best, model)]
    count = f"{len(near)} of the {len(others)} other models" if near else f"none of the {len(others)} other models"
    listed = f": {', '.join(near)}" if near else ""
    text = (
        f"On {rows:,} test pictures the accuracy of {best.name} has a standard error of {_error(results, best):.4f}. "
        f"Within {CLEAR_LEAD:g} standard errors of the difference from it {'is' if len(near) < 2 else 'are'} "
        f"{count}{listed}."
    )
    evidence: dict[str, Value] = {
        "test_pictures": rows,
        "standard_error": _error(results, best),
        "within": len(near),
        **{f"behind {label}": lead for label, lead in behind.items()},
    }
    return [Finding("Not to be told from the best", text, evidence)]


def _means(results: Results) -> list[Finding]:
    """The means of the trained baselines over their learning rates, and whether their order is the report's."""
    trained = [kind for kind in TRAINED if any(model.epochs for model in models_of(results, kind))]
    found = {kind: mean_over_rates(models_of(results, kind), "test_accuracy") for kind in trained}
    means = {kind: value for kind, value in found.items() if isinstance(value, int | float) and math.isfinite(value)}
    if len(means) < 2:
        return []
    ranked = sorted(means, key=lambda kind: -means[kind])
    done = all(all_done(models_of(results, kind)) for kind in TRAINED)
    listed = [f"{BASELINE_TITLES[kind]} {shown(means[kind])}" for kind in ranked]
    first, second = ranked[:2]
    lead = means[first] - means[second]
    # Its errors on the same pictures are not independent: that of one accuracy of this size is the most it can be.
    error = error_of_difference(means[first], means[second], results.data.rows.get("test", 0))
    chance = "more than chance would make" if lead >= CLEAR_LEAD * error else "no more than chance may make"
    text = (
        f"The mean test accuracy over learning rates{'' if done else ' so far'} is {', '.join(listed[:-1])} and "
        f"{listed[-1]}. The first is ahead by {lead:.4f}, with a standard error of at most {error:.4f}: {chance}."
    )
    evidence: dict[str, Value] = {
        **{f"mean {BASELINE_TITLES[kind]}": value for kind, value in means.items()},
        "difference": lead,
        "standard_error": error,
    }
    if done and all(reports_rates(results, kind) for kind in TRAINED):
        reports = sorted(TRAINED, key=lambda kind: -report_mean(kind))
        same = "the same order" if reports == ranked else "another order"
        text += f" In the report it is {_report_means(reports)}, {same}."
    when = "" if done else " so far"
    return [Finding(f"Best baseline on average{when}: {BASELINE_TITLES[first]}", text, evidence)]


def _report_means(kinds: Sequence[Baseline]) -> str:
    listed = [f"{BASELINE_TITLES[kind]} {report_mean(kind):.4f}" for kind in kinds]
    return f"{', '.join(listed[:-1])} and {listed[-1]}"


def _pretraining(results: Results) -> list[Finding]:
    """Whether the best pretrained model beats the best from scratch by more than chance makes; both by validation."""
    ranked = [results.models[position] for position in results.ranking()]
    pretrained = next((model for model in ranked if face_trial(model).is_pretrained), None)
    scratch = next((model for model in ranked if face_trial(model).kind == "from-scratch"), None)
    if pretrained is None or scratch is None:
        return []
    ours, theirs = pretrained.last("test_accuracy"), scratch.last("test_accuracy")
    lead, error = ours - theirs, _apart(results, pretrained, scratch)
    if not math.isfinite(lead):
        return []
    clear = abs(lead) >= CLEAR_LEAD * error
    of = "" if not error > 0 else f", {abs(lead) / error:.1f} standard errors of {error:.4f}"
    chance = "more than chance would make" if clear else "no more than chance may make"
    text = (
        f"Chosen by validation accuracy{_when(results)}, {pretrained.name} ({weights_name(results)}) gets "
        f"{shown(final(pretrained, 'test_accuracy'))} of the test pictures right and {scratch.name} "
        f"{shown(final(scratch, 'test_accuracy'))}: a difference of {abs(lead):.4f}{of}, {chance}."
    )
    word = "cannot be told from" if not clear else "beats" if lead > 0 else "is behind"
    evidence: dict[str, Value] = {
        "pretrained": pretrained.name,
        "weights": weights_name(results),
        "test_accuracy": final(pretrained, "test_accuracy"),
        "from_scratch": scratch.name,
        "test_accuracy_from_scratch": final(scratch, "test_accuracy"),
        "difference": lead,
        "standard_error": error,
    }
    return [Finding(f"Pretraining {word} training from scratch", text, evidence)]


def _over_seeds(results: Results) -> list[Finding]:
    """Whether the lead of the best network exceeds the noise between seeds; nothing where seeds were not varied."""
    seeds = count_seeds(results.trials)
    if seeds < 2:
        return []
    networks = replace(results, trials=[trial for trial in results.trials if face_trial(trial).is_trained])
    return [
        Finding(
            f"{found.title} over seeds", f"Of the networks trained with {seeds} seeds: {found.text}", found.evidence
        )
        for found in best_finding(networks, "test_accuracy")
    ]


def _verdicts(results: Results) -> list[Finding]:
    """What happened at every learning rate of every trained baseline."""
    found = []
    for model in (model for kind in TRAINED for model in models_of(results, kind)):
        judged = face_verdict(model, results.data)
        if judged is None:
            continue
        text = f"{capital(_at_rate(model))} {judged.phrase}{so_far(model)}: {judged.reason}."
        evidence = {"verdict": judged.kind, **judged.evidence}
        found.append(Finding(f"{capital(model.name)}: {judged.kind}", text, evidence))
    return found


def _at_rate(model: TrialResult) -> str:
    """The name of a model, which ends in its learning rate, within a sentence."""
    return model.name.replace(" at ", " at learning rate ", 1)


def _when(results: Results) -> str:
    return "" if all_done(results.models) else " so far"


def _error(results: Results, model: TrialResult) -> float:
    """The standard error of a model's test accuracy."""
    return standard_error(model.last("test_accuracy"), results.data.rows.get("test", 0))


def _apart(results: Results, first: TrialResult, second: TrialResult) -> float:
    """The standard error of the difference of two models' test accuracies."""
    rows = results.data.rows.get("test", 0)
    return error_of_difference(first.last("test_accuracy"), second.last("test_accuracy"), rows)

"""What the experiments on gradients find: verdicts, how fast gradients decay, clipping, and what was learned."""

from __future__ import annotations

import math

from iml_tui.experiments.base import Finding
from iml_tui.experiments.gradient_tables import recorded
from iml_tui.experiments.gradient_verdicts import NetworkVerdict, network_verdict, ranges
from iml_tui.experiments.reporting import capital, final, over_how_many, shown, so_far
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.tables import Value

_PHRASES = {"vanishing": "vanish", "exploding": "explode", "healthy": "are healthy"}


def network_findings(results: Results) -> list[Finding]:
    """The verdict on every network, with how many layers have it and how many have no gradient at all."""
    found = []
    for model in results.models:
        judged = network_verdict(model, results.data)
        if judged is None:
            continue
        evidence: dict[str, Value] = {
            "network": model.name,
            "verdict": judged.kind,
            "epochs_judged": judged.window,
            **{kind: len(judged.of_kind(kind)) for kind in ("vanishing", "exploding", "healthy")},
            "always_zero": sum(layer.norm == 0 for layer in judged.layers),
            "seeds": judged.seeds,
            "seeds_so_judged": judged.agreeing,
        }
        text = f"The gradients of {model.name} {_PHRASES[judged.kind]}{so_far(model)}: {_why(judged)}"
        found.append(Finding(f"{capital(model.name)}: {judged.kind}", text, evidence))
    return found


def _why(judged: NetworkVerdict) -> str:
    total, window = len(judged.layers), judged.window
    span = f"over the last {window} epochs" if window > 1 else "in the last epoch"
    norms = [layer.norm for layer in judged.layers[:-1]]
    if judged.kind == "healthy":
        sentence = f"{span} the squared norms of the hidden layers lay between {min(norms):.2g} and {max(norms):.2g}"
        vanished = judged.of_kind("vanishing")
        if vanished:
            sentence += f"; only {ranges(vanished)} vanished"
    else:
        layers = judged.of_kind(judged.kind)
        verb = "vanished" if judged.kind == "vanishing" else "exploded"
        sentence = f"{span} those of {len(layers)} of {total} layers {verb} ({ranges(layers)})"
        zero = sum(layer.norm == 0 for layer in judged.layers)
        if zero:
            which = "all" if zero == len(layers) else f"{zero}"
            which += " of them" if judged.kind == "vanishing" else " others"
            sentence += f"; in {which} the gradient was exactly 0 at every step, by dead ReLUs or underflow"
    if judged.seeds > 1:
        sentence += f"; so it was with {judged.agreeing} of {judged.seeds} seeds"
    return f"{sentence}."


def decay_finding(model: TrialResult) -> list[Finding]:
    """By what factor the squared norm fell from each hidden layer to the one before it, in the first epoch.

    From the last hidden layer to the one nearest the input that still had a gradient: the geometric mean.
    """
    if not recorded(model):
        return []
    norms = list(model.epochs[0].gradient_norms[:-1])
    last = len(norms) - 1
    alive = [layer for layer, norm in enumerate(norms) if 0 < norm < math.inf]
    if last not in alive or alive[0] == last:
        return []
    first = alive[0]
    factor = (norms[last] / norms[first]) ** (1 / (last - first))
    verb, factor = ("fell", factor) if factor >= 1 else ("grew", 1 / factor)
    where = "the layer at the input" if first == 0 else f"layer {first}, the first with a gradient above 0"
    text = (
        f"{capital(model.name)}: in the first epoch the squared norm {verb} by a factor of {factor:.3g} from each "
        f"layer to the one before it, from {norms[last]:.2g} in layer {last} to {norms[first]:.2g} in {where}."
    )
    evidence: dict[str, Value] = {
        "network": model.name,
        "factor_per_layer": factor if verb == "fell" else 1 / factor,
        f"layer {last}": norms[last],
        f"layer {first}": norms[first],
    }
    return [Finding(f"{capital(model.name)}: from layer to layer", text, evidence)]


def clipping_finding(model: TrialResult) -> list[Finding]:
    """How the norm of the whole gradient lay to the threshold of clipping, at the start and at the end."""
    limit = model.mlp.clip_norm
    if not limit or not recorded(model):
        return []
    first, last = (math.sqrt(math.fsum(model.epochs[i].gradient_norms)) for i in (0, -1))
    if not (math.isfinite(first) and math.isfinite(last)):
        return []
    text = (
        f"{capital(model.name)}: the norm of all weights' gradient was {first:.3g} in the first epoch and {last:.3g} "
        f"in epoch {len(model.epochs)} (root mean square over the steps, before clipping); it is clipped at {limit:g}, "
        f"which {_clipped(first, last, limit)}."
    )
    evidence: dict[str, Value] = {"network": model.name, "clip_norm": limit, "first_epoch": first, "last_epoch": last}
    return [Finding("Clipping", text, evidence)]


def _clipped(first: float, last: float, limit: float) -> str:
    if last > limit:
        return "shortens typical steps to the end"
    return "matters at the start" if first > limit else "shortens only unusual steps"


def accuracy_findings(results: Results) -> list[Finding]:
    """What every network learned, beside always predicting the most frequent class."""
    found = []
    majority = results.data.majority_accuracy.get("validation", math.nan)
    for model in results.models:
        accuracy = model.last("validation_accuracy")
        if not math.isfinite(accuracy):
            continue
        learned = "no better than" if accuracy <= majority + 0.005 else "against"
        text = (
            f"{capital(model.name)} has a validation accuracy of {shown(final(model, 'validation_accuracy'))}"
            f"{so_far(model)}{over_how_many(model)}, {learned} the {majority:.4f} of always predicting the most "
            "frequent class."
        )
        evidence: dict[str, Value] = {
            "network": model.name,
            "validation_accuracy": final(model, "validation_accuracy"),
            "majority_accuracy": majority,
        }
        found.append(Finding(f"{capital(model.name)}: what it learned", text, evidence))
    return found

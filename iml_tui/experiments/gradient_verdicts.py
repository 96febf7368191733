"""Whether the gradients of a deep network vanish, explode or stay healthy, judged by their measured norms alone.

A gradient that is passed back through many layers is a product of as many Jacobians, so its norm shrinks or grows
exponentially with the distance from the output (S. Hochreiter, diploma thesis, TU Munich 1991; Y. Bengio, P. Simard,
P. Frasconi, IEEE Trans. Neural Networks 5, 1994; X. Glorot, Y. Bengio, AISTATS 2010). In narrow ReLU networks it can
also be cut off: where every neuron of a layer is dead, what comes back is exactly 0 (L. Lu, Y. Shin, Y. Su,
G. E. Karniadakis, "Dying ReLU and initialization", 2019). The norms alone do not tell this from underflow.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from iml_tui.experiments.measures import last_third
from iml_tui.experiments.results import DataSummary, TrialResult
from iml_tui.experiments.seeds import seeds_of
from iml_tui.experiments.trials import MLPTrial

# An L2 norm ten times the largest threshold that is customary for clipping the whole gradient: 1 to 10 (R. Pascanu,
# T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, clip at 1 and at 6).
EXPLODING_NORM: Final = 100.0
# A hundredth of the norm at the last hidden layer, the first that the gradient is passed back to: stochastic gradient
# descent changes such a layer a hundred times as slowly. The output layer is no measure, as the norm of its gradient
# grows with that of the activations that it weighs.
VANISHING_RATIO: Final = 0.01
# Adam divides the mean gradient by √v + ε with ε = 1e-8 (D. P. Kingma, J. Ba, ICLR 2015, algorithm 1), which undoes any
# scale but this: where the typical gradient √v of a weight is below ε, its steps are less than half as long.
ADAM_EPSILON: Final = 1e-8
# A layer that has no gradient at all in most of the steps is not trained, however large the gradient of the others.
ZERO_SHARE: Final = 0.5
# Single dead layers do no harm where residual connections lead around them; more than a tenth is no accident.
VANISHED_SHARE: Final = 0.1

Kind = Literal["vanishing", "exploding", "healthy"]
KINDS: Final[tuple[Kind, ...]] = ("vanishing", "exploding", "healthy")


@dataclass(frozen=True)
class LayerVerdict:
    """One layer. All figures but `first` are of the last third of the epochs.

    Attributes:
        layer: its position from the input; the last is the output layer.
        kind: the verdict.
        reason: the figure that says so, a few words.
        first: squared L2 norm of the gradient of its weights, mean over the steps of the first epoch.
        norm: the same over the last third of the epochs.
        ratio: the L2 norm divided by that of the last hidden layer; NaN where that is 0.
        per_weight: root mean square of the gradient of a single weight.
        zero_share: the fraction of steps at which the gradient was exactly 0, by dead ReLUs or underflow.
    """

    layer: int
    kind: Kind
    reason: str
    first: float
    norm: float
    ratio: float
    per_weight: float
    zero_share: float


@dataclass(frozen=True)
class NetworkVerdict:
    """A network: the verdict, on how many epochs at the end it rests, and the verdicts on its layers.

    `agreeing` of `seeds` seeds have this verdict; the layers are those of the first seed that does.
    """

    kind: Kind
    window: int
    layers: Sequence[LayerVerdict]
    agreeing: int = 1
    seeds: int = 1

    def of_kind(self, kind: Kind) -> list[int]:
        """The layers with this verdict, from the input."""
        return [judged.layer for judged in self.layers if judged.kind == kind]


def layer_weights(trial: MLPTrial, classes: int) -> list[int]:
    """The number of weights, biases not counted, of every linear layer from the input, for two coordinates."""
    features = 2 * (trial.fourier_frequencies or len(trial.sine_frequencies) or 1)
    width = trial.hidden_width
    return [features * width, *[width * width] * (trial.hidden_layers - 1), width * classes]


def network_verdict(model: TrialResult, data: DataSummary) -> NetworkVerdict | None:
    """The verdict on a model, each seed judged by itself; None while no gradients are recorded.

    Of several seeds the most frequent verdict counts, the earliest of those as frequent.
    """
    found = [judged for trial in seeds_of(model) if (judged := _judge(trial, data)) is not None]
    if not found:
        return None
    kind, agreeing = Counter(judged.kind for judged in found).most_common(1)[0]
    first = next(judged for judged in found if judged.kind == kind)
    return NetworkVerdict(kind, first.window, first.layers, agreeing, len(found))


def _judge(trial: TrialResult, data: DataSummary) -> NetworkVerdict | None:
    """One seed: exploding where a layer explodes, vanishing where more than a tenth of the layers vanish."""
    epochs = [epoch for epoch in trial.epochs if len(epoch.gradient_norms)]
    if not epochs:
        return None
    weights = layer_weights(trial.mlp, data.classes)
    steps = trial.trial.batches_per_epoch(data.rows.get("train", 0))
    window = epochs[-last_third(len(epochs)) :]
    norms = [_mean([epoch.gradient_norms[layer] for epoch in window]) for layer in range(len(weights))]
    zeros = [
        sum(epoch.zero_gradients[layer] for epoch in window if len(epoch.zero_gradients)) / (steps * len(window) or 1)
        for layer in range(len(weights))
    ]
    layers = [
        layer_verdict(layer, epochs[0].gradient_norms[layer], norms[layer], norms[-2], count, zeros[layer])
        for layer, count in enumerate(weights)
    ]
    kinds = Counter(judged.kind for judged in layers)
    kind: Kind = "healthy"
    if kinds["exploding"]:
        kind = "exploding"
    elif kinds["vanishing"] > VANISHED_SHARE * len(layers):
        kind = "vanishing"
    return NetworkVerdict(kind, len(window), layers)


def layer_verdict(
    layer: int, first: float, norm: float, last_hidden: float, weights: int, zero_share: float
) -> LayerVerdict:
    """Judge one layer.

    Args:
        layer: its position from the input.
        first, norm: squared L2 norm of its weights' gradient in the first epoch, and at the end of the training.
        last_hidden: the same of the last hidden layer, at the end of the training.
        weights: how many weights it has.
        zero_share: the fraction of steps, at the end of the training, at which its gradient was exactly 0.
    """
    ratio = math.sqrt(norm / last_hidden) if 0 < last_hidden < math.inf and norm >= 0 else math.nan
    per_weight = math.sqrt(norm / weights) if norm >= 0 else math.nan
    kind: Kind = "vanishing"
    if not math.isfinite(norm):
        kind, reason = "exploding", "not finite"
    elif math.sqrt(norm) > EXPLODING_NORM:
        kind, reason = "exploding", f"norm {math.sqrt(norm):.3g}"
    elif norm == 0:
        reason = "exactly 0 at every step"
    elif zero_share > ZERO_SHARE:
        reason = f"exactly 0 at {zero_share:.0%} of the steps"
    elif per_weight < ADAM_EPSILON:
        reason = f"{per_weight:.1e} per weight, below Adam's ε"
    elif ratio < VANISHING_RATIO:
        reason = f"norm {ratio:.1e} of the last hidden layer's"
    else:
        kind, reason = "healthy", f"norm {math.sqrt(norm):.2g}"
    return LayerVerdict(layer, kind, reason, first, norm, ratio, per_weight, zero_share)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else math.nan


def ranges(layers: Sequence[int]) -> str:
    """Layers in words: "layer 3", "layers 0 to 94 and 97"."""
    spans: list[list[int]] = []
    for layer in layers:
        if spans and layer == spans[-1][1] + 1:
            spans[-1][1] = layer
        else:
            spans.append([layer, layer])
    texts = [str(a) if a == b else f"{a} to {b}" if b > a + 1 else f"{a}, {b}" for a, b in spans]
    listed = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"layer{'s' if len(layers) > 1 else ''} {listed}"

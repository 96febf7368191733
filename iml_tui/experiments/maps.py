"""Which decision maps of a run to look at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iml_tui.experiments.seeds import first_seed

if TYPE_CHECKING:
    from iml_tui.experiments.results import Results


@dataclass(frozen=True)
class MapChoice:
    """The decision map of one trial: its position in `Results.trials`, and why it was chosen ("best")."""

    trial: int
    why: str = ""


def best_and_worst(results: Results) -> Sequence[MapChoice]:
    """The models whose last epochs have the highest and the lowest validation accuracy; one where there is but one.

    Of several seeds the first is shown. Before the first epoch the first two models are chosen.
    """
    models = results.models
    ranked = [models[position] for position in results.ranking()]
    if len(ranked) < 2:
        return [MapChoice(first_seed(model).index) for model in models[:2]]
    return [MapChoice(first_seed(ranked[0]).index, "best"), MapChoice(first_seed(ranked[-1]).index, "worst")]

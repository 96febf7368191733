"""What every experiment is: an id, a question, hyperparameters, trials, charts, tables and findings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from iml_tui.experiments.charts import Chart, HeatMap
from iml_tui.experiments.data_kinds import DataKind
from iml_tui.experiments.hyperparameters import Hyperparameters
from iml_tui.experiments.maps import MapChoice, best_and_worst
from iml_tui.experiments.results import Results
from iml_tui.experiments.tables import Table, Value
from iml_tui.experiments.trials import Trial


@dataclass(frozen=True)
class Finding:
    """One sentence on what happened, and the measured figures it rests on."""

    title: str
    text: str
    evidence: Mapping[str, Value] = field(default_factory=dict)


class Experiment(ABC):
    """One experiment of the course. A new one is one new file and one line in `registry.py`.

    Attributes:
        id: number in the course, "6.1.2.1".
        other_ids: numbers in the course that this experiment covers as well.
        slug: name on the command line, "learning-rate".
        title: name on the screen.
        section: group in the list of experiments.
        question: what the experiment answers, one sentence ending in a question mark.
        hyperparameters: the pydantic model of what can be set; form, `--set` and validation come from it.
        data: the kind of data it trains on.
        shows: what can be looked at beside charts and tables: decision maps, or the test pictures.
        charts: declarative charts, the most telling first; `charts_for` fills in what depends on the results.
    """

    id: ClassVar[str]
    other_ids: ClassVar[tuple[str, ...]] = ()
    slug: ClassVar[str]
    title: ClassVar[str]
    section: ClassVar[str]
    question: ClassVar[str]
    hyperparameters: ClassVar[type[Hyperparameters]]
    data: ClassVar[DataKind] = "cities"
    shows: ClassVar[Literal["maps", "pictures", "nothing"]] = "maps"
    charts: ClassVar[tuple[Chart | HeatMap, ...]]

    @abstractmethod
    def models(self, hyperparameters: Hyperparameters) -> Sequence[Trial]:
        """The models to train, with the first seed, in the order of tables and legends.

        Names and labels are unique.
        """

    def trials(self, hyperparameters: Hyperparameters) -> list[Trial]:
        """Every model once for each seed: all seeds of the first model, then of the second."""
        models = self.models(hyperparameters)
        return [trial for model in models for trial in with_seeds(model, hyperparameters.seeds)]

    def charts_for(self, results: Results) -> tuple[Chart | HeatMap, ...]:
        """The charts with their trials chosen by the results; ids, order and panels are those of `charts`."""
        return self.charts

    def maps(self, results: Results) -> Sequence[MapChoice]:
        """The decision maps to look at first, most telling first: those of the best and the worst model."""
        return best_and_worst(results)

    @abstractmethod
    def tables(self, results: Results) -> list[Table]:
        """The tables, as far as the results go; callable at any time, also before the first epoch."""

    @abstractmethod
    def findings(self, results: Results) -> list[Finding]:
        """What happened, from measured quantities only; empty before the first epoch."""

    def summary(self, results: Results) -> str:
        """One short line for lists of runs: the trial whose last epoch has the highest validation accuracy.

        Empty before the first epoch.
        """
        ranked = results.ranking()
        if not ranked:
            return ""
        trial = results.models[ranked[0]]
        accuracy = trial.last("validation_accuracy")
        if len(ranked) == 1:
            return f"validation accuracy {accuracy:.3f} after epoch {len(trial.epochs)}"
        return f"validation accuracy {accuracy:.3f}, best: {trial.label}"  # A short list keeps the figure.


def with_seeds(model: Trial, seeds: Sequence[int]) -> list[Trial]:
    """The model as a trial for each seed; with several, the names tell them apart."""
    if len(seeds) == 1:
        return [model.model_copy(update={"seed": seeds[0]})]
    return [
        model.model_copy(
            update={
                "seed": seed,
                "model": model.name,
                "name": f"{model.name}, seed {seed}",
                "label": f"{model.label} · seed {seed}",
            }
        )
        for seed in seeds
    ]

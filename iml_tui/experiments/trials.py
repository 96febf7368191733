"""A trial: one model trained with one set of hyperparameters and one seed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class MLPTrial(BaseModel):
    """One multilayer perceptron to train. Trials that agree in all but `learning_rate` and `seed` can share a batch.

    `name` is unique within the run ("learning rate 0.01"); `label` is the short form for legends ("lr 0.01").
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: str
    seed: int
    hidden_layers: int
    hidden_width: int
    batch_norm: bool
    learning_rate: float
    batch_size: int
    epochs: int

    @property
    def hyperparameters(self) -> dict[str, int | float | bool]:
        """What a report lists for the trial: everything but its names and its seed."""
        return self.model_dump(exclude={"name", "label", "seed"})

    def batches_per_epoch(self, rows: int) -> int:
        """Optimizer steps ("iterations") in one epoch over `rows` samples; the last, smaller batch counts."""
        return -(-rows // self.batch_size)

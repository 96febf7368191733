"""What the soak trains: every experiment on points, so small that an epoch takes milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """An experiment, and how it is made small; the numbers of epochs are chosen at random."""

    slug: str
    settings: tuple[str, ...]

    def words(self, epochs: int) -> list[str]:
        """The arguments of `iml-lab run`."""
        pairs = (*self.settings, f"epochs={epochs}")
        return [self.slug, *(word for pair in pairs for word in ("--set", pair))]


KINDS: Final = (
    # Networks of one group, one of which diverges; several seeds; groups one after the other; mixed depths.
    Kind("learning-rate", ("learning_rates=0.01,0.001", "batch_size=16", "hidden_layers=2")),
    Kind(
        "learning-rate",
        ("learning_rates=100,0.003", "batch_size=32", "hidden_layers=15", "hidden_width=32", "seeds=1,2"),
    ),
    Kind("batch-size", ("batch_sizes=16,64", "hidden_layers=2")),
    Kind("batch-norm", ("batch_size=32", "hidden_layers=2", "seeds=3,4")),
    Kind("depth-width", ("hidden_layers=1,3", "hidden_widths=8", "batch_size=32")),
    Kind("gradients", ("hidden_layers=5", "layers=0,4", "batch_size=32")),
    Kind("healthy-gradients", ("hidden_layers=6", "hidden_width=8", "layers=0,5", "batch_size=32")),
    Kind("sine-features", ("frequencies=0.5,1", "hidden_layers=2", "batch_size=32")),
    Kind(
        "best-mlp",
        (
            "hidden_layers=2",
            "hidden_width=16",
            "fourier_frequencies=8",
            "batch_size=64",
            "averaging=0.99",
            "others=false",
        ),
    ),
)

SHORT: Final = KINDS[:1]
"""For the short soak: one kind, so that one uninterrupted run is enough to compare with."""

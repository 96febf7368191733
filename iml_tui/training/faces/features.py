"""The features that a frozen network gives to pictures, computed once for all that is trained on them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from iml_tui.data.pictures import OnPreparation
from iml_tui.networks.resnet import FeatureNetwork
from iml_tui.training.data import SplitName
from iml_tui.training.faces.augmentation import Moves
from iml_tui.training.faces.inputs import FeatureInputs, PictureInputs
from iml_tui.training.precision import mixed_precision

EXTRACTING = "extracting features"


class FrozenFeatures:
    """Features of all splits, extracted when they are first asked for.

    Training a last layer on them gives the weights that running the network at every step would give, bit by bit, in
    float32 where the features of a picture do not depend on the others in its batch. In evaluation mode nothing in the
    network mixes pictures; whether a convolution adds up in the same order for every size of batch is up to the
    library. Measured with oneDNN (torch 2.14, AVX2, one and two threads, 32 to 96 pixels): the same bits for batches of
    2 to 300 pictures in any order, others (by 1e-5) for a batch of a single picture. A test compares the weights.

    Args:
        network: frozen.
        pictures: the splits.
        device: where.
        mirrored: whether the mirrored training pictures are wanted, too.
        on_preparation: told how many pictures are done.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        pictures: Mapping[SplitName, PictureInputs],
        device: torch.device,
        mirrored: bool,
        on_preparation: OnPreparation,
    ) -> None:
        assert network.frozen
        self._network, self._pictures, self._device = network.to(device), pictures, device
        self._mirrored, self._on_preparation = mirrored, on_preparation
        self._inputs: Mapping[SplitName, FeatureInputs] | None = None

    def inputs(self) -> Mapping[SplitName, FeatureInputs]:
        """The features as inputs of a last layer; may raise what `on_preparation` raises."""
        if self._inputs is None:
            self._inputs = self._extract()
        return self._inputs

    def _extract(self) -> Mapping[SplitName, FeatureInputs]:
        total = sum(len(pictures.labels) for pictures in self._pictures.values())
        if self._mirrored:
            total += len(self._pictures["train"].labels)
        done = 0
        self._on_preparation(EXTRACTING, done, total)

        def features_of(pictures: PictureInputs, mirror: bool = False) -> Tensor:
            nonlocal done
            found: list[Tensor] = []
            for rows in torch.split(torch.arange(len(pictures.labels)), pictures.at_once):
                found.append(self._features(pictures.batch(rows, _mirroring(len(rows)) if mirror else None)))
                done += len(rows)
                self._on_preparation(EXTRACTING, done, total)
            return torch.cat(found)

        return {
            name: FeatureInputs(
                features_of(pictures),
                features_of(pictures, mirror=True) if self._mirrored and name == "train" else None,
                pictures.labels,
            )
            for name, pictures in self._pictures.items()
        }

    @torch.no_grad()
    def _features(self, batch: Tensor) -> Tensor:
        with mixed_precision(self._device):
            features: Tensor = self._network(batch)
        return features


def _mirroring(count: int) -> Moves:
    nowhere = torch.zeros(count, dtype=torch.int64)
    return Moves(torch.ones(count, dtype=torch.bool), nowhere, nowhere)

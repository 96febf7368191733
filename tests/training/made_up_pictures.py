"""Pictures of two classes that differ in tone, small enough to train on in a test."""

from __future__ import annotations

import numpy as np

from iml_tui.data.pictures import PictureData, PictureSplit
from iml_tui.experiments.trials import Baseline, FaceTrial

SIDE = 32


def split(rows: int, seed: int, side: int = SIDE) -> PictureSplit:
    """Noise, brighter in class 1, whose left half is darker, so that mirrored pictures differ."""
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    pixels = generator.integers(0, 160, (rows, side, side, 3)) + 40 * labels[:, None, None, None]
    pixels[:, :, : side // 2] //= 2
    names = tuple(f"{index:05d}.png" for index in range(rows))
    return PictureSplit(pixels.astype(np.uint8), labels.astype(np.int64), names, ("",) * rows)


def pictures(train: int = 18, validation: int = 7, test: int = 10, side: int = SIDE) -> PictureData:
    return PictureData(
        name="noise in two tones",
        source="made up",
        train=split(train, 1, side),
        validation=split(validation, 2, side),
        test=split(test, 3, side),
        class_names=("dark", "light"),
        sha256="1" * 64,
        embedded=True,
        notes=("the pictures were made up",),
    )


def face_trial(
    kind: Baseline, learning_rate: float | None = None, *, seed: int = 1, epochs: int = 1, batch_size: int = 8,
    horizontal_flip: bool = False, shift: int = 0,
) -> FaceTrial:  # fmt: skip
    if learning_rate is None and kind not in ("xgboost-pixels", "sklearn-probing"):
        learning_rate = 0.001
    return FaceTrial(
        name=f"{kind} {learning_rate}",
        label=f"{learning_rate}",
        seed=seed,
        epochs=epochs,
        kind=kind,
        learning_rate=learning_rate,
        batch_size=batch_size,
        horizontal_flip=horizontal_flip,
        shift=shift,
    )

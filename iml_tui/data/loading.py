"""The one way to a data set, for the command line, the screen and the worker."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iml_tui.data import cache
from iml_tui.data.csv_folder import open_folder, parse_folder
from iml_tui.data.dataset import Dataset
from iml_tui.data.embedded_europe import load_embedded
from iml_tui.errors import LabError, UsageError
from iml_tui.text import printable

if TYPE_CHECKING:
    from iml_tui.data.pictures import OnPreparation, PictureData, PictureTransform
    from iml_tui.experiments.data_kinds import DataKind
    from iml_tui.experiments.results import DataSummary

# The side of the rendered faces, and of the pictures in a folder, where neither the settings nor the weights say more.
FACE_SIZE: Final = 64
FOLDER_SIZE: Final = 224


def load(folder: Path | None, cache_directory: Path) -> Dataset:
    """The data set in a folder of CSV files, or the embedded European cities for None.

    A folder's files are read and hashed every time, but parsed only if the cache does not know their content. Safe to
    call from any thread.

    Raises UsageError, with one sentence that names file, line and column, for anything that is wrong with the folder.
    """
    if folder is None:
        return load_embedded()
    folder = _expanded(folder)
    _refuse_pictures(folder)
    files = open_folder(folder)
    sha256 = files.sha256()
    cached = cache.read(cache_directory, sha256, name=files.name, source=files.source)
    if cached is not None:
        return cached
    dataset = parse_folder(files, sha256)
    cache.write(cache_directory, dataset)
    return dataset


def summarise(kind: DataKind, folder: Path | None, cache_directory: Path, settings: Mapping[str, Any]) -> DataSummary:
    """What an experiment on data of this kind would be trained on; quick, for no picture is decoded or rendered.

    `settings` are the experiment's hyperparameters: of faces, `difficulty` is read where there is no folder; of scenes,
    `pictures`. Safe to call from any thread.

    Raises UsageError, in one sentence, for anything that is wrong with the folder.
    """
    if kind == "cities":
        return load(folder, cache_directory).summary()
    if kind == "scenes":
        if folder is not None:
            raise UsageError("This experiment renders its own pictures and takes no data: leave --data out.")
        from iml_tui.data.scenes.dataset import describe_scenes

        return describe_scenes(settings["pictures"])
    if folder is None:
        from iml_tui.data.faces.dataset import describe_faces

        return describe_faces(settings["difficulty"])
    from iml_tui.data.image_folder import scan_folder

    return scan_folder(_expanded(folder)).summary()


def load_pictures(
    folder: Path | None,
    cache_directory: Path,
    transform: PictureTransform | None,
    settings: Mapping[str, Any],
    on_preparation: OnPreparation,
) -> PictureData:
    """The pictures in a folder of the layout of torchvision's `ImageFolder`, or the rendered faces for None.

    A folder's pictures go through `transform`; for None, the shorter side is scaled to 8/7 of `settings["image_size"]`
    (224 pixels where that is 0 or missing) before the square is cut out, as the transforms of torchvision's ResNet18
    do (256 and 224). The faces have the size of the setting, or 64 pixels. Both come from the cache where it has them;
    otherwise `on_preparation` is told how far the work is. Safe to call from any thread.

    Raises UsageError, in one sentence, for anything that is wrong with the folder; LabError where the cache cannot be
    written.
    """
    size = settings.get("image_size") or 0
    if folder is None:
        from iml_tui.data.faces.dataset import load_faces

        return load_faces(cache_directory, settings["difficulty"], size or FACE_SIZE, on_preparation)
    from iml_tui.data.image_loading import load_image_folder
    from iml_tui.data.pictures import PictureTransform

    chosen = transform or PictureTransform(resize=256, crop=FOLDER_SIZE).scaled(size)
    return load_image_folder(_expanded(folder), cache_directory, chosen, on_preparation)


def refuse_changed(folder: Path | None, recorded: str, found: str) -> None:
    """Refuse data that are not those that a run was asked for, by their SHA-256.

    Raises:
        LabError: they changed.
    """
    if recorded != found:
        where = "of this lab" if folder is None else f"in {printable(str(folder))}"
        raise LabError(f"the data {where} changed after this run was asked for; start it again")


def _expanded(folder: Path) -> Path:
    # A home directory that cannot be found leaves the path as it is, to be reported as missing.
    with contextlib.suppress(RuntimeError):
        return folder.expanduser()
    return folder


def _refuse_pictures(folder: Path) -> None:
    from iml_tui.data.image_folder import looks_like_image_folder
    from iml_tui.data.messages import malformed

    if looks_like_image_folder(folder):
        what = "this is a folder of pictures, where one with train.csv, validation.csv and test.csv is needed"
        raise malformed(folder, what)

"""ImageNet's weights, by torchvision's own loader and in its cache."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError

import torch.hub
from torchvision.models import ResNet18_Weights

from iml_tui.data.pictures import PictureTransform
from iml_tui.errors import LabError
from iml_tui.text import printable
from iml_tui.training.preparation import Preparation
from iml_tui.training.weights_files import WeightsFile, file_sha256, read_weights_file

IMAGENET: Any = ResNet18_Weights.IMAGENET1K_V1

STALLED_SECONDS: Final = 20.0
"""A connection that gives nothing for so long is given up, and so is a download that has not begun by then.

Names are looked up without any time limit of their own, which without internet can take minutes.
"""

LOOK_SECONDS: Final = 0.2
DOWNLOADING: Final = "downloading ImageNet's ResNet18 (MB)"


class UnavailableError(Exception):
    """The weights cannot be had; the text is the reason, as part of a sentence."""


def imagenet_name() -> str:
    """What the weights are called in tables."""
    return f"ImageNet, {IMAGENET.name}"


def imagenet_transform() -> PictureTransform:
    """The size and crop of the transforms that come with the weights."""
    transforms = IMAGENET.transforms()
    return PictureTransform(resize=int(transforms.resize_size[0]), crop=int(transforms.crop_size[0]))


def is_imagenet(sha256: str) -> bool:
    """Whether a file with this SHA-256 is the official one, whose name tells how its hash begins."""
    return sha256.startswith(_hash_prefix())


def cached_file() -> Path:
    """Where torchvision keeps the file."""
    return Path(torch.hub.get_dir()) / "checkpoints" / str(IMAGENET.url).rpartition("/")[2]


def load_imagenet(preparation: Preparation) -> WeightsFile:
    """The weights from torchvision's cache, else from the internet into it.

    A cached file whose hash is wrong is removed and downloaded again.

    Raises:
        UnavailableError: they are not in the cache and cannot be downloaded.
        StoppedError: the run was asked to stop.
    """
    file = cached_file()
    damaged = ""
    if file.exists():
        if is_imagenet(_sha256(file)):
            preparation.note(f"ImageNet's weights come from torchvision's cache ({printable(str(file))}).")
            return _read(file)
        damaged = f"the cached file {printable(str(file))} is damaged (its hash is wrong), and "
        preparation.warn(
            f"The cached weights {printable(str(file))} are damaged (wrong hash) and are downloaded again."
        )
    try:
        file.unlink(missing_ok=True)
        _download(file, preparation)
    except UnavailableError as error:
        raise UnavailableError(f"{damaged}{error}") from error
    except OSError as error:
        raise UnavailableError(f"{damaged}{printable(str(file))} cannot be written: {error.strerror}") from error
    preparation.note(f"ImageNet's weights were downloaded into torchvision's cache ({printable(str(file))}).")
    return _read(file)


def _sha256(file: Path) -> str:
    try:
        return file_sha256(file)
    except OSError as error:
        raise UnavailableError(f"{printable(str(file))} cannot be read: {error.strerror}") from error


def _read(file: Path) -> WeightsFile:
    try:
        return read_weights_file(file)
    except LabError as error:
        raise UnavailableError(str(error)) from error


def _download(file: Path, preparation: Preparation) -> None:
    """Let torchvision download and check the file, telling how much of it has come.

    Its loader can neither tell of its progress but on the terminal nor be asked to stop: it works in a thread that is
    left to itself where nothing comes of it.
    """
    total = max(1, round(float(IMAGENET.meta.get("_file_size", 0))))
    before = set(_partial_files(file))
    failures: list[Exception] = []

    def load() -> None:
        try:
            IMAGENET.get_state_dict(progress=False, check_hash=True, weights_only=True)
        except Exception as error:  # Told in the other thread, whatever it is.
            failures.append(error)

    began = time.monotonic()
    loader = threading.Thread(target=load, daemon=True)
    with _socket_timeout(STALLED_SECONDS):
        loader.start()
        try:
            while loader.is_alive():
                loader.join(LOOK_SECONDS)
                size = _total_size(set(_partial_files(file)) - before)
                preparation(DOWNLOADING, min(round(size / 1e6), total), total)
                if loader.is_alive() and not size and time.monotonic() - began > STALLED_SECONDS:
                    raise UnavailableError(f"{_host()} did not answer within {STALLED_SECONDS:g} s")
        except BaseException:
            for partial in set(_partial_files(file)) - before:
                partial.unlink(missing_ok=True)
            raise
    if failures:
        raise UnavailableError(_why(failures[0])) from failures[0]


def _partial_files(file: Path) -> Iterator[Path]:
    """What downloads of the file have fetched so far, under the names that `torch.hub` gives them."""
    return file.parent.glob(f"{file.name}.*.partial")


def _total_size(files: set[Path]) -> int:
    size = 0
    for path in files:
        with contextlib.suppress(OSError):  # It has just got its final name.
            size += path.stat().st_size
    return size


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    former = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(former)


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"{_host()} gave nothing for {STALLED_SECONDS:g} s"
    if isinstance(error, URLError):
        reason = error.reason.strerror or error.reason if isinstance(error.reason, OSError) else error.reason
        return f"{_host()} cannot be reached ({printable(str(reason))})"
    if "hash" in str(error):
        return f"what {_host()} gave is not the file (its hash is wrong)"
    if isinstance(error, OSError) and error.strerror:
        return f"{printable(str(error.filename or cached_file()))} cannot be written ({error.strerror})"
    return printable(f"{type(error).__name__}: {error}")


def _host() -> str:
    return str(IMAGENET.url).split("/")[2]


def _hash_prefix() -> str:
    found = re.search(r"-([0-9a-f]{8,})\.", str(IMAGENET.url).rpartition("/")[2])
    assert found is not None, "torchvision's files are named so"
    return found[1]

"""Which pretrained weights a run starts from, as a user asks for them: by one of a few words, or by a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from iml_tui.text import printable

WEIGHTS_WORDS = ("auto", "imagenet", "offline")
"""What may be asked for beside a file; a file of such a name is asked for by its path, `./auto`."""

_WORDS = f"{', '.join(WEIGHTS_WORDS[:-1])} or {WEIGHTS_WORDS[-1]}"
_ALLOWED = f"must be {_WORDS}, or the path of a file with weights"


def check_weights(text: str) -> str:
    """One of `WEIGHTS_WORDS`, in lower case, or the absolute path of a file that is there.

    The process that trains has another current directory, and reads no `~`. What the file holds is for it to see.

    Raises:
        ValueError: with one sentence, where the text is no such word and names no file.
    """
    text = text.strip()
    if text.lower() in WEIGHTS_WORDS:
        return text.lower()
    if not text:
        raise ValueError(_ALLOWED)
    path = _absolute(text)
    if any("\ud800" <= sign <= "\udfff" for sign in str(path)):
        raise ValueError("is a path that is not valid UTF-8, which no run can record; rename it")
    try:
        found = path.is_file()
    except OSError as error:  # No right to look into a folder, or a name that is too long.
        raise ValueError(f"{printable(str(path))} cannot be read: {error.strerror}") from error
    if found:
        return str(path)
    if path.exists():
        raise ValueError(f"{printable(str(path))} is not a file; it {_ALLOWED}")
    raise ValueError(f"{_ALLOWED}; there is no {printable(str(path))}")


def _absolute(text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # A user without a home directory: the name is then taken as it is.
        path = Path(text)
    return path.absolute()


PretrainedWeights = Annotated[
    str,
    Field(
        title="Weights",
        json_schema_extra={"allowed": _ALLOWED},
        description="Where the pretrained ResNet18 comes from: imagenet is downloaded once; offline is made once, by "
        "the lab's own source task; auto takes the first of them that can be had.",
    ),
    AfterValidator(check_weights),
]
"""The field of an experiment that starts from pretrained weights; its name must be `weights`, its default a word."""

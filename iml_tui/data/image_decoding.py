"""From one image file to a square of RGB pixels, as torchvision's transforms make it; or a sentence why that fails.

Every failure of a damaged file is an answer here, warnings of Pillow are kept away, and pictures that would unfold to
gigabytes are not begun. (What libtiff thinks of a damaged TIFF goes to the standard error, which is the log of a run.)
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import threading
import warnings
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from iml_tui.data.image_files import DEAD_LINK, wrong_kind
from iml_tui.data.pictures import PictureTransform
from iml_tui.text import printable

# What the extensions promise, and what such files turn out to be; a JPEG may become an MPO, see `_check_single`.
# Others (EPS, which starts Ghostscript) stay closed.
FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "PPM", "TIFF", "GIF")
READABLE: Final = "JPEG, PNG, WebP, BMP, PPM, TIFF or GIF"
SIGNATURES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"GIF8", b"P5", b"P6")
# The size above which Pillow suspects a decompression bomb: a quarter of a GiB in RGB.
MOST_PIXELS: Final = 89_478_485
# Larger pictures are decoded one at a time, so that threads do not fill the memory.
MANY_PIXELS: Final = 2**25
# Transparent parts show it, as a browser's page shows through them.
GROUND: Final = (255, 255, 255, 255)
# 16-bit whole numbers come in mode I as well; the TIFF of that mode has 32 bits, and its white may be anywhere.
SIXTEEN_BIT_FORMATS: Final = ("PNG", "PPM")
LONGEST_REASON: Final = 80

_one_large_picture = threading.Lock()


class UnusablePictureError(Exception):
    """A picture is left out; the message says why, as the rest of a sentence ("it is cut off")."""


class UnreadablePictureError(UnusablePictureError):
    """A file is refused for a reason that may pass while the file stays the same: no permission, no memory."""


class VanishedPictureError(Exception):
    """A file that was listed is no longer there."""


def prepare_pillow() -> None:
    """Load what reads the formats, and keep Pillow's warnings from the terminal, in this process for good.

    To be called once before threads decode. The filter is not taken back: threads would share it (`warnings`), and a
    stopped run leaves some of them at work.
    """
    Image.init()
    warnings.filterwarnings("ignore", module=r"PIL\b")
    warnings.filterwarnings("ignore", module=__name__.replace(".", r"\."))
    # Without a handler of its own, it would print errors by logging's last resort.
    logging.getLogger("PIL").addHandler(logging.NullHandler())


def decode(path: Path, transform: PictureTransform) -> NDArray[np.uint8]:
    """The pixels of a picture, uint8 of shape (crop, crop, 3), RGB.

    It is turned upright as its EXIF data say; 16-bit grey is scaled to 8 bits; transparent parts show a white ground;
    colour profiles are not applied. Scaling and cropping are those of torchvision's `Resize` and `CenterCrop` on a
    Pillow image, pixel by pixel: where the crop is larger than the scaled picture, it is black around it.

    Raises:
        UnusablePictureError: it cannot be decoded, holds several pictures, or is too large; `UnreadablePictureError`
            where that may pass.
        VanishedPictureError: there is no such file.
    """
    try:
        with _opened(path) as file:
            return _decoded(file, transform)
    except FileNotFoundError:
        # A link whose target is gone is still there.
        if path.is_symlink():
            raise UnusablePictureError(DEAD_LINK) from None
        raise VanishedPictureError(str(path)) from None
    except (UnusablePictureError, VanishedPictureError):
        raise
    except Exception as error:
        # A damaged file can fail in a dozen ways (zlib, struct, index, memory); each means: this picture is left out.
        raise _explained(error) from None


def scaled_size(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """Width and height after scaling the shorter side to `shorter` pixels, rounded down as torchvision does."""
    width, height = size
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def _opened(path: Path) -> BinaryIO:
    # A file may have become a pipe since it was listed; without O_NONBLOCK opening one would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnusablePictureError(wrong_kind(status.st_mode))
        if status.st_size == 0:
            raise UnusablePictureError("the file is empty")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _decoded(file: BinaryIO, transform: PictureTransform) -> NDArray[np.uint8]:
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise UnusablePictureError(_what_it_is(file)) from None
    with image:
        _check_size(image.size, transform)
        _check_single(image)
        if image.width * image.height <= MANY_PIXELS:
            return _square(image, transform)
        with _one_large_picture:
            return _square(image, transform)


def _check_size(size: tuple[int, int], transform: PictureTransform) -> None:
    width, height = size
    shape = f"it has {width:,} × {height:,} pixels"
    if width * height == 0:
        raise UnusablePictureError("it has no pixels")
    if width * height > MOST_PIXELS:
        raise UnusablePictureError(f"{shape}, and at most {MOST_PIXELS // 10**6} million are decoded")
    scaled_width, scaled_height = scaled_size(size, transform.resize)
    if scaled_width * scaled_height > MOST_PIXELS:
        what = f"which would be {scaled_width:,} × {scaled_height:,} when the shorter side is scaled"
        raise UnusablePictureError(f"{shape}, {what}")


def _check_single(image: Image.Image) -> None:
    # Phones add previews and depth to a JPEG, which makes it an MPO whose first picture is the photograph.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        kind = "a document of" if image.format == "TIFF" else "an animation of"
        raise UnusablePictureError(f"it is {kind} {frames:,} pictures, and a single one is needed")


def _square(image: Image.Image, transform: PictureTransform) -> NDArray[np.uint8]:
    image.load()
    _turn_upright(image)
    rgb = _rgb(image)
    size = scaled_size(rgb.size, transform.resize)
    if size != rgb.size:
        rgb = rgb.resize(size, Image.Resampling.BILINEAR)
    left, top = (_crop_start(length, transform.crop) for length in size)
    # Pillow fills with black what lies outside.
    rgb = rgb.crop((left, top, left + transform.crop, top + transform.crop))
    return np.asarray(rgb)


def _crop_start(length: int, crop: int) -> int:
    """Where the middle `crop` pixels of `length` begin; negative where there are fewer."""
    return -((crop - length) // 2) if length < crop else round((length - crop) / 2)


def _turn_upright(image: Image.Image) -> None:
    # EXIF data that cannot be read say nothing about the pixels.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnusablePictureError("its pixels are floating-point numbers, which do not say what is white")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    elif image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, GROUND), image.convert("RGBA"))
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits as one of 8; Pillow's own conversion makes everything above 255 white."""
    if image.mode == "I" and image.format not in SIXTEEN_BIT_FORMATS:
        raise UnusablePictureError("its pixels are 32-bit numbers, which do not say what is white")
    # A TIFF may have 12 bits in 16.
    (bits, *_) = getattr(image, "tag_v2", {}).get(258, (16,))
    highest = 2**bits - 1
    values = np.asarray(image).astype(np.float64)
    return Image.fromarray(np.rint(values.clip(0, highest) * (255 / highest)).astype(np.uint8))


def _what_it_is(file: BinaryIO) -> str:
    """Why Pillow did not recognise a file, from its first bytes."""
    file.seek(0)
    head = file.read(512)
    if head.startswith(SIGNATURES):
        return "it is damaged or cut off"
    text = head.decode("utf-8", "ignore")
    # A character may be cut in two at the end.
    if len(text.encode()) > len(head) - 4 and all(sign.isprintable() or sign.isspace() for sign in text):
        return "it is a text file, not a picture"
    return f"it is not a picture in {READABLE}"


def _explained(error: Exception) -> UnusablePictureError:
    if isinstance(error, MemoryError):
        return UnreadablePictureError("the memory does not suffice to decode it")
    if isinstance(error, Image.DecompressionBombError):
        return UnusablePictureError(f"it has far more pixels than the {MOST_PIXELS // 10**6} million that are decoded")
    if isinstance(error, OSError) and error.errno:
        return UnreadablePictureError(f"it cannot be read ({os.strerror(error.errno)})")
    text = printable(" ".join(str(error).split()))
    if "truncated" in text.lower():
        return UnusablePictureError("it is cut off")
    # Of these two Pillow words the message; of others it would be about Python.
    if text and isinstance(error, OSError | SyntaxError):
        return UnusablePictureError(f"it is damaged ({text[:LONGEST_REASON]})")
    return UnusablePictureError("it is damaged")

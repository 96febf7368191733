"""An image folder of odd files: what must be decoded all the same, what must be left out, and what must go unseen."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (50, 40)


@dataclass
class OddFolder:
    """`usable` and `left_out` name files relative to the split's folder, as they are shown, in the split `train`.

    `left_out` maps to the reason that is to be given. Validation and test are small and sound.
    """

    path: Path
    usable: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def train(self) -> Path:
        return self.path / "train"


def picture(seed: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    """A smooth RGB picture of the given width and height."""
    random = np.random.RandomState(seed)
    coarse = Image.fromarray(random.randint(0, 256, (4, 4, 3), dtype=np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def grey16(seed: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    """A 16-bit grey picture that uses the whole range 0…65535."""
    return Image.fromarray(np.asarray(picture(seed, size).convert("L")).astype(np.uint16) * 257)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The content of an image file."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """The content of a PNG with any header. `colour` is 0 for grey, 2 for RGB; `rows` start with a filter byte each."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def plain_image_folder(path: Path, each: int = 3, validation: str = "val") -> Path:
    """A sound folder with `each` JPEG pictures of odd sizes a class and split; the classes are fake and real."""
    for number, split in enumerate(("train", validation, "test")):
        for label, name in enumerate(("fake", "real")):
            folder = path / split / name
            folder.mkdir(parents=True)
            for index in range(each):
                seed = 100 * number + 10 * label + index
                picture(seed, (41 + seed % 13, 37 + seed % 17)).save(folder / f"{index:05}.jpg", quality=90)
    return path


def odd_image_folder(tmp_path: Path) -> OddFolder:
    """Make the folder: about forty odd files below `train`, and as many sound ones."""
    odd = OddFolder(plain_image_folder(tmp_path / "odd pictures", each=8))
    for index, (name, content) in enumerate(_usable().items()):
        _put(odd.train / ("fake", "real")[index % 2] / name, content)
        odd.usable.append(f"{('fake', 'real')[index % 2]}/{name}")
    for index, (name, (content, reason)) in enumerate(_left_out().items()):
        _put(odd.train / ("fake", "real")[index % 2] / name, content)
        odd.left_out[f"{('fake', 'real')[index % 2]}/{name}"] = reason
    _links_and_pipes(odd)
    _odd_names(odd)
    _unseen(odd)
    return odd


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _usable() -> dict[str, bytes]:
    rgb = picture(1)
    turned = Image.Exif()
    turned[0x0112] = 6
    half = rgb.convert("RGBA")
    half.putalpha(Image.linear_gradient("L").resize(SIZE))
    deep = b"".join(b"\0" + bytes(range(0, 240, 10)) for _ in range(4))
    return {
        "grey.jpg": encoded(rgb.convert("L"), "JPEG"),
        "grey16.png": encoded(grey16(), "PNG"),
        "grey16.pgm": encoded(grey16(), "PPM"),
        "grey16.tif": encoded(grey16(), "TIFF"),
        "rgb16.png": png(4, 4, 16, 2, deep),
        "cmyk.jpg": encoded(rgb.convert("CMYK"), "JPEG"),
        "cmyk.tiff": encoded(rgb.convert("CMYK"), "TIFF"),
        "palette.png": encoded(rgb.convert("P"), "PNG"),
        "palette-transparent.png": encoded(rgb.convert("P"), "PNG", transparency=bytes(range(256))),
        "one-colour-transparent.png": encoded(rgb, "PNG", transparency=rgb.getpixel((0, 0))),
        "alpha.png": encoded(half, "PNG"),
        "alpha.webp": encoded(half, "WEBP"),
        "grey-alpha.png": encoded(half.convert("LA"), "PNG"),
        "still.webp": encoded(rgb, "WEBP", lossless=True),
        "bilevel.png": encoded(rgb.convert("1"), "PNG"),
        "turned.jpg": encoded(rgb, "JPEG", exif=turned),
        "progressive.jpg": encoded(rgb, "JPEG", progressive=True),
        "two-in-one.jpg": encoded(rgb, "MPO", save_all=True, append_images=[picture(2)]),
        "UPPER.JPG": encoded(rgb, "JPEG"),
        "really-a-gif.png": encoded(rgb, "GIF"),
        "bitmap.bmp": encoded(rgb, "BMP"),
        "map.ppm": encoded(rgb, "PPM"),
        "one-pixel.png": encoded(picture(3, (1, 1)), "PNG"),
        "wide.png": encoded(picture(4, (600, 9)), "PNG"),
        "bad-exif.jpg": encoded(rgb, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"),
        "more/deeper/nested.jpg": encoded(rgb, "JPEG"),
    }


def _left_out() -> dict[str, tuple[bytes, str]]:
    rgb = picture(5)
    more = {"save_all": True, "append_images": [picture(6), picture(7)]}
    jpeg, whole_png, webp = encoded(rgb, "JPEG"), encoded(rgb, "PNG"), encoded(rgb, "WEBP")
    numbers = np.arange(25).reshape(5, 5)
    animation = "it is an animation of 3 pictures, and a single one is needed"
    no_picture = "it is not a picture in JPEG, PNG, WebP, BMP, PPM, TIFF or GIF"
    return {
        "empty.jpg": (b"", "the file is empty"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "it is cut off"),
        "cut.png": (whole_png[: len(whole_png) // 2], "it is cut off"),
        "cut.webp": (webp[: len(webp) // 2], "it is damaged (could not create decoder object)"),
        "only-the-beginning.png": (whole_png[:30], "it is damaged or cut off"),
        "text.jpg": (b"These are my holiday pictures.\n" * 30, "it is a text file, not a picture"),
        "umlauts.jpg": ("äöü\n".encode() * 200, "it is a text file, not a picture"),
        "page.png": (b"<!DOCTYPE html>\n<title>404</title>", "it is a text file, not a picture"),
        "noise.jpg": (bytes(range(128, 256)) * 8, no_picture),
        "figure.jpg": (encoded(rgb, "EPS"), "it is a text file, not a picture"),
        "moving.webp": (encoded(rgb, "WEBP", **more), animation),
        "moving.png": (encoded(rgb, "PNG", **more), animation),
        "pages.tif": (
            encoded(rgb, "TIFF", **more),
            "it is a document of 3 pictures, and a single one is needed",
        ),
        "floats.tif": (
            encoded(Image.fromarray(numbers.astype(np.float32)), "TIFF"),
            "its pixels are floating-point numbers, which do not say what is white",
        ),
        "numbers.tif": (
            encoded(Image.fromarray(numbers.astype(np.int32)), "TIFF"),
            "its pixels are 32-bit numbers, which do not say what is white",
        ),
        "bomb.png": (
            png(60_000, 60_000, 8, 2, bytes(100)),
            "it has far more pixels than the 89 million that are decoded",
        ),
        # Pillow only warns of this one.
        "large.png": (
            png(10_000, 10_000, 8, 0, bytes(100)),
            "it has 10,000 × 10,000 pixels, and at most 89 million are decoded",
        ),
        "thread.png": (
            png(1, 60_000, 8, 0, bytes(120_000)),
            "it has 1 × 60,000 pixels, which would be 64 × 3,840,000 when the shorter side is scaled",
        ),
        "nothing.ppm": (b"P6 0 5 255\n", "it is damaged or cut off"),
    }


def _links_and_pipes(odd: OddFolder) -> None:
    outside = odd.path / "elsewhere.jpg"
    picture(8).save(outside)
    (odd.train / "real" / "link.jpg").symlink_to(outside)
    odd.usable.append("real/link.jpg")
    dead = "it is a symbolic link that leads nowhere"
    (odd.train / "real" / "dead-link.jpg").symlink_to(odd.path / "gone.jpg")
    (odd.train / "real" / "own-tail.jpg").symlink_to("own-tail.jpg")
    os.mkfifo(odd.train / "fake" / "pipe.png")
    odd.left_out |= {
        "real/dead-link.jpg": dead,
        "real/own-tail.jpg": dead,
        "fake/pipe.png": "it is a pipe, not a regular file",
    }
    (odd.train / "real" / "round").symlink_to(odd.train)


def _odd_names(odd: OddFolder) -> None:
    names: dict[str, Callable[[], bytes]] = {
        "with space ü 顔.jpg": lambda: encoded(picture(9), "JPEG"),
        "escape\x1b[31m\n.jpg": lambda: encoded(picture(10), "JPEG"),
    }
    for name, content in names.items():
        (odd.train / "fake" / name).write_bytes(content())
    descriptor = os.open(os.fsencode(odd.train / "fake") + b"/latin-\xfc.jpg", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, encoded(picture(11), "JPEG"))
    os.close(descriptor)
    odd.usable += ["fake/with space ü 顔.jpg", r"fake/escape\x1b[31m\n.jpg", r"fake/latin-\udcfc.jpg"]


def _unseen(odd: OddFolder) -> None:
    real = odd.train / "real"
    for name in ("notes.txt", ".DS_Store", "Thumbs.db", "._00000.jpg", ".hidden/00000.jpg"):
        _put(real / name, b"not a picture")
    _put(odd.train / ".ipynb_checkpoints" / "00000-checkpoint.jpg", b"not a picture")
    _put(odd.path / "readme.txt", b"not a class")
    _put(odd.path / "backup" / "old.jpg", b"not a split")

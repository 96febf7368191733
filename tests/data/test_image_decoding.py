from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import transforms

from iml_tui.data import image_decoding
from iml_tui.data.image_decoding import (
    UnreadablePictureError,
    UnusablePictureError,
    VanishedPictureError,
    decode,
    prepare_pillow,
)
from iml_tui.data.pictures import PictureTransform
from iml_tui.text import printable
from tests.data.odd_pictures import OddFolder, encoded, grey16, odd_image_folder, picture

SMALL = PictureTransform(resize=64, crop=56)
SIZES = [(50, 40), (40, 51), (33, 97), (301, 64), (64, 64), (1, 1), (7, 200), (57, 56), (500, 499), (64, 129)]
# The third is larger than what is scaled to: torchvision pads with black.
TRANSFORMS = [
    SMALL,
    PictureTransform(64, 63),
    PictureTransform(32, 47),
    PictureTransform(20, 80),
    PictureTransform(9, 4),
]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> OddFolder:
    return odd_image_folder(tmp_path_factory.mktemp("odd"))


def torchvision_pixels(image: Image.Image, transform: PictureTransform) -> np.ndarray:
    steps = transforms.Compose([transforms.Resize(transform.resize), transforms.CenterCrop(transform.crop)])
    return np.asarray(steps(image))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pixels_are_those_of_torchvision(tmp_path: Path, size: tuple[int, int], transform: PictureTransform) -> None:
    noise = np.random.RandomState(0).randint(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    image.save(tmp_path / "face.png")
    pixels = decode(tmp_path / "face.png", transform)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (transform.crop, transform.crop, 3)
    np.testing.assert_array_equal(pixels, torchvision_pixels(image, transform))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "PPM", "TIFF"])
def test_formats(tmp_path: Path, kind: str) -> None:
    (tmp_path / "face.jpg").write_bytes(encoded(picture(), kind))
    with Image.open(tmp_path / "face.jpg") as image:
        expected = torchvision_pixels(image.convert("RGB"), SMALL)
    np.testing.assert_array_equal(decode(tmp_path / "face.jpg", SMALL), expected)


def saved(tmp_path: Path, image: Image.Image, name: str = "face.png", **options: object) -> np.ndarray:
    image.save(tmp_path / name, **options)
    return decode(tmp_path / name, PictureTransform(min(image.size), min(image.size))).astype(int)


@pytest.mark.parametrize("name", ["grey.png", "grey.pgm", "grey.tif"])
def test_sixteen_bits_are_scaled(tmp_path: Path, name: str) -> None:
    deep = grey16(size=(40, 40))
    pixels = saved(tmp_path, deep, name)
    assert (pixels[..., 0] == pixels[..., 2]).all()
    np.testing.assert_array_equal(pixels[..., 1], np.rint(np.asarray(deep) / 257))
    # Clipping would leave black and white.
    assert len(np.unique(pixels)) > 50


def test_sixteen_bits_are_rounded(tmp_path: Path) -> None:
    values = np.array([[0, 128], [129, 65535]], dtype=np.uint16)
    assert saved(tmp_path, Image.fromarray(values))[..., 0].tolist() == [[0, 0], [1, 255]]


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_and_palettes_become_rgb(tmp_path: Path, mode: str) -> None:
    image = picture(size=(40, 40)).convert(mode)
    np.testing.assert_array_equal(saved(tmp_path, image), np.asarray(image.convert("RGB")))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    image = picture(size=(40, 40))
    pixels = saved(tmp_path, image.convert("CMYK"), "face.jpg", quality=100)
    assert abs(pixels - np.asarray(image)).mean() < 3


@pytest.mark.parametrize("name", ["face.png", "face.webp"])
def test_transparent_parts_are_white(tmp_path: Path, name: str) -> None:
    # Hidden below the transparent half is black.
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((200, 100, 0, 255), (4, 0, 8, 8))
    image.putpixel((0, 0), (100, 0, 0, 128))
    pixels = saved(tmp_path, image, name, **({"lossless": True, "exact": True} if name.endswith("webp") else {}))
    assert pixels[3, 1].tolist() == [255, 255, 255]
    assert pixels[3, 6].tolist() == [200, 100, 0]
    assert pixels[0, 0] == pytest.approx(np.array([177, 127, 127]), abs=1)


def test_transparent_colour_of_a_palette_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((2, 2), 0)
    pixels = saved(tmp_path, image, transparency=0)
    assert pixels[2, 2].tolist() == [255, 255, 255]
    assert pixels[5, 5].tolist() == [0, 0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = picture(size=(40, 40))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(saved(tmp_path, stored, exif=exif), np.asarray(upright))


def test_several_photographs_of_a_phone_count_as_the_first(tmp_path: Path) -> None:
    first = picture(size=(40, 40))
    (tmp_path / "face.jpg").write_bytes(encoded(first, "MPO", save_all=True, append_images=[picture(2)], quality=100))
    assert abs(decode(tmp_path / "face.jpg", PictureTransform(40, 40)) - np.asarray(first).astype(int)).mean() < 3


def test_every_usable_odd_file_is_decoded(odd: OddFolder) -> None:
    assert len(odd.usable) + len(odd.left_out) >= 40
    prepare_pillow()
    decoded = set()
    for path in odd.train.rglob("*.*"):
        name = printable(path.relative_to(odd.train).as_posix())
        if name in odd.usable:
            decoded.add(name)
            pixels = decode(path, SMALL)
            assert pixels.shape == (56, 56, 3)
            # Nothing here is of one colour, except the single pixel.
            assert pixels.std() > 5 or "pixel" in name, name
    assert decoded == set(odd.usable)


def test_every_unusable_file_has_its_reason(odd: OddFolder) -> None:
    prepare_pillow()
    reasons = {}
    for name in odd.left_out:
        with pytest.raises(UnusablePictureError) as raised:
            decode(odd.train / name, SMALL)
        reasons[name] = str(raised.value)
    # Listing finds out before opening fails.
    reasons["real/own-tail.jpg"] = odd.left_out["real/own-tail.jpg"]
    assert reasons == odd.left_out


def test_file_that_vanished(tmp_path: Path) -> None:
    with pytest.raises(VanishedPictureError, match=r"gone\.jpg$"):
        decode(tmp_path / "gone.jpg", SMALL)


def test_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(image_decoding.os, "open", refused)
    with pytest.raises(UnreadablePictureError, match=r"^it cannot be read \(Permission denied\)$"):
        decode(tmp_path / "face.jpg", SMALL)


def test_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(UnusablePictureError, match="not a regular file"):
        decode(tmp_path, SMALL)


def outcome(path: Path) -> str:
    try:
        assert decode(path, SMALL).shape == (56, 56, 3)
    except UnusablePictureError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM", "GIF"])
def test_damaged_files_have_a_reason_or_pixels(tmp_path: Path, kind: str) -> None:
    prepare_pillow()
    random = np.random.RandomState(0)
    content = np.frombuffer(encoded(picture(), kind), dtype=np.uint8)
    reasons = set()
    for index in range(40):
        damaged = content.copy()
        damaged[random.randint(0, len(content), 5)] = random.randint(0, 256, 5)
        (tmp_path / "face").write_bytes(damaged[: random.randint(1, len(content)) if index % 2 else None].tobytes())
        reasons.add(outcome(tmp_path / "face"))
    assert len(reasons) > 1
    assert all(reason.isprintable() and len(reason) < 150 for reason in reasons)

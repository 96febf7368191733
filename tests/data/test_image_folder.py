import os
from collections.abc import Callable
from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from iml_tui.data import image_files
from iml_tui.data.image_folder import scan_folder
from iml_tui.data.loading import load, summarise
from iml_tui.errors import UsageError
from tests.data.odd_pictures import odd_image_folder, picture, plain_image_folder

TEXT = ",long,lat,country\n0,13.4,52.5,Germany\n1,2.35,48.85,France\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return plain_image_folder(tmp_path / "faces")


def message(folder: Path) -> str:
    with pytest.raises(UsageError) as raised:
        scan_folder(folder)
    text = str(raised.value)
    assert text.endswith(".")
    assert text.isprintable()
    return text


def move(folder: Path, one: str, other: str) -> None:
    (folder / one).rename(folder / other)


def empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def test_classes_and_files_are_those_of_image_folder(folder: Path) -> None:
    for name in ("b/1.png", "a-b/2.png", "a/3.PNG", "a/deep/0.webp", "9.JPEG", "A.bmp"):
        path = folder / "train" / "real" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "train" / "real" / "notes.txt").touch()
    (folder / "train" / "fake" / "elsewhere").symlink_to(folder / "test" / "fake")
    scan = scan_folder(folder)
    assert list(scan.splits) == ["train", "validation", "test"]
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        theirs = ImageFolder(str(folder / name))
        listing = scan.splits[split]
        assert tuple(theirs.classes) == scan.class_names == ("fake", "real")
        assert [path for path, _ in theirs.samples] == [str(folder / name / file) for file in listing.files]
        assert tuple(theirs.targets.count(label) for label in (0, 1)) == listing.counts
    assert scan.counts["train"] == (6, 9)


def test_extensions_are_those_of_image_folder() -> None:
    assert image_files.EXTENSIONS == IMG_EXTENSIONS


def test_validation_may_be_spelled_out(tmp_path: Path) -> None:
    folder = plain_image_folder(tmp_path / "faces", validation="validation")
    assert scan_folder(folder).splits["validation"].folder == folder / "validation"


def test_summary_has_the_baselines_that_need_no_network(folder: Path) -> None:
    for index in range(3):
        (folder / "train" / "fake" / f"more{index}.png").touch()
    summary = summarise("faces", folder, folder / "cache", {})
    assert (summary.name, summary.classes, summary.embedded) == ("faces", 2, False)
    assert summary.rows == {"train": 9, "validation": 6, "test": 6}
    assert summary.majority_accuracy == {"train": 6 / 9, "validation": 0.5, "test": 0.5}
    # −log(2/3) and −log(1/3), weighted 2 : 1 and 1 : 1.
    assert summary.frequency_loss["train"] == pytest.approx(0.636514, abs=1e-6)
    assert summary.frequency_loss["test"] == pytest.approx(0.752039, abs=1e-6)
    assert summary.sha256 == scan_folder(folder).sha256
    assert not (folder / "cache").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: os.utime(folder / "test/real/00000.jpg", ns=(0, 1)),
        lambda folder: (folder / "test/real/00000.jpg").write_bytes(b"longer than it was" * 1000),
        lambda folder: move(folder, "test/real/00000.jpg", "test/real/0.jpg"),
        lambda folder: move(folder, "test/real/00000.jpg", "val/real/9.jpg"),
        lambda folder: (folder / "test/real/00001.jpg").unlink(),
    ],
    ids=["time", "size", "name", "split", "fewer"],
)
def test_hash_follows_every_change(folder: Path, change: Callable[[Path], None]) -> None:
    before = scan_folder(folder).sha256
    assert before == scan_folder(folder).sha256
    change(folder)
    assert before != scan_folder(folder).sha256


def test_hash_does_not_see_what_is_no_picture(folder: Path) -> None:
    before = scan_folder(folder).sha256
    (folder / "train/real/notes.txt").touch()
    (folder / "train/real/._00000.jpg").touch()
    assert before == scan_folder(folder).sha256


MALFORMED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no train": (
        lambda f: move(f, "train", "training"),
        "faces: there is no folder train in it (it has test, training",
    ),
    "no validation": (
        lambda f: move(f, "val", "dev"),
        "faces: there is no folder val or validation in it (it has dev, test, train).",
    ),
    "both validations": (
        lambda f: (f / "validation").mkdir(),
        "faces: it has both val and validation, and only one of them can be the validation split.",
    ),
    "one class": (
        lambda f: [move(f, f"{split}/real", f"{split}-real") for split in ("train", "val", "test")],
        "faces/train: two folders, one for each class, are needed, and it has 1: fake.",
    ),
    "three classes": (
        lambda f: [(f / split / "drawn").mkdir() for split in ("train", "val", "test")],
        "faces/train: two folders, one for each class, are needed, and it has 3: drawn, fake, real.",
    ),
    "no classes": (
        lambda f: [move(f, f"{s}/{c}", f"{s}-{c}") for s in ("train", "val", "test") for c in ("real", "fake")],
        "faces/train: two folders, one for each class, are needed, and it has none.",
    ),
    "missing class": (
        lambda f: move(f, "val/fake", "fake"),
        "faces/val: it lacks the class folder fake, which other splits have (it has 1: real).",
    ),
    "missing class in train": (
        lambda f: move(f, "train/fake", "fake"),
        "faces/train: it lacks the class folder fake, which other splits have (it has 1: real).",
    ),
    "extra class": (
        lambda f: (f / "test" / "drawn").mkdir(),
        "faces/test: besides the two classes fake, real it has drawn, which other splits do not have.",
    ),
    "other names": (
        lambda f: [move(f, "test/real", "test/REAL"), move(f, "test/fake", "test/FAKE")],
        "faces/test: it lacks the class folders fake, real, which other splits have (it has 2: FAKE, REAL).",
    ),
    "other name": (
        lambda f: move(f, "test/real", "test/REAL"),
        "faces/test: it lacks the class folder real, which other splits have (it has 2: REAL, fake).",
    ),
    "empty class": (
        lambda f: empty(f / "val" / "real"),
        "faces/val/real: the class has no pictures here (files that end in .jpg, .jpeg,",
    ),
    "escape in a name": (
        lambda f: (f / "test" / "\x1b[2J").mkdir(),
        r"faces/test: besides the two classes fake, real it has \x1b[2J, which",
    ),
}


@pytest.mark.parametrize(("change", "expected"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_folder_is_one_sentence(folder: Path, change: Callable[[Path], object], expected: str) -> None:
    change(folder)
    assert expected in message(folder)


def test_missing_folder(tmp_path: Path) -> None:
    assert "nowhere: there is no such folder." in message(tmp_path / "nowhere")
    assert "train" not in message(tmp_path / "nowhere")


def test_file_instead_of_folder(tmp_path: Path) -> None:
    picture().save(tmp_path / "face.jpg")
    assert "face.jpg: this is a file, where the folder with train, val and test is needed." in message(
        tmp_path / "face.jpg"
    )


def test_path_that_the_system_refuses(tmp_path: Path) -> None:
    assert "cannot be read (File name too long)" in message(tmp_path / ("a" * 300))
    assert "cannot be read (embedded null byte)" in message(tmp_path / "a\0b")


@pytest.mark.parametrize("where", ["", "train", "train/real"])
def test_folder_that_may_not_be_read(folder: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.scandir

    def guarded(path: Path) -> object:
        if Path(path) == folder / where:
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(image_files.os, "scandir", guarded)
    assert f"{folder / where}: this cannot be read (Permission denied)." in message(folder)


def test_links_that_multiply_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "MOST_ENTRIES", 5)
    assert "train/fake: there are more than 5 files and folders in it" in message(
        plain_image_folder(folder / "large", each=6)
    )


def test_folder_of_cities_is_told_from_one_of_faces(folder: Path, tmp_path: Path) -> None:
    cities = tmp_path / "cities"
    cities.mkdir()
    for name in ("train", "validation", "test"):
        (cities / f"{name}.csv").write_text(TEXT)
    assert "this folder has the CSV files of the experiments on cities (test.csv, train.csv," in message(cities)
    assert load(cities, tmp_path / "cache").classes == 2
    with pytest.raises(UsageError, match="this is a folder of pictures, where one with train"):
        load(folder, tmp_path / "cache")


def test_scenes_take_no_folder(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes no data: leave --data out"):
        summarise("scenes", folder, tmp_path, {"pictures": 1})


def test_listing_odd_files_opens_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = odd_image_folder(tmp_path)

    def refused(*arguments: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("builtins.open", refused)
    monkeypatch.setattr(os, "open", refused)
    listing = scan_folder(odd.path).splits["train"]
    assert len(listing.files) == len(odd.usable) + len(odd.left_out) + 16
    assert listing.loops == ("real/round",)
    assert {listing.files[position] for position in listing.problems} == {
        "real/dead-link.jpg",
        "real/own-tail.jpg",
        "fake/pipe.png",
    }


def test_links_between_classes_end(folder: Path) -> None:
    (folder / "train/real/x").symlink_to(folder / "val/real")
    (folder / "val/real/y").symlink_to(folder / "train/real")
    scan = scan_folder(folder)
    assert scan.splits["train"].counts == (3, 6)
    assert scan.splits["train"].loops == ("real/x/y",)


def test_home_directory_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert summarise("faces", Path("~/faces"), folder / "cache", {}).rows["train"] == 6

"""`doctor`."""

import subprocess
from pathlib import Path

import pytest

from iml_tui.headless import doctor_device, doctor_machine
from iml_tui.runs.logout import Logout
from tests.recorded import recorded_run

from .conftest import Lab

ANSWER = '{"device": "cpu", "name": "CPU (Some Model), 1 thread", "reason": "no CUDA device is available"}\n'


@pytest.fixture
def quick_torch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """PyTorch answers at once; what it answers can be changed."""
    answers = [ANSWER]

    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0 if answers[0] else 1, answers[0], "ImportError: no libtorch\n")

    monkeypatch.setattr(doctor_device.subprocess, "run", answer)
    monkeypatch.setattr(doctor_device, "_nvidia_gpus", list)
    return answers


def test_doctor_asks_the_real_torch(lab: Lab) -> None:
    outcome = lab("doctor", "--device", "cpu")
    assert outcome.code == 0
    assert "cpu: CPU (" in outcome.out
    assert "asked for" in outcome.out


def test_doctor_tells_all_it_should(lab: Lab, root: Path, quick_torch: list[str]) -> None:
    recorded_run(root, "epochs", "done", epochs=2)
    outcome = lab("doctor")
    assert outcome.code == 0
    for text in ("iml-lab", "Python", "torch", "textual", "plotext", "cores usable", "GiB free", "Some Model"):
        assert text in outcome.out
    for text in ("SHA-256", "33 classes", f"{root} (1 run)", "Cache", "Log", "UTF-8"):
        assert text in outcome.out


def test_doctor_makes_no_directories(lab: Lab, home: Path, quick_torch: list[str]) -> None:
    assert lab("doctor").code == 0
    assert not home.exists()


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        (Logout(False, "nobody logs in here"), ["OK      After logout", "runs go on: nobody logs in here"]),
        (Logout(True, "logind ends them", "do this"), ["warning After logout", "runs end: logind ends them → do this"]),
    ],
)
def test_what_logging_out_does_is_told(
    lab: Lab, quick_torch: list[str], monkeypatch: pytest.MonkeyPatch, found: Logout, texts: list[str]
) -> None:
    monkeypatch.setattr(doctor_machine, "after_logout", lambda: found)
    outcome = lab("doctor")
    assert outcome.code == 0
    for text in texts:
        assert text in outcome.out


def test_torch_that_cannot_be_imported_is_a_problem(lab: Lab, quick_torch: list[str]) -> None:
    quick_torch[0] = ""
    outcome = lab("doctor")
    assert outcome.code == 1
    assert "PROBLEM PyTorch" in outcome.out
    assert "no libtorch" in outcome.out
    assert "pip install" in outcome.out


def test_a_device_that_is_not_there_is_a_problem(lab: Lab, quick_torch: list[str]) -> None:
    quick_torch[0] = '{"refused": "this machine has only cuda:0"}'
    outcome = lab("doctor", "--device", "cuda:7")
    assert outcome.code == 1
    assert "only cuda:0" in outcome.out


def test_a_gpu_that_torch_does_not_use_is_a_warning(
    lab: Lab, quick_torch: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_device, "_nvidia_gpus", lambda: ["Some GPU, 80 GiB, driver 1"])
    outcome = lab("doctor")
    assert outcome.code == 0
    assert "Some GPU" in outcome.out
    assert "built for CUDA" in outcome.out


def test_a_place_that_cannot_be_written_is_a_problem(lab: Lab, home: Path, quick_torch: list[str]) -> None:
    home.write_text("")
    outcome = lab("doctor")
    assert outcome.code == 1
    assert "IML_LAB_HOME" in outcome.out


def test_bad_data_is_a_problem_with_its_sentence(lab: Lab, tmp_path: Path, quick_torch: list[str]) -> None:
    outcome = lab("doctor", "--data", str(tmp_path))
    assert outcome.code == 1
    assert "train.csv" in outcome.out


def test_a_missing_or_wrong_package_names_the_command(
    lab: Lab, quick_torch: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(package: str) -> str:
        if package == "xgboost":
            raise doctor_machine.PackageNotFoundError(package)
        return "6.0.0"

    monkeypatch.setattr(doctor_machine, "version", version)
    outcome = lab("doctor")
    assert outcome.code == 1
    assert "pip install xgboost" in outcome.out
    assert 'pip install "plotext>=5.3.2,<6"' in outcome.out

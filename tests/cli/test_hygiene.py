"""What the command imports, and what it does with streams, signals and the unforeseen."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from iml_tui import cli
from iml_tui.headless import catalogue
from tests.recorded import recorded_run

from .conftest import Lab

HEAVY = ("torch", "torchvision", "sklearn", "xgboost", "textual", "pandas")


def python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["list"], ["runs"], ["show", "last"], ["run", "learning-rate", "--set", "x"]])
def test_nothing_heavy_is_imported(root: Path, arguments: list[str]) -> None:
    recorded_run(root, "learning-rate", "done", epochs=2)
    program = f"""
import sys
from iml_tui.cli import execute
execute({arguments!r})
assert not [name for name in {HEAVY!r} if name in sys.modules], sys.modules.keys()
"""
    finished = python(program)
    assert finished.returncode == 0, finished.stderr


def test_importing_the_command_imports_nothing_of_the_lab_but_words() -> None:
    finished = python("import iml_tui.cli, sys; print('numpy' in sys.modules, 'pydantic' in sys.modules)")
    assert finished.stdout == "False False\n", finished.stderr


def test_the_unforeseen_is_one_sentence_and_a_traceback_in_the_log(
    lab: Lab, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> int:
        raise RuntimeError("\x1b[31mboom\nsecond line")

    monkeypatch.setattr(catalogue, "list_experiments", broken)
    outcome = lab("list")
    log = home / "iml-lab.log"
    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert "boom" in outcome.err
    assert "\x1b" not in outcome.err
    assert str(log) in outcome.err
    assert "Traceback" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_is_no_second_failure(
    lab: Lab, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "list_experiments", lambda **_: 1 // 0)
    home.write_text("")
    outcome = lab("list")
    assert outcome.code == 1
    assert "ZeroDivisionError" in outcome.err
    assert outcome.err.count("\n") == 1


def test_ctrl_c_is_quiet(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(catalogue, "list_experiments", interrupted)
    outcome = lab("list")
    assert outcome.code == 130
    assert "Traceback" not in outcome.err


def test_a_reader_that_leaves_is_no_error(root: Path) -> None:
    recorded_run(root, "learning-rate", "done", epochs=50)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "iml_tui", "show", "last", "--json"]
    finished = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert finished.stderr == ""
    assert finished.returncode == 1


def test_any_locale_can_be_written_to(root: Path) -> None:
    recorded_run(root, "learning-rate", "done", epochs=2)
    environment = {
        **os.environ,
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
    }
    for arguments in (["show", "last"], ["runs"], ["list"], ["show", "last", "--json"]):
        command = [sys.executable, "-m", "iml_tui", *arguments]
        finished = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.isascii()


def test_closed_streams_are_no_error(home: Path) -> None:
    finished = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m iml_tui list >&- 2>&- <&-'], capture_output=True, timeout=60, check=False
    )
    assert finished.returncode == 0


def test_the_screen_is_asked_for_what_was_typed(
    lab: Lab, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, object]] = []
    monkeypatch.setattr(cli, "_on_terminal", lambda: True)
    monkeypatch.setattr(cli, "_open_lab", lambda **given: opened.append(given) or 0)
    lab()
    lab("--data", str(tmp_path), "--device", "CUDA:1", "--no-mouse")
    directory = recorded_run(root, "learning-rate", "running", epochs=2)
    lab("attach", "last")
    assert opened == [
        {"no_mouse": False, "data_directory": None, "device": "auto"},
        {"no_mouse": True, "data_directory": tmp_path, "device": "cuda:1"},
        {"no_mouse": False, "attach": directory},
    ]

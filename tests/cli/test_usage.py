"""What was typed wrong is refused in one sentence, before anything is made."""

from pathlib import Path

import pytest

from iml_tui import __version__

from .conftest import Lab


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nosuch"], ["nosuch", "iml-lab --help"]),
        (["run"], ["EXPERIMENT"]),
        (["run", "learning-rates"], ["learning-rates", "did you mean learning-rate?"]),
        (["run", "learning-rate", "--set", "epochs"], ["'epochs'", "key=value"]),
        (["run", "learning-rate", "--set", "=3"], ["'=3'", "key=value"]),
        (["run", "learning-rate", "--set", "epochs=0"], ["epochs", "'0'", "at least 1"]),
        (["run", "learning-rate", "--set", "epoch=3"], ["epoch", "unknown", "epochs"]),
        (["run", "learning-rate", "--set", "learning_rates=0.1,x"], ["learning_rates", "'0.1,x'", "numbers"]),
        (["run", "learning-rate", "--set", "epochs=3", "--set", "epochs=4"], ["epochs", "twice"]),
        (["run", "learning-rate", "--set", "batch-size=3", "--set", "batch_size=4"], ["batch_size", "twice"]),
        (["run", "learning-rate", "--set", "seed=1", "--seed", "2"], ["seed", "twice"]),
        (["run", "learning-rate", "--seed", "-1"], ["seed", "'-1'", "at least 0"]),
        (["run", "learning-rate", "--seeds", "1,2", "--seed", "2"], ["--seeds and by --seed", "twice"]),
        (["run", "learning-rate", "--seeds", "1,2", "--set", "seeds=2"], ["--seeds and by --set seeds", "twice"]),
        (["run", "learning-rate", "--set", "seed=1", "--set", "seeds=2"], ["--set seeds", "--set seed", "twice"]),
        (["run", "learning-rate", "--seeds", "1,2,1"], ["seeds", "'1,2,1'", "a seed twice"]),
        (["run", "learning-rate", "--seeds", ""], ["seeds", "''", "at least one seed"]),
        (["run", "learning-rate", "--seeds", "1;2"], ["seeds", "'1;2'", "separated by commas"]),
        (["run", "learning-rate", "--device", "gpu"], ["'gpu'", "auto, cpu, cuda"]),
        (["run", "learning-rate", "--device", "cuda:x"], ["'cuda:x'"]),
        (["run", "learning-rate", "--data", "/no/such/folder"], ["/no/such/folder"]),
        (["run", "learning-rate", "--data", ""], ["--data"]),
        (["--device", "gpu"], ["'gpu'"]),
        (["--data", "/no/such/folder"], ["/no/such/folder"]),
        (["--device", "cpu", "list"], ["in front of a command"]),
        (["show", "last"], ["no runs"]),
        (["stop"], ["RUN"]),
        (["doctor", "--device", "gpu"], ["'gpu'"]),
    ],
)
def test_bad_usage_is_one_sentence_and_exit_code_2(
    lab: Lab, home: Path, arguments: list[str], named: list[str]
) -> None:
    outcome = lab(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err
    for part in named:
        assert part in outcome.err
    assert not home.exists()


def test_what_later_versions_may_bring_is_not_offered(lab: Lab) -> None:
    assert lab("resume", "last").code == 2
    assert lab("export", "last").code == 2


def test_malformed_data_is_refused_with_file_and_line(lab: Lab, root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cities"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        (folder / f"{split}.csv").write_text(",long,lat,country\n0,13.4,north,Germany\n")
    outcome = lab("run", "learning-rate", "--data", str(folder), "--json")
    assert outcome.code == 2
    assert outcome.out == ""
    assert "train.csv, line 2, column lat" in outcome.err
    assert not root.exists()


def test_escape_sequences_do_not_reach_the_terminal(lab: Lab) -> None:
    for arguments in (
        ["\x1b[31m"],
        ["run", "\x1b[31m"],
        ["run", "epochs", "--set", "\x1b[31mx=1"],
        ["show", "\x1b[2J"],
    ):
        outcome = lab(*arguments)
        assert outcome.code == 2
        assert "\x1b" not in outcome.err


def test_without_a_terminal_the_lab_points_to_run(lab: Lab) -> None:
    outcome = lab()
    assert outcome.code == 2
    assert "needs a terminal" in outcome.err
    assert "iml-lab run" in outcome.err


def test_version_and_help(lab: Lab) -> None:
    assert lab("--version").out == f"iml-lab {__version__}\n"
    outcome = lab("--help")
    assert outcome.code == 0
    for command in ("list", "run", "runs", "show", "attach", "stop", "delete", "doctor"):
        assert f"  {command} " in outcome.out


def test_a_run_that_cannot_be_kept_is_one_sentence(lab: Lab, home: Path, tmp_path: Path) -> None:
    home.write_text("a file where the directory should be")
    outcome = lab("run", "learning-rate")
    assert outcome.code == 1
    assert "IML_LAB_HOME" in outcome.err
    assert outcome.err.count("\n") == 1

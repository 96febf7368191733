import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from iml_tui.data.parallel import in_processes
from iml_tui.errors import LabError

PATIENCE = 30.0


def square(number: int) -> int:
    return number * number


def process_of(_: int) -> int:
    return os.getpid()


def refuse_seven(number: int) -> int:
    if number == 7:
        raise ValueError("seven")
    return number


def end_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def sleep_after_first(number: int) -> int:
    if number > 0:
        time.sleep(600.0)
    return number


def children() -> set[int]:
    """The processes of a pool; not multiprocessing's tracker of resources, which stays."""
    found = psutil.Process().children(recursive=True)
    return {child.pid for child in found if "resource_tracker" not in " ".join(child.cmdline())}


def ignore(_: int) -> None:
    pass


@pytest.mark.parametrize("count", [0, 1, 2, 33])
@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order_with_their_progress(count: int, processes: int) -> None:
    told: list[int] = []
    assert list(in_processes(square, range(count), told.append, processes)) == [n * n for n in range(count)]
    assert told == sorted(set(told))
    assert (told or [0])[-1] == count


def test_one_process_is_this_process() -> None:
    assert set(in_processes(process_of, range(5), ignore, processes=1)) == {os.getpid()}
    assert os.getpid() not in set(in_processes(process_of, range(5), ignore, processes=2))


@pytest.mark.parametrize("processes", [1, 2])
def test_an_exception_of_the_function_is_passed_on(processes: int) -> None:
    with pytest.raises(ValueError, match="seven"):
        list(in_processes(refuse_seven, range(20), ignore, processes))
    assert not children()


def test_an_exception_of_the_listener_ends_the_processes_in_the_middle_of_a_call() -> None:
    class StopAskedError(Exception):
        pass

    def stop(_: int) -> None:
        assert children()
        raise StopAskedError

    # Every other call sleeps for ten minutes.
    with pytest.raises(StopAskedError):
        list(in_processes(sleep_after_first, range(8), stop, processes=2))
    assert not children()


def test_closing_the_iterator_ends_the_processes() -> None:
    results = in_processes(sleep_after_first, range(8), ignore, processes=2)
    assert next(results) == 0
    assert children()
    results.close()  # type: ignore[attr-defined]
    assert not children()


def test_a_process_that_is_killed_is_one_sentence() -> None:
    with pytest.raises(LabError, match="memory ran out"):
        list(in_processes(end_at_three, range(8), ignore, processes=2))
    assert not children()


def test_the_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_parallel import sleep_after_first\n"
        "from iml_tui.data.parallel import in_processes\n"
        "if __name__ == '__main__':\n"
        "    list(in_processes(sleep_after_first, range(8), lambda done: print(done, flush=True), processes=2))\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"1\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(family) >= 2
        parent.kill()
        parent.wait()
        _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive

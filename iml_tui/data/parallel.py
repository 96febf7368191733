"""The same function over many arguments, on all cores, in processes that end when they are no longer wanted."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Final, TypeVar

from iml_tui.errors import LabError

Argument = TypeVar("Argument")
Result = TypeVar("Result")

LARGEST_CHUNK: Final = 16
# Enough chunks that no process idles at the end, and that progress moves.
CHUNKS_PER_PROCESS: Final = 16
# Chunks under way for each process: one at work, the others waiting for it or for whoever takes the results.
AHEAD: Final = 4


def in_processes(
    function: Callable[[Argument], Result],
    arguments: Sequence[Argument],
    on_done: Callable[[int], None],
    processes: int | None = None,
) -> Iterator[Result]:
    """The function's results, in the order of the arguments, worked out while they are being taken.

    After each chunk of arguments `on_done` is told how many are done. It may raise: the processes then end at once,
    also in the middle of a call, as they do when the iterator is closed or this process dies, however it dies.

    Processes are started afresh, not forked (a fork of a process in which torch runs can hang): `function` must be
    found by name in a module, and importing that module should be quick. `processes` is by default the number of cores
    that this process may use; with 1, or a single argument, everything is done here.

    Raises:
        LabError: a process was ended from outside, most often because memory ran out.
    """
    processes = min(processes or _usable_cores(), len(arguments))
    if processes <= 1:
        return _one_by_one(function, arguments, on_done)
    return _chunk_by_chunk(function, arguments, on_done, processes)


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Not on macOS.
        return os.cpu_count() or 1


def _one_by_one(
    function: Callable[[Argument], Result], arguments: Sequence[Argument], on_done: Callable[[int], None]
) -> Iterator[Result]:
    for done, argument in enumerate(arguments, start=1):
        result = function(argument)
        on_done(done)
        yield result


def _chunk_by_chunk(
    function: Callable[[Argument], Result],
    arguments: Sequence[Argument],
    on_done: Callable[[int], None],
    processes: int,
) -> Iterator[Result]:
    size = min(LARGEST_CHUNK, max(1, len(arguments) // (processes * CHUNKS_PER_PROCESS)))
    chunks = iter([arguments[start : start + size] for start in range(0, len(arguments), size)])
    done = 0
    with _pool(processes) as pool:
        under_way: deque[Future[list[Result]]] = deque()
        while True:
            for chunk in itertools.islice(chunks, AHEAD * processes - len(under_way)):
                under_way.append(pool.submit(_call, function, chunk))
            if not under_way:
                return
            try:
                results = under_way.popleft().result()
            except BrokenProcessPool as error:
                raise LabError(
                    "a process that prepared the data was ended from outside, most often because memory ran out: "
                    "end other programs and start again"
                ) from error
            done += len(results)
            on_done(done)
            yield from results


@contextlib.contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    # Nothing is ever sent. The children hold the reading end, and only this process the writing end: it is closed
    # below, or by the system when this process dies, even by SIGKILL.
    reading, writing = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(reading,))
    try:
        yield pool
    finally:
        writing.close()
        pool.shutdown(wait=True, cancel_futures=True)
        reading.close()


def _start(parent: Connection) -> None:
    """Prepare a child: it ends with its parent, which alone hears Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        parent.recv_bytes()
    os._exit(1)


def _call(function: Callable[[Argument], Result], chunk: Sequence[Argument]) -> list[Result]:
    return [function(argument) for argument in chunk]

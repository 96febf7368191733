"""For each test of a fault, a protection, and what the code is without it: `python -m tests.faults.proof` takes them
out one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Protection:
    """A test, and edits that take out what it tests: a file below `iml_tui`, a text, and what takes its place."""

    test: str
    edits: tuple[tuple[str, str, str], ...]


def _one(test: str, file: str, text: str, replacement: str) -> Protection:
    return Protection(test, ((file, text, replacement),))


_KILLED = "test_exact_resume.py::test_a_killed_run_ends_as_one_that_was_not"
_START = "test_killed.py::test_a_worker_killed_while_it_starts_loses_nothing"
_WRITE = "test_killed.py::test_a_worker_killed_while_it_writes_a_checkpoint_goes_on_from_a_whole_one"
_AGAIN = "test_killed.py::test_a_worker_killed_while_it_takes_up_again_loses_nothing"
_FULL = "test_disk.py::test_a_full_disk_fails_the_run_and_costs_nothing"
_CHANGE = "test_requests.py::test_a_change_that_was_asked_for_is_not_lost"
_OUTLIVES = "test_viewers.py::test_a_run_outlives_the_screen_that_started_it"
_IRREGULAR = "test_hostile.py::test_what_is_no_file_holds_nobody_up_and_is_not_written_through"

PROTECTIONS: Final = (
    _one(
        "test_exact_resume.py::test_sigterm_stops_within_the_epoch_and_nothing_is_lost",
        "training/group.py",
        '                self._save("stop", between_epochs=False)\n',
        "",
    ),
    _one(
        "test_exact_resume.py::test_sigterm_stops_within_the_epoch_and_nothing_is_lost",
        "training/ensemble_state.py",
        'None if state["epoch"] is None else CurrentEpoch.restored(state["epoch"])',
        "None",
    ),
    _one(f"{_KILLED}[learning-rate]", "training/ensemble_state.py", "generator.set_state(value.cpu())", "pass"),
    _one(f"{_KILLED}[epochs]", "training/ensemble_state.py", 'optimizer.steps = found["steps"]', "pass"),
    _one(f"{_KILLED}[batch-norm]", "training/ensemble_state.py", "        tensor.copy_(value)\n", "        pass\n"),
    _one(
        f"{_KILLED}[batch-size]",
        "training/group_recorder.py",
        'self.epochs_done, self.step = int(state["epochs"]), int(state["step"])',
        'self.epochs_done, self.step = 0, int(state["step"])',
    ),
    _one(f"{_KILLED}[depth-width]", "training/ensemble_state.py", "buffer.copy_(found[name])", "pass"),
    _one(f"{_KILLED}[gradients]", "training/group.py", "lengths = saved.series if saved else {}", "lengths = {}"),
    _one(f"{_KILLED}[healthy-gradients]", "training/ensemble_state.py", '(optimizer.mean, "mean"), ', ""),
    _one(
        f"{_KILLED}[sine-features]",
        "training/ensemble_state.py",
        ', (optimizer.square, "square")',
        "",
    ),
    _one(
        f"{_KILLED}[best-mlp]",
        "training/starting.py",
        "if not known and not context.earlier.saved.intersection(positions):",
        "if False:",
    ),
    _one(
        f"{_KILLED}[face-baselines]",
        "training/faces/network_trainer.py",
        '        self._order.set_state(state["order"].cpu())\n',
        "",
    ),
    _one(
        f"{_KILLED}[offline-weights]",
        "training/source/trainer.py",
        '        restore_adam(state["optimizer"], self._optimizer)\n',
        "",
    ),
    _one(
        "test_killed.py::test_a_worker_killed_before_it_took_over_is_told_by_who_started_it",
        "runs/process.py",
        'update_record(directory, record, state="failed", message=message)',
        "pass",
    ),
    _one(
        "test_killed.py::test_a_start_of_which_nobody_hears_is_interrupted_after_a_while",
        "runs/process.py",
        'return "interrupted" if late and not _is_taken(directory, if_unknown=False) else record.state',
        "return record.state",
    ),
    _one(
        f"{_START}[before the log says who it is]",
        "runs/process.py",
        'return "starting" if _is_taken(directory, if_unknown=False) else "interrupted"',
        "return record.state",
    ),
    _one(
        f"{_START}[before the first checkpoint]",
        "training/starting.py",
        "if not known and not context.earlier.saved.intersection(positions):",
        "if False:",
    ),
    _one(
        f"{_AGAIN}[before a series is shortened]",
        "training/group_recorder.py",
        "keep=self._kept.get(path.name, 0)",
        "keep=None",
    ),
    _one(
        f"{_WRITE}[1-made]",
        "runs/checkpoints.py",
        '        for path in self._directory.glob(".*.ckpt.*"):\n',
        "        for path in ():\n",
    ),
    _one(
        f"{_WRITE}[4-half written]",
        "runs/checkpoints.py",
        "with replacing(path) as file:",
        'with path.open("wb") as file:',
    ),
    _one(f"{_WRITE}[4-first removed]", "runs/checkpoints.py", "for file in own[KEPT:]:", "for file in own:"),
    _one(
        "test_damage.py::test_the_checkpoint_before_a_damaged_one_is_taken",
        "training/checkpoints.py",
        '            problems.append(f"{error}")\n            continue\n',
        "            raise\n",
    ),
    _one(
        "test_damage.py::test_a_run_whose_checkpoints_are_all_damaged_never_begins_anew",
        "training/starting.py",
        "    found = read_newest(files, context.preparation.warn)\n",
        "    try:\n"
        "        found = read_newest(files, context.preparation.warn)\n"
        "    except LabError:\n"
        "        return None\n",
    ),
    _one(
        "test_damage.py::test_a_run_whose_checkpoints_are_gone_never_begins_anew",
        "training/starting.py",
        "if not known and not context.earlier.saved.intersection(positions):",
        "if not known:",
    ),
    _one(
        "test_damage.py::test_a_torn_event_log_costs_the_torn_line_alone",
        "runs/events.py",
        "if reader.has_torn_tail:",
        "if False:",
    ),
    _one(
        "test_damage.py::test_a_flipped_bit_costs_one_event",
        "runs/events.py",
        "if not separator or int(checksum, 16) != zlib.crc32(text):",
        "if not separator:",
    ),
    _one(
        "test_damage.py::test_a_lost_record_is_made_again_from_the_event_log",
        "runs/rebuilding.py",
        "        record = rebuild_record(directory)\n",
        "        record = None\n",
    ),
    _one(
        "test_damage.py::test_values_that_never_got_to_the_disk_are_padded_and_told",
        "runs/series.py",
        "while keep is not None and self.count < keep:",
        "while False:",
    ),
    _one(
        "test_owners.py::test_a_second_worker_leaves_without_a_trace",
        "runs/lock.py",
        "fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.lockf(self._descriptor, fcntl.LOCK_UN)",
    ),
    _one(
        "test_owners.py::test_a_moved_run_goes_on_where_it_is",
        "runs/directory.py",
        'return record if record.id == directory.id else record.model_copy(update={"id": directory.id})',
        "return record",
    ),
    _one(
        "test_owners.py::test_the_copy_of_a_run_that_trains_belongs_to_nobody",
        "runs/process.py",
        'return record.state if own or _is_taken(directory, if_unknown=True) else "interrupted"',
        "return record.state",
    ),
    _one(
        "test_owners.py::test_a_worker_elsewhere_is_believed_and_never_signalled",
        "runs/process.py",
        "    if identity.host != socket.gethostname():\n",
        "    if False:\n",
    ),
    _one(
        "test_owners.py::test_a_reused_process_id_is_seen_through",
        "runs/process.py",
        "_start_time(identity.pid) != identity.started",
        "_start_time(identity.pid) is None",
    ),
    _one(
        "test_owners.py::test_a_worker_of_another_boot_is_gone",
        "runs/process.py",
        "identity.boot_id != _boot_id() or ",
        "",
    ),
    _one(
        f"{_FULL}[series]",
        "runs/explaining.py",
        '"free space" if is_full(error) else "mend what is in the way"',
        '"mend what is in the way"',
    ),
    _one(f"{_FULL}[checkpoint]", "runs/reserve.py", "os.write(descriptor, bytes(RESERVED_BYTES))", "pass"),
    _one(
        f"{_FULL}[run.json]",
        "runs/atomic.py",
        "        Path(temporary).replace(path)\n",
        "            file.flush()\n            path.write_bytes(Path(temporary).read_bytes())\n",
    ),
    _one(
        f"{_FULL}[table]",
        "worker.py",
        "            self._save_results(state)\n",
        "            with suppress(Exception):\n                self._save_results(state)\n",
    ),
    _one(
        "test_disk.py::test_an_event_log_that_may_not_grow_fails_the_run_and_costs_nothing",
        "worker.py",
        '        except OSError as error:\n            logging.exception("the event log cannot be written")',
        '        except ZeroDivisionError as error:\n            logging.exception("the event log cannot be written")',
    ),
    _one(
        "test_disk.py::test_a_directory_that_cannot_be_written_is_refused_before_a_run_is_made",
        "runs/directory.py",
        "        directory = _new_directory(root, experiment.slug)\n    except OSError as error:\n",
        "        directory = _new_directory(root, experiment.slug)\n    except ZeroDivisionError as error:\n",
    ),
    _one(
        "test_disk.py::test_a_run_that_cannot_be_written_any_more_is_not_trained",
        "runs/resuming.py",
        "        except OSError as error:\n            raise LabError(",
        "        except ZeroDivisionError as error:\n            raise LabError(",
    ),
    _one(
        "test_numbers.py::test_a_loss_that_is_no_number_ends_its_trial_alone",
        "runs/checkpoints.py",
        "return position < (epoch - 1, batch - 1)",
        "return position < (epoch - 1, batch)",
    ),
    _one(
        "test_numbers.py::test_too_little_memory_is_told_with_a_way_out",
        "training/group.py",
        "except (torch.OutOfMemoryError, MemoryError) as error:",
        "except ZeroDivisionError as error:",
    ),
    _one(
        "test_numbers.py::test_a_clock_that_is_set_back_gives_no_negative_times",
        "runs/reading.py",
        "return max(0.0, end - self.record.started - idle)",
        "return end - self.record.started - idle",
    ),
    _one(
        "test_viewers.py::test_a_stalled_screen_holds_nothing_up_and_catches_up",
        "runs/reading.py",
        "if stamp is not None and stamp == self._record_stamp:",
        "if self._record_stamp:",
    ),
    _one(
        "test_viewers.py::test_a_stalled_screen_holds_nothing_up_and_catches_up",
        "worker.py",
        "self._reserve = Reserve(directory.path)",
        'self._reserve, self._port = Reserve(directory.path), socket.create_server(("127.0.0.1", 0))',
    ),
    _one(
        "test_viewers.py::test_a_stalled_screen_holds_nothing_up_and_catches_up",
        "runs/reading.py",
        "self._events = EventReader(directory.events_file)",
        'self._events, _ = EventReader(directory.events_file), (directory.path / "viewer").touch(exist_ok=False)',
    ),
    Protection(
        f"{_OUTLIVES}[close_terminal]",
        (
            ("runs/process.py", ", start_new_session=True", ""),
            ("worker.py", "signal.signal(signal.SIGHUP, signal.SIG_IGN)", "pass"),
        ),
    ),
    _one(
        f"{_OUTLIVES}[kill]",
        "runs/process.py",
        "start_new_session=True",
        'start_new_session=True, preexec_fn=lambda: __import__("ctypes").CDLL(None).prctl(1, signal.SIGKILL)',
    ),
    _one(
        "test_viewers.py::test_a_run_outlives_tmux",
        "runs/process.py",
        "start_new_session=True",
        'preexec_fn=lambda: __import__("ctypes").CDLL(None).prctl(1, signal.SIGKILL)',
    ),
    _one(
        "test_requests.py::test_malformed_requests_are_told_and_removed",
        "runs/control.py",
        "        except ValidationError as error:\n",
        "        except ZeroDivisionError as error:\n",
    ),
    _one(
        f"{_CHANGE}[after]",
        "training/group.py",
        '            self._save("change", between_epochs=False)\n',
        "",
    ),
    _one(
        f"{_CHANGE}[before it is saved]",
        "training/changes.py",
        "        old = self._trainer.change(",
        "        next(self._directory.glob('change-*')).unlink()\n        old = self._trainer.change(",
    ),
    _one(
        f"{_CHANGE}[before the request is removed]",
        "training/changes.py",
        "if path.name in served_before:",
        "if False:",
    ),
    _one(
        "test_requests.py::test_a_worker_killed_while_it_pauses_loses_nothing",
        "training/group.py",
        '            self._save("pause", between_epochs=False)\n',
        "",
    ),
    _one(
        "test_requests.py::test_a_paused_run_stops_when_it_is_asked_to",
        "training/pausing.py",
        "while self.asked() and not self._stop():",
        "while self.asked():",
    ),
    _one(
        "test_surroundings.py::test_data_that_changed_are_refused_and_nothing_is_lost",
        "data/loading.py",
        "if recorded != found:",
        "if False:",
    ),
    _one(
        "test_surroundings.py::test_a_run_goes_on_with_its_own_weights_only",
        "worker.py",
        "if before is not None and before.sha256 != weights.sha256:",
        "if False:",
    ),
    _one(
        "test_surroundings.py::test_files_are_their_users_own_whatever_the_umask",
        "runs/opening.py",
        "PRIVATE: Final = 0o600",
        "PRIVATE: Final = 0o666",
    ),
    _one(
        "test_surroundings.py::test_a_thousand_runs_are_listed_at_once",
        "runs/history.py",
        "directory.read_head()",
        "directory.read_record()",
    ),
    _one(
        "test_hostile.py::test_code_in_checkpoints_is_never_run",
        "training/checkpoints.py",
        "weights_only=True)",
        "weights_only=False)",
    ),
    _one(
        "test_hostile.py::test_archives_that_inflate_to_any_size_are_refused",
        "runs/arrays.py",
        "_MOST_BYTES: Final = 1 << 28",
        "_MOST_BYTES: Final = 1 << 40",
    ),
    _one(f"{_IRREGULAR}[pipe-events.jsonl]", "runs/opening.py", " | os.O_NONBLOCK", ""),
    _one(f"{_IRREGULAR}[link-log.txt]", "runs/opening.py", " | os.O_NOFOLLOW", ""),
    _one(f"{_IRREGULAR}[pipe-checkpoint]", "runs/opening.py", " | os.O_NONBLOCK", ""),
    _one(
        "test_hostile.py::test_names_do_not_lead_out_of_the_directory",
        "runs/queue_order.py",
        'if not run or run.startswith(".") or "/" in run or "\\0" in run:',
        "if False:",
    ),
    _one(
        "test_hostile.py::test_escape_sequences_do_not_reach_the_terminal",
        "text.py",
        "    if text.isprintable():\n",
        "    if True:\n",
    ),
    _one(
        "test_queue.py::test_the_queue_outlives_its_supervisor_and_a_failure",
        "supervisor.py",
        "            del self._begun[run]\n",
        "            del self._begun[run]\n            if code:\n                raise SystemExit\n",
    ),
    _one(
        "test_queue.py::test_the_queue_outlives_its_supervisor_and_a_failure",
        "runs/queue.py",
        "or files.supervised():",
        "or files.supervisor_file.exists():",
    ),
)

"""What nobody foresaw: a sentence for the user, the traceback for whoever mends it."""

from __future__ import annotations

import os
import time
import traceback

from iml_tui.runs.places import log_file


def record_failure(error: BaseException) -> str:
    """Append the traceback to the log, readable by its user only; returns the sentence for the user."""
    path = log_file()
    reason = f"{type(error).__name__}: {str(error) or 'no message'}".splitlines()[0]
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n")
            file.writelines(traceback.format_exception(error))
    except OSError as problem:
        return f"Something unforeseen went wrong ({reason}), and {path} cannot be written ({problem.strerror})."
    return f"Something unforeseen went wrong ({reason}); {path} has the details."

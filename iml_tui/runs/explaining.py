"""Why a run failed, in one sentence that says the way out."""

from __future__ import annotations

from iml_tui.errors import LabError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.reserve import is_full


def explain(error: Exception, directory: RunDirectory) -> str:
    """One sentence on why the run failed, what to do, and where more is to be read."""
    if isinstance(error, LabError):
        return str(error)
    again = f"go on with: iml-lab resume {directory.id}"
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        mend = "free space" if is_full(error) else "mend what is in the way"
        return f"{error.strerror}{where}; what was measured is kept: {mend} and {again}"
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError):
        return "the device has too little memory; try a smaller batch size, fewer trials at once, or --device cpu"
    first_line = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {first_line}; {directory.log_file} has the whole traceback"

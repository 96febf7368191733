"""The one exception whose text is meant for the user."""


class LabError(Exception):
    """A problem that one clear sentence explains: what is wrong, where, and the way out.

    The command line prints the message and exits with `exit_code`; the screen shows it as a notice.
    """

    exit_code = 1


class UsageError(LabError):
    """The user asked for something that cannot be: an unknown key, a bad value, malformed data."""

    exit_code = 2


class RunBusyError(LabError):
    """Another worker owns the run directory."""

    exit_code = 75

"""Whether runs outlive the login that started them, which systemd-logind may be configured to prevent.

A worker has a session of its own, so a closed terminal does not touch it. But it stays in the control group of the
login that it was started from, and that may be ended as a whole:

- a login's scope (`session-3.scope`) at its logout, where logind.conf(5) says `KillUserProcesses=yes`; lingering does
  not change that, only moving out of the scope does, with `systemd-run --user --scope` (systemd-run(1), example 5);
- the user's service manager (`user@1000.service`), in which desktops start their terminals, at the user's last logout,
  unless the user lingers (loginctl(1)).
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_PLACES = ("etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd", "lib/systemd")
"""Where configuration lies, that of the administrator first; of files of one name only the first is read."""

_SESSION = re.compile(r"/session-[^/]+\.scope(/|$)")
_SERVICE_MANAGER = re.compile(r"/user@\d+\.service(/|$)")
_SETTING = re.compile(r"(?P<key>\w+)\s*=\s*(?P<value>.*)")
_TRUE = ("1", "yes", "y", "true", "t", "on")
"""What systemd.syntax(7) reads as true."""


@dataclass(frozen=True)
class Logout:
    """What logging out does to runs that are started here.

    `reason` is what that follows from, a part of a sentence; `way_out` what to do where they are killed, else "".
    """

    kills: bool
    reason: str
    way_out: str = ""


@dataclass
class _Settings:
    """What logind.conf(5) says on processes at logout; "" and empty where it says nothing."""

    kill: str = ""
    kill_source: str = ""
    kill_default: str = ""
    only: list[str] | None = None
    excluded: list[str] | None = None


def logout_kills() -> str:
    """A sentence with the way out where logging out ends the runs that are started here; "" where they go on."""
    found = after_logout()
    return f"Logging out would end this run: {found.reason}. To prevent that: {found.way_out}" if found.kills else ""


def after_logout(root: Path = Path("/"), user: str = "") -> Logout:
    """What logging out does to processes of `user`, by default that of this process; reads files below `root` only."""
    user = user or _user_name()
    lingers = (root / "var/lib/systemd/linger" / user).exists() if user else False
    match _where(root):
        case "session":
            return _of_session(_read_settings(root), user, lingers)
        case "manager" if lingers:
            return Logout(False, f"{user} lingers")
        case "manager":
            return Logout(
                True,
                f"this terminal belongs to {user}'s systemd service manager, which ends with the last logout",
                f"loginctl enable-linger {user}",
            )
    return Logout(False, "this is no login of systemd-logind")


def _of_session(settings: _Settings, user: str, lingers: bool) -> Logout:
    kills, reason = _shall_kill(settings, user)
    if not kills:
        return Logout(False, reason)
    start = "start the lab with: systemd-run --user --scope iml-lab"
    return Logout(True, reason, start if lingers else f"loginctl enable-linger {user}, then {start}")


def _shall_kill(settings: _Settings, user: str) -> tuple[bool, str]:
    """Whether logind ends what a user's login leaves behind, as its function `manager_shall_kill` decides."""
    excluded = ["root"] if settings.excluded is None else settings.excluded
    if user in (excluded or ["root"]):
        return False, f"systemd-logind spares {user} (KillExcludeUsers)"
    if settings.only:
        named = user in settings.only
        return named, f"KillOnlyUsers {'names' if named else 'does not name'} {user} in the configuration of logind"
    # What was compiled in differs by distribution; its commented file tells.
    value = settings.kill or settings.kill_default
    kills = value.lower() in _TRUE
    source = f" in {settings.kill_source}" if settings.kill else ""
    return kills, f"systemd-logind has KillUserProcesses={'yes' if kills else 'no'}{source}"


def _where(root: Path) -> Literal["session", "manager", "elsewhere"]:
    """In which part of systemd's tree of control groups this process is."""
    try:
        lines = (root / "proc/self/cgroup").read_text(errors="replace").splitlines()
    except OSError:
        return "elsewhere"
    # cgroups(7): "hierarchy:controllers:path"; systemd's tree is in a hierarchy of its own or in the unified one.
    paths = [
        path
        for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2)
        if controllers in ("", "name=systemd")
    ]
    if any(_SERVICE_MANAGER.search(path) for path in paths):
        return "manager"
    return "session" if any(_SESSION.search(path) for path in paths) else "elsewhere"


def _read_settings(root: Path) -> _Settings:
    """What the main file and then the drop-ins say, the last word counting, as logind.conf(5) has it."""
    settings = _Settings()
    main = next((path for place in _PLACES if (path := root / place / "logind.conf").exists()), None)
    if main is not None:
        _take_in(settings, main, root)
    drop_ins: dict[str, Path] = {}
    for place in _PLACES:
        for path in _listed(root / place / "logind.conf.d"):
            drop_ins.setdefault(path.name, path)
    for name in sorted(drop_ins):
        _take_in(settings, drop_ins[name], root)
    return settings


def _take_in(settings: _Settings, path: Path, root: Path) -> None:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return
    default = re.search(r"^\s*#\s*KillUserProcesses\s*=\s*(\w+)", text, re.MULTILINE)
    if default is not None and not settings.kill_default:
        settings.kill_default = default[1]
    for key, value in _login_settings(text):
        match key:
            case "KillUserProcesses":
                settings.kill, settings.kill_source = value, f"/{path.relative_to(root)}"
            case "KillOnlyUsers":
                settings.only = _longer(settings.only or [], value)
            case "KillExcludeUsers":
                settings.excluded = _longer(["root"] if settings.excluded is None else settings.excluded, value)


def _login_settings(text: str) -> Iterator[tuple[str, str]]:
    """The assignments of the section [Login], in order."""
    section = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Login]" and (match := _SETTING.fullmatch(line)):
            yield match["key"], match["value"].strip()


def _longer(names: list[str], value: str) -> list[str]:
    """Lists of several files add up; an empty assignment empties what came before."""
    return [*names, *value.replace('"', " ").split()] if value else []


def _listed(directory: Path) -> list[Path]:
    try:
        return [path for path in directory.iterdir() if path.suffix == ".conf"]
    except OSError:
        return []


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # A container may run under a number without a name.
        return ""

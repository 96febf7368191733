"""Whether runs outlive the login, read from made-up systems."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from iml_tui.runs import logout
from iml_tui.runs.logout import Logout, after_logout, logout_kills

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope\n"
SERVICE = "0::/system.slice/slurmd.service/job_7\n"


class System:
    """A tree of files as systemd-logind reads it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str = "") -> System:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return self

    def login(self, text: str, path: str = "etc/systemd/logind.conf") -> System:
        return self.write(path, f"# A comment\n[Login]\n{text}\n")

    def found(self, user: str = "ann") -> Logout:
        return after_logout(self.root, user)


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A login session of a user."""
    return System(tmp_path).write("proc/self/cgroup", SESSION)


def test_a_login_is_ended_where_the_configuration_says_so(system: System) -> None:
    found = system.login("KillUserProcesses=yes").found()
    assert found.kills
    assert found.reason == "systemd-logind has KillUserProcesses=yes in /etc/systemd/logind.conf"
    assert found.way_out == "loginctl enable-linger ann, then start the lab with: systemd-run --user --scope iml-lab"


def test_lingering_alone_does_not_save_a_login(system: System) -> None:
    found = system.login("KillUserProcesses=yes").write("var/lib/systemd/linger/ann").found()
    assert found.kills
    assert found.way_out == "start the lab with: systemd-run --user --scope iml-lab"


@pytest.mark.parametrize("value", ["no", "0", "false", "off", ""])
def test_a_login_that_is_left_alone(system: System, value: str) -> None:
    assert not system.login(f"KillUserProcesses={value}").found().kills


@pytest.mark.parametrize("value", ["1", "true", "on", "YES", "y"])
def test_every_way_to_say_yes(system: System, value: str) -> None:
    assert system.login(f"  KillUserProcesses = {value}  ").found().kills


def test_the_commented_default_of_the_distribution_counts_where_nothing_is_set(system: System) -> None:
    assert not system.found().kills
    assert not system.login("#KillUserProcesses=no", "usr/lib/systemd/logind.conf").found().kills
    assert system.login("#KillUserProcesses=yes", "usr/lib/systemd/logind.conf").found().kills
    assert not system.login("KillUserProcesses=no", "etc/systemd/logind.conf.d/a.conf").found().kills


def test_only_the_section_login_counts(system: System) -> None:
    assert not system.write("etc/systemd/logind.conf", "[Other]\nKillUserProcesses=yes\n").found().kills


class TestPrecedence:
    def test_drop_ins_override_the_main_file(self, system: System) -> None:
        system.login("KillUserProcesses=no").login("KillUserProcesses=yes", "usr/lib/systemd/logind.conf.d/50-x.conf")
        assert system.found().reason.endswith("/usr/lib/systemd/logind.conf.d/50-x.conf")

    def test_the_last_name_counts_wherever_it_lies(self, system: System) -> None:
        system.login("KillUserProcesses=yes", "etc/systemd/logind.conf.d/10-x.conf")
        system.login("KillUserProcesses=no", "usr/lib/systemd/logind.conf.d/90-x.conf")
        assert not system.found().kills

    def test_of_one_name_that_of_the_administrator_counts(self, system: System) -> None:
        system.login("KillUserProcesses=yes", "usr/lib/systemd/logind.conf.d/50-x.conf")
        system.login("KillUserProcesses=no", "run/systemd/logind.conf.d/50-x.conf")
        assert not system.found().kills
        system.login("KillUserProcesses=yes", "etc/systemd/logind.conf.d/50-x.conf")
        assert system.found().kills

    def test_a_drop_in_is_masked_by_a_link_to_nothing(self, system: System) -> None:
        system.login("KillUserProcesses=yes", "usr/lib/systemd/logind.conf.d/50-x.conf")
        mask = system.root / "etc/systemd/logind.conf.d/50-x.conf"
        mask.parent.mkdir(parents=True)
        mask.symlink_to("/dev/null")
        assert not system.found().kills

    def test_of_main_files_only_the_first_is_read(self, system: System) -> None:
        system.login("KillUserProcesses=yes", "usr/lib/systemd/logind.conf").login("#nothing")
        assert not system.found().kills

    def test_other_files_are_not_read(self, system: System) -> None:
        assert not system.login("KillUserProcesses=yes", "etc/systemd/logind.conf.d/50-x.conf.bak").found().kills


class TestUsers:
    def test_root_is_spared_by_default(self, system: System) -> None:
        assert not system.login("KillUserProcesses=yes").found("root").kills
        assert not system.login("KillUserProcesses=yes\nKillExcludeUsers=").found("root").kills

    def test_users_that_are_excluded(self, system: System) -> None:
        system.login("KillUserProcesses=yes\nKillExcludeUsers=bob ann")
        assert not system.found("ann").kills
        assert not system.found("root").kills
        assert system.found("eve").kills

    def test_users_that_are_meant_alone(self, system: System) -> None:
        system.login("KillUserProcesses=no\nKillOnlyUsers=ann")
        assert system.found("ann").kills
        assert not system.found("bob").kills

    def test_lists_add_up_and_are_emptied(self, system: System) -> None:
        system.login("KillUserProcesses=yes\nKillExcludeUsers=ann")
        system.login("KillExcludeUsers=bob", "etc/systemd/logind.conf.d/1.conf")
        assert not system.found("ann").kills
        system.login("KillExcludeUsers=", "etc/systemd/logind.conf.d/2.conf")
        assert system.found("ann").kills


class TestWhere:
    def test_the_service_manager_ends_with_the_last_logout(self, system: System) -> None:
        system.write("proc/self/cgroup", MANAGER).login("KillUserProcesses=no")
        assert system.found().kills
        assert system.found().way_out == "loginctl enable-linger ann"
        assert not system.write("var/lib/systemd/linger/ann").found().kills

    @pytest.mark.parametrize("groups", [SERVICE, "0::/\n", "", "nonsense\n", "3:cpu:/session-3.scope\n"])
    def test_no_login_is_not_ended(self, system: System, groups: str) -> None:
        assert not system.write("proc/self/cgroup", groups).login("KillUserProcesses=yes").found().kills

    def test_control_groups_of_the_first_version(self, system: System) -> None:
        groups = "5:cpu,cpuacct:/\n1:name=systemd:/user.slice/user-1000.slice/session-c2.scope\n0::/\n"
        assert system.write("proc/self/cgroup", groups).login("KillUserProcesses=yes").found().kills

    def test_a_system_without_control_groups(self, tmp_path: Path) -> None:
        assert not System(tmp_path).login("KillUserProcesses=yes").found().kills


def test_the_sentence(system: System) -> None:
    system.login("KillUserProcesses=yes")
    with patch.object(logout, "after_logout", lambda: system.found()):
        assert logout_kills() == (
            "Logging out would end this run: systemd-logind has KillUserProcesses=yes in /etc/systemd/logind.conf. To "
            "prevent that: loginctl enable-linger ann, then start the lab with: systemd-run --user --scope iml-lab"
        )
    with patch.object(logout, "after_logout", lambda: Logout(False, "")):
        assert logout_kills() == ""

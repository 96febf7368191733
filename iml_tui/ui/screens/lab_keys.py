"""The keys of the lab's screen, and its tabs in order."""

from __future__ import annotations

from textual.binding import Binding, BindingType

VIEWER = "viewer"
"""Stands for the tab of maps or that of pictures, whichever the experiment has."""

TABS = {
    "setup": "form",
    "charts": "charts",
    VIEWER: "maps or the pictures",
    "tables": "tables",
    "findings": "findings",
    "log": "log",
}
"""Each tab's id, and what it shows in words."""

LAB_KEYS: list[BindingType] = [
    Binding("f5", "start", "Start", key_display="F5", id="lab.start", tooltip="Start the form's experiment"),
    Binding("f6", "queue", "Queue", key_display="F6", id="lab.queue", tooltip="Put the form's run into the queue"),
    Binding("f7,p", "pause", "Pause", key_display="F7", id="lab.pause", tooltip="Let the shown run pause"),
    Binding("f7,p", "go_on", "Go on", key_display="F7", id="lab.go-on", tooltip="Let the paused run go on"),
    Binding(
        "f7,p",
        "resume",
        "Resume",
        key_display="F7",
        id="lab.resume",
        tooltip="Go on with a run that was stopped, interrupted or failed",
    ),
    Binding("f8,x", "stop", "Stop", key_display="F8", id="lab.stop", tooltip="Stop the shown run, keep its figures"),
    Binding("f2,e", "lists", "Lists", key_display="F2", id="lab.lists", tooltip="Go to the experiments and runs"),
    Binding("f3", "show_tab('setup')", "Set up", id="lab.setup", tooltip="Show the form", show=False),
    Binding(
        "f4",
        "next_tab",
        "Tabs",
        key_display="F4",
        id="lab.next-tab",
        tooltip="Form, charts, maps or pictures, tables, findings, log",
    ),
    Binding(
        "f10",
        "reset_all",
        "Reset all",
        key_display="F10",
        id="lab.reset-all",
        tooltip="Put all defaults back",
        show=False,
    ),
    Binding("h", "change", "Tune", id="lab.change", tooltip="Change a hyperparameter while the shown run trains"),
    Binding(
        "f", "fork", "Fork", id="lab.fork", tooltip="Go on from a checkpoint with other hyperparameters, as a new run"
    ),
    Binding("c", "copy_settings", "Copy", id="lab.copy", tooltip="Take the run's settings into the form"),
    Binding("escape", "leave", "Leave field", id="lab.leave", tooltip="Leave the field or the lists", show=False),
    *(
        Binding(str(number), f"show_tab('{tab}')", tab, id=f"lab.tab-{tab}", tooltip=f"Show the {what}", show=False)
        for number, (tab, what) in enumerate(TABS.items(), 1)
    ),
]

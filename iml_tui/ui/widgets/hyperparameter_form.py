"""The form of an experiment: its question, a field for each hyperparameter, the data and the device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.widget import Widget
from textual.widgets import Button, Label

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.data_kinds import DataKind
from iml_tui.experiments.fields import NOTHING, FieldSpec
from iml_tui.experiments.hyperparameters import Hyperparameters, fields, format_setting, parse
from iml_tui.runs.requests import DATA_FOLDERS, DEVICE_HELP, device_problem
from iml_tui.ui.messages import StartRequested
from iml_tui.ui.widgets.form_field import FieldHeading, FormField

DATA = "data-folder"
DEVICE = "device"


@dataclass(frozen=True)
class Settings:
    """A form without errors. `data` is None for the embedded data."""

    hyperparameters: Hyperparameters
    data: Path | None
    device: str


class HyperparameterForm(Widget):
    """Shows one experiment; what was typed for the others is kept until they are shown again.

    The device is that of all experiments, the folder that of all on the same kind of data.
    """

    BINDINGS = [
        Binding("f9", "reset_field", "Reset", key_display="F9", id="form.reset-field", tooltip="Put the default back"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, experiment: Experiment, data: Path | None, device: str) -> None:
        super().__init__(id="form")
        self.experiment = experiment
        self._drafts: dict[str, dict[str, str]] = {}
        self._device = device
        self._data: dict[DataKind, str] = {}
        if data is not None:
            self._data[_kind_of(data)] = str(data)
        self._complete = False

    def compose(self) -> ComposeResult:
        """Question, fields, help on the focused field, and the button that starts."""
        with VerticalScroll(id="form-fields", can_focus=False):
            yield Label(Content.from_markup("[b]$q[/b]", q=self.experiment.question), id="form-question")
            if self._complete:
                yield FieldHeading()
                yield from self._fields()
            yield Label(id="form-error", markup=False)
        yield Label(id="form-help", markup=False)
        with Horizontal(id="form-buttons"):
            yield Button("▶ Start (F5)", id="start", variant="primary", compact=True)
            yield Button("Reset all (F10)", id="reset-all", compact=True)

    def on_mount(self) -> None:
        """The many fields come after the first paint, which need not wait for them."""
        self.call_after_refresh(self._complete_form)

    async def _complete_form(self) -> None:
        if not self._complete:
            await self._rebuild()

    async def _rebuild(self) -> None:
        self._complete = True
        await self.recompose()

    def _fields(self) -> ComposeResult:
        draft = self._drafts.get(self.experiment.slug, {})
        for spec in fields(self.experiment.hyperparameters):
            default = format_setting(spec.default)
            yield FormField(
                spec.name,
                spec.title,
                default,
                draft.get(spec.name, default),
                unit=spec.unit,
                help=_help(spec),
                switch=spec.kind == "switch",
                choices=spec.choices,
                placeholder=NOTHING if spec.kind in ("integers", "numbers") else "",
            )
        folder = DATA_FOLDERS.get(self.experiment.data)
        if folder is not None:
            given = self._data.get(self.experiment.data, "")
            yield FormField(DATA, "Data folder", "", given, placeholder=folder.embedded, help=folder.help)
        yield FormField(DEVICE, "Device", "auto", self._device, help=DEVICE_HELP)

    async def show(self, experiment: Experiment) -> None:
        """Show another experiment's fields."""
        if experiment is self.experiment:
            return
        self._keep_draft()
        self.experiment = experiment
        await self._rebuild()

    async def fill(self, experiment: Experiment, settings: dict[str, str]) -> None:
        """Show an experiment with these settings, those of a former run, say."""
        self._drafts[experiment.slug] = dict(settings)
        self.experiment = experiment
        await self._rebuild()

    def focus_first(self) -> None:
        """Put the cursor into the first field."""
        for field in self.query(FormField):
            field.focus_value()
            break

    def settings(self) -> Settings | None:
        """What is asked for; None where the form has errors, which are shown, the cursor in the first."""
        hyperparameters = self._validate()
        data, device = self._data.get(self.experiment.data, "").strip(), self._device.strip()
        if hyperparameters is None or device_problem(device):
            wrong = [field for field in self.query(FormField) if field.has_class("-invalid")]
            if wrong:
                wrong[0].focus_value()
            return None
        return Settings(hyperparameters, Path(data).expanduser() if data else None, device)

    def show_data_error(self, message: str) -> None:
        """Say at its field why the data cannot be used; below the fields where no folder can be given."""
        for field in self.query(f"#field-{DATA}").results(FormField):
            field.show_error(message)
            field.focus_value()
            return
        self._show_error(message)

    def on_form_field_changed(self, event: FormField.Changed) -> None:
        """Validate as the user types."""
        event.stop()
        if not event.field.is_attached:
            return  # It belonged to an experiment that is not shown any more.
        if event.field.key == DATA:
            self._data[self.experiment.data] = event.field.value
        elif event.field.key == DEVICE:
            self._device = event.field.value
        self._validate()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Show help on the focused field."""
        field = next((node for node in event.widget.ancestors if isinstance(node, FormField)), None)
        for label in self.query("#form-help").results(Label):  # None while the form is made anew.
            label.update(field.help if field is not None else "")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Start, or reset all."""
        event.stop()
        if event.button.id == "start":
            self.post_message(StartRequested())
        else:
            self.reset_all()

    def action_reset_field(self) -> None:
        """Put the default of the focused field back."""
        focused = self.screen.focused
        for node in focused.ancestors if focused is not None else ():
            if isinstance(node, FormField):
                node.reset()

    def reset_all(self) -> None:
        """Put all defaults back."""
        for field in self.query(FormField):
            field.reset()

    def _validate(self) -> Hyperparameters | None:
        hyperparameters, errors = parse(self.experiment.hyperparameters, self._texts())
        messages = {error.name: error.message for error in errors}
        messages[DEVICE] = device_problem(self._device)
        for field in self.query(FormField):
            field.show_error(messages.get(field.key, ""))
        self._show_error(messages.get("", ""))
        return hyperparameters

    def _show_error(self, message: str) -> None:
        """Say what is wrong with no single field; "" clears it."""
        self.query_one("#form-error", Label).update(f"▲ {message}" if message else "")

    def _texts(self) -> dict[str, str]:
        return {field.key: field.value for field in self.query(FormField) if field.key not in (DATA, DEVICE)}

    def _keep_draft(self) -> None:
        if self._complete:
            self._drafts[self.experiment.slug] = self._texts()
            for field in self.query(f"#field-{DATA}").results(FormField):
                self._data[self.experiment.data] = field.value


def _kind_of(folder: Path) -> DataKind:
    from iml_tui.data.image_folder import looks_like_image_folder  # Imports numpy; most have no folder to look at.

    return "faces" if looks_like_image_folder(folder) else "cities"


def _help(spec: FieldSpec) -> str:
    allowed = spec.allowed[:1].upper() + spec.allowed[1:]
    return f"{spec.help} {allowed}." if spec.allowed else spec.help

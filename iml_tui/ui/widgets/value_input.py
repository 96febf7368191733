"""A text field that keeps the order of keys that arrive together."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import Input


class ValueInput(Input):
    """An `Input` whose editing keys act at once.

    Textual inserts letters when the field gets the key, but runs bindings (Backspace) only after the key has bubbled
    to the application. Over a slow connection several keys arrive in one packet, and "Backspace 8" would become
    "8 Backspace".
    """

    async def _on_key(self, event: Key) -> None:
        editing = next((binding for binding in self._editing_keys() if binding[0] == event.key), None)
        if editing is None:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        await self.run_action(editing[1])

    def _editing_keys(self) -> list[tuple[str, str]]:
        return [
            (key, binding.action)
            for key, bindings in self._bindings.key_to_bindings.items()
            for binding in bindings
            # An input of one line has nothing to scroll: the arrow keys go from field to field.
            if not binding.action.startswith(("app.", "scroll_")) and binding.action != "submit"
        ]

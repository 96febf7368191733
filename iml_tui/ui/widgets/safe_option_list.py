"""A list that takes keys whether it is seen or not."""

from __future__ import annotations

from textual.widgets import OptionList


class SafeOptionList(OptionList):
    """Without room on the screen (hidden, or in a window of no height) Textual's list knows no lines to page by."""

    def action_page_up(self) -> None:
        """Move the highlight up one page; to the first where pages have no height."""
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]
        else:
            self.action_first()

    def action_page_down(self) -> None:
        """Move the highlight down one page; to the last where pages have no height."""
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]
        else:
            self.action_last()

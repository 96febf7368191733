"""The list of trials when there are more of them than lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from iml_tui.experiments.results import Results
from iml_tui.runs.reading import RunReader
from iml_tui.ui.widgets.trial_progress import TrialProgressView
from tests.recorded import recorded_run

RATES = tuple(10.0**-power for power in range(10))


class ListApp(App[None]):
    """The list alone, as high as in the lab."""

    CSS = "#trials { height: auto; max-height: 6; border-top: solid white; }"

    def compose(self) -> ComposeResult:
        yield TrialProgressView()

    @property
    def view(self) -> TrialProgressView:
        return self.query_one(TrialProgressView)

    @property
    def lines(self) -> list[str]:
        return str(self.query_one("#trial-lines", Static).render()).splitlines()

    @property
    def seen(self) -> list[str]:
        top = round(self.view.scroll_y)
        return self.lines[top : top + self.view.scrollable_content_region.height]


def waiting(tmp_path: Path, **hyperparameters: object) -> Results:
    run = recorded_run(tmp_path, "learning-rate", "starting", epochs=10, **hyperparameters)
    return RunReader(run).results


@pytest.mark.parametrize(("rates", "lines"), [((0.1,), 3), ((0.1, 0.01), 2)])
async def test_seeds_share_a_line_where_there_is_too_little_room(
    tmp_path: Path, rates: tuple[float, ...], lines: int
) -> None:
    app = ListApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.view.show(waiting(tmp_path, learning_rates=rates, seeds=(1, 2, 3)), ended=False)
        await pilot.pause()
        assert len(app.lines) == lines
        assert ("· 3 seeds" in app.lines[0]) == (len(rates) == 2)


async def test_what_runs_comes_into_view_and_the_user_may_look_elsewhere(tmp_path: Path) -> None:
    app = ListApp()
    results = waiting(tmp_path, learning_rates=RATES)
    async with app.run_test(size=(80, 24)) as pilot:
        for running in (0, 7):
            results.trials[running].state = "running"
            app.view.show(results, ended=False)
            await pilot.pause()
            assert any(app.lines[running] == line for line in app.seen)
            results.trials[running].state = "done"
        results.trials[7].state = "running"
        app.view.scroll_to(y=0, animate=False)
        app.view.show(results, ended=False)
        await pilot.pause()
        assert app.seen[0] == app.lines[0]

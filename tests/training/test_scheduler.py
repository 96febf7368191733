"""The one-cycle schedule of short trainings, in which little or nothing rises, against torch's."""

from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from iml_tui.training.scheduler import learning_rate_factor


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 7, 10, 20])
def test_one_cycle_is_that_of_torch_however_few_steps_there_are(steps: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, cycle_momentum=False)
    expected = []
    for step in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < steps:
            schedule.step()
    assert [learning_rate_factor("one-cycle", step, steps) for step in range(steps)] == pytest.approx(expected)

"""How the learning rate goes on over the steps of a training: the factor by which it is multiplied."""

from __future__ import annotations

import math

from iml_tui.experiments.trials import Scheduler

STEP_FACTOR = 0.1
STEP_MILESTONES = (1 / 2, 3 / 4)
"""He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2: a tenth after 32k and 48k of 64k."""

RISING_SHARE = 0.3
FIRST_DIVISOR, LAST_DIVISOR = 25.0, 1e4
"""The defaults of `torch.optim.lr_scheduler.OneCycleLR`; the last divides what the first has divided."""


def learning_rate_factor(scheduler: Scheduler, step: int, steps: int) -> float:
    """The factor of the learning rate at `step` (from 0) of `steps`.

    - `none`: 1.
    - `step`: 1, a tenth from half of the steps on, and a hundredth from three quarters on.
    - `cosine`: from 1 along half a cosine towards 0 (Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts).
    - `one-cycle`: from 1/25 up to 1 in the first 30 % of the steps, then down to nearly 0, along cosines (Smith &
      Topin 2019, "Super-Convergence"). The momentum stays as it is.
    """
    if scheduler == "step":
        return STEP_FACTOR ** sum(step >= share * steps for share in STEP_MILESTONES)
    if scheduler == "cosine":
        return (1 + math.cos(math.pi * step / steps)) / 2
    if scheduler == "one-cycle":
        return _one_cycle(step, steps)
    return 1.0


def _one_cycle(step: int, steps: int) -> float:
    lowest, last = 1 / FIRST_DIVISOR, 1 / (FIRST_DIVISOR * LAST_DIVISOR)
    peak, end = RISING_SHARE * steps - 1, steps - 1
    # As in torch, a training of up to three steps, of which none rises, only falls; one of one step has the last rate.
    if step <= peak:
        return _cosine_between(lowest, 1.0, step / peak)
    return _cosine_between(1.0, last, (step - peak) / (end - peak))


def _cosine_between(first: float, last: float, share: float) -> float:
    """`first` at share 0, `last` at share 1, half a cosine in between."""
    return last + (first - last) / 2 * (1 + math.cos(math.pi * share))

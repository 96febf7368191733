"""Adam over one buffer against `torch.optim.Adam`."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from iml_tui.training.optimizer import EnsembleAdam

RATES = [1.0, 1e-2, 1e-5]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    shapes = [(3, 2, 4), (3, 1, 4), (3, 5)]
    return [nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64)) for shape in shapes]


def gradients(step: int, like: list[nn.Parameter]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    # Sizes from 1e-9 to 1e3, so that ε matters in some places; some gradients are exactly 0.
    return [
        torch.randn(p.shape, generator=generator, dtype=torch.float64) * 10.0 ** (step % 13 - 9) * (step % 5 > 0)
        for p in like
    ]


def test_equals_torch_adam() -> None:
    ours, theirs = parameters(), parameters()
    rows = [[nn.Parameter(p[e].detach().clone()) for p in theirs] for e in range(3)]
    optimizer = EnsembleAdam(ours, RATES)
    references = [torch.optim.Adam(row, lr=rate) for row, rate in zip(rows, RATES, strict=True)]
    for step in range(1, 200):
        grads = gradients(step, ours)
        optimizer.collect(grads)
        optimizer.step()
        for e, reference in enumerate(references):
            for p, gradient in zip(rows[e], grads, strict=True):
                p.grad = gradient[e].clone()
            reference.step()
    for index, p in enumerate(ours):
        expected = torch.stack([row[index].detach() for row in rows])
        torch.testing.assert_close(p.detach(), expected, rtol=1e-12, atol=1e-12)


def test_parameters_of_fewer_rows_belong_to_the_first_members() -> None:
    generator = torch.Generator().manual_seed(1)
    shapes = [(3, 2, 4), (2, 4, 4), (3, 5), (1, 4), (2, 1, 4)]
    ours = [nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64)) for shape in shapes]
    rows = [[nn.Parameter(p[e].detach().clone()) for p in ours if e < len(p)] for e in range(3)]
    optimizer = EnsembleAdam(ours, RATES, weight_decay=0.1, clip_norm=1.0)
    assert [len(p) for p in optimizer.parameters] == [3, 3, 2, 2, 1]
    references = [torch.optim.Adam(row, lr=rate, weight_decay=0.1) for row, rate in zip(rows, RATES, strict=True)]
    for step in range(1, 60):
        grads = gradients(step, optimizer.parameters)
        optimizer.collect(grads)
        optimizer.step()
        by_parameter = dict(zip(map(id, optimizer.parameters), grads, strict=True))
        for e, (row, reference) in enumerate(zip(rows, references, strict=True)):
            for p, gradient in zip(row, (by_parameter[id(q)] for q in ours if e < len(q)), strict=True):
                p.grad = gradient[e].clone()
            nn.utils.clip_grad_norm_(row, 1.0)
            reference.step()
    for e, row in enumerate(rows):
        for p, expected in zip((q for q in ours if e < len(q)), row, strict=True):
            torch.testing.assert_close(p[e].detach(), expected.detach(), rtol=1e-10, atol=1e-10)
    assert not optimizer.flat[2, 8 + 5 :].any()


def test_parameters_are_views_of_the_buffer_and_keep_their_values() -> None:
    ours, before = parameters(), parameters()
    optimizer = EnsembleAdam(ours, RATES)
    assert optimizer.flat.shape == (3, 8 + 4 + 5)
    for p, old in zip(ours, before, strict=True):
        assert torch.equal(p, old)
    optimizer.flat.zero_()
    assert all(not p.detach().any() for p in ours)


def test_a_diverging_member_leaves_the_others_bit_identical() -> None:
    healthy, mixed = parameters(), parameters()
    first, second = EnsembleAdam(healthy, RATES), EnsembleAdam(mixed, RATES)
    for step in range(1, 20):
        grads = gradients(step, healthy)
        first.collect(grads)
        first.step()
        spoilt = [g.clone() for g in grads]
        for index, g in enumerate(spoilt):
            g[0] = (float("nan"), float("inf"), 1e308)[index]
        second.collect(spoilt)
        second.step()
    assert torch.equal(first.flat[1:], second.flat[1:])
    assert not second.flat[0].isfinite().all()

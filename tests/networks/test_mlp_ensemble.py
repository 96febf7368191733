"""The stacked network against its members as plain networks."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import nn

from iml_tui.networks.ensemble import EnsembleMLP
from iml_tui.networks.mlp import MLP, BatchNorm

SEEDS = [42, 7, 42]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def seeded(seeds: list[int], batch_norm: bool) -> tuple[EnsembleMLP, list[MLP]]:
    members = [MLP.seeded(seed, 3, 5, 4, batch_norm).double() for seed in seeds]
    return EnsembleMLP.seeded(seeds, 3, 5, 4, batch_norm).double(), members


def test_depth_counts_hidden_layers() -> None:
    network = MLP(hidden_layers=6, hidden_width=16, classes=33)
    assert sum(isinstance(module, nn.Linear) for module in network.modules()) == 7
    assert sum(p.numel() for p in network.parameters()) == (2 * 16 + 16) + 5 * (16 * 16 + 16) + (16 * 33 + 33)
    assert len(MLP(6, 16, 33, batch_norm=True).norms) == 6
    assert MLP(0, 16, 33)(torch.zeros(3, 2)).shape == (3, 33)


def test_seeded_weights_are_those_of_a_script_that_seeds_first() -> None:
    torch.manual_seed(42)
    layers = [nn.Linear(2, 8), nn.Linear(8, 8), nn.Linear(8, 3)]
    before = torch.get_rng_state()
    network = MLP.seeded(42, hidden_layers=2, hidden_width=8, classes=3)
    for linear, expected in zip(network.linears, layers, strict=True):
        torch.testing.assert_close(linear.state_dict(), expected.state_dict(), rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_logits_equal_the_members(batch_norm: bool, training: bool, shared: bool) -> None:
    ensemble, members = seeded(SEEDS, batch_norm)
    x = torch.randn(10, 2, dtype=torch.float64) if shared else torch.randn(3, 10, 2, dtype=torch.float64)
    for _ in range(2):  # Twice, so that evaluation meets moved running averages.
        logits = ensemble.train()(x)
        expected = torch.stack([m.train()(x if shared else x[e]) for e, m in enumerate(members)])
    if not training:
        logits = ensemble.eval()(x)
        expected = torch.stack([m.eval()(x if shared else x[e]) for e, m in enumerate(members)])
    assert logits.shape == (3, 10, 4)
    torch.testing.assert_close(logits, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_member_is_a_plain_copy(batch_norm: bool) -> None:
    ensemble, _ = seeded(SEEDS, batch_norm)
    x = torch.randn(9, 2, dtype=torch.float64)
    ensemble(x)
    ensemble.eval()
    for e in range(3):
        member = ensemble.member(e)
        assert not member.training
        torch.testing.assert_close(member(x), ensemble(x)[e], rtol=1e-12, atol=1e-13)
        rebuilt = EnsembleMLP([member])
        torch.testing.assert_close(rebuilt.member(0).state_dict(), member.state_dict(), rtol=0, atol=0)
    before = ensemble(x)
    with torch.no_grad():
        for parameter in ensemble.member(0).parameters():
            parameter.zero_()
    torch.testing.assert_close(ensemble(x), before, rtol=0, atol=0)


def test_batch_norm_follows_the_torch_layer() -> None:
    ours, theirs = BatchNorm(5).double(), nn.BatchNorm1d(5).double()
    for batch in (2, 7):
        x = torch.randn(batch, 5, dtype=torch.float64)
        torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


def test_a_batch_of_one_sample_keeps_the_running_variance() -> None:
    members = seeded(SEEDS, batch_norm=True)[1]
    for plain in members:
        for norm in plain.norms:
            nn.init.ones_(cast(BatchNorm, norm).bias)  # At the initial 0 no activation would pass the ReLU.
    ensemble = EnsembleMLP(members)
    x = torch.randn(1, 2, dtype=torch.float64)
    logits = ensemble(x)
    torch.testing.assert_close(logits, torch.stack([m(x) for m in members]), rtol=1e-12, atol=1e-13)
    for e, plain in enumerate(members):
        torch.testing.assert_close(ensemble.member(e).state_dict(), plain.state_dict(), rtol=1e-12, atol=1e-13)
        first = cast(BatchNorm, plain.norms[0])
        assert first.running_var is not None
        assert torch.equal(first.running_var, torch.ones_like(first.running_var))
        assert first.running_mean is not None
        assert first.running_mean.abs().sum() > 0
    # The normalised value is 0, so nothing below the norm has a gradient, and the shift has.
    logits.sum().backward()
    weight, shift = ensemble.weights[0].grad, dict(ensemble.named_parameters())["norms.2.bias"].grad
    assert weight is not None
    assert shift is not None
    assert torch.equal(weight, torch.zeros_like(weight))
    assert shift.abs().sum() > 0


def test_a_member_without_finite_weights_leaves_the_others_alone() -> None:
    ensemble, members = seeded(SEEDS, batch_norm=True)
    with torch.no_grad():
        ensemble.weights[0][1] = float("nan")
    x = torch.randn(6, 2, dtype=torch.float64)
    logits = ensemble(x)
    assert logits[1].isnan().all()
    for e in (0, 2):
        torch.testing.assert_close(logits[e], members[e](x), rtol=1e-12, atol=1e-13)


def test_a_residual_layer_adds_its_input_and_the_first_does_not() -> None:
    network = MLP(hidden_layers=3, hidden_width=2, classes=2, residual=True)
    with torch.no_grad():
        for linear, number in zip(network.linears, (1.0, 2.0, 3.0, 1.0), strict=True):
            cast(nn.Linear, linear).weight.copy_(number * torch.eye(2))
            cast(nn.Linear, linear).bias.zero_()
    # 1; 2·1 + 1; 3·3 + 3; a negative input is stopped by the first layer.
    assert network(torch.tensor([[1.0, -1.0]])).tolist() == [[12.0, 0.0]]


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_members_of_several_depths_and_widths(batch_norm: bool, residual: bool) -> None:
    shapes = [(5, 3), (3, 8), (3, 5), (1, 6)]
    members = [MLP.seeded(i, *shape, 4, batch_norm, residual).double() for i, shape in enumerate(shapes)]
    ensemble = EnsembleMLP(members)
    assert [len(weight) for weight in ensemble.weights] == [4, 3, 3, 1, 1, 4]
    assert ensemble.parameter_counts == [member.parameter_count for member in members]
    x = torch.randn(10, 2, dtype=torch.float64)
    for training in (True, False):
        logits = ensemble.train(training)(x)
        expected = torch.stack([member.train(training)(x) for member in members])
        torch.testing.assert_close(logits, expected, rtol=1e-12, atol=1e-13)
    for e, member in enumerate(members):
        torch.testing.assert_close(ensemble.member(e).state_dict(), member.state_dict(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([MLP(1, 4, 3), MLP(2, 4, 3)], "deepest first"),
        ([MLP(2, 4, 3), MLP(0, 4, 3)], "without hidden layers"),
        ([MLP(2, 4, 3), MLP(2, 4, 3, batch_norm=True)], "differ in depth and width"),
        ([MLP(2, 4, 3), MLP(2, 4, 3, residual=True)], "differ in depth and width"),
        ([MLP(2, 4, 3), MLP(2, 4, 2)], "differ in depth and width"),
    ],
)
def test_members_that_do_not_go_together(members: list[MLP], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        EnsembleMLP(members)

"""The gradient that is written out is torch's own."""

import pytest
import torch

from sign2sound.model import LandmarkGRU
from training.gru import dropout, training_logits


def gradients(logits, model: LandmarkGRU, features: torch.Tensor) -> list[torch.Tensor]:
    """Logits, and the gradients of the features and of all weights, of a sum in which every frame and class counts apart."""
    features = features.clone().requires_grad_()
    read = logits(features)
    counts = torch.linspace(-1, 2, read.numel(), dtype=read.dtype).view_as(read)
    return [read.detach(), *torch.autograd.grad((read.sigmoid() * counts).sum(), [features, *model.parameters()])]


@pytest.mark.parametrize("clips, frames, layers", [(3, 1, 2), (1, 2, 1), (5, 9, 3)])
def test_logits_and_gradients_are_those_of_torch(clips, frames, layers):
    torch.manual_seed(0)
    model = LandmarkGRU(hidden=16, layers=layers, dropout=0.0).double().train()
    features = torch.randn(clips, frames, 63, dtype=torch.float64)
    expected = gradients(lambda inputs: model(inputs)[0], model, features)
    found = gradients(lambda inputs: training_logits(model, inputs), model, features)
    assert len(found) == 2 + 4 + 4 * layers
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-12)


def test_dropout_leaves_out_its_share_and_makes_up_for_it():
    torch.manual_seed(0)
    steps = torch.full((100, 100), 2.0, requires_grad=True)
    left = dropout(steps, 0.3)
    (slope,) = torch.autograd.grad(left.sum(), steps)
    assert left.unique().tolist() == pytest.approx([0, 2 / 0.7])
    assert (left == 0).float().mean() == pytest.approx(0.3, abs=0.02)
    torch.testing.assert_close(slope, left / 2)
    model, features = LandmarkGRU(), torch.randn(2, 3, 63)
    assert not torch.equal(training_logits(model.train(), features), training_logits(model, features))
    assert torch.equal(training_logits(model.eval(), features), training_logits(model, features))


def test_half_precision_is_near_and_the_gradients_are_fp32():
    torch.manual_seed(0)
    model, features = LandmarkGRU(hidden=16, dropout=0.0).train(), torch.randn(5, 9, 63)
    expected = gradients(lambda inputs: model(inputs)[0], model, features)
    with torch.autocast("cpu", torch.bfloat16):
        found = gradients(lambda inputs: training_logits(model, inputs), model, features)
    for one, other in zip(expected[1:], found[1:], strict=True):
        assert other.dtype == torch.float32
        assert (other - one).norm() < 0.03 * one.norm()

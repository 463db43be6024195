"""Confidence that can be trusted: the temperature of a model (Guo et al., On Calibration of Modern Neural Networks, 2017)."""

import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

_BOUNDS = (0.3, 5.0)


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None = None) -> float:
    """What to divide logits (N, 29) by, so that their cross-entropy with labels (N,) is least.

    Samples count `weights` (N,), or 1. The logits are of samples that the model was not trained on.
    """
    weights = torch.ones(len(labels)) if weights is None else weights

    def loss(temperature: float) -> float:
        return float((cross_entropy(logits / temperature, labels, reduction="none") * weights).sum())

    return float(minimize_scalar(loss, bounds=_BOUNDS, method="bounded").x)

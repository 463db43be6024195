"""The network: 210,077 parameters."""

import torch
from torch import nn

from sign2sound.errors import UserError
from sign2sound.features import FEATURES
from sign2sound.labels import LABELS


def find_device(name: str) -> torch.device:
    """The device `name`; "auto" is CUDA where there is one, else the CPU. Raises UserError when there is no such device."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"no device is called {name!r}; expected auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"no CUDA device found for device={name!r}; use device='auto' or 'cpu'")
    return device


class LandmarkGRU(nn.Module):
    """Linear 63 -> 128, two GRU layers of 128 with dropout between them, linear 128 -> 29."""

    def __init__(self, hidden: int = 128, layers: int = 2, dropout: float = 0.3):
        super().__init__()
        self.sizes = {"hidden": hidden, "layers": layers, "dropout": dropout}
        self.temperature = 1.0  # what logits are divided by, so that a confidence is the share of right answers
        self.fc_input = nn.Linear(FEATURES, hidden)
        self.gru = nn.GRU(hidden, hidden, num_layers=layers, batch_first=True, dropout=dropout)
        self.fc_output = nn.Linear(hidden, len(LABELS))

    def forward(self, features: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, T, 63) features -> (N, T, 29) logits, a row for the clip as far as each frame, and the state after the last.

        The state, (layers, N, hidden), goes in again with the frames that follow: a clip fed in parts reads like the whole.
        """
        steps, state = self.gru(torch.relu(self.fc_input(features)), state)
        return self.fc_output(steps), state

    def probabilities(self, features: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` with calibrated probabilities in place of the logits."""
        logits, state = self(features, state)
        return (logits / self.temperature).softmax(dim=-1), state

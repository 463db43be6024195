"""The network: 210,077 parameters."""

import copy
import hashlib

import numpy as np
import torch
from torch import nn

from sign2sound.errors import UserError
from sign2sound.features import FEATURES, MEMORY, VERSION, stream_features
from sign2sound.labels import LABELS, NOTHING


def find_device(name: str | torch.device) -> torch.device:
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

    labels = LABELS
    features_version = VERSION  # of the features that it reads

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

    def read_features(
        self, features: torch.Tensor, last: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What `stream_features` gave -> (N, 29) probabilities at the frames `last`, `nothing` without any, and the state.

        state: (N, layers * hidden), zeros at the start. Calibrated; tensors, so that it can be traced.
        """
        clips = features.shape[0]
        layers, hidden = self.sizes["layers"], self.sizes["hidden"]
        met = ~features[:, 0, :1].isnan()  # else there was no hand yet
        before = state.reshape(clips, layers, hidden).transpose(0, 1).contiguous()
        steps, after = self.probabilities(features.where(met[:, None], 0), before)
        read = steps[torch.arange(clips, device=steps.device), last.clamp(min=0)]
        nothing = (torch.arange(len(LABELS), device=steps.device) == NOTHING).to(read.dtype)
        state = after.transpose(0, 1).reshape(clips, layers * hidden).where(met, state)
        return read.where((last >= 0)[:, None], nothing), state

    @torch.inference_mode()
    def read(
        self, landmarks: np.ndarray, left_handed: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `sign2sound.protocol.Model.read` says, on this model's device."""
        if state is None:
            state = np.zeros((len(landmarks), MEMORY + self.sizes["layers"] * self.sizes["hidden"]), np.float32)
        # With numpy: of one hand it makes features in a third of torch's time.
        features, last, memory = stream_features(landmarks, left_handed, state[:, :MEMORY])
        device = self.fc_input.weight.device
        tensors = (torch.from_numpy(array).to(device) for array in (features, last, state[:, MEMORY:]))
        probabilities, state = (tensor.cpu().numpy() for tensor in self.read_features(*tensors))
        return probabilities, np.concatenate([memory, state], axis=1)

    def to_device(self, device: str | torch.device) -> "LandmarkGRU":
        """This model on the device, as to `find_device`, ready to read."""
        return self.to(find_device(device)).eval()

    def check_adaptable(self) -> None:
        """It always is."""

    def to_torch(self) -> "LandmarkGRU":
        """Itself."""
        return self

    def with_weights(self, weights: dict[str, np.ndarray]) -> "LandmarkGRU":
        """A copy with some weights replaced, by name. Raises RuntimeError where their shapes do not fit."""
        model = copy.deepcopy(self)
        model.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()}, strict=False)
        return model

    @property
    def hidden(self) -> int:
        """How wide it is."""
        return self.sizes["hidden"]

    @property
    def fingerprint(self) -> str:
        """sha256 of all weights: which model it is."""
        digest = hashlib.sha256()
        for name, weight in self.state_dict().items():
            digest.update(name.encode() + weight.cpu().numpy().tobytes())
        return digest.hexdigest()

"""CNNs on whole pictures, built from a list of layers: the baseline that landmarks are compared with."""

import numpy as np
import torch
from torch import nn

from sign2sound.errors import UserError

_READ_AT_ONCE = 64  # pictures


class ImageCNN(nn.Module):
    """A picture -> its class, through the layers of a recipe and a last dense layer of one output per class.

    input: height, width and channels (1 or 3) of the pictures. classes: their names, in the order of the outputs. layers:
    each the name of one of `LAYERS`, or that name with its options: "pool", {"dropout": 0.5}, {"conv": {"filters": 32}}.
    Raises UserError on layers that can't be built.
    """

    features_version = None  # it reads pixels

    def __init__(self, input: list[int], classes: list[str], layers: list):
        super().__init__()
        self.sizes = {"input": list(input), "classes": list(classes), "layers": layers}
        self.labels = tuple(classes)
        self.temperature = 1.0  # what logits are divided by, so that a confidence is the share of right answers
        height, width, channels = input
        output = {"dense": {"units": len(classes), "relu": False}}
        self.layers, _ = _stack([*layers, output], torch.Size([channels, height, width]))
        self.to(memory_format=torch.channels_last)  # up to a quarter faster in training

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, channels, height, width) pictures in [0, 1] -> (N, classes) logits."""
        return self.layers(pictures)

    def probabilities(self, pictures: torch.Tensor) -> torch.Tensor:
        """`forward` with calibrated probabilities in place of the logits."""
        return (self(pictures) / self.temperature).softmax(dim=-1)

    @torch.inference_mode()
    def read(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (N, height, width, channels) -> float32 (N, classes) probabilities, on the model's device."""
        device = next(self.parameters()).device
        parts = torch.from_numpy(pixels).split(_READ_AT_ONCE)
        return torch.cat([self.probabilities(to_floats(part, device)).cpu() for part in parts]).numpy()

    def parameter_groups(self) -> list[dict]:
        """The parameters as an optimizer takes them, by weight decay, which is twice a layer's `l2` for its weights."""
        groups = {}
        for module in self.modules():
            for name, parameter in module.named_parameters(recurse=False):
                decay = 2 * getattr(module, "l2", 0.0) if name == "weight" else 0.0
                groups.setdefault(decay, []).append(parameter)
        return [{"params": parameters, "weight_decay": decay} for decay, parameters in groups.items()]


def to_floats(pixels: torch.Tensor, device: torch.device) -> torch.Tensor:
    """uint8 (N, height, width, channels) -> float32 (N, channels, height, width) in [0, 1], on the device."""
    return pixels.to(device).permute(0, 3, 1, 2).float() / 255


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """How many numbers are trained, and how many batch norm statistics (running means and variances) are kept beside them."""
    trained = sum(parameter.numel() for parameter in model.parameters())
    return trained, sum(buffer.numel() for buffer in model.buffers() if buffer.is_floating_point())


class Residual(nn.Module):
    """relu(body(x) + shortcut(x))"""

    def __init__(self, body: nn.Module, shortcut: nn.Module):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class SpatialAttention(nn.Module):
    """Each place weighed by what the mean and the largest of its channels say (Woo et al., CBAM, 2018)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return x * self.conv(seen).sigmoid()


def _stack(layers: list, shape: torch.Size) -> tuple[nn.Sequential, torch.Size]:
    """The layers for an input of `shape` (without the batch), and the shape of their output."""
    modules = []
    for layer in layers:
        name, options = next(iter(layer.items())) if isinstance(layer, dict) and len(layer) == 1 else (layer, {})
        if not isinstance(name, str) or name not in LAYERS:
            raise UserError(f"no layer is called {layer!r}; expected one of {', '.join(LAYERS)}, each with its options if any")
        try:
            made = LAYERS[name](shape, **options) if isinstance(options, dict) else LAYERS[name](shape, options)
            with torch.no_grad():
                shape = nn.Sequential(*made).eval()(torch.zeros(1, *shape)).shape[1:]
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"the layer {layer!r} does not fit an input of {tuple(shape)}: {reason:.200}") from error
        modules += made
    return nn.Sequential(*modules), shape


def _conv(
    shape, filters: int, kernel: int = 3, padding: str = "valid", stride: int = 1, l2: float = 0.0, relu: bool = True
) -> list[nn.Module]:
    if padding not in ("valid", "same"):
        raise ValueError(f"padding is {padding!r}, expected valid or same")
    conv = nn.Conv2d(shape[0], filters, kernel, stride, padding=kernel // 2 if padding == "same" else 0)
    conv.l2 = l2
    return _with_relu(conv) if relu else [conv]


def _dense(shape, units: int, l2: float = 0.0, relu: bool = True) -> list[nn.Module]:
    if len(shape) != 1:
        raise ValueError("flatten or average it before")
    dense = nn.Linear(shape[0], units)
    dense.l2 = l2
    return _with_relu(dense) if relu else [dense]


def _with_relu(layer: nn.Conv2d | nn.Linear) -> list[nn.Module]:
    """Starts from the weights of He et al. (2015). Torch's own are 0.41 of them: five such layers on, pictures hardly differ,
    and cnn200 learns nothing."""
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return [layer, nn.ReLU()]


def _residual(shape, layers: list, filters: int | None = None, l2: float = 0.0) -> list[nn.Module]:
    """A shortcut around `layers`: what comes in, or a 1x1 convolution of it where `filters` are given."""
    body, _ = _stack(layers, shape)
    shortcut = nn.Identity() if filters is None else nn.Sequential(*_conv(shape, filters, kernel=1, l2=l2, relu=False))
    return [Residual(body, shortcut)]


# name -> the modules for an input of a shape, given the layer's options
LAYERS = {
    "conv": _conv,
    "dense": _dense,
    "batch_norm": lambda shape: [(nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d)(shape[0])],
    "layer_norm": lambda shape: [nn.LayerNorm(shape)],
    "pool": lambda shape, padding="valid": [nn.MaxPool2d(2, ceil_mode=padding == "same")],
    "average": lambda shape: [nn.AdaptiveAvgPool2d(1), nn.Flatten()],
    "flatten": lambda shape: [nn.Flatten()],
    "dropout": lambda shape, share: [nn.Dropout(share)],
    "spatial_dropout": lambda shape, share: [nn.Dropout2d(share)],
    "attention": lambda shape: [SpatialAttention()],
    "residual": _residual,
}

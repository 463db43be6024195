"""Checkpoints: one file that carries the weights and all that is needed to use them."""

import io
import math
import zipfile
from pathlib import Path

import torch
from torch import nn

from sign2sound.errors import UserError
from sign2sound.files import atomic_write
from sign2sound.model import LandmarkGRU

FORMAT = 1
_MOST_LAYERS = 32  # of a GRU; training/config.py allows no more
_LONGEST = 20_000  # characters that describe the sizes of a model
# What a model raises that can't take sizes or weights.
_UNFIT = (KeyError, TypeError, ValueError, RuntimeError, OverflowError, AttributeError, UserError)


def save_checkpoint(path: str | Path, model: nn.Module, *, config: dict, epoch: int, metrics: dict, **training_state) -> None:
    """Write `model` to `path`, whole or not at all.

    model: a LandmarkGRU, or another with sizes, labels, features_version and temperature like its.
    config, metrics, training_state: plain numbers, strings, lists, dicts and tensors; training_state is what only resuming
    needs (optimizer_state_dict, scheduler, scaler and random states), a released checkpoint has none. Raises
    pickle.UnpicklingError on anything else, before `path` is touched.
    """
    checkpoint = {
        "format": FORMAT,
        "model": {"name": type(model).__name__, **model.sizes},
        "labels": list(model.labels),
        "features": model.features_version,
        "config": config,
        "epoch": epoch,
        "metrics": metrics,
        "temperature": model.temperature,
        "model_state_dict": {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
        **training_state,
    }
    buffer = io.BytesIO()  # torch would report a full disk as an error of its own
    torch.save(checkpoint, buffer)
    buffer.seek(0)
    torch.load(buffer, map_location="cpu", weights_only=True)  # what can't be read back (a numpy number, a path) is refused
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def load_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint on the CPU, without ever running code stored in it.

    Raises UserError when the file is missing or is no checkpoint of this format. Whether a model can take it, `restore` checks.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no checkpoint at {path}; give the path of one, such as the best_model.pth of a training run")
    try:
        with zipfile.ZipFile(path) as archive:  # older forms than zip take the sizes they claim on trust
            if any(member.file_size > member.compress_size for member in archive.infolist()):
                raise ValueError("packed")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, by what is wrong with the bytes
        raise UserError(
            f"{path} is not a checkpoint of this program ({type(error).__name__}); expected a .pth by train.py"
        ) from error

    if not isinstance(checkpoint, dict) or "format" not in checkpoint:
        raise UserError(f"{path} is not a checkpoint of this program: it has no `format`; expected a .pth by train.py")
    _check(path, "format", checkpoint["format"], FORMAT)
    temperature = checkpoint.get("temperature", 1.0)  # older checkpoints were not calibrated
    if not isinstance(temperature, float | int) or not 0 < temperature < math.inf:
        raise UserError(f"{path} is damaged: its temperature is {_short(temperature)}, expected a number above 0")
    for name in ("config", "metrics"):
        if not isinstance(checkpoint.get(name, {}), dict):
            raise UserError(f"{path} is damaged: its {name} is {_short(checkpoint[name])}, expected keys and values")
    return checkpoint


def restore(model: nn.Module, checkpoint: dict, path: str | Path) -> None:
    """Give `model` the weights and the temperature of the checkpoint read from `path`.

    Raises UserError where the checkpoint's labels, feature version or weights are not the model's; the message names what
    differs.
    """
    _check(path, "labels", checkpoint.get("labels"), list(model.labels))
    _check(path, "features", checkpoint.get("features"), model.features_version)
    try:
        for name, weight in checkpoint["model_state_dict"].items():
            if not weight.isfinite().all():
                raise ValueError(f"{name} holds NaN or infinity")
        model.load_state_dict(checkpoint["model_state_dict"])
        model.temperature = float(checkpoint.get("temperature", 1.0))  # older checkpoints were not calibrated
    except _UNFIT as error:
        raise _unfit(path, error) from error


def load_model(path: str | Path, kind: type[nn.Module] = LandmarkGRU) -> tuple[nn.Module, dict]:
    """The model of a checkpoint, ready for prediction on the CPU, and the checkpoint itself.

    kind: the class of the model; a checkpoint of another is refused. Raises like `load_checkpoint` and `restore`.
    """
    checkpoint = load_checkpoint(path)
    try:
        sizes = dict(checkpoint["model"])
        if (name := sizes.pop("name")) != kind.__name__:
            raise ValueError(f"model is {name}, expected {kind.__name__}")
        if len(str(sizes)) > _LONGEST or (isinstance(sizes.get("layers"), int) and sizes["layers"] > _MOST_LAYERS):
            raise ValueError(f"absurd sizes {sizes}")
        with torch.device("meta"):  # takes no memory, whatever sizes are claimed
            kind(**sizes).load_state_dict(checkpoint["model_state_dict"], assign=True)
        model = kind(**sizes)
    except _UNFIT as error:
        raise _unfit(path, error) from error
    restore(model, checkpoint, path)
    return model.eval(), checkpoint


def _check(path: str | Path, name: str, found, expected) -> None:
    if found != expected:
        raise UserError(
            f"{path} does not fit this program: {name} is {_short(found)}, expected {_short(expected)}; "
            "train it again, or use the version of Sign2Sound that wrote it"
        )


def _unfit(path: str | Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    return UserError(f"{path} does not fit this program: model sizes or weights differ ({_short(reason)})")


def _short(value) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"

"""A person's profile: what distinguishes a model adapted to their hand from the released one."""

from pathlib import Path

import numpy as np
from platformdirs import user_data_path

from sign2sound.errors import UserError
from sign2sound.features import FEATURES
from sign2sound.files import atomic_write, in_home, read_arrays
from sign2sound.labels import LABELS
from sign2sound.protocol import Model

FORMAT = 2
_LARGEST = 1 << 24  # bytes; ours have 50,000
# What is adapted: 11,933 of the 210,077 parameters. All of them together gained no more.
ADAPTED = ("fc_input.weight", "fc_input.bias", "fc_output.weight", "fc_output.bias")


def save_profile(path: str | Path, adapted, model: Model) -> None:
    """Write what distinguishes the LandmarkGRU `adapted` from the `model` that it was adapted from: some 50 kB, whole or not at
    all."""
    weights = {name: adapted.get_parameter(name).detach().cpu().numpy() for name in ADAPTED}
    with atomic_write(path) as file:
        np.savez(file, format=FORMAT, model=model.fingerprint, **weights)


def user_profile() -> Path:
    """Where this user's own profile lies, which the window and the page save and read. Deleting the file forgets it.

    Raises UserError like `in_home`.
    """
    return in_home(user_data_path, "no profile is kept") / "profile.npz"


def load_profile(path: str | Path, model: Model) -> Model:
    """A copy of `model` with the profile at `path`; its calibration stays.

    Raises UserError when the file is missing, is no profile, or belongs to another model.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no profile at {path}; give the path of one, or leave it out")
    try:
        profile = read_arrays(path, _LARGEST)
        found, weights = str(profile["model"]), {name: profile[name] for name in ADAPTED}
        if profile["format"] != FORMAT:
            raise ValueError(f"format {profile['format']}")
        shapes = [(model.hidden, FEATURES), (model.hidden,), (len(LABELS), model.hidden), (len(LABELS),)]
        for (name, weight), shape in zip(weights.items(), shapes, strict=True):
            if found == model.fingerprint and (weight.dtype, weight.shape) != (np.float32, shape):
                raise ValueError(f"{name} is {weight.dtype} {weight.shape}, expected float32 {shape}")
            if weight.dtype.kind != "f" or not np.isfinite(weight).all():
                raise ValueError(f"{name} holds NaN or infinity")
    except (OSError, ValueError, KeyError, MemoryError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
        raise UserError(f"{path} is not a profile of this program ({reason}); expected the .npz of one") from error
    if found != model.fingerprint:
        raise UserError(f"{path} belongs to another model; give that one, or make the profile again with this one")
    return model.with_weights(weights)

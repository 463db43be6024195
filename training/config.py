"""A YAML file and `key=value` overrides -> a typed configuration. The YAML file is the only place for defaults.

config.yaml describes a training of the landmark GRU (Config), those in images/recipes/ one of an image CNN (ImageConfig). A
YAML that names another of its folder as its `base` holds only what is different.
"""

import math
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError

from sign2sound.errors import UserError

Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(_Section):
    hidden: PositiveInt
    layers: PositiveInt
    dropout: Share


class SplitConfig(_Section):
    """What both kinds of data say; training/split.py goes by it."""

    paths: list[str]
    split: Literal["stored", "random", "source"]
    validation_share: Annotated[float, Field(gt=0, lt=1)]
    validation_sources: list[str]
    test_sources: list[str]


class DataConfig(SplitConfig):
    rescued: bool


class Sampling(_Section):
    """How often a sample is drawn, and what becomes of its hand before it is one frame or the frames of a clip."""

    source_power: NonNegativeFloat  # a source of n samples has each of them drawn n^-source_power times as often
    motion_stills: NonNegativeFloat  # how often J and Z are drawn as single frames, against the other letters
    finger_mix: Share  # of single frames, those with some fingers of another still of the same letter
    draped: Share  # of M and N, those whose fingers hang straight over the thumb
    nothing_share: Annotated[float, Field(ge=0, lt=1)]  # of single frames, hands that sign nothing


class Clips(_Section):
    """Clips to train on."""

    still_share: Share  # of batches, those of single frames
    batch_size: PositiveInt  # clips in each of the others
    max_frames: PositiveInt  # a clip has 2 to this many frames, 1/30 s apart; 1: all batches are of single frames
    transition_share: Share  # of stills turned into clips, those that come from another letter's hand shape
    drawn_share: Share  # of clips, those that are a J or Z drawn with the hand shape of a still
    nothing_share: Annotated[float, Field(ge=0, lt=1)]  # of stills turned into clips, hands that sign nothing
    drift: NonNegativeFloat  # palm sizes per frame, standard deviation of how fast a held hand wanders


class Augmentation(_Section):
    """How landmarks are varied; each clip in one way, but for the jitter."""

    rotation: NonNegativeFloat  # degrees, largest turn in the picture
    sideways_rotation: NonNegativeFloat  # the same for G, H and P, which point to the side
    turned_round: Share  # of G, H, P and Q, those seen from the other side of the hand
    tilt: NonNegativeFloat  # degrees, largest turn out of the picture, about x and about y
    scale: Share  # largest stretch along x and y
    depth_scale: Share  # largest stretch along z
    noise: NonNegativeFloat  # palm sizes, standard deviation of a landmark's place; twice in z, which MediaPipe knows least
    tip_noise: NonNegativeFloat  # times as much noise and jitter at the fingertips, which are hidden most
    jitter: NonNegativeFloat  # palm sizes, as noise, but from frame to frame
    mirror: Share  # of clips, those seen as the other hand, as when the handedness is mistaken


class TrainingConfig(_Section):
    """What the training loop needs of every kind of model."""

    seed: int
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "fp16", "bf16", "fp32"]
    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    plateau_patience: PositiveInt
    plateau_factor: Share
    stop_patience: PositiveInt
    checkpoint_every: PositiveInt


class Config(TrainingConfig):
    """A training of the landmark GRU. Its checkpoints hold the fields below, and runs are compared by them: what only image
    models choose is no field here."""

    watch: ClassVar[str] = "validation_accuracy"
    lowest_learning_rate: ClassVar[float] = 0.0

    epoch_batches: PositiveInt
    weight_decay: NonNegativeFloat
    label_smoothing: Share
    clip_norm: PositiveFloat
    schedule: Literal["one_cycle", "plateau"]
    model: ModelConfig
    data: DataConfig
    sampling: Sampling
    clips: Clips
    augmentation: Augmentation


class ImageModelConfig(_Section):
    input: Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]
    classes: Annotated[list[str], Field(min_length=3)]
    layers: list[str | dict]


class ImageDataConfig(SplitConfig):
    rescued: ClassVar[bool] = True

    group_by: str


class PictureAugmentation(_Section):
    """How pictures are varied, each in a way of its own."""

    rotation: NonNegativeFloat  # degrees, largest turn
    shift: Share  # largest, of the picture's sides
    zoom: Annotated[float, Field(ge=0, lt=1)]  # largest, as a share of the size
    shear: NonNegativeFloat  # degrees, largest
    flip: Share  # of pictures, those mirrored
    brightness: Share  # largest change, as a share
    channel_shift: Share  # largest that is added to each colour, white being 1


class ImageConfig(TrainingConfig):
    """A training of an image CNN."""

    epoch_batches: ClassVar[int] = 1
    label_smoothing: ClassVar[float] = 0.0
    clip_norm: ClassVar[float] = math.inf

    schedule: Literal["constant", "plateau", "cyclic"]
    lowest_learning_rate: NonNegativeFloat
    watch: Literal["validation_accuracy", "validation_loss"]
    model: ImageModelConfig
    data: ImageDataConfig
    augmentation: PictureAugmentation


def load_config(path: str | Path, overrides: list[str]) -> Config | ImageConfig:
    """The YAML at `path` with overrides such as `epochs=3` or `data.paths=[a,b]` (values are YAML).

    An ImageConfig where the model has an input. Raises UserError that lists every missing key, unknown key and wrong value
    at once.
    """
    values = _read(Path(path))
    if "base" in values:  # of which there is one: a base has none itself
        base = values.pop("base")
        if not isinstance(base, str) or Path(base).name != base:
            raise UserError(f"base is {base!r} in {path}; expected the name of a YAML of the same folder")
        values = _merged(_read(Path(path).with_name(base)), values)

    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"cannot use {override!r}; expected key=value, such as epochs=3 or data.split=random")
        section = values
        *parents, name = key.split(".")
        try:
            for parent in parents:
                section = section.setdefault(parent, {})
            section[name] = yaml.safe_load(value)
        except (yaml.YAMLError, AttributeError, TypeError) as error:
            raise UserError(f"cannot use {override!r}: {' '.join(str(error).split())}") from error

    is_image = isinstance(values.get("model"), dict) and "input" in values["model"]
    try:
        return (ImageConfig if is_image else Config).model_validate(values)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (found {e['input']!r:.60})" for e in error.errors()]
        raise UserError(f"{len(problems)} wrong in {path} and its overrides: {'; '.join(problems)}") from error


def _read(path: Path) -> dict:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no keys; expected those of training/config.yaml")
    return values


def _merged(base: dict, changes: dict) -> dict:
    """`base` with other values where `changes` has them; sections are merged key by key."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both else value
    return merged

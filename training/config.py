"""A YAML file and `key=value` overrides -> a typed configuration. The YAML file is the only place for defaults.

config.yaml describes a training of the landmark GRU (Config), those in recipes/ one of an image CNN (ImageConfig).
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


class SamplingConfig(_Section):
    source_power: NonNegativeFloat
    motion_stills: NonNegativeFloat
    finger_mix: Share
    draped: Share
    nothing_share: Annotated[float, Field(ge=0, lt=1)]


class ClipConfig(_Section):
    still_share: Share
    batch_size: PositiveInt
    max_frames: PositiveInt
    transition_share: Share
    drawn_share: Share
    nothing_share: Annotated[float, Field(ge=0, lt=1)]
    drift: NonNegativeFloat


class AugmentationConfig(_Section):
    rotation: NonNegativeFloat
    sideways_rotation: NonNegativeFloat
    turned_round: Share
    tilt: NonNegativeFloat
    scale: Share
    depth_scale: Share
    noise: NonNegativeFloat
    tip_noise: NonNegativeFloat
    jitter: NonNegativeFloat
    mirror: Share


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
    sampling: SamplingConfig
    clips: ClipConfig
    augmentation: AugmentationConfig


class ImageModelConfig(_Section):
    input: Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]
    classes: Annotated[list[str], Field(min_length=3)]
    layers: list[str | dict]


class ImageDataConfig(SplitConfig):
    rescued: ClassVar[bool] = True

    group_by: str


class ImageAugmentationConfig(_Section):
    rotation: NonNegativeFloat
    shift: Share
    zoom: Annotated[float, Field(ge=0, lt=1)]
    shear: NonNegativeFloat
    flip: Share
    brightness: Share
    channel_shift: Share


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
    augmentation: ImageAugmentationConfig


def load_config(path: str | Path, overrides: list[str]) -> Config | ImageConfig:
    """The YAML at `path` with overrides such as `epochs=3` or `data.paths=[a,b]` (values are YAML).

    An ImageConfig where the model has an input. Raises UserError that lists every missing key, unknown key and wrong value
    at once.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no keys; expected those of training/config.yaml")

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

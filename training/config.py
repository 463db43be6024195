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
    hidden: PositiveInt  # units of each layer
    layers: PositiveInt  # of the GRU
    dropout: Share  # between the GRU's layers


class SplitConfig(_Section):
    """What both kinds of data say; training/split.py goes by it."""

    paths: list[str]  # files and folders to load; what they may be, `load_samples` and `load_pictures` say
    split: Literal["stored", "random", "source"]  # as the data come; frames at random; by the sources below
    validation_share: Annotated[float, Field(gt=0, lt=1)]  # of each source, for split `random`
    validation_sources: list[str]  # for split `source`
    test_sources: list[str]  # neither trained on nor validated on


class DataConfig(SplitConfig):
    rescued: bool  # train also on hands that only a later pass of the landmarker found


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
    precision: Literal["auto", "fp16", "bf16", "fp32"]  # of the training step; what is measured is measured in fp32
    epochs: PositiveInt  # at most
    batch_size: PositiveInt  # single frames, or pictures
    learning_rate: PositiveFloat  # the highest, if the schedule varies it
    plateau_patience: PositiveInt  # epochs without a better value before the learning rate falls
    plateau_factor: Share  # and by which factor
    stop_patience: PositiveInt  # epochs without a better value before training stops
    checkpoint_every: PositiveInt  # epochs between the checkpoint_epoch_N.pth


class Config(TrainingConfig):
    """A training of the landmark GRU. Its checkpoints hold the fields below, and runs are compared by them: what only image
    models choose is no field here."""

    watch: ClassVar[str] = "validation_accuracy"
    lowest_learning_rate: ClassVar[float] = 0.0

    epoch_batches: PositiveInt  # in an epoch, at least
    weight_decay: NonNegativeFloat  # of AdamW
    label_smoothing: Share  # of each label's weight, spread over all classes
    clip_norm: PositiveFloat  # longer gradients are shortened to it
    schedule: Literal["one_cycle", "plateau"]  # of the learning rate: up and down once, or down when accuracy levels off
    model: ModelConfig
    data: DataConfig
    sampling: Sampling
    clips: Clips
    augmentation: Augmentation


class ImageModelConfig(_Section):
    input: Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]  # height, width, channels
    classes: Annotated[list[str], Field(min_length=3)]  # in the order of the outputs
    layers: list[str | dict]  # of `training.images.cnn.LAYERS`; one output per class follows


class ImageDataConfig(SplitConfig):
    rescued: ClassVar[bool] = True

    group_by: str  # what stays in one part, see `data.splits.named_groups`


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

    schedule: Literal["constant", "plateau", "cyclic"]  # of the learning rate; cyclic: up and down in every 8 epochs
    lowest_learning_rate: NonNegativeFloat  # of the schedule `plateau`
    watch: Literal["validation_accuracy", "validation_loss"]  # what patience waits for; the best model is that by accuracy
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

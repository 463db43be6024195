"""A YAML file and `key=value` overrides -> a typed configuration. The YAML file is the only place for defaults.

config.yaml describes a training of the landmark GRU (Config), those in images/recipes/ one of an image CNN (ImageConfig). A
YAML that names another of its folder as its `base` holds only what is different.
"""

import math
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    StringConstraints,
    ValidationError,
    field_validator,
)

from sign2sound.errors import UserError
from sign2sound.files import PROJECT, in_project

Share = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(gt=0, le=1_000_000)]
Name = Annotated[str, StringConstraints(pattern=r"\S")]
_DEEPEST, _LONGEST = 20, 1000  # of a YAML's levels, and characters of a value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value, info):
        if isinstance(value, bool) and cls.model_fields[info.field_name].annotation is not bool:
            raise ValueError("true and false are no numbers")
        return value


class ModelConfig(_Section):
    """The sizes of the GRU."""

    hidden: Annotated[int, Field(gt=0, le=4096)]  # units of each layer
    layers: Annotated[int, Field(gt=0, le=32)]  # of the GRU
    dropout: Share  # between the GRU's layers


class SplitConfig(_Section):
    """What both kinds of data say; training/split.py goes by it."""

    paths: list[Name]  # files and folders to load; what they may be, `load_samples` and `load_pictures` say
    split: Literal["stored", "random", "source"]  # as the data come; frames at random; by the sources below
    validation_share: Annotated[float, Field(gt=0, lt=1)]  # of each source, for split `random`
    validation_sources: list[Name]  # for split `source`
    test_sources: list[Name]  # neither trained on nor validated on


class DataConfig(SplitConfig):
    """What is trained and validated on."""

    rescued: bool  # train also on hands that only a later pass of the landmarker found


class Sampling(_Section):
    """How often a still is drawn."""

    source_power: NonNegativeFloat  # a source of n samples has each of them drawn n^-source_power times as often
    motion_stills: NonNegativeFloat  # how often J and Z are drawn as single frames, against the other letters
    nothing_share: Annotated[float, Field(ge=0, lt=1)]  # of single frames, hands that sign nothing


class Sequences(_Section):
    """Spelling composed of stills."""

    share: Share  # of batches, those of sequences; the others are of single frames
    frames: PositiveInt  # in a batch, about; the longer the sequences, the fewer
    shortest: Annotated[int, Field(ge=2, le=1000)]  # frames of a sequence
    longest: Annotated[int, Field(ge=2, le=1000)]
    slowest: PositiveFloat  # letters a second
    fastest: PositiveFloat
    least_held: Share  # of a letter's time, the part in which it is held
    most_held: Share
    long_holds: Share  # of letters, those held for half a second to 3 s
    repeated: Share  # of letters, those shown again at once
    motions: Share  # of letters, J and Z
    rests: Share  # of letters, the places taken by a hand at rest
    real_clips: Share  # of sequences, those that are pieces of real clips
    stalls: Share  # of sequences, those in which the camera shows frames twice
    drift: NonNegativeFloat  # palm sizes per frame, standard deviation of how fast the whole sequence wanders
    noise: NonNegativeFloat  # in place of augmentation.noise


class Augmentation(_Section):
    """How landmarks are varied; each sequence in one way, but for the jitter."""

    rotation: NonNegativeFloat  # degrees, largest turn in the picture
    tilt: NonNegativeFloat  # degrees, largest turn out of the picture, about x and about y
    scale: Share  # largest stretch along x and y
    depth_scale: Share  # largest stretch along z
    noise: NonNegativeFloat  # palm sizes, standard deviation of a landmark's place; twice in z, which MediaPipe knows least
    jitter: NonNegativeFloat  # palm sizes, as noise, but from frame to frame
    without_z: Share  # of single frames and sequences that have z, those that lose it


class TrainingConfig(_Section):
    """What the training loop needs of every kind of model."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
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
    sequences: Sequences
    augmentation: Augmentation


class ImageModelConfig(_Section):
    """The layers of an image CNN."""

    input: Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]  # height, width, channels
    classes: Annotated[list[str], Field(min_length=3)]  # in the order of the outputs
    layers: list[str | dict]  # of `training.images.cnn.LAYERS`; one output per class follows


class ImageDataConfig(SplitConfig):
    """What an image CNN is trained and validated on."""

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

    data = values.get("data")
    if Path(path).resolve().is_relative_to(PROJECT) and isinstance(data, dict) and isinstance(data.get("paths"), list):
        data["paths"] = [in_project(each) if isinstance(each, str) and each.strip() else each for each in data["paths"]]
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"cannot use {override!r}; expected key=value, such as epochs=3 or data.split=random")
        section = values
        *parents, name = key.split(".")
        try:
            for parent in parents:
                section = section.setdefault(parent, {})
            section[name] = _parse(value)
        except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
            raise UserError(f"cannot use {override!r}: {' '.join(str(error).split())}") from error

    kind = ImageConfig if isinstance(values.get("model"), dict) and "input" in values["model"] else Config
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = []
        for each in error.errors():
            key = ".".join(map(str, each["loc"]))
            if each["type"] == "extra_forbidden":
                near = get_close_matches(key, _keys(kind), 1)
                problems.append(f"{key}: no such key" + (f"; did you mean {near[0]}?" if near else ""))
            else:
                problems.append(f"{key}: {each['msg']} (found {each['input']!r:.60})")
        raise UserError(f"{len(problems)} wrong in {path} and its overrides: {'; '.join(problems)}") from error


def _read(path: Path) -> dict:
    try:
        values = _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
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


def _parse(text: str):
    """The value in a YAML. Raises ValueError and yaml.YAMLError, also on what only an attack holds: aliases, which can stand
    for gigabytes, nesting without end and values of thousands of characters."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"*{event.anchor} repeats a value, which a configuration need not; write it out")
        if depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} levels within each other")
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > _LONGEST:
            raise ValueError(f"a value of {len(event.value)} characters, expected {_LONGEST} at most")
    return yaml.safe_load(text)


def _keys(section: type[_Section], before: str = "") -> list[str]:
    """All keys of a section and those below it, with dots."""
    keys = []
    for name, field in section.model_fields.items():
        keys.append(before + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Section):
            keys += _keys(field.annotation, f"{before}{name}.")
    return keys

"""The two kinds of model, and all that their training and evaluation do in ways of their own."""

import random
from collections.abc import Iterator

import numpy as np
import torch

from data.dataset import Samples, load_samples
from sign2sound.model import LandmarkGRU
from sign2sound.recognizer import Recognizer
from training.batches import Batch, TrainingSet
from training.config import Config, ImageConfig
from training.gru import training_logits
from training.images.batches import PictureSet
from training.images.cnn import ImageCNN
from training.images.pictures import Pictures, load_pictures

_AT_ONCE = 10_000  # frames that are drawn at once, cut into batches: what drawing costs besides is per operation


class LandmarkTask:
    """Landmarks of stills and clips -> letters, by the GRU. config: None where nothing is trained."""

    model_class = LandmarkGRU

    def __init__(self, config: Config | None):
        self._config = config

    def load(self, paths: list) -> tuple[Samples, Samples | None]:
        """Stills and clips of the data at `paths`."""
        return load_samples(paths)

    def make_model(self) -> LandmarkGRU:
        """An untrained model."""
        return LandmarkGRU(**self._config.model.model_dump())

    def make_training_set(self, stills: Samples, clips: Samples | None, device: torch.device) -> TrainingSet:
        """What batches are drawn from."""
        config = self._config
        return TrainingSet(stills, clips, config.sampling, config.sequences, config.augmentation, device)

    def batches(
        self, training_set: TrainingSet, number: int, choices: random.Random, generator: torch.Generator
    ) -> Iterator[Batch]:
        """Those of an epoch: sequences in a share of cases, else single frames. `choices` decides what Python has to know, so
        that no GPU is waited for."""
        options, size = self._config.sequences, self._config.batch_size
        share = options.share if training_set.spells else 0
        spells = [choices.random() < share for _ in range(number)]
        drawn = {True: [], False: []}
        for step, kind in enumerate(spells):
            if not drawn[kind]:
                batches = min(spells[step:].count(kind), max(_AT_ONCE // (options.frames if kind else size), 1))
                if kind:
                    together = training_set.draw_sequences(batches, choices, generator)
                else:
                    together = training_set.draw_frames(batches * size, generator)
                drawn[kind] = together.cut(batches)
            yield drawn[kind].pop()

    def make_optimizer(self, model: LandmarkGRU) -> torch.optim.Optimizer:
        config = self._config
        return torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True)

    def logits(self, model: LandmarkGRU, features: torch.Tensor) -> torch.Tensor:
        """Of a batch, (N, T, classes)."""
        return training_logits(model, features) if features.device.type == "cpu" else model(features)[0]

    def predict(self, model: LandmarkGRU, samples: Samples, device: torch.device) -> np.ndarray:
        """Probabilities (N, classes) as users get them: in fp32."""
        return Recognizer(model, device).predict(samples.landmarks, samples.left_handed)


class ImageTask:
    """Pictures -> classes, by a CNN."""

    model_class = ImageCNN

    def __init__(self, config: ImageConfig):
        self._config = config

    def load(self, paths: list) -> tuple[Pictures, None]:
        """Pictures at `paths`, and no clips."""
        model = self._config.model
        return load_pictures(paths, model.classes, model.input, self._config.data.group_by), None

    def make_model(self) -> ImageCNN:
        """An untrained model."""
        return ImageCNN(**self._config.model.model_dump())

    def make_training_set(self, pictures: Pictures, clips: None, device: torch.device) -> PictureSet:
        """What batches are drawn from."""
        return PictureSet(pictures, self._config.augmentation, device)

    def batches(
        self, training_set: PictureSet, number: int, choices: random.Random, generator: torch.Generator
    ) -> Iterator[Batch]:
        return (training_set.draw(self._config.batch_size, generator) for _ in range(number))

    def make_optimizer(self, model: ImageCNN) -> torch.optim.Optimizer:
        """The optimizer, with the learning rate of the configuration."""
        return torch.optim.Adam(model.parameter_groups(), lr=self._config.learning_rate, fused=True)

    def logits(self, model: ImageCNN, pictures: torch.Tensor) -> torch.Tensor:
        """Of a batch, (N, classes)."""
        return model(pictures)

    def predict(self, model: ImageCNN, pictures: Pictures, device: torch.device) -> np.ndarray:
        """Probabilities (N, classes), in fp32."""
        return model.to(device).eval().read(pictures.pixels)


def task_of(config: Config | ImageConfig) -> LandmarkTask | ImageTask:
    """The task that a configuration describes."""
    return ImageTask(config) if isinstance(config, ImageConfig) else LandmarkTask(config)


def task_of_checkpoint(checkpoint: dict) -> LandmarkTask | ImageTask:
    """For evaluation. Checkpoints older than some keys of the configuration can be evaluated too."""
    model = checkpoint.get("model")
    is_image_model = isinstance(model, dict) and model.get("name") == ImageCNN.__name__
    return ImageTask(ImageConfig.model_validate(checkpoint["config"])) if is_image_model else LandmarkTask(None)

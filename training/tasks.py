"""The two kinds of model, and all that their training and evaluation do in ways of their own."""

import numpy as np
import torch

from data.dataset import Samples, load_samples
from sign2sound.model import LandmarkGRU
from sign2sound.recognizer import Recognizer
from training.batches import Batch, TrainingSet
from training.config import Config, ImageConfig
from training.images.batches import PictureSet
from training.images.cnn import ImageCNN
from training.images.pictures import Pictures, load_pictures


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

    def draw(self, training_set: TrainingSet, generator: torch.Generator) -> Batch:
        """The next batch: sequences in a share of cases, else single frames."""
        chance = torch.rand((), generator=generator, device=generator.device)
        if training_set.spells and chance < self._config.sequences.share:
            return training_set.draw_sequences(generator)
        return training_set.draw_frames(self._config.batch_size, generator)

    def make_optimizer(self, model: LandmarkGRU) -> torch.optim.Optimizer:
        """The optimizer, with the learning rate of the configuration."""
        return torch.optim.AdamW(model.parameters(), lr=self._config.learning_rate, weight_decay=self._config.weight_decay)

    def logits(self, model: LandmarkGRU, features: torch.Tensor) -> torch.Tensor:
        """Of a batch, (N, T, classes)."""
        return model(features)[0]

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

    def draw(self, training_set: PictureSet, generator: torch.Generator) -> Batch:
        """The next batch."""
        return training_set.draw(self._config.batch_size, generator)

    def make_optimizer(self, model: ImageCNN) -> torch.optim.Optimizer:
        """The optimizer, with the learning rate of the configuration."""
        return torch.optim.Adam(model.parameter_groups(), lr=self._config.learning_rate)

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

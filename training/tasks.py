"""The two kinds of model, and all that their training and evaluation do in ways of their own."""

import numpy as np
import torch

from data.augmentation import Augmentation
from data.dataset import Samples, load_samples
from data.picture_augmentation import PictureAugmentation
from data.pictures import Pictures, load_pictures
from sign2sound.checkpoint import is_image_model
from sign2sound.cnn import ImageCNN
from sign2sound.model import LandmarkGRU
from sign2sound.recognizer import Recognizer
from training.batches import TrainingSet
from training.config import Config, ImageConfig
from training.picture_batches import PictureSet


class LandmarkTask:
    """Landmarks of stills and clips -> letters, by the GRU. config: None where nothing is trained."""

    model_class = LandmarkGRU

    def __init__(self, config: Config | None):
        self._config = config

    def load(self, paths: list) -> tuple[Samples, Samples | None]:
        return load_samples(paths)

    def make_model(self) -> LandmarkGRU:
        return LandmarkGRU(**self._config.model.model_dump())

    def make_training_set(self, stills: Samples, clips: Samples | None, device: torch.device) -> TrainingSet:
        config = self._config
        augmentation = Augmentation(**config.augmentation.model_dump())
        return TrainingSet(stills, clips, config.sampling, config.clips, augmentation, device)

    def make_optimizer(self, model: LandmarkGRU) -> torch.optim.Optimizer:
        return torch.optim.AdamW(model.parameters(), lr=self._config.learning_rate, weight_decay=self._config.weight_decay)

    def logits(self, model: LandmarkGRU, features: torch.Tensor) -> torch.Tensor:
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
        model = self._config.model
        return load_pictures(paths, model.classes, model.input, self._config.data.group_by), None

    def make_model(self) -> ImageCNN:
        return ImageCNN(**self._config.model.model_dump())

    def make_training_set(self, pictures: Pictures, clips: None, device: torch.device) -> PictureSet:
        return PictureSet(pictures, PictureAugmentation(**self._config.augmentation.model_dump()), device)

    def make_optimizer(self, model: ImageCNN) -> torch.optim.Optimizer:
        return torch.optim.Adam(model.parameter_groups(), lr=self._config.learning_rate)

    def logits(self, model: ImageCNN, pictures: torch.Tensor) -> torch.Tensor:
        return model(pictures)

    def predict(self, model: ImageCNN, pictures: Pictures, device: torch.device) -> np.ndarray:
        """Probabilities (N, classes), in fp32."""
        return model.to(device).eval().read(pictures.pixels)


def task_of(config: Config | ImageConfig) -> LandmarkTask | ImageTask:
    return ImageTask(config) if isinstance(config, ImageConfig) else LandmarkTask(config)


def task_of_checkpoint(checkpoint: dict) -> LandmarkTask | ImageTask:
    """For evaluation. Checkpoints older than some keys of the configuration can be evaluated too."""
    return ImageTask(ImageConfig.model_validate(checkpoint["config"])) if is_image_model(checkpoint) else LandmarkTask(None)

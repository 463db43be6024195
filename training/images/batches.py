"""Pictures -> batches, varied on the training device."""

import torch

from training.batches import Batch
from training.config import PictureAugmentation
from training.images.augmentation import make_augmentation
from training.images.cnn import to_floats
from training.images.pictures import Pictures


class PictureSet:
    """Pictures in memory, of which an epoch draws each once, in random order."""

    def __init__(self, pictures: Pictures, augmentation: PictureAugmentation, device):
        self._pixels = torch.from_numpy(pictures.pixels)
        self._labels = torch.from_numpy(pictures.labels)
        self._augment = make_augmentation(augmentation)
        self._device = device
        self._rest: list[torch.Tensor] = []  # of this epoch, in batches

    def __len__(self) -> int:
        return len(self._labels)

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """The next pictures, `size` or a few less: an epoch is cut into batches of equal size, for batch norm needs several."""
        if not self._rest:
            order = torch.randperm(len(self), generator=generator, device=generator.device).cpu()
            self._rest = list(order.tensor_split(-(-len(self) // size)))
        rows = self._rest.pop()
        labels = self._labels[rows].to(self._device)
        pictures = self._augment(to_floats(self._pixels[rows], self._device))
        return Batch(pictures, labels, torch.ones_like(labels, dtype=torch.float32))

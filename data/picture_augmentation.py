"""Pictures varied as other cameras and places would vary them, by kornia, on any device."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class PictureAugmentation:
    """Largest changes: rotation and shear in degrees, shift as a share of the picture's sides, zoom and brightness as shares,
    channel_shift added to each colour, white being 1. flip: share of pictures mirrored. What a shift uncovers gets the colour
    of the border."""

    rotation: float
    shift: float
    zoom: float
    shear: float
    flip: float
    brightness: float
    channel_shift: float


def make_augmentation(options: PictureAugmentation) -> nn.Module:
    """A module that varies (N, channels, H, W) pictures in [0, 1], each in its own way, with torch's global random state."""
    from kornia import augmentation  # takes a third of a second to import, and landmarks do without

    zoom, brightness = ((1 - share, 1 + share) for share in (options.zoom, options.brightness))
    steps = [
        augmentation.RandomAffine(
            options.rotation, (options.shift, options.shift), zoom, options.shear, padding_mode="border", p=1.0
        )
    ]
    if options.flip:
        steps.append(augmentation.RandomHorizontalFlip(p=options.flip))
    if options.brightness:
        steps.append(augmentation.ColorJitter(brightness=brightness, p=1.0))
    if options.channel_shift:
        steps.append(augmentation.RandomRGBShift(*[options.channel_shift] * 3, p=1.0))
    return nn.Sequential(*steps)

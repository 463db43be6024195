"""Pictures varied as other cameras and places would vary them, by kornia, on any device."""

from torch import nn

from training.config import PictureAugmentation


def make_augmentation(options: PictureAugmentation) -> nn.Module:
    """A module that varies (N, channels, H, W) pictures in [0, 1], each in its own way, with torch's global random state.
    What a shift uncovers gets the colour of the border."""
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

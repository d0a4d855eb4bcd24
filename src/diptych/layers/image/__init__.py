"""Image layers: sizes, and the random changes that make more images out of few.

Images are (height, width, channels) with channels last, or a batch of them; a dict with "images"
may carry "labels", which stay, and "segmentation_masks", which are moved like the images. The
random layers work in training, and where they are called by hand without a word about it. What they
draw is drawn here, above the engines: ``get_random_transformation`` draws, ``transform_images``
applies.
"""

from .colors import RandomBrightness, RandomContrast
from .moves import RandomCrop, RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from .sizes import CenterCrop, Resizing

__all__ = [
    "CenterCrop",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
]

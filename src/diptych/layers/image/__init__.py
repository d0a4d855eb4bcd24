"""Image layers: resizing and cropping, and random changes for data augmentation.

Images are (height, width, channels) with channels last, or a batch of them; a dict with "images"
may contain "labels", which stay the same, and "segmentation_masks", which are transformed like the
images. The random layers are active in training, and in a direct call without ``training``. Random
numbers are drawn here, above the engines: ``get_random_transformation`` draws them,
``transform_images`` applies them.
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

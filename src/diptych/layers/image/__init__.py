"""Image layers: resizing and cropping, and random changes for data augmentation.

Images are (height, width, channels) with channels last, or a batch of them; a dict with "images"
may contain "labels", which stay the same unless images are mixed, and "segmentation_masks", which
are moved like the images. The random layers are active in training, and in a direct call without
``training``. Random numbers are drawn here, above the engines: ``get_random_transformation`` draws
them, ``transform_images`` applies them.
"""

from .colors import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomSaturation,
)
from .filters import RandomGaussianBlur, RandomSharpness
from .mixing import CutMix, MixUp, RandomErasing
from .moves import RandomCrop, RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from .policies import AugMix, RandAugment
from .sizes import CenterCrop, Resizing
from .tones import (
    AutoContrast,
    ContrastLimitedAdaptiveHistogramEqualization,
    Equalization,
    RandomInvert,
    RandomPosterization,
    Solarization,
)
from .warps import RandomElasticTransform, RandomPerspective, RandomShear

__all__ = [
    "AugMix",
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "Solarization",
]

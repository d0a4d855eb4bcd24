"""``keras.utils.legacy``: configurations in the form of Keras 2."""

from ..legacy.saving import deserialize_keras_object, serialize_keras_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def __dir__() -> list[str]:
    return sorted(__all__)

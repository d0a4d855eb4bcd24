"""Scripts written for Keras: `diptych run`, and `install_as_keras` for a process of one's own."""

from .hook import install_as_keras, uninstall

__all__ = ["install_as_keras", "uninstall"]


def __dir__() -> list[str]:
    return sorted(__all__)

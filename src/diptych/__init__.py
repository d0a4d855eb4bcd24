"""diptych: a neural network library with the Keras API."""

__version__ = "0.1.0"

"""The base class of callbacks, and callbacks made of functions."""

from __future__ import annotations

from typing import Any

from ..legacy import AcceptsOldNames
from ..utils.naming import public_names, suggest

__all__ = ["HOOKS", "Callback", "LambdaCallback"]


class Callback(metaclass=AcceptsOldNames):
    """The base class of callbacks: override the methods that you need.

    `logs` is a dict of the results so far: 'loss' and the metrics at the end of a batch or an
    epoch, and 'val_loss' and the like at the end of an epoch. `self.model` is the model in
    training; `self.model.stop_training = True` ends the training. `self.params` holds 'verbose',
    'epochs' and 'steps'.
    """

    # Class attributes, since a user's __init__ often does not call super().__init__().
    params: Any = None
    _model: Any = None
    first_alone = False  # of several processes that train together, only the first calls it

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take what ``fit`` tells before it begins: a dict with "epochs", "steps", "verbose"."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model that is trained, which is then ``self.model``."""
        self._model = model

    __dir__ = public_names

    def on_train_begin(self, logs: Any = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """After the last epoch; `logs` are the logs of that epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch; the first is number 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch and its validation."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Another name of on_train_batch_begin."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Another name of on_train_batch_end."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before an update."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After an update."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Before an evaluation, including each validation in fit."""

    def on_test_end(self, logs: Any = None) -> None:
        """After an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch is evaluated."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch was evaluated."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch is predicted."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch was predicted; `logs` holds its 'outputs'."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """A callback made of functions.

        LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))

    The arguments are its methods. Functions for epochs and batches take (number, logs), the others
    take (logs). Every method name of `Callback` that starts with on_ may be given; anything else
    becomes an attribute.
    """

    def __init__(
        self,
        on_epoch_begin: Any = None,
        on_epoch_end: Any = None,
        on_train_begin: Any = None,
        on_train_end: Any = None,
        on_train_batch_begin: Any = None,
        on_train_batch_end: Any = None,
        **kwargs: Any,
    ) -> None:
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in given.items():
            if name.startswith("on_") and name not in HOOKS:
                raise TypeError(f"LambdaCallback() has no argument {name!r}{suggest(name, HOOKS)}")
            if function is not None:
                if name in HOOKS and not callable(function):
                    raise TypeError(f"LambdaCallback: {name}={function!r} is not a function")
                setattr(self, name, function)

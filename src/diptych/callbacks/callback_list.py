"""CallbackList: all callbacks of a training, called as one."""

from __future__ import annotations

from typing import Any

from .. import processes
from .callback import HOOKS, Callback
from .history import History
from .progress import ProgbarLogger

__all__ = ["CallbackList"]

# on_train_batch_* only calls on_batch_*: a callback that overrides neither needs no call.
_ALSO = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList:
    """All callbacks of a training, called as one.

    Only methods that a callback overrides are called, so that the others cost nothing. At the end
    of a batch `logs` may be a function that computes the dict; it is called only if a callback
    needs it.

    Args:
        callbacks: a list of callbacks, or one.
        add_history: whether to add a `History` if there is none.
        add_progbar: whether to add a `ProgbarLogger` if there is none.
        model: the model in training.
        params: the value of `self.params` in each callback: verbose, epochs, steps.

    Attributes:
        wants_train_batches, wants_test_batches, wants_predict_batches: whether any callback handles
            single batches. `wants_batches` is the first of them.
        history: the `History`, or None.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        if callbacks is None:
            callbacks = []
        self.callbacks = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
        for callback in self.callbacks:
            _check(callback)
        if not processes.is_first():
            add_progbar = False
            own = [one for one in self.callbacks if not getattr(one, "first_alone", False)]
            self.callbacks = own
        self.history = self._first(History)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        self._bar = self._first(ProgbarLogger)
        if self._bar is None and add_progbar:
            self._bar = ProgbarLogger()
            self.callbacks.append(self._bar)
        self.set_params(params)
        self.set_model(model)
        self._find_hooks()

    def _first(self, kind: type) -> Any:
        return next((callback for callback in self.callbacks if isinstance(callback, kind)), None)

    def _find_hooks(self) -> None:
        self._calls: dict[str, list] = {name: [] for name in HOOKS}
        for callback in self.callbacks:
            for name in HOOKS:
                method = getattr(callback, name, None)
                if method is None or not (
                    _overrides(callback, name) or self._through(callback, name)
                ):
                    continue
                if callback is self._bar and name.endswith("_batch_end"):
                    continue  # skip the bar until it is time to redraw
                self._calls[name].append(method)
        counts = self._bar is not None and self._bar.counts
        for kind in ("train", "test", "predict"):
            ends = self._calls[f"on_{kind}_batch_begin"] + self._calls[f"on_{kind}_batch_end"]
            setattr(self, f"wants_{kind}_batches", bool(ends) or counts)

    @staticmethod
    def _through(callback: Any, name: str) -> bool:
        return name in _ALSO and _overrides(callback, _ALSO[name])

    wants_train_batches: bool
    wants_test_batches: bool
    wants_predict_batches: bool

    @property
    def wants_batches(self) -> bool:
        return self.wants_train_batches

    @property
    def nobody_looks_on(self) -> bool:
        """Whether all that is called is the `History`, to which one may tell the epochs later."""
        return type(self) is CallbackList and all(
            getattr(method, "__func__", None) is getattr(History, name)
            for name, methods in self._calls.items()
            for method in methods
        )

    def append(self, callback: Any) -> None:
        """Add one more callback."""
        _check(callback)
        self.callbacks.append(callback)
        callback.set_params(self.params)
        callback.set_model(self.model)
        self._find_hooks()

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all of them what ``fit`` tells before it begins."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell all of them which model is trained."""
        self.model = model
        if model is not None:
            for callback in self.callbacks:
                callback.set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._call("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._call_at("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._call_at("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call_at("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._end_of_batch("on_train_batch_end", batch, logs)

    on_batch_begin = on_train_batch_begin
    on_batch_end = on_train_batch_end

    def on_test_begin(self, logs: Any = None) -> None:
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call_at("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._end_of_batch("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self._call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call_at("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._end_of_batch("on_predict_batch_end", batch, logs)

    def _call(self, name: str, logs: Any) -> None:
        methods = self._calls[name]
        if methods:
            logs = {} if logs is None else logs
            for method in methods:
                method(logs)

    def _call_at(self, name: str, number: int, logs: Any) -> None:
        methods = self._calls[name]
        if methods:
            logs = {} if logs is None else logs
            for method in methods:
                method(number, logs)

    def _end_of_batch(self, name: str, batch: int, logs: Any) -> None:
        methods, bar = self._calls[name], self._bar
        draws = bar is not None and bar.due(batch)
        if not methods and not draws:
            return
        logs = logs() if callable(logs) else {} if logs is None else logs
        for method in methods:
            method(batch, logs)
        if draws:
            getattr(bar, name)(batch, logs)


def _check(callback: Any) -> None:
    """Raise a TypeError unless this is a callback; the message says how to make one."""
    if isinstance(callback, type):
        name = callback.__name__
        raise TypeError(f"callbacks: {name} is a class; pass an instance of it, {name}(...)")
    if not isinstance(callback, Callback) and not hasattr(callback, "set_model"):
        hint = (
            "; LambdaCallback(on_epoch_end=function) makes a callback of a function"
            if callable(callback)
            else ""
        )
        raise TypeError(f"callbacks: {callback!r} is not a Callback{hint}")


def _overrides(callback: Any, name: str) -> bool:
    """Whether the class or the object overrides this method of Callback."""
    method = getattr(callback, name, None)
    return method is not None and getattr(method, "__func__", method) is not getattr(Callback, name)

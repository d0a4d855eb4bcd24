"""What a layer's constructor was called with: the config of a class without a ``get_config``."""

from __future__ import annotations

import inspect
from typing import Any

from ..dtype_policies import DTypePolicy, serialize
from ..nested import flatten

_PLAIN = (str, int, float, bool, type(None), DTypePolicy)


class Given:
    """The arguments of one call of a constructor, by name."""

    def __init__(self, cls: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        signature = inspect.signature(cls.__init__)
        bound = signature.bind_partial(None, *args, **kwargs)
        bound.apply_defaults()
        self.arguments: dict[str, Any] = {}
        self.more: tuple = ()  # those that have no name
        self.takes_any = False  # whether the constructor has **kwargs
        for name, parameter in list(signature.parameters.items())[1:]:
            if parameter.kind is parameter.VAR_KEYWORD:
                self.takes_any = True
                self.arguments |= bound.arguments[name]
            elif parameter.kind is parameter.VAR_POSITIONAL:
                self.more = bound.arguments[name]
            elif name in bound.arguments:
                self.arguments[name] = bound.arguments[name]

    def config(self, layer: Any, own: dict[str, Any]) -> dict[str, Any]:
        """The arguments, with those of ``own``, what every layer has, that the constructor takes.

        Raises:
            NotImplementedError: an argument is no plain data.
        """
        for name, value in [*self.arguments.items(), ("*args", list(self.more) or None)]:
            if name == "*args" and value or not all(isinstance(x, _PLAIN) for x in flatten(value)):
                raise NotImplementedError(
                    f"Layer {layer.name!r} ({type(layer).__name__}) needs a get_config(): it was "
                    f"made with {name}={value!r:.60}, which a configuration does not hold by "
                    "itself. Return a dict of the constructor's arguments:\n"
                    "    def get_config(self):\n"
                    f"        return {{**super().get_config(), {name.strip('*')!r}: ...}}\n"
                    "and turn it back in from_config(cls, config) where an argument is an object."
                )
        config = {
            name: serialize(value) if isinstance(value, DTypePolicy) else value
            for name, value in self.arguments.items()
        }
        for name, value in own.items():
            if self.takes_any or name in config:
                config[name] = value
        return config

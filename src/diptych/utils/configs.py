"""A container of named settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .naming import suggest

__all__ = ["Config"]


class Config:
    """Named values, as attributes or entries, which can be frozen against changes.

        config = Config(learning_rate=0.1)
        config.seed = 3                     # the same as config["seed"] = 3
        config.freeze()
        config.to_json()                    # '{"learning_rate": 0.1, "seed": 3}'

    Raises:
        AttributeError, KeyError: there is no such value.
        ValueError: a frozen one would be changed.
    """

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_config", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """The values in a dict of their own."""
        return dict(self._config)

    def to_json(self) -> str:
        """The values as JSON."""
        return json.dumps(self._config)

    def keys(self) -> Any:
        """The names."""
        return self._config.keys()

    def values(self) -> Any:
        """The values."""
        return self._config.values()

    def items(self) -> Any:
        """Pairs (name, value)."""
        return self._config.items()

    def get(self, keyname: str, value: Any = None) -> Any:
        """The value of this name, or ``value`` if there is none."""
        return self._config.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Remove a value and return it; with a second argument, that if there is none."""
        return self._open().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take over values, as ``dict.update`` does."""
        self._open().update(*args, **kwargs)

    def _open(self) -> dict[str, Any]:
        """The values, to be changed."""
        if self._frozen:
            raise ValueError("This Config is frozen: unfreeze() it, or change a copy of it.")
        return self._config

    def __setattr__(self, name: str, value: Any) -> None:
        self._open()[name] = value

    def __getattr__(self, name: str) -> Any:
        config = vars(self).get("_config", {})  # empty while a copy is made
        if name not in config:
            raise AttributeError(f"This Config has no value {name!r}{suggest(name, config)}")
        return config[name]

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __setitem__(self, key: str, item: Any) -> None:
        self._open()[key] = item

    def __delitem__(self, key: str) -> None:
        del self._open()[key]

    def __contains__(self, item: Any) -> bool:
        return item in self._config

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __repr__(self) -> str:
        return f"<Config {self._config}>"

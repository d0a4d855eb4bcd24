"""The outputs of a model: how they are nested, their names, and what belongs to each of them."""

from __future__ import annotations

from typing import Any

from ..nested import flatten, pack_like
from ..utils.naming import suggest

SEVERAL = ("loss", "loss_weights")  # of which one output may have a list


class UnknownOutputError(KeyError, ValueError):
    """A loss for an output that the model does not have; Keras raises a KeyError."""

    def __str__(self) -> str:
        return ValueError.__str__(self)  # that of KeyError would quote the text


class Outputs:
    """The outputs to which losses, their weights, metrics, labels and sample weights are matched.

    Args:
        structure: the outputs in their nesting; only the nesting matters.
        producers: the names of the layers that make them, in the order of ``flatten``; by default
            "output_1", "output_2" and so on.

    Attributes:
        names: a name for each output: the keys of a dict, joined by "/" where dicts are nested;
            those of the producers for the entries of a list.
        order: their numbers in the order in which a list without their nesting gives something for
            each: keys of dicts in alphabetical order, as in Keras.
    """

    def __init__(self, structure: Any, producers: list[str] | None = None) -> None:
        self.count = count = len(flatten(structure))
        producers = producers or [f"output_{i + 1}" for i in range(count)]
        self._places = pack_like(structure, range(count))
        self.names = [""] * count
        self._name(self._places, (), producers)
        self.order = _alphabetical(self._places)

    def _name(self, places: Any, path: tuple, producers: list[str]) -> None:
        if isinstance(places, int):
            if not path or isinstance(path[-1], int):
                path = (*path[:-1], producers[places])
            self.names[places] = "/".join(map(str, path))
            return
        for key, part in places.items() if isinstance(places, dict) else enumerate(places):
            self._name(part, (*path, key), producers)

    def match(self, given: Any, what: str) -> list:
        """What is given for each output, in the order of ``flatten``; None for nothing.

        given: nested like the outputs, or a dict by their names, or a list with one entry for each.
            Anything else than labels may also be a single thing for all.
        what: the argument's name, for errors.

        Raises ValueError if a name or the number of entries does not fit the outputs.
        """
        if not isinstance(given, (list, tuple, dict)):
            if what == "y" and given is not None and self.count > 1:
                raise ValueError(self._wrong_number([given], what))
            return [given] * self.count
        if isinstance(self._places, int) and isinstance(given, dict) and what != "y":
            given = self._by_name(given, what)
        if isinstance(self._places, int) and what in SEVERAL:
            if len(given) != 1:  # a list for all outputs, of which there is one
                raise ValueError(self._wrong_number(given, what))
            return list(given)
        found: list = [None] * self.count
        self._fill(found, given, self._places, what)
        return found

    def _fill(
        self, found: list, given: Any, places: Any, what: str, path: tuple[str, ...] = ()
    ) -> None:
        nested = isinstance(given, (list, tuple, dict))
        if isinstance(places, int):
            several = what in SEVERAL and not isinstance(given, dict)
            if nested and not several and what != "metrics":
                given = self._only(given, what)
            found[places] = given
        elif isinstance(given, dict) and isinstance(places, dict):
            self._check_keys(given, list(places), what, path)
            for key, part in given.items():
                self._fill(found, part, places[key], what, (*path, str(key)))
        elif isinstance(given, dict):
            for place, part in enumerate(self._by_name(given, what)):
                self._fill(found, part, place, what)
        elif nested and not isinstance(places, dict) and len(given) == len(places):
            for part, below in zip(given, places, strict=True):
                self._fill(found, part, below, what)
        elif nested:
            order = _alphabetical(places)
            if len(given) != len(order):
                raise ValueError(self._wrong_number(given, what))
            for part, place in zip(given, order, strict=True):
                self._fill(found, part, place, what)
        elif given is not None:
            if what == "y":
                raise ValueError(self._wrong_number([given], what))
            for place in _alphabetical(places):
                found[place] = given

    def _by_name(self, given: dict, what: str) -> list:
        self._check_keys(given, self.names, what)
        return [given.get(name) for name in self.names]

    def _check_keys(self, given: dict, keys: list, what: str, path: tuple[str, ...] = ()) -> None:
        for key in given:
            if key not in keys:
                name = "/".join((*path, str(key)))
                start = (
                    f"{what} is a dict with the key {name!r}"
                    if what in ("y", "sample_weight")
                    else f"`{what}` names an output {name!r}"
                )
                kind = UnknownOutputError if what == "loss" else ValueError
                raise kind(
                    f"{start}{suggest(key, keys) or '.'} The model's outputs are {self.names}."
                )

    def _only(self, given: Any, what: str) -> Any:
        """The entry of a list or dict of one."""
        leaves = flatten(given)
        if len(leaves) != 1:
            raise ValueError(self._wrong_number(given, what))
        return leaves[0]

    def _wrong_number(self, given: Any, what: str) -> str:
        outputs = f"{self.count} output{'s' if self.count > 1 else ''}"
        many = len(given)
        if what != "y":
            return (
                f"`{what}` has {many} entries, but the model has {outputs}: {self.names}. Give one "
                "entry for each, or a dict with these names."
            )
        return (
            f"y is {many} array{'' if many == 1 else 's'}, but the model has {outputs}, "
            f"{self.names}: pass a list with one array of labels for each output, or a dict with "
            "these names."
        )


def _alphabetical(places: Any) -> list[int]:
    """The numbers in nested places, keys of dicts in alphabetical order."""
    if isinstance(places, int):
        return [places]
    if isinstance(places, dict):
        parts = [places[key] for key in sorted(places, key=str)]
    else:
        parts = list(places)
    return [number for part in parts for number in _alphabetical(part)]


__all__ = ["Outputs"]

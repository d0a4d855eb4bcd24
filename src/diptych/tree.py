"""``keras.tree``: nested structures of lists, tuples, named tuples, dicts and deques.

The *leaves* of ``{"a": x, "b": [y, z]}`` are x, y and z. Whatever is of another type is a leaf:
arrays, tensors, None, and subclasses of list or dict. Dicts count in the order of their keys (an
``OrderedDict`` in its own), and come back with their keys in the order they had.

``diptych.nested`` is what the library itself uses; it keeps dicts in their own order.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:  # noqa: N801 - Keras's name
    """What a function returns to ``traverse`` to put None in the place of a part."""


def is_nested(structure: Any) -> bool:
    """Whether this is a list, tuple, named tuple, dict or deque, rather than a leaf.

    Args:
        structure: the structure, or leaf.
    """
    return _kind(structure) is not None


def flatten(structure: Any) -> list:
    """Return the leaves as a list: ``flatten({"b": 1, "a": [2, 3]})`` is ``[2, 3, 1]``.

    Args:
        structure: lists, tuples, dicts and the like, one in another.
    """
    return [leaf for _, leaf in _leaves(structure, (), is_nested)]


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """Return pairs (path, leaf); a path is the tuple of keys and numbers that lead to the leaf.

    Args:
        structure: lists, tuples, dicts and the like, one in another.
    """
    return list(_leaves(structure, (), is_nested))


def pack_sequence_as(structure: Any, flat_sequence: Iterable) -> Any:
    """Give the leaves, in the order of ``flatten``, the nesting of ``structure``.

    Args:
        structure: whose nesting is taken.
        flat_sequence: the leaves.

    Raises:
        ValueError: there are more or fewer leaves than the structure has.
    """
    leaves = list(flat_sequence)
    count = len(flatten(structure))
    if len(leaves) != count:
        raise ValueError(f"The structure has {count} leaves, but {len(leaves)} were given.")
    rest = iter(leaves)
    return _map(lambda _: next(rest), (structure,), is_nested)


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply ``func`` to the leaves, those in the same place of several structures together.

        map_structure(lambda x, y: x + y, [1, {"a": 2}], [3, {"a": 4}])    # [4, {"a": 6}]

    Args:
        func: a function of as many arguments as there are structures.
        structures: structures of the same nesting.
        none_is_leaf: False leaves None as it is, and it must be None in all structures.

    Raises:
        TypeError: ``func`` can't be called.
        ValueError: there is no structure, or they are nested differently.
    """
    _check(func, structures)

    def nested(part: Any) -> bool:
        return is_nested(part) or (part is None and not none_is_leaf)

    def applied(*leaves: Any) -> Any:
        if any(nested(leaf) for leaf in leaves):
            raise ValueError(_differ(leaves))
        return func(*leaves)

    return _map(applied, structures, nested)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Apply ``func`` to what stands in the place of each leaf of ``shallow_structure``, which may
    itself be nested.

        map_structure_up_to([0, 0], len, [[1, 2], [3]])                     # [2, 1]

    Args:
        shallow_structure: says how deep to go.
        func: a function of as many arguments as there are structures.
        structures: nested at least as deep.

    Raises:
        TypeError: ``func`` can't be called.
        ValueError: there is no structure, or one is nested differently from ``shallow_structure``.
    """
    _check(func, structures)
    both = (shallow_structure, *structures)
    return _map(lambda _, *parts: func(*parts), both, is_nested)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Apply ``func`` to the shapes of a structure: its lists and tuples of integers and None."""
    return _map(func, (structure,), lambda part: is_nested(part) and not _is_shape(part))


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise a ValueError unless both are nested in the same way: the same types (all dicts are one)
    with the same keys or lengths.

    Args:
        a: a structure.
        b: another.
        check_types: of Keras 2, without effect.
    """
    if check_types is not None:
        warnings.warn(
            "assert_same_structure(check_types=...) has no effect; assert_same_paths() compares "
            "without regard to types",
            DeprecationWarning,
            stacklevel=2,
        )

    def check(one: Any, other: Any) -> None:
        if is_nested(one) or is_nested(other):
            raise ValueError(_differ((one, other)))

    _map(check, (a, b), is_nested)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise a ValueError unless the same paths lead to the leaves of both, whatever the types.

    Args:
        a: a structure.
        b: another.
    """
    of_a, of_b = ({path for path, _ in flatten_with_path(part)} for part in (a, b))
    if of_a != of_b:
        only_a, only_b = sorted(of_a - of_b, key=repr), sorted(of_b - of_a, key=repr)
        raise ValueError(f"The paths differ: only in `a` {only_a}, only in `b` {only_b}.")


def lists_to_tuples(structure: Any) -> Any:
    """Return the structure with tuples in the place of lists."""
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Apply ``func`` to every part of a structure and to its leaves.

    Where it returns None, the part stays; where it returns anything else, that takes the place of
    the part (``MAP_TO_NONE`` for None).

    Args:
        func: a function of one part.
        structure: the structure.
        top_down: whether a part comes before what it holds, which is not visited if the part is
            replaced; False: after it.
    """

    def inside() -> Any:
        if not is_nested(structure):
            return structure
        parts = [traverse(func, part, top_down) for part in _parts(structure).values()]
        return _like(structure, parts)

    if top_down:
        found = func(structure)
        if found is None:
            return inside()
    else:
        remade = inside()
        found = func(remade)
        if found is None:
            return remade
    return None if found is MAP_TO_NONE else found


# --------------------------------------------------------------------------------------------------
# What is nested, and how

_DICTS = (dict, OrderedDict, defaultdict)


def _kind(part: Any) -> Any:
    """What must be equal for two parts to be nested alike; None for a leaf."""
    kind = type(part)
    if kind in _DICTS:
        return dict
    if kind in (list, tuple, deque) or (isinstance(part, tuple) and hasattr(kind, "_fields")):
        return kind
    return None


def _parts(part: Any) -> dict[Any, Any]:
    """{key or number: what is there}, in the order in which the parts count."""
    if type(part) is OrderedDict:
        return part
    if isinstance(part, dict):
        return {key: part[key] for key in _in_order(part)}
    return dict(enumerate(part))


def _in_order(keys: Iterable) -> list:
    """Keys in their order; of several types, each type by itself; else as they are."""
    keys = list(keys)
    for order in (None, lambda key: (f"{type(key).__module__}.{type(key).__qualname__}", key)):
        try:
            return sorted(keys, key=order)
        except TypeError:
            continue
    return keys


def _like(part: Any, values: Iterable) -> Any:
    """A part of the same type with other values, given in the order of ``_parts``."""
    if isinstance(part, dict):
        found = dict(zip(_parts(part), values, strict=True))
        made = part.copy()
        made.update((key, found[key]) for key in part)
        return made
    if isinstance(part, deque):
        return deque(values, part.maxlen)
    return type(part)(*values) if hasattr(part, "_fields") else type(part)(values)


def _leaves(part: Any, path: tuple, nested: Callable) -> Iterator[tuple[tuple, Any]]:
    if not nested(part):
        yield path, part
        return
    for key, inner in _parts(part).items():
        yield from _leaves(inner, (*path, key), nested)


def _map(func: Callable, structures: tuple, nested: Callable) -> Any:
    """``func`` of the leaves of the first structure and what the others have in their place."""
    first, *others = structures
    if not nested(first):
        return func(*structures)
    if first is None:  # a part without parts
        if any(other is not None for other in others):
            raise ValueError(_differ(structures))
        return None
    parts = _parts(first)
    for other in others:
        if _kind(other) is not _kind(first) or _parts(other).keys() != parts.keys():
            raise ValueError(_differ((first, other)))
    inner = [(part, *(_parts(other)[key] for other in others)) for key, part in parts.items()]
    return _like(first, [_map(func, one, nested) for one in inner])


def _is_shape(part: Any) -> bool:
    return isinstance(part, (list, tuple)) and all(n is None or isinstance(n, int) for n in part)


def _check(func: Any, structures: tuple) -> None:
    if not callable(func):
        raise TypeError(f"The function {func!r} can't be called.")
    if not structures:
        raise ValueError("At least one structure is needed.")


def _differ(parts: Iterable) -> str:
    shown = " and ".join(f"{part!r:.100}" for part in parts)
    return f"The structures are nested differently: in one place they have {shown}."


def __dir__() -> list[str]:
    return sorted(__all__)

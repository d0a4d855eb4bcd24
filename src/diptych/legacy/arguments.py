"""Translates old keyword arguments, and raises a helpful error for unknown ones.

`AcceptsOldNames` does it for constructors, `accepts_old` for functions and methods. `tables.py`
says what each old spelling means; this module applies it.
"""

import functools
import inspect
import re

import numpy as np

from .notes import note
from .tables import CLASSES, FUNCTIONS, MODERN_POSITIONS, POSITIONAL
from .values import plain_numbers

# Arguments of layers that once described the model's input; today an Input does.
INPUT_WORDS = (
    "batch_input_shape",
    "input_shape",
    "input_dim",
    "input_length",
    "batch_size",
    "input_dtype",
)
_INPUT_NOTES = {
    "batch_input_shape": "is now `Input(batch_shape=...)` in front of the layer",
    "input_shape": "is now `Input(shape=...)` in front of the layer",
    "input_dim": "is now `Input(shape=(input_dim,))` in front of the layer",
    "input_length": "is now part of `Input(shape=...)` in front of the layer",
    "batch_size": "is now `Input(shape=..., batch_size=...)` in front of the layer",
    "input_dtype": "is now `Input(shape=..., dtype=...)` in front of the layer",
}
_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")


class UnknownArgument(TypeError, ValueError):
    """A keyword that is none: Python's TypeError, where Keras's layers and optimizers raise a
    ValueError.
    """


class AcceptsOldNames(type):
    """The metaclass of classes whose constructors accept old spellings.

    A layer made with `input_shape` or a similar argument gets the attribute `_batch_input_shape` (a
    tuple, the batch first), and `_input_dtype` if given; Sequential reads them.

    NumPy's numbers among the arguments become Python's, so that constructors and configs need to
    handle only those.
    """

    @property
    def __signature__(cls):
        """What `help` and completion show: the constructor's arguments, in place of a built-in
        **kwargs the arguments of the last base, such as a layer's `name` and `dtype`.
        """
        shown, *bases = [own for _, own in _constructors(cls)] or [[]]
        if bases and _constructor(cls)[2]:
            known = {parameter.name for parameter in shown}
            shown[-1:] = [
                parameter.replace(kind=parameter.KEYWORD_ONLY)
                for parameter in bases[-1]
                if parameter.name not in known
            ]
        return inspect.Signature(shown)

    def __call__(cls, *args, **kwargs):
        args, kwargs = plain_numbers(args), plain_numbers(kwargs)
        given, attributes = kwargs, {}
        if kwargs or cls.__name__ in POSITIONAL:
            args, given, attributes = translate_arguments(cls, args, kwargs)
        try:
            instance = super().__call__(*args, **given)
        except TypeError as error:
            # A constructor with **kwargs passes a mistyped name on to its base class.
            found = _UNEXPECTED.search(str(error))
            if found and found[1] in kwargs and found[1] in given:
                raise _unknown_here(cls, found[1]) from error
            _hint_at_call(cls, args, error)
            raise
        except ValueError as error:
            _hint_at_call(cls, args, error)
            raise
        for name, value in attributes.items():
            object.__setattr__(instance, name, value)
        return instance


def _hint_at_call(cls, args, error):
    """Add to the error of a layer's constructor that it was given a tensor, if it was."""
    if _constructor(cls)[3] and any(getattr(value, "is_symbolic", False) for value in args):
        error.without_hint = getattr(error, "without_hint", str(error))  # that of a cell inside
        error.args = (
            f"{error.without_hint}\n{cls.__name__}(...) makes a layer, and takes its "
            f"settings. To call the layer on a tensor x, write {cls.__name__}(...)(x).",
        )


def translate_arguments(cls, args, kwargs):
    """Return the current form of the arguments of `cls(*args, **kwargs)`: (args, kwargs,
    attributes).

    attributes: those to set on the new object, if given: `_batch_input_shape`, `_input_dtype` and
        `_first_weights`.
    Raises a TypeError for a keyword that is neither current nor old.
    """
    parameters, table, closed, is_layer = _constructor(cls)
    if kwargs.keys() <= parameters.keys() and cls.__name__ not in POSITIONAL:
        return args, kwargs, {}
    given, attributes = dict(kwargs), {}
    has_old_names = any(name in table and name not in parameters for name in given)
    args = _old_positions(cls, args, given, has_old_names)
    if is_layer:
        attributes = _take_input(cls.__name__, given, parameters, table)
    args = _rewrite(cls.__name__, args, given, parameters, table)
    if closed:
        for name in given:
            if name not in parameters:
                raise _unknown_here(cls, name)
    return args, given, attributes


def accepts_old(*names, **table):
    """Decorate a function or method so that it takes old keywords too.

        @accepts_old("fit")                       # a table of legacy.tables.FUNCTIONS
        @accepts_old(nb_classes="num_classes")    # or one written out

    Unknown keywords raise a TypeError with a suggestion. The function must not have **kwargs.
    """
    for name in names:
        table = {**FUNCTIONS[name], **table}

    def decorate(function):
        parameters = inspect.signature(function).parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            raise TypeError(f"accepts_old: {function.__name__}() has **{list(parameters)[-1]}")
        known = {name: p for name, p in parameters.items() if p.kind in _BY_NAME}

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            # Python refuses an unknown keyword before the function runs, so try the call first:
            # calls with current names cost nothing extra.
            try:
                return function(*args, **kwargs)
            except TypeError:
                if kwargs.keys() <= known.keys():
                    raise
            given = dict(kwargs)
            args = _rewrite(function.__name__, args, given, known, table)
            for name in given:
                if name not in known:
                    raise _unknown(function.__name__, name, known, table)
            return function(*args, **given)

        return wrapper

    return decorate


def accepts_old_order(method):
    """Decorate `add_weight(shape, initializer, dtype, ...)`, so that it takes the old orders too:
    `add_weight(name, shape, dtype, ...)` and `add_weight(shape, initializer, name, ...)`.
    """

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        order = ()
        if args and isinstance(args[0], str):
            if len(args) == 1 and "shape" not in kwargs:
                raise ValueError(
                    f"add_weight({args[0]!r}): the first argument is the weight's shape, and the "
                    f"name goes by keyword: add_weight(shape, name={args[0]!r})."
                )
            order = NAME_FIRST
        elif len(args) > 2 and isinstance(args[2], str) and not _is_dtype(args[2]):
            order = NAME_THIRD
        if order:
            names = order[: len(args)]
            kwargs = {**dict(zip(names, args, strict=False)), **kwargs}
            note(f"add_weight({', '.join(names)})", "takes the name by keyword, `name=...`")
            args = args[len(order) :]
        return method(self, *args, **kwargs)

    return wrapper


NAME_FIRST = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
NAME_THIRD = ("shape", "initializer", "name", "trainable", "regularizer", "constraint")


def _is_dtype(name):
    try:
        return np.dtype(name).name == name
    except TypeError:
        return False


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@functools.cache
def _constructor(cls):
    """The parameters of `cls(...)`: (parameters by name, rules for old spellings, closed,
    is_layer).

    closed: whether every keyword is known, since all constructors up to one without **kwargs are
        built-in.
    """
    from ..utils.registration import is_builtin

    parameters, closed, followed = {}, False, True
    for base, own in _constructors(cls):
        for parameter in own:
            if parameter.kind in _BY_NAME:
                parameters.setdefault(parameter.name, parameter)
        kinds = {parameter.kind for parameter in own}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            closed = followed
        # What a user's constructor, or one with *args, does with its **kwargs is unknown.
        elif not is_builtin(base) or inspect.Parameter.VAR_POSITIONAL in kinds:
            followed = False
    bases = [base.__name__ for base in cls.__mro__]
    table = {}
    for name in reversed(bases):
        table.update(CLASSES.get(name, {}))
    return parameters, table, closed, "Layer" in bases and "Model" not in bases


def _constructors(cls):
    """Yield (class, the parameters of its __init__ without self), up to one without **kwargs."""
    for base in cls.__mro__[:-1]:
        if "__init__" not in base.__dict__:
            continue
        own = list(inspect.signature(base.__init__).parameters.values())[1:]
        yield base, own
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in own):
            return


def _rewrite(place, args, given, parameters, table):
    """Apply the rules for the old names in `given` (in place); return the arguments left over."""
    old_names = [name for name in given if name in table and name not in parameters]
    if not old_names:
        return args
    args = _by_name(place, args, given, parameters)
    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    for old in old_names:
        if old not in given:
            continue  # handled by a rule for several names
        rule = table[old]
        if isinstance(rule, str):
            if rule in given:
                raise TypeError(
                    f"{place}() got '{old}' and '{rule}', the old and the new name of the same "
                    f"argument: use only '{rule}'"
                )
            given[rule] = given.pop(old)
            note(old, rule, place)
        else:
            note(old, rule(given, old, defaults), place)
    return args


def _by_name(place, args, given, parameters):
    """Move positional arguments into `given`, so that rules find every argument by name."""
    kinds = [p.kind for p in parameters.values()]
    names = [n for n, kind in zip(parameters, kinds, strict=True) if kind is _BY_NAME[0]]
    if names[:1] == ["self"]:  # a decorated method
        return args[:1] + _by_name(
            place, args[1:], given, {n: p for n, p in parameters.items() if n != "self"}
        )
    if len(args) > len(names):
        return args
    for name, value in zip(names, args, strict=False):
        if name in given:
            raise TypeError(f"{place}() got '{name}' twice: by position and by name")
        given[name] = value
    return ()


def _old_positions(cls, args, given, has_old_names):
    """Name the leading integers of an old positional form, such as Convolution2D(32, 3, 3)."""
    names = POSITIONAL.get(cls.__name__, ())
    count = len(names)
    if not count or len(args) < count or not all(isinstance(value, int) for value in args[:count]):
        return args
    if cls.__name__ in MODERN_POSITIONS and not has_old_names:
        _, size, stride = args[:count]
        if 1 < size <= stride:  # a stride larger than the window is rarely intended
            note(
                f"{cls.__name__}(filters, {size}, {stride})",
                f"is read as in Keras 3: kernel_size={size} and strides={stride}; the window of "
                f"{size} by {stride} that it meant in Keras 1 is "
                f"`{cls.__name__}(filters, ({size}, {stride}))`",
            )
        return args
    if len(args) > count:
        raise TypeError(
            f"{cls.__name__}() takes {count} positional arguments in its old form: pass the others "
            "by name"
        )
    given.update(zip(names, args, strict=True))
    return ()


def _take_input(place, given, parameters, table):
    """Take the arguments that describe the model's input out of `given`."""
    words = {}
    for word in INPUT_WORDS:
        if word in given and word not in parameters and word not in table:
            words[word] = given.pop(word)
            note(word, _INPUT_NOTES[word], place)
    length = words.get("input_length")
    if words.get("batch_input_shape") is not None:
        shape = _sizes(place, "batch_input_shape", words["batch_input_shape"])
    elif words.get("input_shape") is not None:
        shape = (words.get("batch_size"), *_sizes(place, "input_shape", words["input_shape"]))
    elif words.get("input_dim") is not None:
        # With a length, even an unknown one, the input is a sequence: (length, dim).
        inner = (length, words["input_dim"]) if "input_length" in words else (words["input_dim"],)
        shape = (words.get("batch_size"), *_sizes(place, "input_dim", inner))
    elif length is not None and "input_dim" in parameters:  # Embedding: rows of `length` integers
        shape = (words.get("batch_size"), *_sizes(place, "input_length", (length,)))
    else:
        shape = None
    attributes = {} if shape is None else {"_batch_input_shape": shape}
    if words.get("input_dtype") is not None:
        attributes["_input_dtype"] = words["input_dtype"]
    if "weights" in given and "weights" not in parameters:
        attributes["_first_weights"] = given.pop("weights")
        note("weights", "is now layer.set_weights(...), once the layer is built", place)
    return attributes


def _sizes(place, word, shape):
    """A shape as a tuple of Python integers and None."""
    try:
        sizes = tuple(shape) if hasattr(shape, "__iter__") else (shape,)
        return tuple(None if size is None else size.__index__() for size in sizes)
    except AttributeError:
        raise TypeError(
            f"{place}() got {word}={shape!r}; expected integers (or None), such as (28, 28)"
        ) from None


def _unknown_here(cls, name):
    parameters, table, _, is_layer = _constructor(cls)
    if is_layer and name in ("name", "dtype", "trainable"):
        return UnknownArgument(
            f"{cls.__name__}() has no argument '{name}', since its __init__ takes no **kwargs: "
            "write __init__(self, ..., **kwargs), and in it super().__init__(**kwargs)"
        )
    return _unknown(cls.__name__, name, parameters, table, INPUT_WORDS if is_layer else ())


def _unknown(place, name, parameters, table, words=()):
    """The error about an unknown keyword, with the nearest known one."""
    import difflib

    candidates = [*(n for n in parameters if n != "self"), *table, *words]
    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if near:
        rule = table.get(near[0]) if near[0] not in parameters else None
        now = f" (now '{rule}')" if isinstance(rule, str) else ""
        hint = f": did you mean '{near[0]}'{now}?"
    else:
        names = ", ".join(n for n in parameters if n != "self")
        hint = f"; it takes {names}" if names else "; it takes none"
    return UnknownArgument(f"{place}() has no argument '{name}'{hint}")

"""Policies: the dtypes in which a layer keeps its weights and computes.

diptych computes in float32 and float64. Half precision (float16, bfloat16, and the mixed policies)
gains nothing on a CPU, where it is computed in float32 anyway and converted at every step. So a
layer with such a policy keeps the policy's name, in its configuration too, and has its weights and
computes in float32: scripts that set it run, and files of such models can be read and written.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize"]

_HALF = ("float16", "bfloat16")
_DTYPES = (
    "bool float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "string complex64 complex128"
).split()

_default = "float32"  # the configured float type
_chosen: DTypePolicy | None = None  # what `set_dtype_policy` was given


class DTypePolicy:
    """The dtype of a layer's weights and that of its computation.

    Args:
        name: a dtype for both, or "mixed_float16" or "mixed_bfloat16": weights of float32 and a
            computation in half precision (which diptych does in float32). None: the float type.

    Raises:
        TypeError: the name is no text.
        ValueError: there is no policy of that name.
    """

    def __init__(self, name: str | None = None) -> None:
        name = _default if name is None else name
        if not isinstance(name, str):
            raise TypeError(
                f"A policy is named by a text, such as 'float32', but got {name!r} of type "
                f"{type(name).__name__}."
            )
        mixed = name.removeprefix("mixed_")
        if name not in _DTYPES and not (name.startswith("mixed_") and mixed in _HALF):
            raise ValueError(
                f"There is no policy {name!r}: expected 'float32', 'float64', 'mixed_float16', "
                "'mixed_bfloat16' or the name of another dtype."
            )
        self._name = name
        self._compute_dtype = mixed
        self._variable_dtype = "float32" if mixed != name else name

    @property
    def name(self) -> str:
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation by the policy's name. A layer's ``compute_dtype`` says what
        is computed indeed.
        """
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights by the policy's name."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> None:
        """Always None: no layer is quantised."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """An input of a layer, with floats in ``dtype`` if ``autocast``, in float32 where that is
        of half precision; anything else as it is.
        """
        kind = getattr(getattr(x, "dtype", None), "kind", "")
        dtype = computed_in(str(dtype))
        if autocast and kind == "f" and x.dtype != np.dtype(dtype):
            return x.astype(dtype)
        return x

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.get_config() == other.get_config()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """The name of ``DTypePolicy`` in Keras 3.0."""


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by the paths of layers: a layer made with ``dtype=map`` takes that of its path.

        policies = DTypePolicyMap(policy_map={"encoder/dense": DTypePolicy("float64")})

    A key is a path, or a regular expression that fits a whole path.

    Args:
        default_policy: the policy of all other layers; by default the global one.
        policy_map: a dict from paths to policies or their names.
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None):
        if not isinstance(policy_map, dict | None):
            raise TypeError(f"policy_map is a dict of policies by path, but got {policy_map!r}.")
        self._default_policy = default_policy and get(default_policy)
        self._policies: dict[str, DTypePolicy] = {}
        for path, policy in (policy_map or {}).items():
            self[path] = policy

    @property
    def default_policy(self) -> DTypePolicy:
        return self._default_policy or dtype_policy()

    @property
    def name(self) -> str:
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """That of the default policy."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """That of the default policy."""
        return self.default_policy.variable_dtype

    def __getitem__(self, path: str) -> DTypePolicy:
        """The policy for this path; ValueError if several keys fit."""
        if path in self._policies:
            return self._policies[path]
        fitting = [key for key in self._policies if re.fullmatch(key, path)]
        if len(fitting) > 1:
            raise ValueError(f"The layer {path!r} fits several keys of the policy map: {fitting}.")
        return self._policies[fitting[0]] if fitting else self.default_policy

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._policies:
            raise ValueError(
                f"The policy map has {self._policies[path]!r} for {path!r}; delete that first."
            )
        self._policies[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def get_config(self) -> dict[str, Any]:
        default = self._default_policy
        return {
            "default_policy": default and default.name,
            "policy_map": {path: serialize(policy) for path, policy in self._policies.items()},
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> DTypePolicyMap:
        return cls(**config)

    __hash__ = DTypePolicy.__hash__
    __eq__ = DTypePolicy.__eq__

    def __repr__(self) -> str:
        return f"<DTypePolicyMap default={self.default_policy.name!r} {self._policies}>"


CLASSES = {cls.__name__: cls for cls in (DTypePolicy, FloatDTypePolicy, DTypePolicyMap)}


def get(identifier: Any) -> DTypePolicy:
    """The policy for a name, a dtype, a configuration or a policy; None: the global one.

    Args:
        identifier: what stands for it.

    Raises:
        ValueError: it stands for none.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, (type, np.dtype)):
        identifier = _default if identifier is float else np.dtype(identifier).name
    if not isinstance(identifier, str):
        raise ValueError(
            "A dtype is given by its name, such as 'float32', or by a DTypePolicy, but got "
            f"{identifier!r} of type {type(identifier).__name__}."
        )
    return DTypePolicy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The configuration of a policy.

    Args:
        dtype_policy: the policy.
    """
    name = type(dtype_policy).__name__
    return {
        "module": "keras" if name != "DTypePolicyMap" else "keras.dtype_policies",
        "class_name": name,
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The policy of a configuration that ``serialize`` made.

    Args:
        config: the configuration.
        custom_objects: policies of your own, {name: class}.

    Raises:
        ValueError: it is that of something else.
    """
    cls = {**CLASSES, **(custom_objects or {})}.get(config.get("class_name", ""))
    if cls is None or not isinstance(config.get("config"), dict):
        raise ValueError(f"{config!r:.200} is not the configuration of a dtype policy.")
    return cls.from_config(config["config"])


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none: the configured float type, unless set."""
    return DTypePolicy() if _chosen is None else _chosen


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of all layers made from now on that are given none: a name or a policy.

    Raises:
        ValueError: it is neither.
    """
    global _chosen
    if not isinstance(policy, (str, DTypePolicy)):
        raise ValueError(
            "set_dtype_policy takes a name such as 'mixed_float16', or a DTypePolicy; got "
            f"{policy!r} of type {type(policy).__name__}."
        )
    _chosen = get(policy)


def follow_floatx(value: str) -> None:
    """Make the configured float type the policy of those that are given none."""
    global _default
    _default = value


def computed_in(dtype: str) -> str:
    """The dtype that diptych takes for this one: float32 for half precision, with a note."""
    if dtype not in _HALF:
        return dtype
    warnings.warn(
        f"What has a policy of {dtype} keeps its weights and computes in float32: half precision "
        "gains nothing on a CPU. The policy's name is kept in configurations.",
        stacklevel=1,  # this line, so that it is shown once
    )
    return "float32"


def __dir__() -> list[str]:
    return sorted(__all__)

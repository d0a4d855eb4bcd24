"""What ``diptych info`` prints."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np

import diptych

from . import config
from . import engine as _engine


def info_text() -> str:
    """Return versions, engine, instruction set and threads, a line each."""
    rows = [
        ("diptych", diptych.version()),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("NumPy", np.__version__),
        ("processor", cpu_name()),
        ("engine", _engine_in_use()),
        *_fast_rows(),
        ("float type", config.floatx()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _engine_in_use() -> str:
    try:
        return _engine.current().name
    except (ImportError, _engine.EngineError) as error:  # of which this command is to tell more
        return f"none: {error}"


def _fast_rows() -> list[tuple[str, str]]:
    try:
        from .fastcore import build_info, waiting
    except ImportError as error:
        return [("fast engine", f"not available: {error}")]
    built = build_info()
    return [
        ("built for", f"{built['march']} ({', '.join(built['features']) or 'no extensions'})"),
        *([("levels", _levels(built))] if built["levels"] else []),
        ("built by", built["compiler"] + (", debug" if built["debug"] else "")),
        ("threads", _threads(built["threads"] == "OpenMP", waiting)),
    ]


def _levels(built: dict[str, Any]) -> str:
    how = "as DIPTYCH_CPU_LEVEL says" if os.environ.get("DIPTYCH_CPU_LEVEL") else "chosen"
    return f"{', '.join(built['levels'])}; {built['level']} is in use, {how}"


def _threads(has_openmp: bool, waiting: str) -> str:
    if not has_openmp:
        return "1: built without OpenMP"
    return f"{config.num_threads()} of {os.cpu_count()} processors, by OpenMP; they wait {waiting}"


def cpu_name() -> str:
    """Return the processor's name, if the system reports it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

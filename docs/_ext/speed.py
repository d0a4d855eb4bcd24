"""The tables of speed, from what ``benchmarks/training.py --json`` has written."""

import json
from pathlib import Path

_NAMES = {
    "diptych:fast": "diptych, fast engine",
    "diptych:reference": "diptych, reference engine",
    "torch": "PyTorch",
    "torch:channels-last": "PyTorch, channels last",
    "keras:tensorflow": "Keras on TensorFlow",
    "keras:jax": "Keras on JAX",
    "keras:torch": "Keras on PyTorch",
}


def tables(path: Path) -> str:
    """A table for each network, in Markdown; what to run where nothing was measured yet."""
    if not path.exists():
        return "`python benchmarks/training.py --json benchmarks/measured.json` writes them."
    parts, said = [], None
    for measured in json.loads(path.read_text(encoding="utf-8"))["networks"].values():
        if said != (said := f"{measured['machine']}, {measured['date']}:"):
            parts.append(said)
        parts.append(_table(measured))
    return "\n\n".join(parts)


def _table(measured: dict) -> str:
    lines = [
        f"| {measured['what']} | version | training, ms a step | prediction, ms | memory, MB |",
        "|---|---|---:|---:|---:|",
    ]
    for name, row in measured["rows"].items():
        version = measured["versions"].get(name, "")
        lines.append(
            f"| {_NAMES.get(name, name)} | {version} | {row['train']:g} | {row['predict']:g} | "
            f"{row['memory']:.0f} |"
        )
    return "\n".join(lines)

"""Runs the scripts of Keras 3 with Keras itself and keeps what they print, in printed.json.

    KERAS_BACKEND=jax python tests/scripts/record.py
"""
import contextlib
import io
import json
import runpy
from pathlib import Path

import keras
from steady import steady

FOLDER = Path(__file__).parent
steady(keras)
printed = {"keras": keras.__version__}
for script in sorted(FOLDER.glob("k3_*.py")):
    keras.utils.clear_session()
    with contextlib.redirect_stdout(io.StringIO()) as output:
        runpy.run_path(str(script), run_name="__main__")
    printed[script.name] = output.getvalue().splitlines()
text = json.dumps(printed, indent=1, ensure_ascii=False)
(FOLDER / "printed.json").write_text(text + "\n", encoding="utf-8")

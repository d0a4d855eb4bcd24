"""`diptych run`: command line, notebooks, imports of keras, tracebacks, and answers to slips."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import diptych
from diptych import compat, legacy
from diptych.compat import hook
from diptych.compat.run import UsageError, main, parse, without_magics

pytestmark = pytest.mark.filterwarnings("ignore::diptych.legacy.LegacySpelling")


@pytest.fixture(autouse=True)
def _as_before():
    legacy.forget_notes()
    yield
    compat.uninstall()


@pytest.fixture
def script(tmp_path, monkeypatch, capsys):
    """A function that runs a text as a script, and returns (exit status, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def runs(text, *arguments, name="script.py"):
        Path(name).write_text(text, encoding="utf-8")
        status = main([name, *arguments])
        return status, *capsys.readouterr()

    return runs


# ------------------------------------------------------------------------------------------------
# The command line


def test_options_stand_before_or_after_the_script_and_the_rest_is_its_own():
    command = parse(["--threads=2", "a.py", "x", "--engine", "reference", "-v", "--", "--threads"])
    assert (command.kind, command.target) == ("file", "a.py")
    assert (command.engine, command.threads, command.full_traceback) == ("reference", 2, False)
    assert command.arguments == ["x", "-v", "--threads"]
    assert parse(["-c", "print(1)", "--full-traceback"]).full_traceback
    assert parse(["-m", "mine", "a"]).arguments == ["a"]
    assert parse(["--help"]) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which script"),
        (["--engine", "gpu", "a.py"], "the engines are fast and reference"),
        (["a.py", "--threads", "0"], "at least 1"),
        (["a.py", "--engine"], "needs a value"),
        (["-c"], "needs a value"),
        (["--egine", "fast"], "no option --egine"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments, message, capsys):
    with pytest.raises(UsageError, match=message):
        parse(arguments)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_script_sees_what_python_would_show_it(script, engine):
    Path("beside.py").write_text("value = 7")
    status, out, err = script(
        "import sys, beside, keras, diptych\n"
        "print(sys.argv[1:], beside.value, __name__, __file__, diptych.config.engine())\n"
        "import __main__; print(__main__.sys is sys)\n"
        "sys.exit(3)\n",
        "a", "--engine", engine,
    )  # fmt: skip
    assert (status, err) == (3, "")
    assert out == f"['a'] 7 __main__ script.py {engine}\nTrue\n"
    assert sys.modules["__main__"].__name__ == "__main__"
    assert "beside" not in sys.argv


def test_the_number_of_threads_is_set(script):
    status, out, _ = script("import diptych; print(diptych.config.num_threads())", "--threads", "1")
    assert (status, out) == (0, "1\n")


def test_code_and_modules_run_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("import sys, keras\nprint(keras.__name__, sys.argv[1:])")
    assert main(["-c", "import keras, sys; print(keras.layers.Dense, sys.argv)", "x"]) == 0
    assert "Dense" in capsys.readouterr().out
    assert main(["-m", "mine", "x"]) == 0
    assert capsys.readouterr().out == "diptych ['x']\n"
    assert main(["-m", "no_such_module"]) == 1
    assert "No module named 'no_such_module'" in capsys.readouterr().err
    assert main(["nowhere.py"]) == 2


def test_python_m_diptych_run(tmp_path):
    """As a user starts it: in a process of its own, with the notes on standard error."""
    text = (Path(__file__).parent / "scripts" / "k1_mlp.py").read_text(encoding="utf-8")
    (tmp_path / "old.py").write_text(text.replace("nb_epoch = 30", "nb_epoch = 1"))
    done = subprocess.run(
        [sys.executable, "-m", "diptych", "run", "old.py", "--engine", "reference"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    assert "Test accuracy:" in done.stdout
    for note in (
        "`keras.layers.core` is now `keras.layers`",
        "`keras.utils.np_utils` is now `keras.utils`",
        "Dense: `output_dim` is now `units`",
        "fit: `nb_epoch` is now `epochs`",
        "`predict_classes` is now `model.predict(x).argmax(axis=-1)`",
    ):
        assert done.stderr.count(note) == 1, done.stderr
    line = 1 + text[: text.index("Dense(output_dim")].count("\n")
    assert f"old.py:{line}: LegacySpelling: Dense" in done.stderr


# ------------------------------------------------------------------------------------------------
# Notebooks


def notebook(*cells):
    found = [{"cell_type": "markdown", "source": ["# Title"]}]
    found += [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": found, "nbformat": 4})


def test_the_code_cells_of_a_notebook_run(script):
    status, out, err = script(
        notebook(
            "%matplotlib inline\nimport keras\n!pip install keras",
            "%%bash\nls",
            "%%time\nmodel = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])",
            "x = 5 \\\n  % 3\nmodel.count_params()",
            "print('last'); x;",
        ),
        name="lesson.ipynb",
    )
    assert status == 0, err
    assert out == "9\nlast\n"
    assert err.splitlines() == [
        "lesson.ipynb, cell 1, line 1: skipped %matplotlib inline",
        "lesson.ipynb, cell 1, line 3: skipped !pip install keras",
        "lesson.ipynb, cell 2: skipped, a cell for %%bash",
        "lesson.ipynb, cell 3, line 1: skipped %%time",
    ]


def test_an_error_in_a_notebook_names_the_cell(script):
    status, _, err = script(notebook("a = 1", "b = 2\nprint(a + c)"), name="lesson.ipynb")
    assert status == 1
    assert 'File "lesson.ipynb, cell 2", line 2' in err
    assert "print(a + c)" in err


def test_a_remainder_over_two_lines_is_not_a_command():
    code = "total = (7\n    % 4)"
    assert without_magics(code, "cell") == code


# ------------------------------------------------------------------------------------------------
# Imports


def test_modules_are_diptychs_own_and_single():
    diptych.install_as_keras()
    diptych.install_as_keras()  # a second call has nothing to do
    import keras
    import keras.layers.core as core
    import tensorflow as tf
    from keras import layers
    from keras.layers import convolutional, merge
    from keras.layers.convolutional import Conv2D
    from keras.src.layers.core.dense import Dense as InnerDense
    from tensorflow import keras as tf_keras
    from tensorflow.keras.layers import Dense
    from tensorflow.python.keras.layers import Dense as PythonDense

    assert keras is diptych is tf_keras is tf.keras
    assert layers is diptych.layers is sys.modules["keras.layers"]
    assert Dense is PythonDense is InnerDense is diptych.layers.Dense
    assert Conv2D is convolutional.Conv2D is diptych.layers.Conv2D
    assert core.Dropout is diptych.layers.Dropout  # diptych's own core.py has no Dropout
    assert core is diptych.layers.core
    assert isinstance(merge, types.FunctionType)
    assert keras.utils.np_utils.to_categorical is diptych.utils.to_categorical
    with pytest.raises(ModuleNotFoundError, match="keras.layer.*did you mean"):
        import keras.layer  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"tensorflow\.lite"):
        import tensorflow.lite  # noqa: F401
    with pytest.raises(ImportError, match="Dence"):
        from keras.layers import Dence  # noqa: F401


@pytest.mark.parametrize("path", sorted(legacy.paths.MODULES))
def test_every_old_path_can_be_imported_from_every_root(path):
    diptych.install_as_keras()
    for root in ("keras", "tensorflow.keras", "tensorflow.python.keras"):
        found = __import__(f"{root}.{path}", fromlist=["x"])
        home = sys.modules[f"diptych.{legacy.paths.MODULES[path][0]}"]
        name = home.__all__[0]
        assert getattr(found, name) is getattr(home, name)


def test_an_old_path_causes_one_note_with_the_line_of_the_script(script):
    with pytest.warns(legacy.LegacySpelling) as notes:
        script("\nfrom keras.objectives import mean_squared_error\nimport keras.objectives\n")
    assert [str(n.message) for n in notes] == ["`keras.objectives` is now `keras.losses`"]
    assert (notes[0].filename, notes[0].lineno) == ("script.py", 2)


def test_it_comes_too_late_after_keras_itself(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    with pytest.raises(ImportError, match="comes too late: keras was already imported"):
        diptych.install_as_keras()
    assert hook._finder is None


def test_without_it_nothing_is_found():
    assert not any(isinstance(finder, hook.Finder) for finder in sys.meta_path)
    diptych.install_as_keras()
    compat.uninstall()
    assert not any(isinstance(finder, hook.Finder) for finder in sys.meta_path)
    assert "__getattr__" not in vars(diptych.layers.core)
    assert not hasattr(diptych.utils, "np_utils")


# ------------------------------------------------------------------------------------------------
# Errors


WRONG_SHAPE = (
    "import keras\nimport numpy as np\n"
    "model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])\n"
    "model.compile('sgd', 'mse')\n"
    "model.fit(np.ones((3, 5)), np.ones(3))\n"
)


def test_a_traceback_ends_in_the_script(script):
    status, _, err = script(WRONG_SHAPE)
    assert status == 1
    lines = err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == '  File "script.py", line 5, in <module>'
    assert "inside libraries (--full-traceback shows them)" in err
    assert "trainer.py" not in err
    last = next(i for i, line in enumerate(lines) if line.startswith("ValueError: "))
    assert lines[last].startswith("ValueError: The model's input has shape (None, 2)")
    assert [line.split()[1] for line in lines[last + 2 : last + 4]] == ["InputLayer", "Dense"]


def test_the_full_traceback_shows_the_library(script):
    status, _, err = script(WRONG_SHAPE, "--full-traceback")
    assert status == 1
    assert "trainer.py" in err


def test_a_layer_of_the_script_stays_in_the_traceback(script):
    _, _, err = script(
        "import keras\n"
        "class Mine(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return x + undefined_thing\n"
        "keras.Sequential([keras.Input((2,)), Mine()])\n"
    )
    assert "line 5, in <module>" in err
    assert "line 4, in call" in err


# What is written, and what the answer has to hold: the number of the line, and the line mended.
IMPORTS = "import keras\nfrom keras.models import Sequential\nmodel = Sequential()\n"
DENSE = (
    "import keras\nimport numpy as np\n"
    "model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, 'softmax')])\n"
    "model.compile('sgd', 'categorical_crossentropy')\n"
)
SLIPS = {
    "a comment of C": (f"{IMPORTS}//第一层\n", 4, "#第一层"),
    "a comment of C behind code": (
        f"{IMPORTS}print(model.name) //设置，名字\n", 4, "print(model.name)  #设置，名字",
    ),
    "a comment of C that is a name": ("x = 3\nscore=x    //两个参数\n", 2, "score=x  #两个参数"),
    "a lost quote": (
        f"{IMPORTS}model.compile(loss='mse',metrics=[accuracy'])\n",
        4, "model.compile(loss='mse',metrics=['accuracy'])",
    ),
    "a lost quote at the end": ("print('hello)\n", 1, "print('hello')"),
    "two kinds of quotes": ("print('hello\")\n", 1, "print('hello')"),
    "no quotes": (
        f"{IMPORTS}model.compile(loss='mse', metrics=[accuracy])\n",
        4, "model.compile(loss='mse', metrics=['accuracy'])",
    ),
    "data that is not there": (f"{IMPORTS}model.fit(x_train, y_train)\n", 4, "mnist.load_data()"),
    "data for a test, where the others are no table": (
        f"{IMPORTS}data = iter([1, 2])\nmodel.evaluate(test_data)\n", 5, "mnist.load_data()"
    ),
    "data for a test that are not there": (
        f"{IMPORTS}import numpy as np\ndata = np.ones((100, 2))\n"
        "model.evaluate(test_data, test_labels)\n",
        6, "data, test_data = data[:-20], data[-20:]",
    ),
    "what was printed": (
        "x = 3\n2018-08-28 16:01:30.68: I tensorflow/core/cpu_feature_guard.cc:141] Your CPU\n",
        2, "# 2018-08-28 16:01:30.68: I tensorflow/core/cpu_feature_guard.cc:141] Your CPU",
    ),
    "progress": ("1000/1000 [====] - 0s 410us/step\n", 1, "# 1000/1000 [====] - 0s 410us/step"),
    "words with Chinese signs": ("设置优化器，损失函数：\n", 1, "# 设置优化器，损失函数："),
    "code with Chinese names": ("数据 = 3\nif 数据：\n    pass\n", 2, "if 数据:"),
    "words": ("设置模型的优化器\n", 1, "# 设置模型的优化器"),
    "an argument misspelt": (
        "from keras.layers import Dense\nDense(ouput_dim=10)\n", 2, "Dense(output_dim=10)",
    ),
    "images for a dense layer": (
        f"{DENSE}images = np.ones((8, 2, 3))\nmodel.fit(images, np.ones(8))\n",
        6, "images = images.reshape(len(images), 6)",
    ),
    "rows of another size": (
        f"{DENSE}model.fit(np.ones((8, 5)), np.ones(8))\n", 5, "model.add(keras.Input(shape=(5,)))",
    ),
    "numbers of classes": (
        f"{DENSE}labels = np.ones(8)\nmodel.fit(np.ones((8, 6)), labels)\n",
        6, "labels = keras.utils.to_categorical(labels, num_classes=4)",
    ),
    "labels with other columns": (
        f"{DENSE}hot = np.ones((8, 3))\nx = np.ones((8, 6))\nmodel.fit(x, hot, epochs=1)\n",
        7, "model.add(keras.layers.Dense(3, activation='softmax'))",
    ),
    "channels first": (
        "import keras\nimport numpy as np\n"
        "model = keras.Sequential([keras.Input((5, 5, 3)), keras.layers.Flatten()])\n"
        "x = np.ones((2, 3, 5, 5))\nmodel.predict(x)\n",
        5, "x = np.moveaxis(x, 1, -1)",
    ),
    "an activation that is no layer": (
        f"{DENSE}model.add('softmax')\n", 5, "model.add(Activation('softmax'))",
    ),
    "a name misspelt": (f"{IMPORTS}modle.summary()\n", 4, "model.summary()"),
    "a method misspelt": (f"{IMPORTS}model.sumary()\n", 4, "model.summary()"),
    "an import left out": ("model = Sequential()\n", 1, "from keras.models import Sequential"),
    "numpy left out": ("x = np.ones(3)\n", 1, "import numpy as np"),
    "a name from the wrong module": (
        "from keras.models import Dense\n", 1, "from keras.layers import Dense",
    ),
    "a class misspelt": ("from keras.layers import Dens\n", 1, "from keras.layers import Dense"),
    "tabs": ("for i in range(2):\n    a = 1\n\tb = 2\n", 3, "    b = 2"),
    "no indentation": ("def f(x):\nreturn x\n", 2, "    return x"),
    "indentation out of place": ("x = 3\n  y = 4\n", 2, "y = 4"),
    "print of Python 2": ("print 'a', 3\n", 1, "print('a', 3)"),
    "print to a file": ("import sys\nprint >>sys.stderr, 'a'\n", 2, "print('a', file=sys.stderr)"),
    "print without a new line": ("print 'a',\n", 1, "print('a', end=\" \")"),
    "xrange": ("for i in xrange(3): pass\n", 1, "for i in range(3): pass"),
    "except of Python 2": (
        "try:\n    pass\nexcept ValueError, e:\n    pass\n", 3, "except ValueError as e:",
    ),
    "a module of Python 2": ("import cPickle\n", 1, "import pickle as cPickle"),
    "signs of another keyboard": (
        f"{IMPORTS}model.add（keras.layers.Dense（3））\n", 4, "model.add(keras.layers.Dense(3))",
    ),
    "a colon left out": ("for i in range(3)\n    pass\n", 1, "for i in range(3):"),
    "a bracket left out": ("x = [1, 2\ny = 3\n", 1, "x = [1, 2]"),
    "a bracket too many": ("x = (1 + 2))\n", 1, "x = (1 + 2)"),
    "a comma left out": ("x = [1 2]\n", 1, "x = [1, 2]"),
    "a prompt copied too": (">>> import keras\n", 1, "import keras"),
    "a command of Jupyter": ("%matplotlib inline\n", 1, "# %matplotlib inline"),
    "an assignment in place of a comparison": ("x = 1\nif x = 1:\n    pass\n", 2, "if x == 1:"),
    "another language": ("x = true\n", 1, "x = True"),
    "two ampersands": ("x = True && False\n", 1, "x = True and False"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "mended"), SLIPS.values(), ids=SLIPS)
def test_a_slip_gets_an_answer(script, text, line, mended):
    status, _, err = script(text)
    assert status == 1
    assert f"script.py, line {line}: " in err
    assert err.splitlines()[-1].endswith(mended), err


def test_all_imports_that_are_missing_are_told_at_once(script):
    _, _, err = script(
        "model = Sequential()\nmodel.add(Dense(2))\nmodel.add(Activation('relu'))\n"
        "def f(SGD):\n    return SGD\nclass Dropout: pass\nK = 3\n"
        "for plt in []: pass\ndata = np.ones(3)\nimport math\nmath.pi\nunknown\nDense(3)\n"
    )
    assert err.splitlines()[-3:] == [
        "    from keras.models import Sequential",
        "    from keras.layers import Dense, Activation",
        "    import numpy as np",
    ]


def test_a_mistyped_keyword_is_answered_with_the_line(script):
    _, _, err = script("from keras.layers import Dense\n\nDense(ouput_dim=10)\n")
    assert 'File "script.py", line 3' in err
    assert "did you mean 'output_dim' (now 'units')?" in err


def test_a_package_that_is_not_installed(script):
    _, _, err = script("import no_such_package_here\n")
    assert "pip install no_such_package_here" in err


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("from keras.datasets import digitz\n", "did you mean `digits`?"),
        ("from keras.preprocessing import sound\n", "diptych has no `sound`; there are image,"),
        ("from keras.utils.np_utils import no_such_thing\n", "diptych has no `no_such_thing`."),
        ("import keras\nkeras.layers.Dens(3)\n", "did you mean `Dense`?"),
        ("import keras\nkeras.optimizers.Adamm()\n", "did you mean `Adam`?"),
        ("import json\njson.nothing_near\n", ""),
        ("from json import nothing_near\n", ""),
    ],
)
def test_names_that_a_module_lacks(script, text, answer):
    status, _, err = script(text)
    assert status == 1
    assert (answer in err) if answer else err.rstrip().splitlines()[-1].startswith(("Attr", "Imp"))


def test_what_is_no_slip_gets_no_answer(script):
    _, _, err = script("raise ValueError('of my own')\n")
    assert err.rstrip().endswith("ValueError: of my own")


def test_the_python_float_of_python_3(script):
    _, _, err = script("n = 5\nfor i in range(n / 2):\n    pass\n")
    assert "script.py, line 2: in Python 3 `/` gives a float" in err

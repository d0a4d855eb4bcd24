"""Models as estimators of scikit-learn: its own checks, its tools, and what happens without it.

Where scikit-learn is, these run in a process of their own: it brings an OpenMP runtime.
"""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

with_scikit_learn = pytest.mark.skipif(
    find_spec("sklearn") is None, reason="scikit-learn is not installed"
)

MODEL = """
import copy, json, pickle, sys, warnings
import numpy as np
import diptych
from diptych import layers
from diptych.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

def network(X, y, loss, activation="softmax", units=(10,)):
    diptych.utils.set_random_seed(0)  # some checks train twice and want the same
    x = first = diptych.Input((X.shape[1],))
    for n in units:
        x = layers.Dense(n, "relu")(x)
    outputs = layers.Dense(y.shape[1] if y.ndim > 1 else 1, activation=activation)(x)
    model = diptych.Model(first, [outputs])
    model.compile("rmsprop", loss)
    return model

rng = np.random.default_rng(0)
x = rng.normal(size=(60, 3))
names = np.array(["first", "second", "third"])[x.argmax(axis=1)]
classifier = SKLearnClassifier(
    network, model_kwargs={"loss": "categorical_crossentropy"}, fit_kwargs={"verbose": 0}
)
regressor = SKLearnRegressor(
    network, model_kwargs={"loss": "mse", "activation": None}, fit_kwargs={"verbose": 0}
)
"""


def run(program, *arguments):
    """What a program that begins with MODEL prints at the end, which is JSON."""
    done = subprocess.run(
        [sys.executable, "-c", MODEL + program, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


CHECKS = """
from sklearn.utils.estimator_checks import check_estimator

diptych.config.set_engine(sys.argv[1])
transformer = SKLearnTransformer(**regressor.get_params(deep=False))
classifier.set_params(fit_kwargs={"epochs": 5, "verbose": 0})
found = {}
for estimator in (classifier, regressor, transformer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    found[type(estimator).__name__] = [
        sum(one["status"] == "passed" for one in results),
        {one["check_name"]: str(one["exception"]) for one in results if one["status"] == "failed"},
    ]
print(json.dumps(found))
"""
# What fails for Keras's own classifier: each wants that two trainings give the same, or knows a
# name for the outputs that a model may not have.
MAY_FAIL = {
    "check_classifiers_one_label_sample_weights",
    "check_classifiers_classes",
    "check_classifier_data_not_an_array",
    "check_supervised_y_2d",
    "check_fit_idempotent",
    "check_classifiers_train",
}


@with_scikit_learn
@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_they_pass_the_checks_that_those_of_keras_pass(engine):
    found = run(CHECKS, engine)
    failed = {name: checks for name, (_, checks) in found.items()}
    assert {
        check: why for check, why in failed["SKLearnClassifier"].items() if check not in MAY_FAIL
    } == {}
    assert failed["SKLearnRegressor"] == failed["SKLearnTransformer"] == {}
    assert all(passed > 30 for passed, _ in found.values())


TOOLS = """
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pipeline = make_pipeline(StandardScaler(), classifier)
classifier.set_params(fit_kwargs={"epochs": 3, "verbose": 0})
scores = cross_val_score(pipeline, x, names, cv=2)
grid = {"fit_kwargs": [{"epochs": n, "verbose": 0} for n in (1, 2)]}
search = GridSearchCV(classifier, grid, n_jobs=2, cv=2, scoring="accuracy").fit(x, names)
again = pickle.loads(pickle.dumps(search.best_estimator_))
copied = clone(classifier)
given = {"shuffle": False, "verbose": 0}
trained = SKLearnClassifier(network, False, classifier.model_kwargs, given).fit(x, names, epochs=2)
embedding = SKLearnTransformer(network, False, regressor.model_kwargs, given)
print(json.dumps({
    "scores": scores.shape,
    "epochs": search.best_estimator_.epoch_ == search.best_params_["fit_kwargs"]["epochs"],
    "pickled": bool((again.predict(x) == search.predict(x)).all()),
    "cloned": copied.get_params(deep=False) == classifier.get_params(deep=False),
    "cloned apart": copied.fit_kwargs is not classifier.fit_kwargs,
    "kinds": [is_classifier(classifier), is_regressor(regressor), is_classifier(regressor)],
    "epochs of fit": trained.epoch_,
    "fit_kwargs unchanged": "epochs" not in trained.fit_kwargs,
    "classes": trained.classes_.tolist(),
    "decision": bool((
        trained.classes_[trained.decision_function(x).argmax(1)] == trained.predict(x)).all()),
    "transformed": embedding.fit_transform(x, x.sum(axis=1)).shape,
    "before fit": SKLearnRegressor(network).epoch_,
}))
"""


@with_scikit_learn
def test_the_tools_of_scikit_learn_take_them():
    assert run(TOOLS) == {
        "scores": [2],
        "epochs": True,
        "pickled": True,
        "cloned": True,
        "cloned apart": True,
        "kinds": [True, True, False],
        "epochs of fit": 2,
        "fit_kwargs unchanged": True,
        "classes": ["first", "second", "third"],
        "decision": True,
        "transformed": [60, 1],
        "before fit": 0,
    }


MODELS = """
from sklearn.base import clone

def size(y, y_pred):
    return diptych.ops.mean(y_pred**2, axis=-1)

def compiled(units=1):
    model = diptych.Sequential([diptych.Input((3,)), layers.Dense(units)])
    model.compile("sgd", "mse" if units == 1 else size)
    return model

target, given = x.sum(axis=1), compiled()
before = given.get_weights()[0].copy()
cold = SKLearnRegressor(given, fit_kwargs={"verbose": 0}).fit(x, target)
untouched = bool((given.get_weights()[0] == before).all())
warm = SKLearnRegressor(given, warm_start=True, fit_kwargs={"verbose": 0, "epochs": 3})
apart = clone(warm)
first = warm.fit(x, target).model_
losses = [warm.history_.history["loss"][-1], warm.fit(x, target).history_.history["loss"][0]]
def message(function):
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
uncompiled = diptych.Sequential([diptych.Input((3,)), layers.Dense(1)])
print(json.dumps({
    "untouched": untouched,
    "itself": warm.model_ is given and first is given,
    "goes on": losses[1] < losses[0],
    "clone apart": apart.model is not given
        and bool((apart.model.get_weights()[0] == before).all()),
    "errors": [
        message(lambda: SKLearnRegressor(uncompiled).fit(x, target)),
        message(lambda: SKLearnRegressor(lambda X, y: None).fit(x, target)),
        message(lambda: SKLearnClassifier(compiled()).fit(x, target)),
        message(lambda: SKLearnClassifier(compiled()).fit(x, np.ones(60, int))),
        message(lambda: SKLearnRegressor(compiled(2), fit_kwargs={"verbose": 0})
            .fit(x, target).predict(x)),
        message(lambda: SKLearnClassifier(compiled(3), fit_kwargs={"verbose": 0})
            .fit(x, x[:, 0] > 0).predict(x)),
        message(lambda: SKLearnRegressor(compiled()).predict(x)),
        message(lambda: SKLearnRegressor(compiled()).set_fit_request(sample_weight=True)),
    ],
}))
"""


@with_scikit_learn
def test_models_are_copied_or_go_on_and_errors_name_what_is_wrong():
    found = run(MODELS)
    errors = found.pop("errors")
    assert found == {"untouched": True, "itself": True, "goes on": True, "clone apart": True}
    for error, kind, words in zip(
        errors,
        ("RuntimeError", "TypeError", "ValueError", "ValueError", "ValueError", "ValueError",
         "NotFittedError", "RuntimeError"),
        ("compile(optimizer", "expected a Model", "SKLearnRegressor", "needs two", "1 unit",
         "each of the 2 classes", "not fitted yet", "enable_metadata_routing=True"),
        strict=True,
    ):  # fmt: skip
        assert error.startswith(kind), error
        assert words in error, error


ROUTED = """
import sklearn
from sklearn.model_selection import GridSearchCV

sklearn.set_config(enable_metadata_routing=True)
seen = []
class Weighted(diptych.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(1)
    def call(self, x):
        return self.dense(x)
    def fit(self, x, y, sample_weight=None, **kwargs):
        seen.append(None if sample_weight is None else len(sample_weight))
        return super().fit(x, y, sample_weight=sample_weight, **kwargs)
def weighted(X, y):
    model = Weighted()
    model.compile("sgd", "mse")
    return model
estimator = SKLearnRegressor(weighted, fit_kwargs={"verbose": 0}).set_fit_request(
    sample_weight=True).set_score_request(sample_weight=False)
GridSearchCV(estimator, {"warm_start": [False]}, cv=2).fit(
    x, x.sum(axis=1), sample_weight=np.ones(60))
print(json.dumps(seen))
"""


@with_scikit_learn
def test_sample_weights_are_routed_to_fit():
    assert run(ROUTED) == [30, 30, 60]


WITHOUT = """
import sys
sys.modules["sklearn"] = None
import diptych
from diptych.wrappers import KerasClassifier, SKLearnClassifier, SKLearnRegressor
for kind in (SKLearnClassifier, SKLearnRegressor, diptych.wrappers.SKLearnTransformer):
    try:
        kind(print)
    except ImportError as error:
        print(error)
"""


def test_without_scikit_learn_they_say_what_to_install():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    assert all("pip install 'diptych[sklearn]'" in line for line in lines)


def test_scikit_learn_is_imported_late():
    program = "import sys, diptych.wrappers; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0

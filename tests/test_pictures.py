"""Pictures of models: nothing overlaps, nothing is left out, and every format is what it says."""

import itertools
import runpy
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, layers, ops
from diptych.pictures import scene as scenes
from diptych.pictures.boxes import COLOURS, DARK, Style
from diptych.pictures.layout import crossings, lay_out, ranks
from diptych.pictures.lines import SPLINES
from diptych.pictures.network import read
from diptych.pictures.picture import picture
from diptych.pictures.scene import Rectangle, Text
from diptych.pictures.svg import svg
from diptych.pictures.text import shortened, width_of
from diptych.utils import model_to_dot, plot_model

EVERYTHING = {
    "show_shapes": True,
    "show_dtype": True,
    "show_layer_names": True,
    "show_layer_activations": True,
    "show_trainable": True,
}


def branches():
    """Four branches of different lengths, one of them empty."""
    inputs = Input((8, 8, 4), name="image")
    a = layers.Conv2D(4, 1, activation="relu")(inputs)
    b = layers.Conv2D(4, 3, padding="same")(layers.Conv2D(8, 1)(inputs))
    c = layers.MaxPooling2D(3, strides=1, padding="same")(inputs)
    joined = layers.Concatenate()([a, b, c, inputs])
    return Model(inputs, layers.GlobalAveragePooling2D()(joined), name="branches")


def siamese():
    """An encoder that is called twice."""
    inputs = Input((4,))
    encoder = Model(inputs, layers.Dense(3, activation="tanh")(inputs), name="encoder")
    left, right = Input((4,), name="left"), Input((4,), name="right")
    both = layers.Concatenate()([encoder(left), encoder(right)])
    return Model([left, right], layers.Dense(1)(both), name="siamese")


def nested():
    """Models in models, with an output that leaves early."""
    inputs = Input((8,))
    hidden = layers.Dense(4)(inputs)
    inner = Model(inputs, [hidden, layers.Dense(2)(hidden)], name="inner")
    inputs = Input((8,))
    p, q = inner(inputs)
    middle = Model(inputs, [layers.Concatenate()([p, q]), p], name="middle")
    before = Sequential([layers.Dense(8, activation="tanh"), layers.Dropout(0.1)], name="before")
    inputs = Input((8,))
    a, b = middle(before(inputs))
    return Model(inputs, [layers.Dense(1)(a), layers.Dense(1)(b)], name="outer")


def everything_to_everything():
    inputs = Input((6,))
    found = [inputs]
    for _ in range(5):
        joined = layers.Concatenate()(found) if len(found) > 1 else inputs
        found.append(layers.Dense(3)(joined))
    return Model(inputs, layers.Concatenate()(found), name="dense_block")


def again():
    """A layer that is called three times on what it made itself."""
    layer = layers.Dense(4, name="again")
    inputs = x = Input((4,))
    for _ in range(3):
        x = layers.ReLU()(layer(x))
    return Model(inputs, layers.Dense(1)(x), name="loop")


def stack():
    return Sequential([Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)], name="s")


def residual(blocks=8):
    inputs = x = Input((8, 8, 4))
    for _ in range(blocks):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x)))
        x = layers.Add()([x, layers.Conv2D(4, 3, padding="same")(y)])
    return Model(inputs, layers.Flatten()(x), name="residual")


MODELS = [branches, siamese, nested, everything_to_everything, again, stack, residual]


def parts(scene):
    """The boxes (with a tip), the areas of nested models, the lines, and the texts of a scene."""
    frames = [s for s in scene.shapes if isinstance(s, Rectangle) and s.title]
    areas = [s for s in scene.shapes if isinstance(s, Rectangle) and s.radius == 8]
    lines = [s for s in scene.shapes if isinstance(s, scenes.Path) and s.fill == "none"]
    return frames, areas, lines, [s for s in scene.shapes if isinstance(s, Text)]


def inside(point, box, margin=0.0):
    x, y = point
    return (
        box.x + margin < x < box.x + box.width - margin
        and box.y + margin < y < box.y + box.height - margin
    )


def points_on(path, pieces=16):
    """Points on a line, curves included."""
    found, here = [], None
    for command, ends in path.steps:
        if command in "QCL":
            t = np.linspace(0, 1, pieces)[:, None]
            curve = [np.array(point) for point in (here, *ends)]
            while len(curve) > 1:  # de Casteljau
                curve = [a * (1 - t) + b * t for a, b in itertools.pairwise(curve)]
            found += list(curve[0])
        here = ends[-1]
    return found


@pytest.mark.parametrize("splines", ["ortho", "curved", "line"])
@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("make", MODELS)
def test_nothing_overlaps_and_no_line_runs_through_a_box(make, expand, rankdir, splines):
    style = Style(**EVERYTHING, rankdir=rankdir, expand_nested=expand, splines=splines)
    scene = picture(make(), style)
    frames, areas, lines, texts = parts(scene)
    for a, b in itertools.combinations(frames, 2):
        apart = (
            a.x + a.width <= b.x
            or b.x + b.width <= a.x
            or a.y + a.height <= b.y
            or b.y + b.height <= a.y
        )
        assert apart, f"{a.title} overlaps {b.title}"
    points = np.array([point for line in lines for point in points_on(line)]).reshape(-1, 2)
    assert (points > 0).all()
    assert (points < (scene.width, scene.height)).all()
    for box in frames:
        within = points - (box.x + 0.5, box.y + 0.5)
        upon = ((within > 0) & (within < (box.width - 1, box.height - 1))).all(axis=1)
        assert not upon.any(), (box.title, points[upon])
    for text in texts:
        length = width_of(text.text, text.size, text.bold)
        left = text.x - (length / 2 if text.anchor == "middle" else 0)
        ends = ((left, text.y - 3), (left + length, text.y - 3))
        holders = frames + areas
        assert any(all(inside(end, box) for end in ends) for box in holders), text
    for area in areas:
        assert 0 < area.x < area.x + area.width < scene.width
        for box in frames + [a for a in areas if a is not area]:
            corners = [(box.x, box.y), (box.x + box.width, box.y + box.height)]
            held = [inside(corner, area) for corner in corners]
            holds = [inside((area.x, area.y), box), inside((area.x + area.width, area.y), box)]
            assert held in ([True, True], [False, False]), (area, box)
            assert holds in ([True, True], [False, False]), (area, box)


@pytest.mark.parametrize("seed", range(20))
def test_any_graph_has_a_layout(seed):
    """Every line runs down through all ranks between; boxes of a rank keep their distance."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 40))
    lines = sorted(
        {tuple(sorted(map(int, rng.choice(count, 2, replace=False)))) for _ in range(60)}
    )
    widths = rng.uniform(20, 200, count).tolist()
    found = lay_out(widths, lines, gap=24)
    assert found == lay_out(widths, lines, gap=24)
    boxes = {}
    for i, (x, rank) in enumerate(zip(found.x, found.rank, strict=True)):
        boxes.setdefault(rank, []).append((x - widths[i] / 2, x + widths[i] / 2))
        assert -1e-6 <= x - widths[i] / 2
        assert x + widths[i] / 2 <= found.width + 1e-6
    for row in boxes.values():
        row.sort()
        assert all(b[0] - a[1] >= 24 - 1e-6 for a, b in itertools.pairwise(row))
    for (a, b), route in zip(lines, found.routes, strict=True):
        assert route.ranks == list(range(found.rank[a], found.rank[b] + 1))
        assert (route.xs[0], route.xs[-1]) == (found.x[a], found.x[b])
        for rank, x in list(zip(route.ranks, route.xs, strict=True))[1:-1]:
            assert not any(left < x < right for left, right in boxes[rank])
        assert len(set(np.round(route.xs[1:-1], 6))) <= 1, "a long line is straight in between"


def test_a_late_input_stands_above_what_takes_it():
    assert ranks(5, [(0, 1), (1, 2), (2, 4), (3, 4)]) == [0, 1, 2, 2, 3]
    assert ranks(3, [(0, 1), (1, 2)], first=[0], last=[2]) == [0, 1, 2]
    with pytest.raises(ValueError, match="circle"):
        ranks(2, [(0, 1), (1, 0)])


def test_crossings_are_counted_and_avoided():
    below = [[3, 4], [2], [], [], []]
    assert crossings([[0, 1], [2, 3, 4]], below) == 2
    found = lay_out([10] * 6, [(0, 5), (1, 4), (2, 3)])
    order = [sorted(group, key=found.x.__getitem__) for group in ([0, 1, 2], [5, 4, 3])]
    assert [(a, b) for a, b in zip(*order, strict=True)] == sorted(
        [(0, 5), (1, 4), (2, 3)], key=lambda pair: found.x[pair[0]]
    )


def test_a_picture_has_one_box_for_each_layer_with_the_shapes_of_the_summary():
    model = branches()
    root = ElementTree.fromstring(svg(picture(model, Style(**EVERYTHING))))
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    tips = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")][1:]
    assert len(tips) == len(model.layers)
    for layer in model.layers:
        assert f"{type(layer).__name__} {layer.name}: {layer.count_params():,} weights" in tips
        assert layer.name in texts
        assert str(layer.output.shape) in texts
    assert texts.count("relu") == 1
    assert texts.count("float32") == len(model.layers)
    assert texts.count("trained") == 3
    model.trainable = False
    assert svg(picture(model, Style(show_trainable=True))).count(">frozen<") == 3


def test_only_what_is_asked_for_is_shown():
    plain = [text.text for text in parts(picture(stack(), Style()))[3]]
    assert plain == ["Dense", "Dense"]
    shapes = [text.text for text in parts(picture(stack(), Style(show_shapes=True)))[3]]
    assert shapes == ["Dense", "in", "(None, 4)", "out", "(None, 3)"] + [
        "Dense", "in", "(None, 3)", "out", "(None, 2)"
    ]  # fmt: skip


def test_colours_differ_in_grey_and_letters_on_them_are_legible():
    def luminance(colour):
        values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    lightness = sorted(116 * luminance(colour) ** (1 / 3) - 16 for colour in COLOURS.values())
    assert min(np.diff(lightness)) >= 2.5
    for kind, colour in COLOURS.items():
        letters = 1.0 if kind in DARK else luminance("#1a1a1a")
        light, dark = sorted((luminance(colour), letters), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3.8, kind


def test_a_layer_that_is_called_twice_has_one_box():
    network = read(siamese())
    assert [box.type_name for box in network.boxes] == [
        "InputLayer", "InputLayer", "Functional", "Concatenate", "Dense"
    ]  # fmt: skip
    assert network.boxes[2].calls == 2
    assert {line.ends for line in network.lines} == {(0, 2), (1, 2), (2, 3), (3, 4)}
    inner = read(siamese(), expand_nested=True).boxes[2].network
    assert [box.type_name for box in inner.boxes] == ["InputLayer", "Dense"]
    assert inner.inputs == [[(0, 0)]]
    assert inner.outputs == [(1, 0)]


def test_a_layer_that_is_called_on_its_own_output_has_a_box_for_each_call():
    boxes = read(again()).boxes
    assert [box.call for box in boxes if box.name == "again"] == [(1, 3), (2, 3), (3, 3)]
    assert all(box.call is None for box in boxes if box.name != "again")


def test_operations_and_inputs_in_the_middle_have_boxes():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    hidden = layers.Dense(4)(a)
    boxes = read(Model([a, b], ops.sqrt(hidden * 2.0 + b))).boxes
    assert [box.type_name for box in boxes[3:]] == ["multiply", "add", "sqrt"]
    assert boxes[4].input_shape == [(None, 4), (None, 4)]
    part = Model(hidden, layers.ReLU()(hidden))
    assert [box.type_name for box in read(part).boxes] == ["Input", "ReLU"]
    svg(picture(part, Style(**EVERYTHING)))


class Own(Model):
    def __init__(self):
        super().__init__(name="own")
        self.first = layers.Dense(3, name="first")
        self.second = layers.Dense(1, name="second")

    def call(self, inputs):
        return self.second(self.first(inputs))


def test_a_subclassed_model_is_one_box_with_the_names_of_its_layers():
    model = Own()
    with pytest.raises(ValueError, match="'own' is not built yet"):
        model_to_dot(model)
    model(np.ones((2, 4)))
    frames, _, lines, texts = parts(picture(model, Style(show_shapes=True)))
    assert len(frames) == 1
    assert not lines
    assert [text.text for text in texts] == ["Own", "out", "?", "Dense", "first", "Dense", "second"]


def test_wrappers_name_what_they_hold():
    model = Sequential(
        [Input((5, 3)), layers.Bidirectional(layers.LSTM(2)), layers.Dense(1, name="a<b & 'c'")]
    )
    network = read(model)
    assert [box.type_name for box in network.boxes] == ["Bidirectional(LSTM)", "Dense"]
    assert [box.kind for box in network.boxes] == ["recurrent", "dense"]
    ElementTree.fromstring(svg(picture(model, Style(show_layer_names=True))))


def test_long_names_are_shortened():
    assert shortened("abc", 12, 100) == "abc"
    short = shortened("a_very_long_name_of_a_layer" * 9, 12, 100)
    assert width_of(short, 12) <= 100
    assert short[0] == "a"
    assert "…" in short
    model = Sequential([Input((4,)), layers.Dense(1, name="n" * 300)])
    assert picture(model, Style(show_layer_names=True)).width < 500
    assert width_of("中文", 10) == 20


def test_many_inputs_are_not_all_listed():
    inputs = [Input((i + 1,)) for i in range(30)]
    model = Model(inputs, layers.Concatenate()(inputs))
    texts = [text.text for text in parts(picture(model, Style(show_shapes=True)))[3]]
    assert "… 30 in all …" in texts


def test_a_model_of_two_hundred_layers_is_as_narrow_as_its_branches():
    model = residual(45)
    assert len(model.layers) > 200
    scene = picture(model, Style(**EVERYTHING))
    assert len(parts(scene)[0]) == len(model.layers)
    assert scene.width < 500


@pytest.mark.parametrize("ending", ["svg", "html", "dot", "gv"])
def test_formats_that_need_nothing_else(ending, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "new" / f"model.{ending}"
    plot_model(branches(), path, show_layer_names=True)
    text = path.read_text(encoding="utf-8")
    assert text.startswith({"svg": "<svg", "html": "<!DOCTYPE html>"}.get(ending, "digraph G {"))
    assert "concatenate" in text
    again = tmp_path / f"again.{ending}"
    plot_model(branches(), str(again))
    assert ElementTree.fromstring(again.read_text()) is not None if ending == "svg" else True


def test_without_matplotlib_a_png_becomes_an_svg(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.warns(UserWarning, match=r"pip install matplotlib.*model\.svg"):
        plot_model(stack(), tmp_path / "model.png")
    assert (tmp_path / "model.svg").read_text().startswith("<svg")
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plot_model(stack(), tmp_path / "model.pdf")


@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("", b"\x89PNG")]
)
def test_formats_of_matplotlib(ending, begins, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"model.{ending}"
    plot_model(nested(), path, show_shapes=True, expand_nested=True)
    content = path.read_bytes()
    assert content.startswith(begins)
    plot_model(nested(), path, show_shapes=True, expand_nested=True)
    assert path.read_bytes() == content or not content.startswith(b"%PDF")


def test_dpi_is_the_number_of_dots_per_inch(monkeypatch):
    pytest.importorskip("matplotlib")
    scene = picture(stack(), Style())
    for dpi in (96, 192):
        content = model_to_dot(stack(), show_layer_names=False, dpi=dpi).create(format="png")
        width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
        assert abs(width - scene.width * dpi / 96) <= 1
        assert abs(height - scene.height * dpi / 96) <= 1
    for limit, most in (("LONGEST", 100), ("MOST_PIXELS", 10_000)):
        with monkeypatch.context() as patch:
            patch.setattr(f"diptych.pictures.matplotlib_drawing.{limit}", most)
            with pytest.warns(UserWarning, match="it is drawn with dpi="):
                content = model_to_dot(stack()).create(format="png")
            width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
            assert most * 0.8 < (max(width, height) if most == 100 else width * height) <= most


def test_model_to_dot():
    model = siamese()
    dot = model_to_dot(model, show_shapes=True, expand_nested=True, rankdir="LR")
    text = dot.to_string()
    assert text.startswith("digraph G {")
    assert "rankdir=LR" in text
    assert "label=<encoder>" in text
    assert text.count(" [label=<") == 6
    assert "b0 -> b2_0" in text
    assert "b2_0 -> b2_1" in text
    assert "b2_1 -> b3" in text
    assert text.count("{") == text.count("}")
    assert dot.create_svg() == dot.create(prog="dot", format="svg") == svg(picture(
        model, Style(True, show_layer_names=True, rankdir="LR", expand_nested=True)
    )).encode()  # fmt: skip
    assert model_to_dot(siamese(), subgraph=True).to_string().startswith("subgraph cluster_")
    with pytest.raises(AttributeError):
        dot.nothing  # noqa: B018


def test_model_to_dot_writes_as_pydot_does(tmp_path):
    dot = model_to_dot(stack())
    dot.write(tmp_path / "raw")
    assert (tmp_path / "raw").read_text() == dot.to_string()
    dot.write_svg(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().startswith("<svg")


def test_what_is_refused():
    with pytest.raises(ValueError, match="rankdir='XX'; expected one of 'TB'"):
        plot_model(stack(), rankdir="XX")
    with pytest.raises(ValueError, match="splines='wavy'"):
        plot_model(stack(), splines="wavy")
    with pytest.raises(ValueError, match="layer_range"):
        plot_model(stack(), layer_range=["a", "b"])
    with pytest.raises(ValueError, match="not built yet"):
        plot_model(Sequential([layers.Dense(1)]))


def test_all_splines_are_drawn():
    scenes = [picture(branches(), Style(splines=splines)) for splines in SPLINES]
    commands = ["".join(step for line in parts(s)[2] for step, _ in line.steps) for s in scenes]
    assert "Q" in commands[0]
    assert "C" in commands[1]
    assert set(commands[-1]) == {"M", "L"}


def test_old_names_of_plot_model():
    diptych.legacy.forget_notes()
    with pytest.warns(diptych.legacy.LegacySpelling, match="plot_model"):
        assert diptych.utils.plot is plot_model


def test_the_pictures_of_the_guide_are_those_that_are_drawn(tmp_path):
    """`python docs/pictures/make.py` makes them anew."""
    folder = Path(__file__).parents[1] / "docs" / "pictures"
    make = runpy.run_path(str(folder / "make.py"))
    make["draw_models"](tmp_path)
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert len(drawn) == len(make["MODELS"])
    for name in drawn:
        assert (tmp_path / name).read_text() == (folder / name).read_text(), name
    for path in folder.glob("*.svg"):
        ElementTree.parse(path)

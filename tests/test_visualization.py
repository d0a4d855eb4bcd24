"""Galleries of images and masks."""

import subprocess
import sys

import numpy as np
import pytest

from diptych import visualization


def test_masks_are_blended_as_keras_blends_them():
    images = np.full((1, 2, 2, 3), 100, "uint8")
    masks = np.array([[[0, 1], [2, -1]]])
    # Keras 3.15.1, with a last axis on the masks and num_classes=3
    expected = [[[20, 20, 20], [20, 121, 44]], [[21, 223, 69], [100, 100, 100]]]
    for given in (masks, masks[..., None]):
        drawn = visualization.draw_segmentation_masks(images, given, num_classes=3)
        assert drawn.dtype == "uint8"
        np.testing.assert_array_equal(drawn[0], expected)
    first = visualization.draw_segmentation_masks(
        np.moveaxis(images, -1, 1), masks[:, None], data_format="channels_first"
    )
    np.testing.assert_array_equal(first[0], expected)


def test_colours_that_are_given_and_classes_that_are_not_drawn():
    images = np.full((1, 2, 2, 3), 100.0)
    masks = np.array([[[0, 1], [2, 3]]])
    draw = visualization.draw_segmentation_masks
    painted = draw(images, masks, 2, {1: (255, 0, 0), 2: (0, 9, 0), 3: (1, 1, 1)}, blend=False)
    assert painted.dtype == "float32"
    assert painted[0].tolist() == [
        [[100, 100, 100], [255, 0, 0]], [[0, 9, 0], [100, 100, 100]]
    ]  # fmt: skip
    half = draw(
        images, masks, color_mapping={1: (200, 0, 0), 2: (0, 8, 0)}, alpha=0.5, ignore_index=2
    )
    assert half[0].tolist() == [[[100] * 3, [150, 50, 50]], [[100] * 3, [100] * 3]]


def test_what_is_refused():
    images, masks = np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2), int)
    draw, plot = visualization.draw_segmentation_masks, visualization.plot_image_gallery
    with pytest.raises(TypeError, match="integers"):
        draw(images, masks.astype(float))
    with pytest.raises(ValueError, match="batch of images"):
        draw(images[0], masks)
    with pytest.raises(ValueError, match="class for each pixel"):
        draw(images, masks[:, :1])
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="not both"):
        plot(images, path="x.png", show=True)
    with pytest.raises(ValueError, match="needs label_map"):
        plot(images, y_true=[0])
    with pytest.raises(ValueError, match="batch of images"):
        plot(images[0])


def test_a_gallery_shows_every_image_with_its_titles():
    plt = pytest.importorskip("matplotlib.pyplot")
    images = np.linspace(0, 1, 5 * 4 * 4 * 3).reshape(5, 4, 4, 3)
    names = {0: "cat", 1: "dog"}
    visualization.plot_image_gallery(
        images, [0, 1, 0, 1, 7], [1, 1, 0, 0, 0], names, value_range=(0, 1), show=False
    )
    axes = plt.gcf().axes
    shown = [axis for axis in axes if axis.images]
    assert (len(axes), len(shown)) == (6, 5)
    assert shown[0].get_title() == "Label: cat  Pred: dog"
    assert shown[4].get_title() == "Label: Unknown  Pred: cat"
    np.testing.assert_array_equal(
        shown[4].images[0].get_array(), (images[4].astype("float32") * 255).astype("uint8")
    )
    plt.close("all")


def test_a_gallery_of_masks_has_a_row_for_each_image(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    images = np.random.default_rng(0).integers(0, 255, (2, 6, 6, 3))
    masks = np.arange(72).reshape(2, 6, 6) % 3
    plot = visualization.plot_segmentation_mask_gallery
    plot(images, 2, y_true=masks, y_pred=masks[..., None], show=False)
    axes = plt.gcf().axes
    assert len(axes) == 6
    drawn = visualization.draw_segmentation_masks(images, masks, 2)
    np.testing.assert_array_equal(axes[0].images[0].get_array(), images[0])
    np.testing.assert_array_equal(axes[4].images[0].get_array(), drawn[1])
    plt.close("all")
    plot(images, 2, y_true=masks, path=tmp_path / "gallery.png")
    assert (tmp_path / "gallery.png").read_bytes()[:4] == b"\x89PNG"
    assert not plt.get_fignums()


def test_without_matplotlib_it_says_what_to_install():
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy, diptych\n"
        "try: diptych.visualization.plot_image_gallery(numpy.zeros((1, 2, 2, 3)))\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'diptych[plot]'" in done.stdout, done.stderr

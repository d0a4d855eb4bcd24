"""TensorBoard: what happens in a training, as event files."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..files.atomic import replacing
from ..files.events import EventWriter
from .callback import Callback

__all__ = ["TensorBoard"]

# The name that Keras gives embeddings in the file for the projector.
_EMBEDDINGS = "layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE"


class TensorBoard(Callback):
    """Writes event files, which `tensorboard --logdir logs` shows; TensorFlow is not needed.

    Names are those of Keras: 'epoch_loss' in the folders `train` and `validation`; with results of
    batches 'batch_loss'; 'evaluation_loss_vs_iterations' after an evaluation. Results that are not
    single numbers are left out.

    Args:
        log_dir: the folder.
        histogram_freq: write the distributions of all weights every so many epochs; 0: never.
        write_graph: whether to write the layers of a Functional or Sequential model.
        write_images: whether to write the weights as images too, whenever as distributions.
        write_steps_per_second: whether to write how many updates are made in a second.
        update_freq: 'epoch'; 'batch', or a number of batches, for results of batches too.
        profile_batch: must be 0, since there is no profiler here.
        embeddings_freq: save the weights for the projector every so many epochs; 0: never.
        embeddings_metadata: a file with the names of the rows of an embedding, for all Embedding
            layers; or a dict from layer's name to file.

    Raises:
        ValueError: an argument is none of these.
    """

    first_alone = True

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        if profile_batch:
            raise ValueError(
                f"TensorBoard: profile_batch={profile_batch!r}, but there is no profiler here: "
                "leave it 0. Python's cProfile, or `perf`, shows where time goes."
            )
        whole = isinstance(update_freq, int) and not isinstance(update_freq, bool)
        if update_freq not in ("epoch", "batch") and not (whole and update_freq > 0):
            raise ValueError(
                f"TensorBoard: update_freq={update_freq!r}; expected 'epoch', 'batch' or a number "
                "of batches"
            )
        self.log_dir = str(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._step = 0  # batches trained on
        self._batch_began = self._epoch_began = 0.0
        self._updates_before = 0
        self._train = self._validation = EventWriter(self.log_dir)
        if update_freq != "epoch":
            # Defined only in this case, so that nothing happens after batches otherwise.
            self.on_train_batch_begin = self._before_batch  # type: ignore[method-assign]
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        folder = Path(self.log_dir)
        self._train = EventWriter(folder / "train")
        self._validation = EventWriter(folder / "validation")
        if self.write_graph and hasattr(model, "to_json") and getattr(model, "inputs", None):
            self._write_model()
        if self.embeddings_freq:
            self._write_projector()

    def _write_model(self) -> None:
        try:
            self._train.model("keras", self.model.to_json())
        except Exception as error:  # what a class of the user's raises must not end the training
            warnings.warn(
                f"TensorBoard leaves out the graph: model {self.model.name!r} cannot be written as "
                f"JSON. {error}",
                stacklevel=2,
            )

    def on_train_begin(self, logs: Any = None) -> None:
        self._step = 0

    def on_train_end(self, logs: Any = None) -> None:
        self._train.flush()
        self._validation.flush()

    def _before_batch(self, batch: int, logs: Any = None) -> None:
        self._step += 1
        self._batch_began = time.perf_counter()

    def _after_batch(self, batch: int, logs: Any = None) -> None:
        if self._step % self.update_freq == 0:
            found = {f"batch_{name}": value for name, value in (logs or {}).items()}
            if self.write_steps_per_second:
                found["batch_steps_per_second"] = 1 / (time.perf_counter() - self._batch_began)
            self._write(self._train, found, self._step)

    def on_test_end(self, logs: Any = None) -> None:
        if getattr(self.model, "optimizer", None) is not None:
            names = {f"evaluation_{k}_vs_iterations": v for k, v in (logs or {}).items()}
            self._write(self._validation, names, self._updates())
            self._validation.flush()

    def _updates(self) -> int:
        return int(self.model.optimizer.iterations)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.write_steps_per_second:
            self._updates_before = self._updates()
            self._epoch_began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs:
            self._write_results(epoch, logs)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            name = f"keras_embedding.ckpt-{epoch}.weights.h5"
            (Path(self.log_dir) / "train").mkdir(parents=True, exist_ok=True)
            self.model.save_weights(Path(self.log_dir) / "train" / name)
        self._train.flush()
        self._validation.flush()

    def _write_results(self, epoch: int, logs: dict[str, Any]) -> None:
        training = {k: value for k, value in logs.items() if not k.startswith("val_")}
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        if rate is not None:
            training["learning_rate"] = float(rate)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_began
            training["steps_per_second"] = (self._updates() - self._updates_before) / seconds
        validation = {k[4:]: value for k, value in logs.items() if k.startswith("val_")}
        for writer, found in ((self._train, training), (self._validation, validation)):
            self._write(writer, {f"epoch_{name}": value for name, value in found.items()}, epoch)

    @staticmethod
    def _write(writer: EventWriter, results: dict[str, Any], step: int) -> None:
        for name, value in results.items():
            if np.ndim(value) == 0:
                writer.scalar(name, value, step)

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                name = weight.path.replace(":", "_")
                self._train.histogram(f"{name}/histogram", weight.array, epoch)
                images = _as_images(weight.array) if self.write_images else None
                if images is not None:
                    self._train.images(f"{name}/image", images, epoch)

    def _write_projector(self) -> None:
        """The list of embeddings, in the file where TensorBoard's projector looks for it."""
        given = self.embeddings_metadata
        files = dict(given) if isinstance(given, dict) else {}
        text = ""
        for layer in self.model.layers:
            if type(layer).__name__ == "Embedding":
                file = given if isinstance(given, str) else files.pop(layer.name, None)
                path = f'  metadata_path: "{file}"\n' if file else ""
                text += f'embeddings {{\n  tensor_name: "{_EMBEDDINGS}"\n{path}}}\n'
        if files:
            raise ValueError(
                f"TensorBoard: embeddings_metadata names {', '.join(map(repr, files))}, but the "
                "model has no such Embedding layer."
            )
        Path(self.log_dir).mkdir(parents=True, exist_ok=True)
        with replacing(Path(self.log_dir) / "projector_config.pbtxt") as target:
            target.write(text.encode())


def _as_images(weight: np.ndarray) -> np.ndarray | None:
    """A weight as images of shape (number, height, width, channels); None if it is none."""
    image = np.squeeze(weight)
    if image.ndim == 1:
        return image.reshape(1, -1, 1, 1)
    if image.ndim == 2:
        image = image.T if image.shape[0] > image.shape[1] else image
        return image[None, :, :, None]
    if image.ndim == 3:
        if config.image_data_format() == "channels_last":
            image = image.transpose(2, 0, 1)
        return image[..., None]
    return image if image.ndim == 4 and image.shape[-1] in (1, 3, 4) else None

"""Train the line detector and write transforms/pixels/data/line_detector.onnx.

    python -m venv /tmp/training && /tmp/training/bin/pip install tensorflow-cpu onnx numpy
    PYTHONPATH=. /tmp/training/bin/python -m benchmarks.burned_in.train PATCHES.npz... [--steps N] [--out FILE]

A venv of its own: TensorFlow belongs neither to a run nor to its tests. The patches come from `patches`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from benchmarks.burned_in import loop
from benchmarks.burned_in.graph import Graph, read

OUT = Path(__file__).parents[2] / "transforms/pixels/data/line_detector.onnx"
BATCH = 16
WIDTHS = (8, 16, 24, 48)
"""Channels at a half, a quarter, an eighth and a sixteenth of the size."""
DILATIONS = (1, 2, 4, 2)
"""Of the layers at an eighth of the size."""
WIDE_DILATIONS = (1, 2, 4)
"""Of those at a sixteenth, which see what stands around a line."""


def network() -> keras.Model:
    """Three channels in [-1, 1] → logits of region and core, at a quarter of the size. 105,000 weights."""
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Conv2D(2, 1, name="maps")(body(image)))


def body(image: Any) -> Any:
    """All of the network but its last layer."""
    layers = keras.layers

    def conv(name: str, value: Any, channels: int, stride: int = 1, dilation: int = 1) -> Any:
        # Padded by one on both sides, as ONNX and OpenCV do it; Keras' "same" pads stride 2 on one side only.
        value = layers.ZeroPadding2D(dilation)(value)
        return layers.Conv2D(channels, 3, stride, "valid", dilation_rate=dilation, activation="relu", name=name)(value)

    def grown(name: str, value: Any, channels: int, start: str = "glorot_uniform") -> Any:
        return layers.UpSampling2D(interpolation="nearest")(layers.Conv2D(channels, 1, kernel_initializer=start, name=name)(value))

    half, quarter, eighth, sixteenth = WIDTHS
    fine = conv("half", image, half, 2)
    fine = conv("quarter_in", fine, quarter, 2)
    fine = conv("quarter", fine, quarter)
    wide = conv("eighth_in", fine, eighth, 2)
    for number, dilation in enumerate(DILATIONS):
        wide = conv(f"eighth_{number}", wide, eighth, 1, dilation)
    widest = conv("sixteenth_in", wide, sixteenth, 2)
    for number, dilation in enumerate(WIDE_DILATIONS):
        widest = conv(f"sixteenth_{number}", widest, sixteenth, 1, dilation)
    wide = layers.ReLU()(layers.Add()([grown("widen_more", widest, eighth, "zeros"), wide]))
    both = layers.ReLU()(layers.Add()([grown("widen", wide, quarter), fine]))
    return conv("joined", both, quarter)


def loss(truth: Any, logits: Any) -> Any:
    """Cross entropy and Dice where cells count; text weighs more than paper, since a miss costs a person more."""
    target, counts = truth[..., :2], truth[..., 2:]
    entropy = tf.nn.weighted_cross_entropy_with_logits(target, logits, 2.0)
    chance = tf.sigmoid(logits)
    shared = tf.reduce_sum(counts * chance * target, (0, 1, 2))
    dice = 1 - (2 * shared + 1) / (tf.reduce_sum(counts * chance, (0, 1, 2)) + tf.reduce_sum(counts * target, (0, 1, 2)) + 1)
    return tf.reduce_sum(counts * entropy) / (2 * tf.reduce_sum(counts) + 1) + 0.5 * tf.reduce_mean(dice)


def write(model: keras.Model, path: Path) -> None:
    """The network as ONNX, one axis of each of batch, rows and columns free."""
    graph = Graph(model)
    maps = graph.conv("maps", write_body(graph, "image"), activated=False)
    chances = graph.node("Sigmoid", [maps], "chances")
    graph.save(path, ("image", ("n", 3, "rows", "columns")), (chances, ("n", 2, "map_rows", "map_columns")))


def write_body(graph: Graph, image: str) -> str:
    """The nodes of `body`; the name of what it gives."""
    fine = graph.conv("quarter", graph.conv("quarter_in", graph.conv("half", image, 2), 2))
    wide = graph.conv("eighth_in", fine, 2)
    for number, dilation in enumerate(DILATIONS):
        wide = graph.conv(f"eighth_{number}", wide, 1, dilation)
    widest = graph.conv("sixteenth_in", wide, 2)
    for number, dilation in enumerate(WIDE_DILATIONS):
        widest = graph.conv(f"sixteenth_{number}", widest, 1, dilation)
    twice = graph.constant("twice", np.array([1, 1, 2, 2], np.float32))
    given = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    for name, coarse, finer, both in (("widen_more", widest, wide, "wide"), ("widen", "wide", fine, "both")):
        grown = graph.node("Resize", [graph.conv(name, coarse, activated=False), "", twice], f"{name}.grown", **given)
        graph.node("Relu", [graph.node("Add", [grown, finer], f"{both}.sum")], both)
    return graph.conv("joined", "both")


def main() -> None:
    """Train on the patches of all files given."""
    options = loop.parser(__doc__, "patches", 6000, OUT).parse_args()
    keras.utils.set_random_seed(options.seed)
    files = [np.load(name) for name in options.patches]
    pictures, targets = (np.concatenate([file[name] for file in files]) for name in ("pictures", "targets"))
    model = network()
    if options.network:
        read(model, options.network)
    if options.weights and options.weights.exists():
        model.load_weights(options.weights)
    random = np.random.default_rng(options.seed)
    model.compile(loop.optimizer(options.rate, options.steps), loss)

    def step() -> float:
        chosen = random.integers(len(pictures), size=BATCH)
        turns = int(random.integers(4)) if random.integers(6) == 0 else 2 * int(random.integers(2) * random.integers(2))
        picture, target = (np.rot90(some[chosen], turns, (1, 2)).astype(np.float32) for some in (pictures, targets))
        return float(model.train_on_batch(picture / 127.5 - 1, target / 255))

    print(f"{len(pictures)} patches, {model.count_params()} weights", flush=True)
    loop.run(options, model, step, write)


if __name__ == "__main__":
    main()

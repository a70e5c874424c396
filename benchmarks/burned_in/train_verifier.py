"""Train the line verifier and write transforms/pixels/data/line_verifier.onnx.

    PYTHONPATH=. /tmp/training/bin/python -m benchmarks.burned_in.train_verifier BOXES.npz... [--hard BOXES.npz...] [--steps N]
        [--weights FILE]

In the venv that `train` names. The windows come from `boxes`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow import keras

from benchmarks.burned_in import loop
from benchmarks.burned_in.graph import Graph, normed, read
from benchmarks.burned_in.train import body, write_body
from benchmarks.burned_in.train import network as detector_network

OUT = Path(__file__).parents[2] / "transforms/pixels/data/line_verifier.onnx"
BATCH = 64
HARD = 24
"""Windows of a batch that are hard ones, where there are any."""
LAYERS = (("seen_in", 48, 2), ("seen", 48, 1), ("seen_more", 48, 1))
"""Name, channels and stride of the convolutions after those of the line detector, each of 3x3."""
TEXT_WEIGHS = 1.5
"""Times more than paper: a miss costs a person more."""
SETTLING = 1500
"""Windows from which the normalizations of a network that was read learn what to expect."""
SOFTNESS = 0.005
"""How far from 0 and 1 the answers are that it is taught."""


def network(shape: tuple[int, ...]) -> keras.Model:
    """Windows of a shape (rows, columns, channels), in [-1, 1] → logits. Begins as the line detector does, on one channel more."""
    layers = keras.layers
    windows = keras.Input(shape)
    value = layers.Concatenate()([body(windows), layers.AveragePooling2D(4)(windows)])
    for name, channels, stride in LAYERS:
        value = layers.ZeroPadding2D(1)(value)  # as ONNX pads; Keras' "same" pads stride 2 on one side only
        value = layers.Conv2D(channels, 3, stride, "valid", name=name)(value)
        value = layers.ReLU()(layers.BatchNormalization(momentum=0.98, name=normed(name))(value))
    both = layers.Concatenate()([layers.GlobalAveragePooling2D(keepdims=True)(value), layers.GlobalMaxPooling2D(keepdims=True)(value)])
    return keras.Model(windows, layers.Conv2D(1, 1, name="logit")(layers.Dropout(0.2)(both)))


def learn_from(detector: keras.Model, model: keras.Model) -> None:
    """Begin with what the line detector has learned; the channel that it does not know begins with nothing."""
    for layer in detector.layers:
        if layer.weights and layer.name != "maps":
            kernel, bias = layer.get_weights()
            missing = model.get_layer(layer.name).weights[0].shape[2] - kernel.shape[2]
            model.get_layer(layer.name).set_weights([np.pad(kernel, ((0, 0), (0, 0), (0, missing), (0, 0))), bias])


def settle(model: keras.Model, windows: NDArray[np.float32]) -> None:
    """Let the normalizations of a network that was read expect what they get of these windows, and change nothing."""
    for name, _, _ in LAYERS:
        layer = model.get_layer(normed(name))
        seen = keras.Model(model.input, model.get_layer(name).output).predict(windows, verbose=0)
        average, variance = seen.mean((0, 1, 2)), seen.var((0, 1, 2))
        layer.set_weights([np.sqrt(variance + layer.epsilon), average, average, variance])


def write(model: keras.Model, path: Path) -> None:
    """The network as ONNX, for any number of windows."""
    graph = Graph(model)
    small = graph.node("AveragePool", ["windows"], "small", kernel_shape=[4, 4], strides=[4, 4])
    last = graph.node("Concat", [write_body(graph, "windows"), small], "detected", axis=1)
    for name, _, stride in LAYERS:
        last = graph.conv(name, last, stride)
    pooled = [graph.node("GlobalAveragePool", [last], "mean"), graph.node("GlobalMaxPool", [last], "most")]
    logit = graph.conv("logit", graph.node("Concat", pooled, "pooled", axis=1), activated=False)
    rows, columns, channels = model.input_shape[1:]
    graph.save(path, ("windows", ("n", channels, rows, columns)), (graph.node("Sigmoid", [logit], "chance"), ("n", 1, 1, 1)))


def varied(windows: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """A batch, sometimes upside down, in other colours, inverted, or in few levels, as where a few samples stretch the range."""
    colours, inside = windows[..., :3], windows[..., 3:]
    if random.integers(4) == 0:
        levels = int(random.integers(2, 10))
        colours = (colours.astype(np.uint16) * levels // 256 * 255 // (levels - 1)).astype(np.uint8)
    if random.integers(3) == 0:
        colours = colours[..., random.permutation(3)]
    if random.integers(5) == 0:
        colours = 255 - colours
    both = np.concatenate([colours, inside], axis=-1)
    return np.ascontiguousarray(both[:, ::-1, ::-1] if random.integers(4) == 0 else both)


def main() -> None:
    """Train on the windows of all files given, as many with text as without in a batch."""
    parser = loop.parser(__doc__, "boxes", 4000, OUT)
    parser.add_argument("--detector", type=Path, help="weights that `train` kept, to begin with")
    parser.add_argument("--hard", nargs="*", default=[], help="windows that `boxes --hard` found, of which each batch has some")
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    files = [np.load(name) for name in (*options.boxes, *options.hard)]
    windows, text = (np.concatenate([file[name] for file in files]) for name in ("windows", "text"))
    is_hard = np.repeat([name in options.hard for name in (*options.boxes, *options.hard)], [len(file["text"]) for file in files])
    shares = {True: HARD, False: BATCH - HARD} if options.hard else {False: BATCH}
    pools = [(np.flatnonzero((text == some) & (is_hard == hard)), share // 2) for some in (True, False) for hard, share in shares.items()]
    model, random = network(windows.shape[1:]), np.random.default_rng(options.seed)
    if options.detector:
        detector = detector_network()
        detector.load_weights(options.detector)
        learn_from(detector, model)
    if options.network:
        read(model, options.network)
        settle(model, windows[random.permutation(len(windows))[:SETTLING]].astype(np.float32) / 127.5 - 1)
    if options.weights and options.weights.exists():
        model.load_weights(options.weights)
    optimizer = loop.optimizer(options.rate, options.steps)

    @tf.function(reduce_retracing=True)
    def learn(batch: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(tf.cast(batch, tf.float32) / 127.5 - 1, training=True)[:, 0, 0, 0]
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth * (1 - 2 * SOFTNESS) + SOFTNESS, logits)
            loss = tf.reduce_mean(entropy * (1 + (TEXT_WEIGHS - 1) * truth))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))
        return loss

    def step() -> float:
        chosen = np.concatenate([random.choice(pool, count) for pool, count in pools])
        return float(learn(tf.constant(varied(windows[chosen], random)), tf.constant(text[chosen].astype(np.float32))))

    print(f"{len(windows)} windows, {text.sum()} with text, {is_hard.sum()} hard, {model.count_params()} weights", flush=True)
    loop.run(options, model, step, write)


if __name__ == "__main__":
    main()

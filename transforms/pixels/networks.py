"""Networks as files of weights (ONNX), run by ONNX Runtime on one thread: Beam starts as many workers as there are cores.

It takes half the CPU that OpenCV's own engine takes for the same maps.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Array = NDArray[np.float32]
Network = Callable[[Array], Array]
"""One input, one output, first axis the number of images. Same input, same output. Not picklable: made once a worker."""


def network(weights: bytes) -> Network:
    """The network of a file of weights."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    return lambda images: np.asarray(session.run(None, {entry.name: images})[0], np.float32)


def shipped(name: str) -> Network:
    """A network of this package's `data`."""
    return network(resources.files("transforms.pixels").joinpath(f"data/{name}.onnx").read_bytes())


def either_way(network: Network) -> Network:
    """What a network says of images or of their negatives, whichever is more; of values in [-1, 1].

    It learned light letters and dark ones, and on grain still knows one of them better.
    """
    return lambda images: np.maximum(network(images), network(-images))

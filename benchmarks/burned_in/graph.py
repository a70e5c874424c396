"""Trained layers of Keras written as ONNX, node by node, as OpenCV runs them. For the venv of the training only.

PYTHONPATH=. /tmp/training/bin/python -m benchmarks.burned_in.graph MEAN.onnx A.onnx B.onnx...
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tensorflow import keras

Side = int | str
"""A number, or the name of an axis that may be of any length."""


def normed(name: str) -> str:
    """The name of the batch normalization after a convolution, which becomes part of its weights."""
    return f"{name}_normed"


def read(model: keras.Model, path: Path) -> None:
    """Give a model the kernels of a network that `Graph` wrote; those after which a layer normalizes hold what it did to them."""
    weights = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    for layer in model.layers:
        if f"{layer.name}.kernel" in weights:
            layer.set_weights([weights[f"{layer.name}.kernel"].transpose(2, 3, 1, 0), weights[f"{layer.name}.bias"]])


def mean(paths: Sequence[Path], out: Path) -> None:
    """Write the network whose weights are the mean of those of networks of one form."""
    networks = [onnx.load(path) for path in paths]
    for same in zip(*(network.graph.initializer for network in networks), strict=True):
        values = [numpy_helper.to_array(one) for one in same]
        if values[0].dtype.kind == "f":
            same[0].CopyFrom(numpy_helper.from_array(np.mean(values, axis=0, dtype=np.float32), same[0].name))
    out.write_bytes(networks[0].SerializeToString())


class Graph:
    """The nodes of a network, written from its input to its output; each is known by the name of what it gives."""

    def __init__(self, model: keras.Model) -> None:
        """`model`: the layers whose weights are taken, by their names."""
        self._model = model
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def conv(self, name: str, source: str, stride: int = 1, dilation: int = 1, activated: bool = True) -> str:
        """A convolution that pads by half its kernel on all sides, and perhaps its rectifier."""
        kernel, bias = self._folded(name)
        size = kernel.shape[0]
        inputs = [source, self.constant(f"{name}.kernel", kernel.transpose(3, 2, 0, 1)), self.constant(f"{name}.bias", bias)]
        pads = [dilation * (size // 2)] * 4
        given = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "dilations": [dilation] * 2, "pads": pads}
        made = self.node("Conv", inputs, f"{name}.sum" if activated else name, **given)
        return self.node("Relu", [made], name) if activated else made

    def _folded(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Kernel and bias of a layer, and of the normalization after it, if there is one."""
        kernel, bias = (variable.numpy() for variable in self._model.get_layer(name).weights)
        if normed(name) not in {layer.name for layer in self._model.layers}:
            return kernel, bias
        layer = self._model.get_layer(normed(name))
        gamma, beta, mean, variance = (variable.numpy() for variable in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance))
        factor = gamma / np.sqrt(variance + layer.epsilon)
        return kernel * factor, (bias - mean) * factor + beta

    def node(self, kind: str, inputs: Sequence[str], name: str, **given: Any) -> str:
        """Any other operation of ONNX."""
        self._nodes.append(helper.make_node(kind, [*inputs], [name], **given))
        return name

    def constant(self, name: str, values: NDArray[np.float32]) -> str:
        """An array that the network keeps."""
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def save(self, path: Path, source: tuple[str, Sequence[Side]], answer: tuple[str, Sequence[Side]]) -> None:
        """Write the file. `source`, `answer`: name and shape of what goes in and of what comes out, of float32."""
        values = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [*shape])] for name, shape in (source, answer)]
        graph = helper.make_graph(self._nodes, path.stem, *values, self._weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(made)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(made.SerializeToString())


def main() -> None:
    """Write the mean of networks of one form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("networks", type=Path, nargs="+")
    options = parser.parse_args()
    mean(options.networks, options.out)


if __name__ == "__main__":
    main()

"""Small ONNX patch classifiers with random weights, written layer by layer: `Builder(...).conv(...).relu()...`."""

import numpy
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """A chain of layers; each method adds one, named by its kind and number."""

    def __init__(self, channels, rows, columns, seed=0):
        self.shape = [channels, rows, columns]
        self.random = numpy.random.default_rng(seed)
        self.nodes, self.weights, self.tensor = [], [], "input"
        self.channels = channels

    def add(self, operator, weights=(), name=None, **attributes):
        number = len(self.nodes) + 1
        name = name or f"{operator.lower()}{number}"
        inputs = [self.tensor]
        for index, values in enumerate(weights):
            self.weights.append(numpy_helper.from_array(numpy.asarray(values, numpy.float32), f"{name}.{index}"))
            inputs.append(f"{name}.{index}")
        self.tensor = f"{name}.out"
        self.nodes.append(helper.make_node(operator, inputs, [self.tensor], name, **attributes))
        return self

    def values(self, *shape):
        return self.random.normal(0, 1 / numpy.sqrt(numpy.prod(shape[1:])), shape)

    def conv(self, maps, side, stride=1, dilation=1, bias=True, **more):
        weights = [self.values(maps, self.channels, side, side)] + ([self.values(maps)] if bias else [])
        self.channels = maps
        options = {"strides": [stride] * 2, "dilations": [dilation] * 2} | more
        return self.add("Conv", weights, **options)

    def pool(self, side, stride, kind="MaxPool", **more):
        return self.add(kind, kernel_shape=[side] * 2, strides=[stride] * 2, **more)

    def full(self, inputs, outputs, transposed=True):
        weights = self.values(outputs, inputs)
        self.channels = outputs
        return self.add("Gemm", [weights if transposed else weights.T, self.values(outputs)], transB=int(transposed))

    def onnx(self):
        self.nodes[-1].output[0] = "output"
        dimensions = 2 if any(node.op_type == "Flatten" for node in self.nodes) else 4
        graph = helper.make_graph(
            self.nodes,
            "small",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", *self.shape])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None] * dimensions)],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return model.SerializeToString()

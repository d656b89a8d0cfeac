"""onnxruntime on the CPU: a model of one node for each operation."""

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import timing


class Peer:
    install = "pip install onnxruntime==1.32.0 onnx==1.23.2"
    clock = "wall"

    def __init__(self):
        self.name = f"onnxruntime {onnxruntime.__version__} CPU"

    def prepare(self, operation, sizes, types, copies):
        if not sizes or set(types.values()) != {"f32"} or operation not in ("linear", "conv2d"):
            return None
        if operation == "linear":
            shapes = (sizes["rows"], sizes["inputs"]), (sizes["outputs"], sizes["inputs"])
            node = helper.make_node("Gemm", ["x", "weight"], ["y"], transB=1)
        else:
            groups = sizes.get("groups", 1)
            shapes = (
                (sizes["images"], sizes["inputs"], sizes["height"], sizes["width"]),
                (sizes["outputs"], sizes["inputs"] // groups, sizes["kernelHeight"], sizes["kernelWidth"]))
            node = helper.make_node(
                "Conv", ["x", "weight"], ["y"], group=groups, pads=[sizes.get("padding", 0)] * 4,
                strides=[sizes.get("stride", 1)] * 2, dilations=[sizes.get("dilation", 1)] * 2)
        return [self.run(node, *shapes) for _ in range(copies)]

    def measure(self, runs, seconds):
        return timing.measure(runs, seconds)

    def run(self, node, x_shape, weight_shape):
        graph = helper.make_graph(
            [node], "benchmark", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(x_shape))],
            [numpy_helper.from_array(timing.matrix(*weight_shape), "weight")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        inputs = {"x": timing.matrix(*x_shape)}
        return lambda: session.run(None, inputs)

"""ncnn on a Vulkan device: a network of one layer for each operation, all in f32.

A run copies the input to the device and the result back: on a device that computes on the CPU that is a small part of a convolution.
"""

import os
import tempfile

import ncnn
import numpy

import timing


class Peer:
    install = "pip install ncnn==1.0.20261020"
    clock = "wall"

    def __init__(self, device=0):
        if device >= ncnn.get_gpu_count():
            raise ImportError(f"ncnn finds {ncnn.get_gpu_count()} Vulkan devices")
        self.device = device
        self.description = ncnn.get_gpu_info(device).device_name()
        self.name = f"ncnn {ncnn.__version__} Vulkan ({self.description})"

    def prepare(self, operation, sizes, types, copies):
        if not sizes or set(types.values()) != {"f32"}:
            return None
        if operation == "conv2d" and sizes["images"] == 1:
            return [self.convolution(sizes) for _ in range(copies)]
        return None

    def measure(self, runs, seconds):
        return timing.measure(runs, seconds)

    def convolution(self, sizes):
        groups, padding = sizes.get("groups", 1), sizes.get("padding", 0)
        weight = timing.matrix(sizes["outputs"], sizes["inputs"] // groups, sizes["kernelHeight"], sizes["kernelWidth"])
        layer = "Convolution" if groups == 1 else "ConvolutionDepthWise"
        options = {
            0: sizes["outputs"], 1: sizes["kernelWidth"], 11: sizes["kernelHeight"], 2: sizes.get("dilation", 1),
            3: sizes.get("stride", 1), 4: padding, 5: 0, 6: weight.size,
        }
        if groups > 1:
            options[7] = groups
        x = timing.matrix(sizes["inputs"], sizes["height"], sizes["width"])
        run = self.network(layer, options, weight, x)
        self.check(numpy.array(run()), sizes, weight, x)
        return run

    def check(self, result, sizes, weight, x):
        """Some outputs are those of the definition: a peer that computes something else, or nothing, is not timed."""
        groups, padding = sizes.get("groups", 1), sizes.get("padding", 0)
        stride, dilation = sizes.get("stride", 1), sizes.get("dilation", 1)
        padded = numpy.pad(x, ((0, 0), (padding, padding), (padding, padding)))
        for place in numpy.random.default_rng(1).integers(0, result.size, 16):
            output, row, column = numpy.unravel_index(place, result.shape)
            first = output // (sizes["outputs"] // groups) * weight.shape[1]
            (top, left), (height, width) = (row * stride, column * stride), (weight.shape[2], weight.shape[3])
            terms = weight[output] * padded[
                first : first + weight.shape[1], top : top + (height - 1) * dilation + 1 : dilation,
                left : left + (width - 1) * dilation + 1 : dilation]
            timing.expect_close(result[output, row, column], terms.sum(), numpy.abs(terms).sum(), 1e-3)

    def network(self, layer, options, weight, x):
        net = ncnn.Net()
        net.opt.use_vulkan_compute = True
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_int8_inference"):
            setattr(net.opt, name, False)
        net.set_vulkan_device(self.device)
        text = " ".join(f"{key}={value}" for key, value in options.items())
        with tempfile.TemporaryDirectory() as folder:
            parameters, weights = os.path.join(folder, "net.param"), os.path.join(folder, "net.bin")
            with open(parameters, "w", encoding="ascii") as file:
                file.write(f"7767517\n2 2\nInput input 0 1 x\n{layer} layer 1 1 x y {text}\n")
            with open(weights, "wb") as file:
                # A tag of zero says that f32 follows.
                file.write(bytes(4) + numpy.ascontiguousarray(weight).tobytes())
            if net.load_param(parameters) != 0 or net.load_model(weights) != 0:
                raise RuntimeError("ncnn cannot load the layer")
        matrix = ncnn.Mat(numpy.ascontiguousarray(x)).clone()

        def run():
            extractor = net.create_extractor()
            extractor.input("x", matrix)
            status, result = extractor.extract("y")
            if status != 0:
                raise RuntimeError(f"ncnn's extract returned {status}")
            return result

        return run

"""ggml's Vulkan backend through its C interface (ggml.h, ggml-alloc.h, ggml-backend.h, ggml-vulkan.h).

The libraries are those inside PyPI's cyllama-vulkan, which is looked for on Python's path: they need no more than a Vulkan loader, and none
of the package's Python.
"""

import ctypes
import glob
import os
import sys

import numpy

import timing

# enum ggml_type
TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "q4_K": 12, "q5_K": 13, "q6_K": 14, "bf16": 30}


class InitParams(ctypes.Structure):
    _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


def library_folder():
    """The folder of a ggml Vulkan build: $GGML_LIBRARIES, or the one that cyllama-vulkan brings; None when there is none."""
    folders = [os.environ["GGML_LIBRARIES"]] if "GGML_LIBRARIES" in os.environ else sys.path
    for folder in folders:
        for found in (folder, os.path.join(folder, "cyllama_vulkan.libs")):
            if glob.glob(os.path.join(found, "libggml-vulkan*.so*")):
                return found
    return None


class Peer:
    """Matrix products on the Vulkan device with the given index."""

    clock = "wall"
    install = "pip download --no-deps cyllama-vulkan==0.7.0, unpack the wheel, and name its cyllama_vulkan.libs in $GGML_LIBRARIES"

    def __init__(self, device=0):
        folder = library_folder()
        if folder is None:
            raise ImportError("no ggml Vulkan library is on Python's path or in $GGML_LIBRARIES")
        # ggml leaves software devices out unless they are named.
        os.environ["GGML_VK_VISIBLE_DEVICES"] = str(device)
        for name in ("libggml-base", "libggml-vulkan"):
            path = sorted(glob.glob(os.path.join(folder, name + "[-.]*so*")))[0]
            setattr(self, name.replace("libggml-", ""), ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL))
        self.declare()
        self.backend = self.vulkan.ggml_backend_vk_init(0)
        if not self.backend:
            raise ImportError("ggml cannot use this Vulkan device")
        description = ctypes.create_string_buffer(256)
        self.vulkan.ggml_backend_vk_get_device_description(0, description, ctypes.c_size_t(256))
        version = self.base.ggml_version
        version.restype = ctypes.c_char_p
        self.description = description.value.decode()
        self.name = f"ggml {version().decode()} Vulkan ({self.description})"

    def declare(self):
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        signatures = {
            "ggml_init": (pointer, [InitParams]),
            "ggml_free": (None, [pointer]),
            "ggml_new_tensor_2d": (pointer, [pointer, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]),
            "ggml_mul_mat": (pointer, [pointer, pointer, pointer]),
            "ggml_new_graph_custom": (pointer, [pointer, size, ctypes.c_bool]),
            "ggml_build_forward_expand": (None, [pointer, pointer]),
            "ggml_backend_alloc_ctx_tensors": (pointer, [pointer, pointer]),
            "ggml_backend_buffer_free": (None, [pointer]),
            "ggml_backend_tensor_set": (None, [pointer, pointer, size, size]),
            "ggml_backend_tensor_get": (None, [pointer, pointer, size, size]),
            "ggml_backend_graph_compute": (ctypes.c_int, [pointer, pointer]),
            "ggml_quantize_chunk": (size, [ctypes.c_int, pointer, pointer, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, pointer]),
            "ggml_row_size": (size, [ctypes.c_int, ctypes.c_int64]),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(self.base, name)
            function.restype, function.argtypes = result, arguments
        self.vulkan.ggml_backend_vk_init.restype = pointer
        self.vulkan.ggml_backend_vk_init.argtypes = [size]

    def prepare(self, operation, sizes, types, copies):
        """Functions that run the operation once, each on data of its own; None for what ggml does not have."""
        if operation == "linear" and types.get("x") == "f32" and types["weight"] in TYPES:
            return Products(self, sizes, TYPES[types["weight"]], copies).runs
        return None

    def measure(self, runs, seconds):
        return timing.measure(runs, seconds)


class Products:
    """x · Wᵀ for several sets of data in one context. Each is a graph of one node, computed and waited for."""

    def __init__(self, peer, sizes, weight_type, copies):
        base, rows, inputs, outputs = peer.base, sizes["rows"], sizes["inputs"], sizes["outputs"]
        self.peer = peer
        self.context = base.ggml_init(InitParams(16 << 20, None, True))
        triples = []
        for _ in range(copies):
            weight = base.ggml_new_tensor_2d(self.context, weight_type, inputs, outputs)
            x = base.ggml_new_tensor_2d(self.context, 0, inputs, rows)
            triples.append((weight, x, base.ggml_mul_mat(self.context, weight, x)))
        self.buffer = base.ggml_backend_alloc_ctx_tensors(self.context, peer.backend)
        if not self.buffer:
            raise MemoryError("ggml could not allocate the tensors")
        values = timing.matrix(outputs, inputs)
        packed = (ctypes.c_char * (base.ggml_row_size(weight_type, inputs) * outputs))()
        if weight_type == 0:
            ctypes.memmove(packed, values.ctypes.data, len(packed))
        else:
            base.ggml_quantize_chunk(weight_type, values.ctypes.data, packed, 0, outputs, inputs, None)
        x_values = timing.matrix(rows, inputs)
        self.runs = []
        for weight, x, product in triples:
            base.ggml_backend_tensor_set(weight, packed, 0, len(packed))
            base.ggml_backend_tensor_set(x, x_values.ctypes.data, 0, x_values.nbytes)
            graph = base.ggml_new_graph_custom(self.context, 8, False)
            base.ggml_build_forward_expand(graph, product)
            self.runs.append(self.run(graph))
        self.check(triples[-1][2], x_values, values, 0 if weight_type == 0 else 0.2)

    def run(self, graph):
        def compute():
            status = self.peer.base.ggml_backend_graph_compute(self.peer.backend, graph)
            if status != 0:
                raise RuntimeError(f"ggml_backend_graph_compute returned {status}")

        return compute

    def check(self, product, x, weight, share):
        """The product is the one meant: a peer that computes something else, or nothing, is not timed."""
        self.runs[-1]()
        result = numpy.empty((x.shape[0], weight.shape[0]), numpy.float32)
        self.peer.base.ggml_backend_tensor_get(product, result.ctypes.data, 0, result.nbytes)
        timing.expect_close(result, x @ weight.T, numpy.abs(x) @ numpy.abs(weight).T, 1e-2 + share)

    def __del__(self):
        if getattr(self, "buffer", None):
            self.peer.base.ggml_backend_buffer_free(self.buffer)
        self.peer.base.ggml_free(self.context)

"""PyTorch, on the CPU or on a CUDA device."""

import torch
import torch.nn.functional as functional

import timing

TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


class Peer:
    install = "pip install torch==2.13.0"

    def __init__(self, uses_gpu):
        if uses_gpu and not torch.cuda.is_available():
            raise ImportError("this PyTorch has no CUDA device")
        self.device = torch.device("cuda" if uses_gpu else "cpu")
        version = torch.__version__.split("+")[0]
        self.name = f"PyTorch {version} " + ("CUDA" if uses_gpu else f"CPU, {torch.get_num_threads()} threads")
        self.clock = "timestamps" if uses_gpu else "wall"

    def tensor(self, dtype, *shape):
        return torch.from_numpy(timing.matrix(*shape)).to(self.device, TYPES[dtype])

    def prepare(self, operation, sizes, types, copies):
        make = getattr(self, operation, None) if sizes else None
        if make is None or not set(types.values()) <= TYPES.keys() or len(set(types.values())) > 1:
            return None
        # There is no map in PyTorch.
        if sizes.get("transports"):
            return None
        # PyTorch aligns its causal mask to the first key, which is another mask where queries are fewer than keys.
        if operation == "attention" and sizes.get("causal") and 1 < sizes["queries"] != sizes["keys"]:
            return None
        with torch.inference_mode():
            return [self.inferring(make(sizes, types)) for _ in range(copies)]

    def inferring(self, run):
        def infer():
            with torch.inference_mode():
                run()

        return infer

    def measure(self, runs, seconds):
        if self.device.type == "cpu":
            return timing.measure(runs, seconds)
        # The device's own clock, over as many runs as the host's suggests.
        times = timing.measure([self.synchronised(run) for run in runs], seconds / 4)
        count = max(3, min(10_000, int(seconds / timing.statistics(times)["median"])))
        events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(count)]
        for index, (start, end) in enumerate(events):
            start.record()
            runs[index % len(runs)]()
            end.record()
        torch.cuda.synchronize()
        return [start.elapsed_time(end) / 1e3 for start, end in events]

    def synchronised(self, run):
        def wait():
            run()
            torch.cuda.synchronize()

        return wait

    # Each operation's function makes the operands and returns what runs it once.

    def linear(self, sizes, types):
        x = self.tensor(types["x"], sizes["rows"], sizes["inputs"])
        weight = self.tensor(types["weight"], sizes["outputs"], sizes["inputs"])
        return lambda: functional.linear(x, weight)

    def conv2d(self, sizes, types):
        x = self.tensor(types["x"], sizes["images"], sizes["inputs"], sizes["height"], sizes["width"])
        weight = self.tensor(
            types["weight"], sizes["outputs"], sizes["inputs"] // sizes.get("groups", 1), sizes["kernelHeight"], sizes["kernelWidth"])
        x, weight = (tensor.to(memory_format=torch.channels_last) for tensor in (x, weight))
        stride, padding, dilation = sizes.get("stride", 1), sizes.get("padding", 0), sizes.get("dilation", 1)
        groups = sizes.get("groups", 1)
        return lambda: functional.conv2d(x, weight, None, stride, padding, dilation, groups)

    def attention(self, sizes, types):
        queries, keys = (sizes["queries"], sizes["heads"]), (sizes["keys"], sizes["keyHeads"])
        query, key, value = (
            self.tensor(types[name], sizes["sequences"], tokens, heads, sizes["channels"]).transpose(1, 2)
            for name, (tokens, heads) in (("query", queries), ("key", keys), ("value", keys)))
        # A single query sees every key.
        causal = bool(sizes.get("causal", 0)) and sizes["queries"] > 1
        grouped = sizes["heads"] != sizes["keyHeads"]
        return lambda: functional.scaled_dot_product_attention(query, key, value, is_causal=causal, enable_gqa=grouped)

    def layerNorm(self, sizes, types):
        x = self.tensor(types["x"], sizes["rows"], sizes["channels"])
        gain, bias = (self.tensor(types["x"], sizes["channels"]) for _ in range(2)) if sizes["affine"] else (None, None)
        return lambda: functional.layer_norm(x, (sizes["channels"],), gain, bias)

    def groupNorm(self, sizes, types):
        x = self.tensor(types["x"], sizes["images"], sizes["channels"], sizes["height"], sizes["width"])
        x = x.to(memory_format=torch.channels_last)
        gain, bias = (self.tensor(types["x"], sizes["channels"]) for _ in range(2))
        return lambda: functional.silu(functional.group_norm(x, sizes["groups"], gain, bias))

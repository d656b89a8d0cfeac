"""Starts and ends a `monge serve`, and what the command line gives without it."""

import argparse
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import wire

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments(description):
    """A parser with what every script needs."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--monge", default=os.path.join(ROOT, ".build/release/monge"), help="the program (default: %(default)s)")
    parser.add_argument("--model", default="smollm2", help="a text model (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="where it runs (default: %(default)s)")
    parser.add_argument(
        "--map", dest="maps", action="append", default=[], metavar="NAME=FILE",
        help="a map of the model; may be repeated (default: two small ones that are fitted to tools/concepts)")
    parser.add_argument("--port", type=int, default=0, help="where the server listens (default: a free port)")
    parser.add_argument("--json", help="a file for the results")
    parser.add_argument("--option", action="append", default=[], help="another option of monge serve, as in --option=--slots=32; may be repeated")
    return parser


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(command, **named):
    """Runs a command that must not fail.
    :returns: What it printed."""
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **named)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def maps_of(chosen, folder):
    """{name: file} of `--map`, or of two maps that are fitted in seconds."""
    if chosen.maps:
        return dict(entry.split("=", 1) for entry in chosen.maps)
    maps = {}
    for name, sites in (("sea", r"model\.layers\.[0-9]\.post_attention_layernorm"), ("music", r"model\.layers\.1[0-9]\.input_layernorm")):
        maps[name] = os.path.join(folder, f"{name}.safetensors")
        concept = os.path.join(ROOT, "tools", "concepts", name)
        run([chosen.monge, "fit", "-m", chosen.model, "-d", chosen.device, "--source", f"{concept}/source.txt", "--target", f"{concept}/target.txt",
             "--limit", "24", "--sites", sites, "-o", maps[name]])
    return maps


def accept_models(parser):
    """Other models beside the text model."""
    parser.add_argument("--encoder", help="an encoder for /v1/embeddings, which is left out without one")
    parser.add_argument("--pictures", help="a picture model for /v1/images/generations, which is left out without one")


@contextlib.contextmanager
def serving(chosen, key, options=(), keeps_maps=False):
    """A server with maps and all models that were named: {name: file} of the maps, and the server.
    :param keeps_maps: Whether the maps cannot be deleted."""
    with tempfile.TemporaryDirectory() as folder:
        maps = maps_of(chosen, folder)
        others = [path for path in (getattr(chosen, "encoder", None), getattr(chosen, "pictures", None)) if path]
        fixed = [option for name, file in maps.items() for option in ("--map", f"{name}={file}")] if keeps_maps else []
        with Server(chosen, {} if keeps_maps else maps, [*options, *fixed, *(option for path in others for option in ("--model", path))], key=key) as running:
            yield maps, running


def write_results(path, result):
    """Writes JSON to a file that may have been asked for."""
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2, ensure_ascii=False)
            file.write("\n")


PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with_parent():
    """In a process that was started: it is killed when the test is, however that ends (prctl(2), of Linux)."""
    if hasattr(LIBC, "prctl"):
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """A `monge serve` of one's own, on the loopback interface."""

    def __init__(self, chosen, maps=None, options=(), port=None, folder=None, key=None, environment=None, ssl=None):
        self.port = port or chosen.port or free_port()
        self.folder = folder or tempfile.mkdtemp(prefix="monge-serve-")
        self.key = key
        self.ssl = ssl
        self.command = [chosen.monge, "serve", "--model", chosen.model, "--device", chosen.device, "--port", str(self.port)]
        # Every map by copies in the folder, where they can be deleted again.
        self.maps = os.path.join(self.folder, "maps")
        os.makedirs(self.maps, exist_ok=True)
        for name, file in (maps or {}).items():
            shutil.copyfile(file, os.path.join(self.maps, f"{name}.safetensors"))
        self.command += ["--maps", self.maps]
        if key:
            path = os.path.join(self.folder, "keys")
            with open(path, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(key + "\n")
            self.command += ["--api-key-file", path]
        self.command += [*chosen.option, *options]
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    @property
    def url(self):
        return f"http{'s' if self.ssl else ''}://localhost:{self.port}"

    @property
    def headers(self):
        return {"authorization": f"Bearer {self.key}"} if self.key else {}

    def start(self, seconds=120):
        """Returns when the server is well."""
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment, preexec_fn=end_with_parent)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise SystemExit(f"{' '.join(self.command)}: exit code {self.process.returncode}: {self.read_log()[-2000:]}")
            try:
                if wire.ask_now(self.port, "GET", "/health", ssl=self.ssl).status == 200:
                    return self
            except (OSError, wire.Closed):
                pass
            time.sleep(0.05)
        self.kill()
        raise SystemExit(f"{' '.join(self.command)}: not well after {seconds} s: {self.read_log()[-2000:]}")

    def read_log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def is_alive(self):
        return self.process.poll() is None

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self, seconds=60):
        """Asks the server to end.
        :returns: Its exit code; None when it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self.remove()

    def memory(self):
        """The resident bytes of the server."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * 1024

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def files(self):
        """How many files and connections it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def ask(self, method, path, body=b"", headers=None):
        return wire.ask_now(self.port, method, path, body, {**self.headers, **(headers or {})}, ssl=self.ssl)


def generate(chosen, prompts, seed=0, samples=1, tokens=16, temperature=1, top_p=1, top_k=0, repetition_penalty=1, maps=(), chat=False, messages=None):
    """What `monge generate` gives: [prompt][sample] of {text, tokens, finished}.
    :param maps: (file, strength) of each.
    :param messages: A conversation instead of prompts."""
    command = [
        chosen.monge, "generate", "-m", chosen.model, "-d", chosen.device, "--json", "--seed", str(seed), "--samples", str(samples), "-n", str(tokens),
        "--temperature", str(temperature), "--top-p", str(top_p), "--top-k", str(top_k), "--repetition-penalty", str(repetition_penalty),
    ]
    for file, strength in maps:
        command += ["-s", f"{file}@{strength}"]
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        if messages is not None:
            json.dump(messages, file)
            file.flush()
            command += ["--messages", file.name]
            prompts = [None]
        else:
            for prompt in prompts:
                command += ["-p", prompt]
            command += ["--chat"] if chat else []
        entries = json.loads(run(command))
    if len(entries) != len(prompts) * samples:
        raise SystemExit(f"monge generate gave {len(entries)} texts for {len(prompts)} prompts and {samples} samples")
    return [entries[place * samples:(place + 1) * samples] for place in range(len(prompts))]

"""Servers of the tests' own: `monge serve` on a free port, with maps that were fitted and measured a moment before."""

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

CONCEPT = Path(__file__).resolve().parents[1] / "concepts" / "football"
STARTING = 120


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(url, path, body=None, method=None, key=None):
    """The status and the bytes of an answer, by a client that is not the page."""
    headers = {"content-type": "application/json"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    request = urllib.request.Request(f"{url}/{path}", data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def get(url, path):
    status, body = ask(url, path)
    assert status == 200, f"{path}: {status} {body[:300]!r}"
    return json.loads(body)


def refusal(url, path, body, method=None):
    """The sentence with which the server refuses a request."""
    status, answer = ask(url, path, body, method)
    assert status >= 400, f"{path} was taken: {answer[:300]!r}"
    return json.loads(answer)["error"]["message"]


def preview(url, body):
    """What the server streams for a preview: texts, movements and last events, by index."""
    status, answer = ask(url, "v1/steering/preview", body)
    assert status == 200, answer[:300]
    lines = [line[6:] for line in answer.decode().split("\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]", lines[-1]
    results = {}
    for event in map(json.loads, lines[:-1]):
        result = results.setdefault(event["index"], {"text": "", "movement": None, "end": None})
        result["text"] += event.get("text", "")
        if "movement" in event:
            result["movement"] = event["movement"]
        if "finish_reason" in event:
            result["end"] = event
    return [results[index] for index in sorted(results)]


def lines(path, count):
    return path.read_text(encoding="utf-8").splitlines()[:count]


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"studio: {' '.join(map(str, command))} failed:\n{done.stderr}")


def fit_pictures(monge, models, name):
    """A map from pictures to line drawings, of eight captions a side: its file."""
    model = next(model.split("=", 1)[-1] for model in models if name in (model.split("=", 1)[0], Path(model).name))
    things = ["banana", "dog", "house", "car", "tree", "fish", "cup", "star"]
    with tempfile.TemporaryDirectory() as folder:
        source, target, out = (Path(folder) / name for name in ("source.txt", "target.txt", "map.safetensors"))
        source.write_text("".join(f"a picture of a {thing}\n" for thing in things), encoding="utf-8")
        target.write_text("".join(f"a line drawing of a {thing}\n" for thing in things), encoding="utf-8")
        run([monge, "fit", "--model", model, "--source", source, "--target", target, "--sites", r"text_encoder\..*norm.*", "--support", "all", "--out", out])
        return out.read_bytes()


class Maps:
    """A folder of maps, fitted by the same program: one that was measured, and one with a condition."""

    def __init__(self, monge, model):
        self.folder = Path(tempfile.mkdtemp(prefix="monge-studio-"))
        work = Path(tempfile.mkdtemp(prefix="monge-studio-work-"))
        source, target = work / "source.txt", work / "target.txt"
        source.write_text("\n".join(lines(CONCEPT / "source.txt", 60)), encoding="utf-8")
        target.write_text("\n".join(lines(CONCEPT / "target.txt", 60)), encoding="utf-8")
        prompts = work / "prompts.txt"
        prompts.write_text("Once upon a time\n", encoding="utf-8")
        football = self.folder / "football.safetensors"
        fit = [monge, "fit", "--model", model, "--source", source, "--target", target, "--sites", ".*o_proj", r"model\.norm"]
        fit += ["--estimation", "simultaneous"]
        run(fit + ["--out", football])
        run(fit + ["--condition-source", target, "--condition-target", source, "--out", self.folder / "only-football.safetensors"])
        run(
            [monge, "evaluate", "concept", "--model", model, "--steer", football, "--strengths", "0.5,1", "--words", CONCEPT / "words.txt"]
            + ["--plain", CONCEPT / "plain.txt", "--plain-limit", "8", "--samples", "8", "--tokens", "12", "--prompts", prompts]
            + ["--json", self.folder / "football.json"]
        )
        shutil.rmtree(work)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Server:
    """One `monge serve`."""

    def __init__(self, monge, models, maps, *options):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [monge, "serve", *[part for model in models for part in ("--model", model)], "--maps", str(maps), "--port", str(self.port)]
        self.command += options
        self.log = tempfile.TemporaryFile()
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        end = time.monotonic() + STARTING
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if ask(self.url, "health")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.stop()
        self.log.seek(0)
        raise SystemExit(f"studio: {' '.join(self.command)} did not come up:\n{self.log.read().decode(errors='replace')}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

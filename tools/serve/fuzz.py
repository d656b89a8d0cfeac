"""Mutated requests: the server answers each with what is right, and goes on.

    tools/serve/test fuzz --monge .build/release/monge --requests 100000

Values of JSON, bytes of bodies and files, whole messages, bodies in chunks. Those whose framing is whole go many to a connection, one behind the other without waiting;
the others have a connection each. No answer may be of 500 or above, refusals of whole requests are errors in JSON, and the server goes on with what it gave before.
"""

import asyncio
import collections
import json
import os
import random
import sys
import time

import mutations
import server
import tensors
import wire

KEY = "a-key-of-the-tests"
STATUSES = {200, 201, 202, 204, 400, 401, 404, 405, 408, 409, 411, 413, 414, 415, 417, 429, 431, 501, 505}
# Of a hundred.
KINDS = {"values": 42, "bytes": 22, "messages": 22, "chunks": 9, "files": 5}
TOGETHER = 16
# Answers that say what is wrong with the framing, which the parser of HTTP gives before anything of the server's own is asked.
OF_THE_PARSER = {400, 408, 413, 414, 431, 501, 505}


def valid(model, name):
    """(method, path, body) of requests that are right, with how often they are taken."""
    steering = [{"map": name, "strength": 0.5, "scope": "all", "tokens": [0, 2], "schedule": {"type": "ramp", "tokens": 2}, "sites": ".*", "after": "a"}]
    text = {"model": model, "max_tokens": 1, "timeout": 0.5, "temperature": 0.5, "top_p": 0.9, "top_k": 4, "repetition_penalty": 1.1, "n": 1, "seed": 1, "stop": ["."], "stream": False,
            "ignore_eos": False, "user": "a", "steering": steering}
    stream = {"stream": True, "stream_options": {"include_usage": True}}
    return [
        (8, "POST", "/v1/completions", {**text, "prompt": "a", "logprobs": 1}), (3, "POST", "/v1/completions", {**text, **stream, "prompt": ["a", "b"]}),
        (2, "POST", "/v1/completions", {**text, "prompt": [1, 2, 3], "echo": False, "best_of": 1, "presence_penalty": 0, "logit_bias": {}}),
        (6, "POST", "/v1/chat/completions", {**text, "messages": [{"role": "system", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}], "name": "c"}], "logprobs": True, "top_logprobs": 2,
                                             "chat_template_kwargs": {"a": 1}, "response_format": {"type": "text"}, "tools": []}),
        (3, "POST", "/v1/steering/preview", {"model": model, "prompt": "a", "steering": steering, "strengths": [0, 1], "max_tokens": 1, "movement": True, "temperature": 0, "seed": 1, "stop": "."}),
        (3, "POST", "/v1/activations", {"model": model, "input": ["a", "b"], "sites": [r"model\.layers\.0\.mlp\.down_proj"], "pooling": "mean", "steering": steering, "encoding": "json"}),
        (1, "POST", "/v1/embeddings", {"model": "no-encoder", "input": ["a"], "encoding_format": "float", "user": "a"}),
        (2, "POST", "/v1/images/generations", {"model": "no-pictures", "prompt": "a", "n": 1, "size": "64x64", "seed": 1, "steps": 1, "guidance": 2, "scheduler": "ddim", "steering": [{"map": name, "range": [0, 1], "half": "both"}],
                                               "strengths": [0, 1], "response_format": "b64_json", "output_format": "png", "stream": False, "partial_images": 0}),
        (1, "POST", "/v1/maps", {"name": "fuzz-fit", "model": model, "source": ["a b c"], "target": ["d e"], "sites": [r"model\.layers\.0\.input_layernorm"], "method": "linear", "estimation": "causal", "pooling": "mean",
                                 "support": "all", "seed": 1, "skip_first": 0}),
        (1, "GET", "/v1/models", None), (1, "GET", f"/v1/models/{model}", None), (1, "GET", "/v1/maps", None), (1, "GET", f"/v1/maps/{name}", None), (1, "GET", f"/v1/maps/{name}/evaluation", None),
        (1, "DELETE", "/v1/maps/no-such-map", None), (1, "GET", "/v1/jobs", None), (1, "GET", "/v1/jobs/1", None), (1, "DELETE", "/v1/jobs/1", None), (1, "GET", "/health", None), (1, "GET", "/metrics", None),
        (1, "GET", "/openapi.json", None), (1, "GET", "/", None), (1, "GET", "/studio/studio.css", None),
    ]


class Fuzz:
    def __init__(self, chosen, running, name, file):
        self.chosen, self.server, self.file = chosen, running, file
        model = next(entry["id"] for entry in running.ask("GET", "/v1/models").json()["data"] if entry["kind"] == "text")
        self.requests = [entry[1:] for entry in valid(model, name) for _ in range(entry[0])]
        self.bodies = [entry for entry in self.requests if entry[2] is not None]
        self.canary = {"model": model, "prompt": "Once upon a time", "max_tokens": 8, "temperature": 0, "steering": [{"map": name, "strength": 0.7}]}
        self.counts = collections.Counter()
        self.faults = 0
        # A few of what was sent, by what went wrong.
        self.kinds = collections.defaultdict(list)
        self.sent = 0
        self.last = collections.deque(maxlen=2000)

    def fault(self, sentence, data=b""):
        self.faults += 1
        alike = self.kinds[sentence[:160]]
        if len(alike) < 5:
            alike.append(repr(data[:3000]))
        if len(alike) == 1 and len(self.kinds) <= 40:
            print(f"FAILED {sentence}\n       sent {data[:600]!r}", flush=True)

    def look(self, status, data, body, isWhole):
        """What is wrong with an answer."""
        self.counts[f"answer {status}"] += 1
        if status not in STATUSES:
            self.fault(f"status {status}: {(body or b'')[:300]!r}", data)
        elif status >= 400 and body is not None:
            wrong = wire.not_json_error(wire.Answer(status, {"retry-after": ""}, body), None if status in wire.TYPES else "any")
            if wrong and status in wire.TYPES or wrong and isWhole and status not in OF_THE_PARSER:
                if isWhole:
                    self.fault(wrong, data)
                else:
                    self.counts[f"answer {status} that is no error in JSON"] += 1

    def whole(self, kind, rng):
        """A spoilt request whose framing is right."""
        headers = dict(self.server.headers)
        if rng.random() < 0.02:
            headers.pop("authorization")
        if kind == "files":
            how = rng.random()
            data = mutations.spoil_bytes(self.file, rng) if how < 0.5 else mutations.spoil_numbers(self.file, rng) if how < 0.95 else rng.randbytes(rng.randrange(200))
            return wire.message("PUT", f"/v1/maps/fuzz-{rng.randrange(8)}", data, {**headers, "content-type": "application/octet-stream"})
        if kind == "chunks":
            method, path, body = rng.choice(self.bodies)
            return mutations.message_in_chunks(method, path, mutations.write(body).encode("utf-8", "surrogatepass"), headers, rng, isSpoilt=False)
        method, path, body = rng.choice(self.bodies if kind == "bytes" or rng.random() < 0.9 else self.requests)
        if body is None:
            return wire.message(method, path, b"", headers)
        if kind == "values":
            for _ in range(rng.choice([1, 1, 2, 3])):
                body = mutations.spoil(body, rng)
            data = mutations.write(body).encode("utf-8", "surrogatepass")
        else:
            data = mutations.spoil_bytes(mutations.write(body).encode(), rng)
        return wire.message(method, path, data, {**headers, "content-type": "application/json"})

    async def several(self, kind, rng):
        """Requests one behind the other on a connection, each of which has an answer."""
        waiting = [self.whole(kind, rng) for _ in range(min(TOGETHER, self.chosen.requests))]
        self.sent += len(waiting)
        self.counts[kind] += len(waiting)
        self.last.extend(waiting)
        while waiting:
            connection = await wire.Connection.open(self.server.port)
            try:
                sending = asyncio.ensure_future(connection.send(b"".join(waiting)))
                while waiting:
                    data, connection.status = waiting[0], None
                    try:
                        answer = await asyncio.wait_for(connection.answer(has_body=not data.startswith(b"HEAD ")), self.chosen.patience)
                    except wire.Closed as error:
                        # A server may close behind an answer, which leaves the others for another connection; not instead of one.
                        if "close" not in connection.headers.get("connection", "") and "is_refused" not in vars(connection):
                            self.fault(f"{kind}: no answer: {error}", waiting.pop(0))
                        break
                    except asyncio.TimeoutError:
                        if connection.status == 200:
                            # A spoilt number can ask for a long answer, which has begun.
                            self.counts["long answers"] += 1
                            waiting.pop(0)
                            break
                        self.fault(f"{kind}: no answer within {self.chosen.patience} s", waiting.pop(0))
                        break
                    except ValueError as error:
                        self.fault(f"{kind}: an answer that is none: {error}", waiting.pop(0))
                        break
                    connection.is_refused = answer.status in (400, 413)
                    self.look(answer.status, waiting.pop(0), answer.body, isWhole=True)
                    if "close" in answer.headers.get("connection", ""):
                        break
                sending.cancel()
            finally:
                connection.drop()

    async def one(self, kind, rng):
        """A request whose framing is spoilt: an answer, or the end of the connection."""
        method, path, body = rng.choice(self.requests)
        if kind == "chunks":
            method, path, body = rng.choice(self.bodies)
            data = mutations.message_in_chunks(method, path, mutations.write(body).encode(), self.server.headers, rng)
        else:
            content = b"" if body is None else mutations.write(body).encode()
            data = mutations.spoil_message(wire.message(method, path, content, {**self.server.headers, **({"content-type": "application/json"} if content else {})}), rng)
        self.sent += 1
        self.counts[kind] += 1
        self.last.append(data)
        connection = await wire.Connection.open(self.server.port)
        try:
            try:
                await connection.send(data)
                connection.finish_sending()
                answer = await asyncio.wait_for(connection.answer(not data.startswith(b"HEAD ")), self.chosen.short_patience)
            except (wire.Closed, OSError):
                self.counts["closed without an answer"] += 1
                return
            except asyncio.TimeoutError:
                self.counts["no answer within the short patience"] += 1
                return
            except ValueError as error:
                self.fault(f"an answer that is none: {error}", data)
                return
            self.look(answer.status, data, answer.body, isWhole=False)
        finally:
            connection.drop()

    async def worker(self, number):
        rng = random.Random(f"{self.chosen.seed} {number}")
        kinds, weights = list(KINDS), [KINDS[kind] / (1 if kind == "messages" else TOGETHER) for kind in KINDS]
        while self.sent < self.chosen.requests and self.faults < self.chosen.most_faults:
            kind = rng.choices(kinds, weights)[0]
            try:
                if kind == "messages" or kind == "chunks" and rng.random() < 0.5:
                    for _ in range(TOGETHER if kind == "chunks" else 1):
                        await self.one(kind, rng)
                else:
                    await self.several(kind, rng)
            except OSError as error:
                if not self.server.is_alive():
                    return
                self.fault(f"{kind}: {error}")

    async def watch(self, wanted):
        """Whether the server goes on with what it gave before."""
        place = 0
        while self.sent < self.chosen.requests and self.faults < self.chosen.most_faults:
            await asyncio.sleep(0.2)
            if not self.server.is_alive():
                self.fault(f"the server ended with {self.server.process.returncode}: {self.server.read_log()[-2000:]}", b"\n".join(list(self.last)[-4:]))
                self.sent = self.chosen.requests
                return
            if self.sent - place >= 2000:
                place = self.sent
                await self.check(wanted)
                print(f"{self.sent} requests, {self.faults} faults, {self.server.memory() / 2**20:.0f} MiB", flush=True)

    async def check(self, wanted):
        for path, body in (("/health", None), ("/v1/completions", self.canary)):
            try:
                answer = await asyncio.wait_for(wire.ask(self.server.port, "POST" if body else "GET", path, body or b"", self.server.headers), 60)
            except (wire.Closed, OSError, asyncio.TimeoutError) as error:
                self.fault(f"{path} is not answered: {type(error).__name__} {error}")
                continue
            if answer.status != 200:
                self.fault(f"{path} is answered with {answer.status} {answer.body[:200]!r}")
            elif body and answer.json()["choices"][0]["text"] != wanted:
                self.fault(f"a text is another than before: {answer.body[:300]!r}, expected {wanted!r}")

    async def run(self):
        wanted = (await wire.ask(self.server.port, "POST", "/v1/completions", self.canary, self.server.headers)).json()["choices"][0]["text"]
        before = self.server.memory(), self.server.files()
        began = time.monotonic()
        await asyncio.gather(self.watch(wanted), *(self.worker(number) for number in range(self.chosen.workers)))
        wall = time.monotonic() - began
        if self.server.is_alive():
            await asyncio.sleep(1)
            await self.check(wanted)
            strange = sorted(set(os.listdir(self.server.folder)) - {"maps", "keys", "log"}) + [name for name in os.listdir(self.server.maps) if not name.endswith(".safetensors")]
            if strange:
                self.fault(f"files are there that nobody asked for: {strange[:10]}")
        after = (self.server.memory(), self.server.files()) if self.server.is_alive() else (0, 0)
        return {"requests": self.sent, "seconds": round(wall, 1), "memory": [before[0], after[0]], "files": [before[1], after[1]]}


def small(path):
    """A map of one site of another."""
    found, metadata = tensors.read(path)
    names = json.loads(metadata["sites"])
    kept = {name: tensor for name, tensor in found.items() if name.rsplit(".", 1)[0] in (names[0], "sketch")}
    # What is a list with an entry for each site has one entry then.
    for key, value in metadata.items():
        if value.startswith("[") and len(entries := json.loads(value)) == len(names):
            metadata[key] = json.dumps(entries[:1])
    return tensors.pack(kept, metadata)


def main():
    parser = server.arguments(__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=24, help="connections at once (default: %(default)s)")
    parser.add_argument("--patience", type=float, default=60, help="seconds for the answer to a whole request (default: %(default)s)")
    parser.add_argument("--short-patience", type=float, default=2, help="seconds for the answer to a spoilt one (default: %(default)s)")
    parser.add_argument("--most-faults", type=int, default=2000, help="where it gives up (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    # A spoilt request can delete a map, so that the one that texts are compared with is kept. A small cache, whose memory is soon taken up: what grows then is something else.
    with server.serving(chosen, KEY, ["--cache-tokens", "4096", "--quiet"], keeps_maps=True) as (maps, running):
        name = list(maps)[0]
        file = small(maps[name])
        put = running.ask("PUT", "/v1/maps/fuzz-0", file, {"content-type": "application/octet-stream"})
        if put.status != 201:
            print(f"a small map is not taken: {put.status} {put.body[:200]!r}; files are spoilt all the same")
        fuzz = Fuzz(chosen, running, name, file)
        result = asyncio.run(fuzz.run())
        if running.is_alive() and (code := running.stop()) != 0:
            fuzz.fault(f"the server ended with {code}")
    result |= {"counts": dict(sorted(fuzz.counts.items())), "faults": fuzz.faults, "kinds": dict(fuzz.kinds)}
    for what, number in sorted(fuzz.counts.items()):
        print(f"{what:50}{number:8}")
    print(f"{result['requests']} requests in {result['seconds']} s; resident {result['memory'][0] / 2**20:.0f} → {result['memory'][1] / 2**20:.0f} MiB; files {result['files']}; {fuzz.faults} faults")
    server.write_results(chosen.json, result)
    sys.exit(1 if fuzz.faults else 0)


if __name__ == "__main__":
    main()

"""Tokens a second with many clients, beside llama.cpp's llama-server; and what loaded maps cost.

    tools/serve/test throughput --monge .build/release/monge --llama PATH/llama-server --gguf ~/.cache/monge/SmolLM2-135M-Instruct.Q4_1.gguf
    tools/serve/test throughput --monge .build/release/monge --count-of-maps 0 1 8 64 256 1000
    tools/serve/test throughput --monge .build/release/monge --pairs 0 1 8 64 256 --clients 256 --option=--slots=256

All servers are up the whole time, and take turns: a drift of the machine's speed meets all of them, and those that have no turn are idle, which is checked. Every request has
other tokens in its prompt, so that nothing is found in a cache; prompts and continuations have the same lengths everywhere, and are greedy.

llama-server is built of the source that is inside PyPI's llama-cpp-python:

    pip download --no-deps --no-binary llama-cpp-python llama-cpp-python==0.3.36; tar xf llama_cpp_python-0.3.36.tar.gz
    cmake -S llama_cpp_python-0.3.36/vendor/llama.cpp -B build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF
    cmake --build build --target llama-server
"""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import tempfile
import time

import server
import tensors
import wire


class Llama(server.Server):
    """A llama-server, started and ended as a server of Monge's."""

    def __init__(self, chosen):
        super().__init__(chosen)
        context = chosen.clients * (chosen.prompt_tokens + chosen.tokens + 16)
        self.command = [
            chosen.llama, "-m", os.path.expanduser(chosen.gguf), "--host", "127.0.0.1", "--port", str(self.port), "-np", str(chosen.clients), "-c", str(context), "-t", str(chosen.threads),
            "--no-cache-prompt", "--no-cache-idle-slots", "--cache-ram", "0", *chosen.llama_option,
        ]


def tokens_of(chosen):
    """Many tokens of ordinary English."""
    texts = []
    for concept in sorted(os.listdir(os.path.join(server.ROOT, "tools", "concepts"))):
        for side in ("source", "target"):
            path = os.path.join(server.ROOT, "tools", "concepts", concept, f"{side}.txt")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    texts.append(file.read())
    ids = json.loads(server.run([chosen.monge, "tokenize", "-m", chosen.model, "--json", " ".join(" ".join(texts).split())[:120_000]]))["ids"]
    return ids


class Side:
    """A server, and what its requests are like."""

    def __init__(self, name, running, steerings=([],), model=None):
        self.name, self.server, self.steerings, self.model = name, running, steerings, model
        self.rounds = []

    def body(self, chosen, prompt, number):
        body = {"prompt": prompt, "max_tokens": chosen.tokens, "temperature": 0, "seed": 1, "stream": True, "stream_options": {"include_usage": True}, "ignore_eos": True}
        steering = self.steerings[number % len(self.steerings)]
        return {**body, **({"steering": steering} if steering else {})}

    async def round(self, chosen, prompts):
        """:returns: Seconds of the round, of every request, and to every first token; tokens that came."""
        waiting = list(enumerate(prompts))[::-1]
        first, whole, tokens, read = [], [], 0, 0

        async def client():
            nonlocal tokens, read
            while waiting:
                number, prompt = waiting.pop()
                began = time.perf_counter()
                # A connection each: not every server keeps one behind a stream.
                connection = await wire.Connection.open(self.server.port)
                await connection.send(wire.message("POST", "/v1/completions", self.body(chosen, prompt, number)))
                if await connection.head() != 200:
                    raise SystemExit(f"{self.name}: {connection.status} {b''.join([part async for part in connection.parts()])[:500]!r}")
                isFirst = True
                async for event in connection.events():
                    if "error" in event:
                        raise SystemExit(f"{self.name}: {event}")
                    if isFirst and event["choices"]:
                        first.append(time.perf_counter() - began)
                        isFirst = False
                    if usage := event.get("usage"):
                        tokens += usage["completion_tokens"]
                        read += usage["prompt_tokens"]
                whole.append(time.perf_counter() - began)
                connection.drop()

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(chosen.clients)))
        seconds = time.perf_counter() - began
        if tokens != len(prompts) * chosen.tokens:
            raise SystemExit(f"{self.name} gave {tokens} tokens, expected {len(prompts) * chosen.tokens}: nothing to compare")
        return {"seconds": seconds, "tokens per second": tokens / seconds, "first": first, "whole": whole, "prompt tokens": read}


def measure(chosen, sides, ids):
    """Rounds of all sides in turn."""
    place = 0
    for number in range(-1, chosen.rounds):
        for side in sides if number % 2 else sides[::-1]:
            prompts = []
            for _ in range(chosen.requests if number >= 0 else min(chosen.requests, chosen.clients)):
                # Windows begin at different tokens, so that no two begin alike.
                prompts.append([ids[(place + step) % len(ids)] for step in range(chosen.prompt_tokens)])
                place += 97
            others = [other for other in {id(side.server): side.server for side in sides}.values() if other is not side.server]
            before = [other.processor_seconds() for other in others]
            result = asyncio.run(side.round(chosen, prompts))
            idle = sum(other.processor_seconds() - earlier for other, earlier in zip(others, before))
            # The first round warms up.
            if number >= 0:
                side.rounds.append({**result, "others": idle})
                print(f"round {number + 1}: {side.name}: {result['tokens per second']:.1f} tokens/s, first token {statistics.median(result['first']):.3f} s; the others used {idle:.2f} s", flush=True)


def table(chosen, sides):
    rows = []
    reference = sides[0]
    for side in sides:
        first = sorted(second for entry in side.rounds for second in entry["first"])
        whole = sorted(second for entry in side.rounds for second in entry["whole"])
        rate = statistics.median(entry["tokens per second"] for entry in side.rounds)
        ratios = [own["tokens per second"] / other["tokens per second"] for own, other in zip(side.rounds, reference.rounds)]
        rows.append({
            "name": side.name, "tokens per second": rate, "lowest": min(entry["tokens per second"] for entry in side.rounds), "highest": max(entry["tokens per second"] for entry in side.rounds),
            "ratio": statistics.median(ratios), "first 50 %": first[len(first) // 2], "first 95 %": first[int(len(first) * 0.95)], "request 50 %": whole[len(whole) // 2],
            "seconds per request": statistics.median(entry["seconds"] for entry in side.rounds) / chosen.requests, "memory": side.server.memory(),
        })
    print(f"\n{chosen.clients} clients, {chosen.requests} requests a round, {chosen.rounds} rounds, prompts of {chosen.prompt_tokens} tokens, {chosen.tokens} tokens each")
    print(f"{'':30}{'tokens/s':>10}{'(low … high)':>18}{'× first':>9}{'first p50':>11}{'p95':>9}{'s/request':>11}{'MiB':>8}")
    for row in rows:
        print(f"{row['name']:30}{row['tokens per second']:10.1f}{row['lowest']:10.1f} …{row['highest']:6.1f}{row['ratio']:9.3f}{row['first 50 %']:11.3f}{row['first 95 %']:9.3f}{row['seconds per request']:11.4f}"
              f"{row['memory'] / 2**20:8.0f}")
    return rows


def variants(source, count, folder):
    """Files of maps that all differ, by name."""
    with open(source, "rb") as file:
        data = file.read()
    maps = {}
    for number in range(count):
        maps[f"m{number}"] = os.path.join(folder, f"m{number}.safetensors")
        with open(maps[f"m{number}"], "wb") as file:
            file.write(tensors.variant(data, number))
    return maps


def main():
    parser = server.arguments(__doc__)
    parser.add_argument("--llama", help="a llama-server to compare with")
    parser.add_argument("--llama-option", action="append", default=[], help="another option of it; may be repeated")
    parser.add_argument("--gguf", default="~/.cache/monge/SmolLM2-135M-Instruct.Q4_1.gguf", help="the same model for llama-server (default: %(default)s)")
    parser.add_argument("--count-of-maps", nargs="+", type=int, help="servers with so many maps loaded, one request in two steered")
    parser.add_argument("--pairs", nargs="+", type=int, help="so many different pairs of map and strength at once; 0 is unsteered")
    parser.add_argument("--clients", type=int, default=16, help="how many at once (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=64, help="requests of a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each has its turn (default: %(default)s)")
    parser.add_argument("--prompt-tokens", type=int, default=64, help="(default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=64, help="the tokens that each continuation has (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of llama-server (default: %(default)s)")
    chosen = parser.parse_args()
    ids = tokens_of(chosen)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        maps = server.maps_of(chosen, folder)
        first = list(maps.values())[0]
        sides = []
        if chosen.count_of_maps is not None:
            files = variants(first, max(chosen.count_of_maps), folder)
            for count in chosen.count_of_maps:
                began = time.monotonic()
                running = stack.enter_context(server.Server(chosen, {name: files[name] for name in list(files)[:count]}))
                print(f"{count} maps: up after {time.monotonic() - began:.2f} s, {running.memory() / 2**20:.0f} MiB", flush=True)
                sides.append(Side(f"{count} maps, unsteered", running))
                if count:
                    sides.append(Side(f"{count} maps, one acts", running, [[{"map": "m0", "strength": 0.5}]]))
        elif chosen.pairs is not None:
            files = variants(first, min(256, max(1, *chosen.pairs)), folder)
            running = stack.enter_context(server.Server(chosen, files))
            for pairs in chosen.pairs:
                steerings = [[{"map": f"m{number % len(files)}", "strength": 0.3 + 0.002 * number}] for number in range(pairs)] or [[]]
                sides.append(Side(f"{pairs} pairs" if pairs else "unsteered", running, steerings))
        else:
            running = stack.enter_context(server.Server(chosen, maps))
            sides.append(Side("monge serve", running))
            sides.append(Side("monge serve, steered", running, [[{"map": name, "strength": 0.7}] for name in maps]))
            if chosen.llama:
                version = subprocess.run([chosen.llama, "--version"], capture_output=True, text=True).stderr.splitlines()
                print("; ".join(line for line in version if "version" in line or "built" in line))
                sides.insert(0, Side("llama-server", stack.enter_context(Llama(chosen))))
        measure(chosen, sides, ids)
        rows = table(chosen, sides)
        idle = max(entry["others"] / entry["seconds"] for side in sides for entry in side.rounds)
        print(f"the idle servers used at most {100 * idle:.1f} % of a core")
    rounds = {side.name: [{key: value for key, value in entry.items() if key not in ("first", "whole")} for entry in side.rounds] for side in sides}
    server.write_results(chosen.json, {"rows": rows, "rounds": rounds})


if __name__ == "__main__":
    main()

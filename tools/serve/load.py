"""Thousands of requests at once, many of them dropped, slow or wrong: no text is mixed up, none is lost, no memory is kept.

    tools/serve/test load --monge .build/release/monge --requests 10000

Every text is known before: each (prompt, seed, maps) is asked for alone first, and some of them are held against `monge generate`.
"""

import asyncio
import collections
import json
import random
import statistics
import sys
import time

import server
import wire

PROMPTS = [
    "Once upon a time", "The best thing about the morning is", "Long ago, in a faraway land", "She opened the letter and", "The old clock struck",
    "My favourite song begins", "In the kitchen there was", "A ship came over the horizon and the people on the shore began to wave their hats and to shout, because",
]
KEY = "a-key-of-the-tests"
# What one of the clients does next, and how often of a thousand.
KINDS = {
    "text": 400, "stream": 260, "dropped stream": 80, "dropped request": 40, "slow reader": 30, "half-closed": 40, "cut request": 30, "malformed JSON": 40,
    "unknown field": 20, "oversized body": 20, "wrong key": 20, "unknown map": 20,
}


class Load:
    def __init__(self, chosen, running, maps):
        self.chosen, self.server, self.maps = chosen, running, maps
        self.rng = random.Random(chosen.seed)
        self.known = []
        self.counts = collections.Counter()
        self.faults = []
        self.seconds = []
        self.memory = []
        self.tokens = 0
        self.started = 0

    def fault(self, sentence):
        self.faults.append(sentence)
        if len(self.faults) <= 20:
            print(f"FAILED {sentence}", flush=True)

    def bodies(self):
        """What is asked for: prompts by maps, greedy and drawn."""
        names = list(self.maps)
        steerings = [[]]
        for name in names[:4]:
            steerings += [[{"map": name, "strength": strength}] for strength in (0.3, 0.8, -0.6)]
            steerings += [[{"map": name, "strength": 1, "scope": "generation"}], [{"map": name, "strength": 1, "schedule": {"type": "ramp", "tokens": 4}}]]
        steerings.append([{"map": name, "strength": 0.4} for name in names[:2]])
        for number in range(self.chosen.texts):
            yield {
                "prompt": PROMPTS[number % len(PROMPTS)], "max_tokens": 4 + number % 9, "seed": number, "temperature": 0 if number % 3 == 0 else 1,
                "steering": steerings[number % len(steerings)],
            }

    async def fill(self):
        """Has every block of the cache written once: its memory is taken up then, and what grows afterwards is something else."""
        rng = random.Random(7)
        left = self.chosen.cache_tokens - 32
        while left > 0:
            body = {"prompt": [rng.randrange(1000, 40_000) for _ in range(min(left, 4000))], "max_tokens": 1}
            left -= len(body["prompt"])
            answer = await wire.ask(self.server.port, "POST", "/v1/completions", body, self.server.headers)
            if answer.status != 200:
                raise SystemExit(f"a long prompt is refused: {answer.body[:300]!r}")

    async def learn(self):
        """Asks for every text alone."""
        for body in self.bodies():
            answer = await wire.ask(self.server.port, "POST", "/v1/completions", body, self.server.headers)
            if answer.status != 200:
                raise SystemExit(f"{json.dumps(body)} is refused when it is asked for alone: {answer.body[:300]!r}")
            choice = answer.json()["choices"][0]
            self.known.append((body, choice["text"], choice["finish_reason"]))

    def check_with_command(self):
        """Some of what is known, against another program."""
        plain = [entry for entry in self.known if all(set(steer) <= {"map", "strength"} for steer in entry[0]["steering"])]
        for body, text, _ in plain[:: max(1, len(plain) // 12)]:
            maps = [(self.maps[steer["map"]], steer["strength"]) for steer in body["steering"]]
            wanted = server.generate(
                self.chosen, [body["prompt"]], seed=body["seed"], tokens=body["max_tokens"], temperature=body["temperature"], maps=maps)[0][0]["text"]
            if wanted != text:
                self.fault(f"{json.dumps(body)} gives {text!r} alone, and monge generate {wanted!r}")

    # What a client does

    async def client(self, number, budget):
        rng = random.Random(f"{self.chosen.seed} {number} {budget[0]}")
        connection = None
        kinds = self.chosen.kinds or list(KINDS)
        weights = [KINDS[kind] for kind in kinds]
        while budget[0] > 0:
            budget[0] -= 1
            kind = rng.choices(kinds, weights)[0]
            self.counts[kind] += 1
            self.started += 1
            if self.started % 250 == 0:
                self.memory.append((self.started, self.server.memory()))
            entry = rng.choice(self.known)
            began = time.monotonic()
            try:
                if connection is None:
                    connection = await wire.Connection.open(self.server.port)
                keeps = await asyncio.wait_for(getattr(self, kind.replace(" ", "_").replace("-", "_"))(connection, entry, rng), self.chosen.patience)
            except (wire.Closed, OSError, ValueError, KeyError, asyncio.TimeoutError) as error:
                self.fault(f"{kind}: lost: {type(error).__name__} {error}")
                keeps = False
            if kind in ("text", "stream"):
                self.seconds.append(time.monotonic() - began)
            if not keeps:
                connection.drop()
                connection = None
        if connection is not None:
            await connection.close()

    def message(self, body, **headers):
        return wire.message("POST", "/v1/completions", body, {**self.server.headers, **headers})

    def compare(self, entry, text, reason, kind):
        body, wanted, wanted_reason = entry
        self.tokens += body["max_tokens"]
        self.counts["completed"] += 1
        if (text, reason) != (wanted, wanted_reason):
            other = [known[0] for known in self.known if known[1] == text]
            self.fault(f"{kind}: {json.dumps(body)} gives {text!r} ({reason}), expected {wanted!r} ({wanted_reason})" + (f": the text of {other[0]}" if other else ""))

    def refused(self, answer, status, kind):
        self.counts["refused"] += 1
        if fault := wire.refusal(answer, status):
            self.fault(f"{kind}: {fault}")

    async def text(self, connection, entry, rng):
        await connection.send(self.message(entry[0]))
        answer = await connection.answer()
        if answer.status != 200:
            raise wire.Closed(f"{answer.status} {answer.body[:200]!r}")
        choice = answer.json()["choices"][0]
        self.compare(entry, choice["text"], choice["finish_reason"], "text")
        return True

    async def stream(self, connection, entry, rng, pause=0.0):
        await connection.send(self.message({**entry[0], "stream": True}))
        if await connection.head() != 200:
            raise wire.Closed(f"{connection.status}")
        text, reason = "", None
        async for event in connection.events():
            if "error" in event:
                raise wire.Closed(f"a stream ends with {event}")
            for choice in event["choices"]:
                text += choice["text"]
                reason = choice["finish_reason"] or reason
            if pause:
                await asyncio.sleep(pause)
        if not connection.is_done:
            raise wire.Closed("a stream ends without [DONE]")
        self.compare(entry, text, reason, "stream")
        return True

    async def slow_reader(self, connection, entry, rng):
        return await self.stream(connection, entry, rng, pause=0.2)

    async def dropped_stream(self, connection, entry, rng):
        await connection.send(self.message({**entry[0], "stream": True, "max_tokens": 200, "ignore_eos": True}))
        if await connection.head() != 200:
            raise wire.Closed(f"{connection.status}")
        left = rng.randint(0, 4)
        async for _ in connection.events():
            if (left := left - 1) < 0:
                return False
        raise wire.Closed("a stream of 200 tokens ended within five events")

    async def dropped_request(self, connection, entry, rng):
        await connection.send(self.message({**entry[0], "max_tokens": 200, "ignore_eos": True}))
        await asyncio.sleep(rng.random() * 0.2)
        return False

    async def half_closed(self, connection, entry, rng):
        """A whole request, behind which the client sends no more: its answer, or the end of the connection; nothing else."""
        await connection.send(self.message(entry[0]))
        connection.finish_sending()
        try:
            answer = await connection.answer()
        except wire.Closed:
            self.counts["half-closed without an answer"] += 1
            return False
        if answer.status != 200:
            raise wire.Closed(f"{answer.status} {answer.body[:200]!r}")
        choice = answer.json()["choices"][0]
        self.compare(entry, choice["text"], choice["finish_reason"], "half-closed")
        return False

    async def cut_request(self, connection, entry, rng):
        """A part of a request, behind which nothing comes."""
        data = self.message(entry[0])
        await connection.send(data[: rng.randrange(1, len(data) - 1)])
        if rng.random() < 0.5:
            return False
        connection.finish_sending()
        try:
            answer = await connection.answer()
        except wire.Closed:
            return False
        if answer.status not in (400, 408):
            self.fault(f"cut request: status {answer.status}, expected 400 or 408")
        return False

    async def malformed_JSON(self, connection, entry, rng):
        data = json.dumps(entry[0]).encode()
        bad = rng.choice([data[:-1], data + b"}", data.replace(b":", b"=", 1), b"", b"[]", b'"text"', b"\xff" + data, data.replace(b'"prompt"', b'"prompt\xed\xa0\x80"')])
        await connection.send(self.message(bad, **{"content-type": "application/json"}))
        self.refused(await connection.answer(), 400, f"malformed JSON {bad[:40]!r}")
        return "close" not in connection.headers.get("connection", "")

    async def unknown_field(self, connection, entry, rng):
        await connection.send(self.message({**entry[0], "no_such_field": 1}))
        answer = await connection.answer()
        self.refused(answer, 400, "unknown field")
        if answer.json()["error"]["param"] != "no_such_field":
            self.fault(f"unknown field: param is {answer.json()['error']['param']!r}")
        return True

    async def oversized_body(self, connection, entry, rng):
        size = self.chosen.body_limit + rng.randint(1, 1000)
        if rng.random() < 0.5:
            # Only said to be too large: refused before it comes.
            head = self.message(b"", **{"content-type": "application/json", "content-length": str(size)})
            await connection.send(head)
        else:
            await connection.send(self.message(b"", **{"content-type": "application/json", "transfer-encoding": "chunked", "content-length": "0"}).replace(b"content-length: 0\r\n", b""))
            part = b"a" * (1 << 16)
            try:
                for _ in range(size // len(part) + 1):
                    await connection.send(b"%x\r\n%s\r\n" % (len(part), part))
                await connection.send(b"0\r\n\r\n")
            except wire.Closed:
                pass
        try:
            self.refused(await connection.answer(), 413, "oversized body")
        except wire.Closed:
            # The server may close while it is still being sent to; then the answer can be lost on the way.
            self.counts["oversized body without an answer"] += 1
        return False

    async def wrong_key(self, connection, entry, rng):
        keys = [{"authorization": "Bearer wrong"}, {"authorization": "Basic abc"}, {"authorization": f"Bearer {KEY}x"}, {"authorization": f"Bearer {KEY[:-1]}"}]
        await connection.send(wire.message("POST", "/v1/completions", entry[0], rng.choice(keys + [{}])))
        self.refused(await connection.answer(), 401, "wrong key")
        return "close" not in connection.headers.get("connection", "")

    async def unknown_map(self, connection, entry, rng):
        await connection.send(self.message({**entry[0], "steering": [{"map": "no-such-map"}]}))
        self.refused(await connection.answer(), 404, "unknown map")
        return True

    # All of them

    async def rounds(self, count):
        budget = [count]
        await asyncio.gather(*(self.client(number, budget) for number in range(self.chosen.clients)))

    async def quiet(self):
        """Waits until nothing runs: what was dropped must not go on."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            load = (await wire.ask(self.server.port, "GET", "/health", headers=self.server.headers)).json()["requests"]
            if load["waiting"] + load["served"] == 0:
                return True
            await asyncio.sleep(0.1)
        self.fault(f"20 s after the last request the server says {load}")
        return False

    async def run(self):
        await self.fill()
        await self.learn()
        self.check_with_command()
        first = min(self.chosen.requests, max(self.chosen.requests // 10, 100))
        began = time.monotonic()
        await self.rounds(first)
        await self.quiet()
        before, files = self.server.memory(), self.server.files()
        await self.rounds(self.chosen.requests - first)
        await self.quiet()
        self.wall = time.monotonic() - began
        await asyncio.sleep(1)
        after, files_after = self.server.memory(), self.server.files()
        peak = max(value for place, value in self.memory if place > first) if any(place > first for place, _ in self.memory) else after
        if after > before * 1.05:
            self.fault(f"{after / 2**20:.1f} MiB are resident, and were {before / 2**20:.1f} MiB after {first} requests: more than 5 % above")
        if files_after > files + 8:
            self.fault(f"{files_after} files and connections are open, and were {files} after {first} requests")
        if not self.server.is_alive():
            self.fault(f"the server ended: {self.server.read_log()[-1000:]}")
        return {"requests": self.started, "clients": self.chosen.clients, "seconds": round(self.wall, 1), "tokens": self.tokens,
                "memory": {"after first": before, "at the end": after, "highest": peak, "every 250": [value for _, value in self.memory]}, "files": [files, files_after]}


def main():
    parser = server.arguments(__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="how many (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=64, help="how many at once (default: %(default)s)")
    parser.add_argument("--texts", type=int, default=96, help="how many different ones are known (default: %(default)s)")
    parser.add_argument("--body-limit", type=int, default=1 << 20, help="the longest body that the server takes (default: %(default)s)")
    parser.add_argument("--cache-tokens", type=int, default=32768, help="the tokens that the server's cache holds (default: the server's own, %(default)s)")
    parser.add_argument("--patience", type=float, default=120, help="seconds after which an answer is lost (default: %(default)s)")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), help="only these, to look at one by itself")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    # Bodies that are small beside what is measured: what long ones leave behind in the heap is as much as were there at once.
    options = ["--cache-tokens", str(chosen.cache_tokens), "--body-limit", str(chosen.body_limit), "--quiet"]
    with server.serving(chosen, KEY, options) as (maps, running):
        load = Load(chosen, running, maps)
        result = asyncio.run(load.run())
        if (code := running.stop()) != 0:
            load.fault(f"the server ended with {code}")
    result |= {"counts": dict(load.counts), "violations": len(load.faults), "first": load.faults[:50]}
    if load.seconds:
        cuts = statistics.quantiles(load.seconds, n=100)
        result["seconds of a text"] = {"median": round(cuts[49], 4), "95 %": round(cuts[94], 4), "99 %": round(cuts[98], 4)}
    print(f"{'what':36}{'number':>8}")
    for name in [*KINDS, *(name for name in load.counts if name not in KINDS)]:
        print(f"{name:36}{load.counts[name]:8}")
    memory = result["memory"]
    print(f"{result['requests']} requests in {result['seconds']} s from {chosen.clients} clients; {result['tokens']} tokens compared")
    print(f"resident: {memory['after first'] / 2**20:.1f} MiB after the first {min(chosen.requests, max(chosen.requests // 10, 100))}, {memory['at the end'] / 2**20:.1f} MiB at the end, "
          f"{memory['highest'] / 2**20:.1f} MiB at most; {result['files'][0]} → {result['files'][1]} files and connections")
    print(f"{len(load.faults)} violations")
    server.write_results(chosen.json, result)
    sys.exit(1 if load.faults else 0)


if __name__ == "__main__":
    main()

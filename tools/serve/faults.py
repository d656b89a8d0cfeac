"""What goes wrong around a server: it is killed, stopped, misconfigured, asked too much and too slowly.

    tools/serve/test faults --monge .build/release/monge
"""

import asyncio
import hashlib
import os
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import checks
import server
import tensors
import wire
from checks import expect, same

KEY = "a-key-of-the-tests"
PROMPT = "Once upon a time"
UPLOAD = {"content-type": "application/octet-stream"}


class Faults:
    def __init__(self, chosen, maps):
        self.chosen, self.maps = chosen, maps
        self.name = list(maps)[0]
        with open(maps[self.name], "rb") as file:
            self.data = file.read()

    def server(self, **named):
        return server.Server(self.chosen, self.maps, **named)

    # Killed

    def killed_in_uploads(self):
        """What was acknowledged is there, whole, after kill -9 and a start; what was not is there whole or not at all."""
        rng = random.Random(self.chosen.seed)
        running = self.server()
        acknowledged, sent, kept = {}, {}, 0
        lock = threading.Lock()
        number = 0
        try:
            for _ in range(self.chosen.kills):
                running.start()
                stop = threading.Event()

                def upload(worker):
                    nonlocal number
                    while not stop.is_set():
                        with lock:
                            number += 1
                            mine = number
                        # Some names are new, some are replaced.
                        name = f"m-{worker}-{mine % 7}"
                        data = tensors.variant(self.data, mine)
                        key = hashlib.sha256(data).hexdigest()
                        with lock:
                            sent.setdefault(name, set()).add(key)
                        try:
                            answer = wire.ask_now(running.port, "PUT", f"/v1/maps/{name}", data, UPLOAD)
                        except (OSError, wire.Closed):
                            return
                        if answer.status in (200, 201):
                            with lock:
                                # Any later one may have arrived as well, none of before.
                                acknowledged[name] = key
                                sent[name] = {key}

                workers = [threading.Thread(target=upload, args=(worker,)) for worker in range(4)]
                for worker in workers:
                    worker.start()
                time.sleep(0.3 + rng.random())
                os.kill(running.process.pid, signal.SIGKILL)
                running.process.wait()
                stop.set()
                for worker in workers:
                    worker.join()
                running.start()
                listed = {entry["id"] for entry in running.ask("GET", "/v1/maps").json()["data"]}
                for name in acknowledged:
                    expect(name in listed, f"{name} was acknowledged, and is not there after a start")
                for name in listed - set(self.maps):
                    file = running.ask("GET", f"/v1/maps/{name}/file").body
                    expect(hashlib.sha256(file).hexdigest() in sent[name], f"{name} has {len(file)} bytes that are not those of an upload")
                    acknowledged[name] = hashlib.sha256(file).hexdigest()
                    sent[name] = {acknowledged[name]}
                    kept += 1
                running.kill()
            rest = [name for name in os.listdir(running.maps) if not name.endswith(".safetensors")]
            return f"{number} uploads, {self.chosen.kills} kills, {kept} maps read again; other files in the folder: {len(rest)} {rest[:3]}"
        finally:
            running.kill()
            running.remove()

    # Stopped

    def stopped_in_streams(self):
        """SIGTERM: streams end whole, new requests are refused, the exit code is 0."""
        running = self.server().start()
        body = {"prompt": PROMPT, "max_tokens": 200, "temperature": 0, "ignore_eos": True, "stream": True}
        try:
            text = lambda events: "".join(choice["text"] for event in events for choice in event["choices"])
            wanted = text(asyncio.run(wire.stream(running.port, "/v1/completions", body)))

            async def run():
                idle = await wire.Connection.open(running.port)
                await idle.ask("GET", "/v1/models")
                begun = asyncio.Event()
                count = 0

                async def one():
                    nonlocal count
                    connection = await wire.Connection.open(running.port)
                    await connection.send(wire.message("POST", "/v1/completions", body))
                    same(await connection.head(), 200, "the status of a stream")
                    events = []
                    async for event in connection.events():
                        if not events:
                            count += 1
                            if count == 8:
                                begun.set()
                        expect("error" not in event, f"a stream that was begun ends with {event}")
                        events.append(event)
                    expect(connection.is_done, "a stream that was begun ends without [DONE]")
                    same(text(events), wanted, "its text")
                    return time.monotonic()

                streams = [asyncio.ensure_future(one()) for _ in range(8)]
                await asyncio.wait_for(begun.wait(), 60)
                running.process.send_signal(signal.SIGTERM)
                began = time.monotonic()
                await asyncio.sleep(0.2)
                try:
                    answer = await asyncio.wait_for(idle.ask("POST", "/v1/completions", {**body, "stream": False}), 20)
                    same(wire.refusal(answer, 503), None, "a request on an open connection behind SIGTERM")
                    old = "503"
                except wire.Closed:
                    old = "closed"
                try:
                    answer = await asyncio.wait_for(wire.ask(running.port, "POST", "/v1/completions", {**body, "stream": False}), 20)
                    same(wire.refusal(answer, 503), None, "a request on a new connection behind SIGTERM")
                    new = "503"
                except (OSError, wire.Closed):
                    new = "refused"
                last = max(await asyncio.gather(*streams))
                return old, new, last, began

            old, new, last, began = asyncio.run(run())
            code = running.process.wait(30)
            same(code, 0, "the exit code")
            same((old, new), ("503", "503"), "the answers on an open and on a new connection behind SIGTERM")
            return f"8 streams whole; ended {time.monotonic() - last:.2f} s behind the last, {time.monotonic() - began:.1f} s behind the signal"
        finally:
            running.kill()
            running.remove()

    def stopped_when_idle(self, kind):
        """Whoever has left, and whoever only keeps a connection, must not hold it up."""
        running = self.server().start()
        held = []
        try:
            async def clients():
                body = {"prompt": PROMPT, "max_tokens": 1000, "ignore_eos": True, "stream": True}
                for number in range(8):
                    connection = await wire.Connection.open(running.port)
                    if kind == "dropped requests":
                        await connection.send(wire.message("POST", "/v1/completions", {**body, "stream": number % 2 == 0}))
                        await asyncio.sleep(0.01 * number)
                        connection.drop()
                    elif kind == "HEAD requests":
                        await connection.ask("HEAD", "/v1/models")
                        connection.drop()
                    elif kind == "idle connections":
                        await connection.ask("GET", "/v1/models")
                        held.append(socket.socket(fileno=os.dup(connection.writer.get_extra_info("socket").fileno())))
                await asyncio.sleep(1)

            asyncio.run(clients())
            began = time.monotonic()
            same(running.stop(60), 0, "the exit code")
            seconds = time.monotonic() - began
            expect(seconds < 5, f"it took {seconds:.1f} s to end, with nothing to do")
            return f"{seconds:.2f} s"
        finally:
            for connection in held:
                connection.close()
            running.kill()
            running.remove()

    def interrupted_twice(self):
        """A second signal does not wait for streams."""
        running = self.server().start()
        try:
            async def run():
                connection = await wire.Connection.open(running.port)
                await connection.send(wire.message("POST", "/v1/completions", {"prompt": PROMPT, "max_tokens": 7000, "ignore_eos": True, "stream": True}))
                await connection.head()
                async for _ in connection.events():
                    break
                running.process.send_signal(signal.SIGINT)
                await asyncio.sleep(0.5)
                expect(running.is_alive(), "the first signal ends a stream in the middle")
                running.process.send_signal(signal.SIGINT)
                connection.drop()

            asyncio.run(run())
            began = time.monotonic()
            running.process.wait(20)
            return f"{time.monotonic() - began:.2f} s, exit code {running.process.returncode}"
        finally:
            running.kill()
            running.remove()

    # Misconfigured

    def refuses_to_start(self, options, words, **named):
        running = self.server(options=options, **named)
        try:
            result = subprocess.run(running.command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
            expect(result.returncode in (1, 2), f"exit code {result.returncode}, expected 1 or 2: {result.stderr[-500:]}")
            said = result.stderr.strip().splitlines()
            expect(said and all(word in result.stderr for word in words), f"it says {result.stderr[-500:]!r}, expected a sentence with {words}")
            return said[-1][:160]
        finally:
            running.remove()

    def port_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            return self.refuses_to_start([], [str(port)], port=port)

    def bad_key_file(self, content):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "the-keys")
            if content is not None:
                with open(path, "wb") as file:
                    os.fchmod(file.fileno(), 0o600)
                    file.write(content)
            return self.refuses_to_start(["--api-key-file", path], ["the-keys"])

    def bad_certificate(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = self.certificate(folder)
            with open(certificate, "w", encoding="utf-8") as file:
                file.write("no certificate\n")
            return self.refuses_to_start(["--tls-certificate", certificate, "--tls-key", key], ["certificate"])

    # TLS

    def certificate(self, folder):
        certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
        server.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate])
        return certificate, key

    def tls(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = self.certificate(folder)
            context = ssl.create_default_context(cafile=certificate)
            context.check_hostname = False
            running = self.server(options=["--tls-certificate", certificate, "--tls-key", key], ssl=context, key=KEY).start()
            try:
                body = {"prompt": PROMPT, "max_tokens": 8, "temperature": 0}
                found = running.ask("POST", "/v1/completions", body).json()["choices"][0]["text"]
                same(found, server.generate(self.chosen, [PROMPT], tokens=8, temperature=0)[0][0]["text"], "the text over TLS")
                shown = server.run(["curl", "-sS", "--cacert", certificate, "-H", f"Authorization: Bearer {KEY}", f"https://localhost:{running.port}/v1/models"])
                expect('"list"' in shown, f"curl gets {shown[:200]}")
                strange = subprocess.run(["curl", "-sS", "-m", "10", "--tls-max", "1.1", "--cacert", certificate, f"https://localhost:{running.port}/health"], capture_output=True, text=True)
                expect(strange.returncode != 0, "TLS 1.1 is taken")
                for data in (b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 400, b""):
                    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as plain:
                        plain.sendall(data)
                        plain.shutdown(socket.SHUT_WR)
                        expect(not plain.recv(1 << 12).startswith(b"HTTP/1.1 200"), "plain HTTP is answered on the port of TLS")
                same(running.ask("GET", "/health").status, 200, "the status behind broken handshakes")
                same(running.stop(), 0, "the exit code")
            finally:
                running.kill()
                running.remove()

    # Too much, too slowly

    def limits(self):
        running = self.server(key=KEY).start()
        try:
            big = b'{"prompt": "' + b"a" * self.chosen.body_limit + b'"}'
            try:
                answer = running.ask("POST", "/v1/completions", big, {"content-type": "application/json"})
                same(wire.refusal(answer, 413), None, f"a body of {len(big)} bytes")
            except wire.Closed:
                raise checks.Wrong("a body that is too large is not answered, and the connection is closed") from None
            head = wire.message("POST", "/v1/completions", b"", {**running.headers, "content-length": str(1 << 50), "content-type": "application/json"})
            answer = asyncio.run(self.raw(running.port, head))
            same(wire.refusal(answer, 413), None, "a body that is said to have 2⁵⁰ bytes")
            answer = asyncio.run(self.raw(running.port, wire.message("GET", "/v1/models", headers={**running.headers, "x-long": "a" * (1 << 20)})))
            expect(answer is None or answer.status in (400, 413, 431), f"a header of 1 MiB is answered with {answer and answer.status}")
            many = {f"x-{number}": "a" * 50 for number in range(20_000)}
            answer2 = asyncio.run(self.raw(running.port, wire.message("GET", "/v1/models", headers={**running.headers, **many})))
            expect(answer2 is None or answer2.status in (400, 413, 431), f"20,000 headers are answered with {answer2 and answer2.status}")
            said = [entry and (entry.status, wire.not_json_error(entry, "request_too_large_error") is None) for entry in (answer, answer2)]
            same(running.ask("GET", "/v1/models").status, 200, "the status behind all that")
            expect(running.memory() < 3 << 30, f"{running.memory()} bytes are resident")
            return f"headers: {said} (status, whether in JSON)"
        finally:
            running.stop()
            running.remove()

    @staticmethod
    async def raw(port, data):
        connection = await wire.Connection.open(port)
        try:
            try:
                await connection.send(data)
            except wire.Closed:
                pass
            return await asyncio.wait_for(connection.answer(), 20)
        except wire.Closed:
            return None
        finally:
            connection.drop()

    def slow_senders(self):
        """Hundreds of connections on which a byte comes now and then: others are served, and the slow ones are let go of."""
        running = self.server().start()
        try:
            async def run():
                slow = [await wire.Connection.open(running.port) for _ in range(300)]
                message = wire.message("POST", "/v1/completions", {"prompt": PROMPT, "max_tokens": 4})
                place = 0
                began, open_still = time.monotonic(), 300
                served, longest = 0, 0.0
                closed = [False] * len(slow)
                while time.monotonic() - began < self.chosen.slow_seconds and open_still:
                    for number, connection in enumerate(slow):
                        if closed[number]:
                            continue
                        try:
                            # Some never get beyond the first line, some send their body byte by byte.
                            await connection.send(b"a" if number % 3 == 0 and place else message[place:place + 1] if number % 3 else b"G")
                            closed[number] = connection.reader.at_eof() or connection.writer.transport.is_closing()
                        except wire.Closed:
                            closed[number] = True
                    place += 1
                    open_still = closed.count(False)
                    asked = time.monotonic()
                    answer = await asyncio.wait_for(wire.ask(running.port, "POST", "/v1/completions", {"prompt": PROMPT, "max_tokens": 4}), 30)
                    same(answer.status, 200, "the status of an ordinary request beside them")
                    served += 1
                    longest = max(longest, time.monotonic() - asked)
                    await asyncio.sleep(1)
                for connection in slow:
                    connection.drop()
                return open_still, time.monotonic() - began, served, longest

            left, seconds, served, longest = asyncio.run(run())
            expect(left == 0, f"{left} of 300 slow senders are still connected after {seconds:.0f} s; {served} others were served, in at most {longest:.2f} s")
            return f"all closed after {seconds:.0f} s; {served} others were served, in at most {longest:.2f} s"
        finally:
            running.stop()
            running.remove()

    def many_connections(self):
        """More connections than the server takes: those beyond wait or are closed, and the server goes on when they leave."""
        running = self.server().start()
        try:
            async def run():
                opened = []
                for _ in range(1500):
                    try:
                        opened.append(await asyncio.wait_for(wire.Connection.open(running.port), 2))
                    except (OSError, asyncio.TimeoutError):
                        break
                await asyncio.sleep(0.5)
                files = running.files()
                for connection in opened:
                    connection.drop()
                await asyncio.sleep(1)
                answer = await asyncio.wait_for(wire.ask(running.port, "GET", "/health"), 20)
                same(answer.status, 200, "the status when they have left")
                return len(opened), files, running.files()

            opened, files, after = asyncio.run(run())
            expect(after < 200, f"{after} files are open when all have left")
            return f"{opened} opened, {files} files of the server, {after} when they have left"
        finally:
            running.stop()
            running.remove()


def main():
    parser = server.arguments(__doc__)
    parser.add_argument("--kills", type=int, default=6, help="how often the server is killed in uploads (default: %(default)s)")
    parser.add_argument("--body-limit", type=int, default=16 << 20, help="the longest body that the server takes (default: %(default)s)")
    parser.add_argument("--slow-seconds", type=float, default=150, help="within which slow senders are to be let go of (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", help="the checks with one of these words in their names")
    chosen = parser.parse_args()
    listed = checks.Checks()
    with tempfile.TemporaryDirectory() as folder:
        faults = Faults(chosen, server.maps_of(chosen, folder))
        entries = [
            ("kill -9 in uploads", faults.killed_in_uploads), ("SIGTERM in streams", faults.stopped_in_streams),
            *((f"SIGTERM with {kind}", faults.stopped_when_idle, kind) for kind in ("dropped requests", "HEAD requests", "idle connections")),
            ("SIGINT twice", faults.interrupted_twice), ("port in use", faults.port_in_use), ("no key file", faults.bad_key_file, None), ("empty key file", faults.bad_key_file, b"\n \n"),
            ("key file of bytes", faults.bad_key_file, b"\xff\xfe\x00"), ("bad certificate", faults.bad_certificate), ("no such model", faults.refuses_to_start, ["--model", "no-such-model"], ["no-such-model"]),
            ("no such map", faults.refuses_to_start, ["--map", "calm=/no/such/map.safetensors"], ["/no/such/map.safetensors"]), ("port out of range", faults.refuses_to_start, ["--port", "70000"], ["70000"]),
            ("TLS", faults.tls), ("limits", faults.limits), ("many connections", faults.many_connections), ("slow senders", faults.slow_senders),
        ]
        for name, *rest in entries:
            if not chosen.only or any(word in name for word in chosen.only):
                listed.run(name, *rest)
    listed.end(chosen.json)


if __name__ == "__main__":
    main()

"""HTTP/1.1 over asyncio's streams, with nothing between a test and the bytes: connections can be dropped, half-closed, pipelined and read slowly."""

import asyncio
import json
from dataclasses import dataclass


class Closed(Exception):
    """The server closed the connection where an answer, or more of one, was due."""


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def message(method, path, body=b"", headers=None, host="localhost"):
    """The bytes of a request; a body that is no bytes is written as JSON."""
    given = {name.lower(): value for name, value in (headers or {}).items()}
    if not isinstance(body, (bytes, bytearray)):
        body = json.dumps(body).encode()
        given.setdefault("content-type", "application/json")
    if body or method in ("POST", "PUT"):
        given.setdefault("content-length", str(len(body)))
    lines = [f"{method} {path} HTTP/1.1", f"host: {given.pop('host', host)}"] + [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """A connection, which serves one request after another."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.status = None
        self.headers = {}

    @classmethod
    async def open(cls, port, host="127.0.0.1", ssl=None):
        return cls(*await asyncio.open_connection(host, port, ssl=ssl, limit=1 << 24))

    async def send(self, data):
        try:
            self.writer.write(data)
            await self.writer.drain()
        except (ConnectionError, OSError) as error:
            raise Closed(str(error)) from None

    def finish_sending(self):
        """Closes the half of the connection that requests go over."""
        self.writer.write_eof()

    def drop(self):
        """Ends the connection at once, with whatever is still to come."""
        self.writer.transport.abort()

    async def close(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, OSError):
            pass

    async def line(self):
        try:
            return (await self.reader.readuntil(b"\r\n"))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError, OSError) as error:
            raise Closed(str(error)) from None

    async def exactly(self, count):
        try:
            return await self.reader.readexactly(count)
        except (asyncio.IncompleteReadError, ConnectionError, OSError) as error:
            raise Closed(str(error)) from None

    async def head(self):
        """Reads an answer's status and headers; those of a 1xx are passed over."""
        while True:
            first = (await self.line()).split(b" ", 2)
            if len(first) < 2 or not first[0].startswith(b"HTTP/1."):
                raise Closed(f"no HTTP answer but {first!r}")
            self.status = int(first[1])
            self.headers = {}
            while line := await self.line():
                name, _, value = line.partition(b":")
                self.headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
            if self.status >= 200:
                return self.status

    async def parts(self, has_body=True):
        """The body as it comes."""
        if not has_body or self.status in (204, 304):
            return
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            while size := int((await self.line()).split(b";")[0], 16):
                yield await self.exactly(size)
                await self.exactly(2)
            while await self.line():
                pass
        elif "content-length" in self.headers:
            left = int(self.headers["content-length"])
            while left:
                part = await self.reader.read(min(left, 1 << 16))
                if not part:
                    raise Closed(f"{left} bytes of the answer's body are missing")
                left -= len(part)
                yield part
        else:
            while part := await self.reader.read(1 << 16):
                yield part

    async def answer(self, has_body=True):
        await self.head()
        return Answer(self.status, self.headers, b"".join([part async for part in self.parts(has_body)]))

    async def events(self):
        """The data of server-sent events as they come, without `[DONE]`; `is_done` says whether that came."""
        self.is_done = False
        pending = b""
        async for part in self.parts():
            pending += part
            while b"\n\n" in pending:
                event, pending = pending.split(b"\n\n", 1)
                data = b"\n".join(line[5:].lstrip(b" ") for line in event.split(b"\n") if line.startswith(b"data:"))
                if data == b"[DONE]":
                    self.is_done = True
                elif data:
                    yield json.loads(data)
        if pending.strip():
            raise Closed(f"a stream ends within an event: {pending!r}")

    async def ask(self, method, path, body=b"", headers=None):
        await self.send(message(method, path, body, headers))
        return await self.answer(method != "HEAD")


async def ask(port, method, path, body=b"", headers=None, ssl=None):
    """One request on a connection of its own."""
    connection = await Connection.open(port, ssl=ssl)
    try:
        return await connection.ask(method, path, body, headers)
    finally:
        await connection.close()


def ask_now(*arguments, **named):
    """The same for those who are in no event loop."""
    return asyncio.run(ask(*arguments, **named))


async def stream(port, path, body, headers=None):
    """The events of a stream that must be whole."""
    connection = await Connection.open(port)
    try:
        await connection.send(message("POST", path, body, headers))
        if await connection.head() != 200:
            raise Closed(f"{connection.status}: {b''.join([part async for part in connection.parts()])!r}")
        events = [event async for event in connection.events()]
        if not connection.is_done:
            raise Closed("a stream ends without [DONE]")
        return events
    finally:
        await connection.close()


def refusal(answer, status, kind=None):
    """None for a refusal as it is to be, else what is wrong with it."""
    if answer.status != status:
        return f"status {answer.status}, expected {status}: {answer.body[:200]!r}"
    return not_json_error(answer, kind)


TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 405: "method_not_allowed_error",
    409: "conflict_error", 413: "request_too_large_error", 415: "invalid_request_error", 429: "rate_limit_error", 500: "server_error",
    503: "unavailable_error",
}


def not_json_error(answer, kind=None):
    """What keeps an answer from being an error in JSON of its status' type; None for nothing."""
    try:
        error = answer.json()["error"]
        kind = kind or TYPES.get(answer.status)
        if set(error) != {"message", "type", "param", "code"}:
            return f"an error with {sorted(error)}, expected message, type, param and code"
        if kind and error["type"] != kind:
            return f"{answer.status} is of type {error['type']}, expected {kind}"
        if not isinstance(error["message"], str) or len(error["message"]) < 4:
            return f"the message is {error['message']!r}, expected a sentence"
        if answer.status == 429 and "retry-after" not in answer.headers:
            return "429 without Retry-After"
        return None
    except (ValueError, KeyError, TypeError) as fault:
        return f"{answer.status} with {answer.body[:120]!r}, expected an error in JSON ({fault!r})"

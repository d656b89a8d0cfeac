"""Valid requests, and how they are spoilt: values of JSON, bytes of bodies, whole messages, bodies in chunks."""

import json

import wire

NUMBERS = ["-1", "0", "-0", "0.5", "1e999", "-1e999", "1e-400", "NaN", "Infinity", "2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616",
           "-9223372036854775809", "01", "1.", ".5", "1e", "0x10", "1" * 400, "3.0", "1e3"]
TEXTS = ['""', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\uD83D\\uDE00"', '"' + "a" * 5000 + '"', '"\\q"', '"\\u12"', '"(((("', '"(a+)+$"', '"(.*)*(.*)*(.*)*(.*)*x"', '"(?:(?:[a-z.0-9_]+)+)+!"', '"[z-a]"', '"../../etc/passwd"', '"<|im_start|>"',
         '"{{ messages }}"', '"\u202e\u0301\u0301\u0301"', '"sea\\u0000"', '"e\u0301"']
OTHERS = ["null", "true", "false", "[]", "{}", "[[]]", "[null]", '{"a": 1}', "[1, 2]", "[[" * 40 + "]]" * 40, "[" * 3000, '{"a":' * 300 + "1" + "}" * 300]
STRANGE = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\x00", b"\r\n", b"\n", b"\x7f", b"\xe2\x80\xa8", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" " * 500]
HEADERS = [
    b"transfer-encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"transfer-encoding: identity", b"content-length: 0", b"content-length: -1", b"content-length: 99999999999999999999",
    b"content-length: 5, 5", b"content-length: abc", b"content-length: +3", b"expect: 100-continue", b"expect: nothing", b"connection: close", b"connection: upgrade\r\nupgrade: websocket",
    b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__", b"authorization: Bearer ", b"authorization: Bearer \xff\xfe", b"host: a\r\nhost: b", b": empty", b"name with space: a",
    b"a: " + b"b" * 9000, b"a: b\r\n" * 150 + b"c: d", b"content-type: text/plain", b"content-type: application/json; charset=utf-16", b"content-encoding: gzip", b"x-request-id: " + b"a" * 300,
    b"x-request-id: \x00", b" folded: line", b"a: b\r\n folded", b"accept-encoding: gzip, deflate, br", b"range: bytes=0-1", b"te: trailers", b"origin: null", b"content-length: 3\r\ntransfer-encoding: chunked",
]
PATHS = [b"/v1/maps/%2e%2e%2f%2e%2e%2fetc%2fpasswd", b"/v1/maps/..", b"/v1/maps/../models", b"//v1//models", b"/v1/models/%00", b"/v1/models/%ff", b"/v1/models/%", b"/v1/maps/%2500", b"/studio/..%2f..%2fetc%2fpasswd",
         b"/studio/../openapi.json", b"/studio/%2e%2e/%2e%2e/etc/passwd", b"/v1/jobs/-1", b"/v1/maps/" + b"a" * 300, b"/" + b"a" * 9000, b"*", b"http://localhost/v1/models", b"/v1/models?" + b"a=b&" * 300, b"/v1/models#a",
         b"/V1/MODELS", b"/v1/models/", b"/v1/maps/a/b/c", b"/v1/maps/a/file/..", b"\\v1\\models", b"/v1/m\xc3\xb6dels", b"", b"/v1/maps/con.safetensors"]
METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"get", b"PRI", b"FOO", b"", b"G\x00T", b"A" * 300]


class Raw(str):
    """A piece of JSON that is written as it stands."""


def write(value):
    """JSON, of a tree in which some pieces stand as they are, and an object is a list of pairs, so that a name can come twice."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key if isinstance(key, Raw) else json.dumps(key)}: {write(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write, value)) + "]"
    return json.dumps(value)


def piece(rng):
    return Raw(rng.choice(rng.choice([NUMBERS, TEXTS, OTHERS])))


def spoil(value, rng):
    """A tree with one of its pieces changed."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        what = rng.random()
        others = {name: entry for name, entry in value.items() if name != key}
        if what < 0.7:
            return {**others, key: spoil(value[key], rng)}
        if what < 0.8:
            return others
        if what < 0.9:
            return {**value, rng.choice([key + "s", "", "a\u0000", key.upper(), "logit_bias", "__proto__", "steering", "x" * 300]): piece(rng)}
        return {**value, Raw(json.dumps(key)): piece(rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        what = rng.random()
        if what < 0.6:
            return value[:place] + [spoil(value[place], rng)] + value[place + 1:]
        return value[:place] + value[place + 1:] if what < 0.8 else value * rng.choice([2, 40, 300])
    return piece(rng)


def spoil_bytes(data, rng):
    """Bytes with some of them changed."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        place = rng.randrange(len(data) + 1)
        what = rng.randrange(6)
        if what == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[place:place] = rng.choice(STRANGE)
        elif what == 2:
            del data[place:place + rng.choice([1, 1, 4, 40])]
        elif what == 3:
            data[place:place] = data[place:place + rng.choice([1, 8, 60])]
        elif what == 4 and place < len(data):
            data[place] = rng.randrange(256)
        else:
            data = data[:place] if rng.random() < 0.3 else data[:place] + bytes(rng.randrange(256) for _ in range(rng.choice([1, 3]))) + data[place:]
    return bytes(data)


def spoil_numbers(data, rng):
    """A file whose length stays: some of its bytes are others."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 4, 40])):
        place = len(data) - 1 - rng.randrange(min(len(data), 4096))
        data[place] = rng.choice([0, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    return bytes(data)


def in_chunks(data, rng, isSpoilt=True):
    """A body in chunks, most of them not as they are to be."""
    parts, place = [], 0
    while place < len(data):
        size = rng.choice([1, 2, 7, 40, len(data)])
        part = data[place:place + size]
        place += size
        length = b"%x" % len(part)
        if isSpoilt and rng.random() < 0.15:
            length = rng.choice([b"%X" % len(part), b"0" * 20 + length, b"-1", b"ffffffffffffffff", b"10000000000000000", b"g", b"", b" " + length, length + b" ", length + b";a=b", length + b";" + b"a" * 5000, b"0x" + length, b"%x" % (len(part) + 1)])
        parts.append(length + rng.choice([b"\r\n"] * 20 + ([b"\n", b"\r", b""] if isSpoilt else [])) + part + b"\r\n")
    end = rng.choice([b"0\r\n\r\n"] * 8 + [b"0\r\nname: value\r\n\r\n", b"00\r\n\r\n"] + ([b"0\r\n", b"", b"0\r\ncontent-length: 5\r\n\r\n", b"0\r\n" + b"a: b\r\n" * 500 + b"\r\n"] if isSpoilt else []))
    return b"".join(parts) + end


def message_in_chunks(method, path, data, headers, rng, isSpoilt=True):
    head = wire.message(method, path, b"", {**headers, "transfer-encoding": "chunked", "content-type": "application/json"})
    head = head.replace(b"content-length: 0\r\n", b"")
    return head + in_chunks(data, rng, isSpoilt)


def spoil_message(data, rng):
    """A whole message: its first line, its headers, or any of its bytes."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    what = rng.random()
    if what < 0.35:
        return spoil_bytes(data, rng)
    if what < 0.65:
        lines.insert(rng.randrange(1, len(lines) + 1), rng.choice(HEADERS))
    elif what < 0.75:
        del lines[rng.randrange(len(lines))]
    elif what < 0.88:
        first = lines[0].split(b" ")
        lines[0] = b" ".join([first[0], rng.choice(PATHS), first[-1]])
    else:
        first = lines[0].split(b" ")
        lines[0] = rng.choice([
            b" ".join([rng.choice(METHODS), first[1], first[2]]), b" ".join([first[0], first[1], rng.choice([b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.1 ", b"HTTP/9.9", b"http/1.1", b"HTTP/1.", b""])]),
            b"  ".join(first), b"\t".join(first), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    return rng.choice([b"\r\n"] * 12 + [b"\n", b"\r"]).join(lines) + b"\r\n\r\n" + body

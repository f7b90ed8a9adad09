"""gRPC over TLS by hand: what the CLI would never send, and what the node answers to it.

Used by the integration tests with certificates that the CLI refuses to use and with requests that it refuses to make.
One connection, one call. Standard library only: HTTP/2 as far as a unary call needs it (RFC 9113, RFC 7541).
"""
import dataclasses
import socket
import ssl
import struct
import urllib.parse

from cluster import patience

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FIRST_WINDOW_BYTES = 65535
# gRPC status codes by number (grpc/status.h).
CODES = ("OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
         "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
         "UNAUTHENTICATED").split()


class Ended(Exception):
    """The node ended the connection or the stream without a status."""


@dataclasses.dataclass
class Answer:
    code: str
    message: str  # a refusal: `REASON: what. why. next`
    body: bytes


def tls_context(folder=None, *, version=ssl.TLSVersion.TLSv1_3):
    """A client that believes every server (the node's judgement is what is tested) and shows `folder`/tls.pem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    if folder is not None:
        context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    return context


def connect(port, context, timeout=15):
    plain = socket.create_connection(("127.0.0.1", port), timeout=patience(timeout))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return context.wrap_socket(plain)
    except BaseException:
        plain.close()
        raise


def server_certificate(port, folder):
    """The certificate (PEM) that a node shows at this moment to a new connection."""
    with connect(port, tls_context(folder)) as link:
        return ssl.DER_cert_to_PEM_cert(link.getpeercert(binary_form=True))


# --- protocol buffers

def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def message(*fields):
    """A serialised message of (number, value): int as varint, str, or bytes (also for messages)."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def fields(data):
    """{number: value} of a serialised message: the last value of each; int or bytes, as varints and lengths come."""
    return dict(all_fields(data))


def all_fields(data):
    """[(number, value)] of a serialised message, in its order."""
    found, at = [], 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 0:
            found.append((key >> 3, number()))
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            size = number() if size is None else size
            found.append((key >> 3, data[at:at + size]))
            at += size
    return found


def refusal(details):
    """`REASON: what. why. next` of a serialised google.rpc.Status with an ErrorInfo."""
    what, info = "", []
    for number, value in all_fields(details):
        if number == 2:
            what = value.decode()
        elif number == 3 and fields(value)[1].endswith(b"google.rpc.ErrorInfo"):
            info = all_fields(fields(value)[2])
    reason = dict(info)[1].decode()
    words = {entry[1]: entry.get(2, b"").decode() for entry in (fields(value) for number, value in info if number == 3)}
    return f"{reason}: {what}. {words[b'why']}. {words[b'next']}"


# --- HTTP/2

def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _header_block(pairs):
    # Literal without indexing, new name, no Huffman: no state on either side.
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in pairs)


def _text(text):
    data = text.encode()
    assert len(data) < 127
    return bytes([len(data)]) + data


def _integer(block, at, bits):
    value = block[at] & ((1 << bits) - 1)
    at += 1
    if value == (1 << bits) - 1:
        shift = 0
        while True:
            value += (block[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not block[at - 1] & 0x80:
                break
    return value, at


def _string(block, at):
    assert not block[at] & 0x80, "Huffman's code, which gRPC has for binary headers only, and we asked it not to"
    size, at = _integer(block, at, 7)
    return block[at:at + size], at + size


def _read_headers(block):
    """The headers with literal names. We announce a table of size 0, so only static names come by number."""
    found, at = {}, 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            _, at = _integer(block, at, 7)
        elif first & 0xE0 == 0x20:
            _, at = _integer(block, at, 5)
        else:
            index, at = _integer(block, at, 6 if first & 0x40 else 4)
            name, at = (b"", at) if index else _string(block, at)
            value, at = _string(block, at)
            found[name.decode()] = value
    return found


class Connection:
    """One HTTP/2 connection to a node; `call` may be used several times."""

    def __init__(self, port, context, timeout=15):
        self._link = connect(port, context, timeout)
        self._waiting = b""
        self._stream = -1
        self._window = FIRST_WINDOW_BYTES
        # Header table of size 0; the largest windows, for each stream and for all, so that none is ever to be renewed.
        # Binary headers as they are (gRPC's own setting): else they come in base64 under Huffman's code.
        settings = frame(SETTINGS, 0, 0, struct.pack(">HIHIHI", 1, 0, 4, 0x7FFFFFFF, 0xFE03, 1))
        room = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF - FIRST_WINDOW_BYTES))
        self._link.sendall(PREFACE + settings + room)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._link.close()

    def call(self, method, body):
        """A unary call. Raises Ended when the node hangs up instead of answering."""
        self._stream += 2
        headers = _header_block(((":method", "POST"), (":scheme", "https"), (":path", method), (":authority", "node"),
                                 ("te", "trailers"), ("content-type", "application/grpc")))
        try:
            self._link.sendall(frame(HEADERS, END_HEADERS, self._stream, headers))
            return self._exchange(b"\x00" + struct.pack(">I", len(body)) + body)
        except (OSError, ssl.SSLError) as error:
            raise Ended(str(error)) from error

    def _exchange(self, left):
        stream_window = FIRST_WINDOW_BYTES
        found, answer = {}, b""
        while True:
            room = min(stream_window, self._window, 16384, len(left))
            if left and room > 0:
                piece, left = left[:room], left[room:]
                stream_window -= room
                self._window -= room
                self._link.sendall(frame(DATA, 0 if left else END_STREAM, self._stream, piece))
                continue
            kind, flags, stream, payload = self._next()
            if kind == SETTINGS and not flags & ACK:
                for at in range(0, len(payload), 6):
                    number, value = struct.unpack(">HI", payload[at:at + 6])
                    stream_window += value - FIRST_WINDOW_BYTES if number == 4 else 0
                self._link.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self._link.sendall(frame(PING, ACK, 0, payload))
            elif kind == WINDOW_UPDATE:
                more = struct.unpack(">I", payload)[0]
                if stream == 0:
                    self._window += more
                elif stream == self._stream:
                    stream_window += more
            elif kind == GOAWAY:
                raise Ended(f"goodbye: {payload[8:]!r}")
            elif stream == self._stream and kind == RST_STREAM:
                if "grpc-status" in found:
                    return self._answer(found, answer)
                raise Ended(f"reset: {payload!r}")
            elif stream == self._stream and kind == DATA:
                answer += payload
            elif stream == self._stream and kind == HEADERS:
                assert flags & END_HEADERS, "headers in several frames"
                found.update(_read_headers(payload))
                if flags & END_STREAM:
                    return self._answer(found, answer)

    @staticmethod
    def _answer(found, answer):
        details = found.get("grpc-status-details-bin")  # a byte of 0 first: binary as it is
        message_text = refusal(details[1:]) if details else urllib.parse.unquote(found.get("grpc-message", b"").decode())
        return Answer(CODES[int(found["grpc-status"])], message_text, answer[5:])

    def _next(self):
        head = self._read(9)
        size = int.from_bytes(head[:3], "big")
        return head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, self._read(size)

    def _read(self, size):
        while len(self._waiting) < size:
            data = self._link.recv(65536)
            if not data:
                raise Ended("connection closed")
            self._waiting += data
        out, self._waiting = self._waiting[:size], self._waiting[size:]
        return out


def call(port, folder, method, body=b""):
    """One call on a connection of its own, with the certificate in `folder`."""
    with Connection(port, tls_context(folder)) as connection:
        return connection.call(method, body)

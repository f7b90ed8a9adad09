"""Two network namespaces of our own, joined by a link that is slow and long: 64 kbit/s, 300 ms each way. It may lose packets, swallow
long ones or all of them, without a word to anybody.

Each namespace has a TUN device whose other end is a thread of this process: it passes IP packets on at the link's rate, after its
delay, and drops what does not fit its queue, as `tc netem rate ... delay ...` does; many kernels have no netem. Real TCP, TLS and
gRPC run over it. A veth pair to each namespace, fast, is for the operators' port only.
"""
import collections
import fcntl
import os
import pathlib
import random
import select
import shutil
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
QUEUE_PACKETS = 1000  # as netem
PACKET_BYTES_MAX = 65536


def missing():
    """Why there can be no link here: what is missing and what to do; empty when nothing is."""
    if os.geteuid() != 0:
        return "network namespaces need root; run it as root, or leave --case slowlink out"
    if not shutil.which("ip"):
        return "`ip` is not there; install iproute2"
    if not pathlib.Path("/dev/net/tun").exists():
        return "/dev/net/tun is not there; load the kernel's module `tun`, or let the container have the device"
    probe = f"tp{os.getpid()}p"
    try:
        ip("netns", "add", probe)
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"this root may not make a network of its own ({error}); let the container have CAP_NET_ADMIN and CAP_SYS_ADMIN"
    finally:
        subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)
    return ""


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Place:
    """One end: a namespace. `host`: its address for the operators' port; `link`: its address on the slow link."""

    def __init__(self, name, number):
        self.name = name
        self.enter = ["ip", "netns", "exec", name]
        network = f"198.18.{os.getpid() % 255}."  # of benchmarks (RFC 2544); another one for runs at the same time
        self.host, self.link = f"{network}{4 * number + 2}", f"198.19.0.{number}"
        self.veth, self.tun = f"{name}v", None
        try:
            self.build(f"{network}{4 * number + 1}")
        except OSError:
            self.close()
            raise

    def build(self, near):
        name = self.name
        ip("netns", "add", name)
        ip("link", "add", self.veth, "type", "veth", "peer", "name", "api", "netns", name)
        ip("addr", "add", f"{near}/30", "dev", self.veth)
        ip("link", "set", self.veth, "up")
        for words in (("addr", "add", f"{self.host}/30", "dev", "api"), ("link", "set", "api", "up"), ("link", "set", "lo", "up")):
            ip("-n", name, *words)
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", f"{name}t".encode(), IFF_TUN | IFF_NO_PI))
        ip("link", "set", f"{name}t", "netns", name)  # the file stays its other end
        ip("-n", name, "addr", "add", f"{self.link}/24", "dev", f"{name}t")
        ip("-n", name, "link", "set", f"{name}t", "up")

    def close(self):
        if self.tun is not None:
            os.close(self.tun)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self.veth], capture_output=True, check=False)


class Way:
    """One direction: packets leave one after the other at the link's rate, and arrive later by its delay."""

    def __init__(self, sink, bytes_a_second, delay_s):
        self.sink, self.rate, self.delay_s = sink, bytes_a_second, delay_s
        self.loss, self.packet_bytes_max, self.dark = 0.0, PACKET_BYTES_MAX, False
        self.chance = random.Random(1)
        self.free_at, self.bytes = 0.0, 0
        self.packets = collections.deque()  # (arrives at, packet), in order

    def take(self, packet, now):
        if len(self.packets) >= QUEUE_PACKETS or self.dark or len(packet) > self.packet_bytes_max:
            return
        if self.loss and self.chance.random() < self.loss:
            return
        self.free_at = max(self.free_at, now) + len(packet) / self.rate
        self.packets.append((self.free_at + self.delay_s, packet))

    def deliver(self, now):
        while self.packets and self.packets[0][0] <= now:
            packet = self.packets.popleft()[1]
            self.bytes += len(packet)
            os.write(self.sink, packet)


class SlowLink:
    """`with SlowLink() as link`: link.a and link.b are its two places; gone afterwards."""

    def __init__(self, bits_a_second=64_000, delay_ms=300):
        self.bytes_a_second, self.delay_s = bits_a_second / 8, delay_ms / 1000
        self.places, self.thread, self.ending = [], None, threading.Event()

    def __enter__(self):
        try:
            for number, end in ((1, "a"), (2, "b")):
                self.places.append(Place(f"tp{os.getpid()}{end}", number))
        except OSError:
            self.__exit__()
            raise
        self.a, self.b = self.places
        self.ways = {self.a.tun: Way(self.b.tun, self.bytes_a_second, self.delay_s),
                     self.b.tun: Way(self.a.tun, self.bytes_a_second, self.delay_s)}
        self.thread = threading.Thread(target=self.pass_on, daemon=True)
        self.thread.start()
        return self

    def set(self, **traits):
        """Of both ways: `loss` of packets (0 to 1), `packet_bytes_max`, `dark` (nothing passes)."""
        for way in self.ways.values():
            for name, value in traits.items():
                getattr(way, name)  # a wrong name is a fault of the caller
                setattr(way, name, value)

    def pass_on(self):
        while not self.ending.is_set():
            now = time.monotonic()
            due = min((way.packets[0][0] for way in self.ways.values() if way.packets), default=now + 0.1)
            ready, _, _ = select.select(list(self.ways), [], [], min(0.1, max(0.0, due - now)))
            now = time.monotonic()
            for tun in ready:
                self.ways[tun].take(os.read(tun, PACKET_BYTES_MAX), now)
            for way in self.ways.values():
                way.deliver(now)

    def __exit__(self, *_):
        self.ending.set()
        if self.thread:
            self.thread.join()
        for place in self.places:
            place.close()

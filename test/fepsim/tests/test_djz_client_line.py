"""The dajizhong client's connection against a scripted server."""

import queue
import socket
import threading
import time
import unittest

from fepsim.djz_client import DjzClient
from fepsim.djz_record import build, frame, overlay, read_header, seal
from fepsim.wire import NoAnswer, NotSent

LONG = 10


def request(number: int) -> bytes:
    return build({"H-KIND": "Q", "H-TRAN": "100001", "H-SERIAL": f"20261122{number:012d}"})


def answer_to(record: bytes) -> bytes:
    return seal(overlay(record, {"H-KIND": "R", "H-RET-CODE": "000000"}))


class Line(unittest.TestCase):
    def setUp(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.accepted: queue.Queue = queue.Queue()
        self.signed: list = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                self.accepted.put(connection)

        threading.Thread(target=accept, daemon=True).start()
        self.address = listener.getsockname()
        self.client = self.make(60)

    def make(self, heartbeat: float, window: int = 4) -> DjzClient:
        def sign_on(connection) -> None:
            connection.open_window(window)
            self.signed.append(connection)
        client = DjzClient(self.address, sign_on, heartbeat)
        self.addCleanup(client.close)
        return client

    def server(self) -> socket.socket:
        connection = self.accepted.get(timeout=LONG)
        connection.settimeout(LONG)
        self.addCleanup(connection.close)
        return connection

    def read(self, connection: socket.socket) -> bytes:
        stream = b""
        while len(stream) < 6 or len(stream) < 6 + int(stream[:6]):
            stream += connection.recv(1)
        return stream[6:]

    def start(self, record: bytes, seconds: float = LONG) -> queue.Queue:
        """Exchange in a thread; what comes of it is put into the queue."""
        result: queue.Queue = queue.Queue()

        def run() -> None:
            try:
                result.put(self.client.exchange(record, seconds))
            except (NoAnswer, NotSent) as error:
                result.put(error)

        threading.Thread(target=run, daemon=True).start()
        return result

    def test_answers_in_any_order(self):
        first = self.start(request(1))
        server = self.server()
        one = self.read(server)
        second = self.start(request(2))
        two = self.read(server)
        data = b"000000" + frame(answer_to(two)) + frame(answer_to(one))
        for at in range(0, len(data), 100):
            server.sendall(data[at:at + 100])
        self.assertEqual(answer_to(one), first.get(timeout=LONG))
        self.assertEqual(answer_to(two), second.get(timeout=LONG))
        self.assertEqual(1, len(self.signed))

    def test_no_more_than_the_window(self):
        self.client = self.make(60, window=1)
        first = self.start(request(1))
        server = self.server()
        one = self.read(server)
        self.assertIsInstance(self.start(request(2), 0.05).get(timeout=LONG), NotSent)
        third = self.start(request(3))
        server.sendall(frame(answer_to(one)))
        first.get(timeout=LONG)
        three = self.read(server)
        self.assertEqual(request(3), three)
        server.sendall(frame(answer_to(three)))
        self.assertEqual(answer_to(three), third.get(timeout=LONG))

    def test_a_time_out_leaves_the_connection_and_drops_the_late_answer(self):
        lost = self.start(request(1), 0.05)
        server = self.server()
        one = self.read(server)
        self.assertIsInstance(lost.get(timeout=LONG), NoAnswer)
        second = self.start(request(2))
        two = self.read(server)
        server.sendall(frame(answer_to(one)) + frame(answer_to(two)))
        self.assertEqual(answer_to(two), second.get(timeout=LONG))

    def test_a_broken_connection_ends_all_that_waits_on_it(self):
        for broken in (b"", b"000255", b"abcdef", frame(answer_to(request(1)))[:100],
                       frame(overlay(answer_to(request(1)), {"H-MAC": "00000000"}))):
            with self.subTest(broken[:10]):
                waiting = [self.start(request(1)), self.start(request(2))]
                server = self.server()
                self.read(server)
                self.read(server)
                server.sendall(broken)
                server.shutdown(socket.SHUT_WR)
                for result in waiting:
                    self.assertIsInstance(result.get(timeout=LONG), NoAnswer)
        self.assertEqual(5, len(self.signed))

    def test_heartbeats_break_the_silence(self):
        self.client = self.make(0.02)
        result = self.start(request(1))
        server = self.server()
        record = self.read(server)
        for _ in range(3):
            self.assertEqual(b"", self.read(server))
            server.sendall(b"000000")
        server.sendall(frame(answer_to(record)))
        self.assertEqual(answer_to(record), result.get(timeout=LONG))

    def test_a_heartbeat_on_demand(self):
        done: queue.Queue = queue.Queue()
        deadline = time.monotonic() + LONG
        threading.Thread(target=lambda: done.put(
            self.client.connection(deadline).beat(LONG)), daemon=True).start()
        server = self.server()
        self.assertEqual(b"", self.read(server))
        server.sendall(b"000000")
        self.assertIsNone(done.get(timeout=LONG))

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.address = listener.getsockname()
        with self.assertRaises(NotSent):
            self.make(60).exchange(request(1), 1)

    def test_a_fresh_connection_for_one_request(self):
        first = self.start(request(1))
        server = self.server()
        one = self.read(server)
        result: queue.Queue = queue.Queue()
        threading.Thread(target=lambda: result.put(
            self.client.exchange(request(1), LONG, fresh=True)), daemon=True).start()
        other = self.server()
        other.sendall(frame(answer_to(self.read(other))))
        self.assertEqual("R", read_header(result.get(timeout=LONG)).header["H-KIND"])
        self.assertEqual(b"", other.recv(1))
        server.sendall(frame(answer_to(one)))
        self.assertEqual(answer_to(one), first.get(timeout=LONG))


if __name__ == "__main__":
    unittest.main()

"""Connections: one request at a time, never more than eight, none read twice."""

import socket
import threading
import unittest

from caret_server import ScriptedServer, after, close, good, half, silent
from fepsim.caret_client import CaretClient, NoAnswer, NotSent
from fepsim.caret_record import Record, Request, decode_answer, encode_request


def echo_line(number=1):
    return encode_request(Request("1800", "H45010000003", "000012", "",
                                  f"20261122101502-H45010000003-{number:04d}", "450100",
                                  Record()))


class Connections(unittest.TestCase):
    def setUp(self):
        self.server = ScriptedServer()
        self.addCleanup(self.server.stop)
        self.client = CaretClient(("127.0.0.1", self.server.port))
        self.addCleanup(self.client.close)

    def echo(self, seconds=5):
        return decode_answer(self.client.exchange(echo_line(), seconds)).code

    def test_a_good_connection_is_used_again(self):
        self.assertEqual([0, 0, 0], [self.echo() for _ in range(3)])
        self.assertEqual(1, self.server.connections)

    def test_a_late_answer_is_never_read(self):
        late = threading.Event()
        self.addCleanup(late.set)
        marked = b"0^LATE^^20260101000000|^^\r\n"
        self.server.on("1800", after(late, lambda server, request: marked))
        with self.assertRaises(NoAnswer):
            self.echo(0.1)
        late.set()
        for _ in range(5):
            answer = decode_answer(self.client.exchange(echo_line(), 5))
            self.assertNotEqual("LATE", answer.centre_serial)
        self.assertEqual(2, self.server.connections)

    def test_bytes_nobody_asked_for_end_the_connection(self):
        self.server.on("1800", lambda server, request: server.good(request) + b"0^LATE")
        self.assertEqual(0, self.echo())
        self.assertEqual(0, self.echo())
        self.assertEqual(2, self.server.connections)

    def test_a_connection_the_server_closed_is_not_used(self):
        self.server.on("1800", half, close)
        for _ in range(2):
            with self.assertRaises(NoAnswer):
                self.echo()
        self.assertEqual(0, self.echo())

    def test_silence_is_no_answer(self):
        self.server.on("1800", silent)
        with self.assertRaises(NoAnswer):
            self.echo(0.1)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        with self.assertRaises(NotSent):
            CaretClient(("127.0.0.1", port)).exchange(echo_line(), 1)

    def test_at_most_eight_connections(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.server.on("1800", *[after(gate, good)] * 8)
        told = []
        threads = [threading.Thread(target=lambda: told.append(self.echo(10)))
                   for _ in range(12)]
        for thread in threads:
            thread.start()
        for _ in range(8):
            self.server.arrivals.get(timeout=5)
        with self.assertRaises(NotSent):
            self.echo(0.05)
        gate.set()
        for thread in threads:
            thread.join(10)
        self.assertEqual([0] * 12, told)
        self.assertEqual(8, self.server.most_open)

    def test_a_fresh_connection_keeps_to_the_limit(self):
        self.echo()
        self.client.exchange(echo_line(), 5, fresh=True)
        self.assertEqual(2, self.server.connections)


if __name__ == "__main__":
    unittest.main()

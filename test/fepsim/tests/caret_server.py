"""A scripted danxian server on the loopback, and a danxian system beside it.

The server answers every request well by itself. A test scripts what differs:
`server.on("2410", silent, close)` is used up in that order.
"""

import argparse
import os
import queue
import socket
import tempfile
import threading
import unittest

from fepsim import china_time
from fepsim.caret_record import decode_request, encode_answer
from fepsim.control import ask
from fepsim.danxian import AskingSystem

SCALE = 0.01
"""A settlement then waits one second, the ladder starts after 30 ms."""


class Close(Exception):
    """Close the connection, after these bytes."""


def close(server, request):
    raise Close(b"")


def silent(server, request):
    """Keep the connection and never answer."""
    return b""


def half(server, request):
    whole = server.good(request)
    raise Close(whole[:len(whole) // 2])


def refuse(code, text="不行"):
    return lambda server, request: encode_answer(code, "", request.cycle, text=text)


def good(server, request):
    return server.good(request)


def after(event, behaviour):
    """Answer only when the test says so."""
    def wait(server, request):
        event.wait(10)
        return behaviour(server, request)
    return wait


def text_of(raw):
    return raw.decode("gb18030")


class ScriptedServer:
    """One thread per connection; every request is kept in order of arrival."""

    def __init__(self):
        self.requests = []
        self.lines = []
        self.connections = 0
        self.arrivals = queue.Queue()
        self._script = {}
        self._lock = threading.Lock()
        self._open = set()
        self.most_open = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def on(self, code, *behaviours):
        self._script.setdefault(code, []).extend(behaviours)

    def of(self, code):
        """The requests of one transaction code."""
        with self._lock:
            return [r for r in self.requests if r.code == code]

    def stop(self):
        self._listener.close()
        for connection in list(self._open):
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
                self.most_open = max(self.most_open, len(self._open))
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    try:
                        connection.sendall(self._answer(line))
                    except Close as ended:
                        connection.sendall(ended.args[0])
                        return
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)

    def _answer(self, line):
        try:
            request = decode_request(line)
        except ValueError:
            return encode_answer(-1001, text="坏")
        with self._lock:
            self.requests.append(request)
            self.lines.append(line)
            script = self._script.get(request.code)
            behaviour = script.pop(0) if script else good
        self.arrivals.put(request)
        return behaviour(self, request)

    def good(self, request):
        """An answer any client must accept."""
        fields, records = getattr(self, "_good_" + request.code, lambda f, r: ([], []))(
            [text_of(f) for f in request.params.fields],
            [[text_of(f) for f in row] for row in request.params.records])
        cycle = request.cycle
        if request.code == "9100":
            cycle = cycle_of(request, china_time.today())
        return encode_answer(0, f"GW{china_time.stamp()}000001", cycle, fields, records)

    def _good_9100(self, fields, rows):
        return [china_time.stamp(), "0"], []

    def _good_1800(self, fields, rows):
        return [china_time.stamp()], []

    def _good_2100(self, fields, rows):
        return [fields[1], "K00000010", "1", "450900201501070104", "䶮小测", "0", "20150107",
                "5", "2", "0", "450900", "测试单位", "0.00", "0", "1", "0", "0", "0.00",
                "300.00"], []

    def _good_2210(self, fields, rows):
        return ["V" + fields[1], "0.00"], []

    def _good_2310(self, fields, rows):
        return fields[2:4], [[r[0], r[11], r[17], r[18], "0.0000", *r[19:23],
                              "0" if r[5] else "1"] for r in rows]

    def _good_2320(self, fields, rows):
        return ["1"], []

    def _good_2410(self, fields, rows):
        total, zero = fields[10], "0.00"
        return ["S" + fields[2], fields[2], total, zero, zero, total, *[zero] * 7,
                zero, zero, zero, total, zero, zero], []

    def _good_2420(self, fields, rows):
        settled, _ = self._good_2410(fields, rows)
        return ["", *settled[1:]], []

    def _good_2430(self, fields, rows):
        return ["C" + fields[3], fields[3], *["0.00"] * 17, fields[2]], []

    def _good_2421(self, fields, rows):
        return ["1", "GW20260101000000000001"], []

    def _good_1110(self, fields, rows):
        return ["0", *fields[2:8]], []

    def _good_1120(self, fields, rows):
        return ["0", "1", "1"], []


def cycle_of(request, day):
    return f"{request.institution[-4:]}-{request.operator:0>8}-{day}001"


class CaretCase(unittest.TestCase):
    """A scripted server and a danxian system that asks it."""

    area = "450900"
    visit_no = "MZ0001"
    psn_no = "45090000000000000007"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.control = os.path.join(folder.name, "ctl.sock")
        self.books_path = os.path.join(folder.name, "books.jsonl")
        self.server = ScriptedServer()
        self.addCleanup(self.server.stop)
        self.system = None
        self.addCleanup(self.stop)

    def start(self, scale=SCALE):
        parameters = {"region": "450100", "gateway": f"127.0.0.1:{self.server.port}",
                      "control": self.control, "books": self.books_path,
                      "password": "secret", "hospital": None, "operator": "000012",
                      "timeout_scale": scale}
        self.system = AskingSystem(argparse.Namespace(**parameters)).start()

    def stop(self):
        if self.system:
            self.system.close()
            self.system = None

    def op(self, op, **fields):
        answer = ask(self.control, {"op": op, "area": self.area, **fields}, 20)
        self.assertTrue(answer["ok"], answer)
        return answer

    def register(self, visit_no=None, told="good"):
        answer = self.op("register", psn_no=self.psn_no, name="罗玘", med_type="11",
                         visit_no=visit_no or self.visit_no, diag="J06.900",
                         diag_name="感冒")
        self.assertEqual(told, answer["told"], answer)
        return answer

    def upload(self, *lines, visit_no=None):
        lines = lines or ({"line_no": 1, "item": "4501-0001", "price": "10.00", "qty": "2"},)
        return self.op("details", visit_no=visit_no or self.visit_no, lines=list(lines))

    def ready_to_settle(self):
        self.register()
        self.assertEqual("good", self.upload()["told"])

    def conclusion(self, serial, seconds=10):
        return self.op("conclusion", serial=serial, seconds=seconds)

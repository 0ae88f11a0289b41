"""Sums over a visit's fee lines that travel with its settlement: Beihai (etc/mapping/examples/wuxian-450500.cfg) wants drugs
and services by level and materials by price. A patient from there is treated in Nanning; what reaches Beihai is read on the
wire. Cancelled lines do not count, settled ones neither, a cancelled settlement frees them, and neither the host's nor the
router's death between upload and settlement changes a fen."""

import os
import pathlib
import re
import signal
import socket
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from pairs import DANXIAN, Pair, System  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import SOURCE, World, free_port, wait_until  # noqa: E402


class Example(System):
    """A system whose mapping is among the examples."""

    @property
    def mapping(self) -> str:
        """Return the mapping file."""
        return f"{SOURCE}/etc/mapping/examples/{self.name}-{self.region}.cfg"


BEIHAI = Example("wuxian", "450500", "GW4505000001", "北海", "1402", "1403")
FIELDS = {"drug_a": "YKC301", "drug_b": "YKC302", "service_a": "YKC303", "service_b": "YKC304", "cheap": "YKC305",
          "middle": "YKC306", "dear": "YKC307", "lines": "YKC308"}
NOTHING = {**dict.fromkeys(FIELDS, "0.00"), "lines": "0"}
TRIAL, SETTLEMENT = "1401", "1402"


class Tap(threading.Thread):
    """Between gateway and centre: passes every byte on and keeps what the gateway said."""

    def __init__(self, port: int, target: int):
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._target = target
        self._lock = threading.Lock()
        self._said = bytearray()

    def run(self) -> None:
        while True:
            asking, _address = self._listener.accept()
            try:
                asked = socket.create_connection(("127.0.0.1", self._target), timeout=10)
            except OSError:
                asking.close()
                continue
            asked.settimeout(None)
            for source, sink, kept in ((asking, asked, True), (asked, asking, False)):
                threading.Thread(target=self._pass, args=(source, sink, kept), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, kept: bool) -> None:
        try:
            while data := source.recv(65536):
                if kept:
                    with self._lock:
                        self._said += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, sink):
                end.close()

    def requests(self, code: str) -> list[str]:
        """Return the documents of a transaction, in their order."""
        with self._lock:
            text = self._said.decode("gbk", "replace")
        text = text.replace("&lt;", "<").replace("&gt;", ">")
        return [document for document in re.findall(r"<REQUEST>.*?</REQUEST>", text, re.DOTALL)
                if f"<MSGNO>{code}</MSGNO>" in document]


def line(number: int, price: str, quantity: str, **facts: str) -> dict:
    """Return a fee line that is in no catalogue."""
    return {"line_no": str(number), "item": "", "price": price, "qty": quantity, "name": "测试项目", "ratio": "0.1000", **facts}


def drug(number: int, price: str, quantity: str, level: str) -> dict:
    """Return a line for a drug."""
    return line(number, price, quantity, kind="1", fee_cat="09", level=level)


def service(number: int, price: str, quantity: str, level: str) -> dict:
    """Return a line for a service."""
    return line(number, price, quantity, kind="2", fee_cat="06", level=level)


def material(number: int, price: str, quantity: str) -> dict:
    """Return a line for a material."""
    return line(number, price, quantity, kind="2", fee_cat="08", level="B")


class VisitSums(unittest.TestCase):
    """One world for all."""

    world: World
    pair: Pair
    tap: Tap

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, DANXIAN, BEIHAI)
        tapped, cls.pair.asked_port = cls.pair.asked_port, free_port()
        cls.tap = Tap(tapped, cls.pair.asked_port)
        cls.tap.start()
        cls.pair.start()

    def visit(self) -> tuple[visits.Clerk, str]:
        """Open a visit of somebody from Beihai."""
        clerk = visits.Clerk(str(self.pair.hospitals), area=BEIHAI.region, region=DANXIAN.region)
        return clerk, clerk.open_visit("0001", "韦测", "MZ", "11", visits.COLD)

    def sums(self, code: str) -> dict[str, str]:
        """Return the sums in the last request of a transaction."""
        document = self.tap.requests(code)[-1]
        return {name: re.search(f"<{field}>(.*?)</{field}>", document)[1] for name, field in FIELDS.items()}

    def assert_sums(self, code: str, **expected: str) -> None:
        """Those that are not given are zero."""
        self.assertEqual(self.sums(code), {**NOTHING, **expected})

    def test_levels_kinds_and_price_brackets(self) -> None:
        """Trial and settlement carry them alike, over two uploads and without a cancelled line."""
        clerk, visit_no = self.visit()
        clerk.step("first", "details", visit_no=visit_no,
                   lines=[drug(1, "12.50", "2", "A"), drug(2, "0.35", "1", "B"), service(3, "50.00", "1", "A"),
                          service(4, "0.05", "1", "B"), drug(5, "7.77", "1", "A")])
        clerk.step("second", "details", visit_no=visit_no,
                   lines=[material(6, "199.99", "1"), material(7, "200.00", "2"), material(8, "1000.00", "1")])
        clerk.step("one less", "cancel_details", visit_no=visit_no, line_no="5")
        expected = {"drug_a": "25.00", "drug_b": "0.35", "service_a": "50.00", "service_b": "0.05", "cheap": "199.99",
                    "middle": "400.00", "dear": "1000.00", "lines": "7"}
        clerk.step("trial", "trial", visit_no=visit_no)
        self.assert_sums(TRIAL, **expected)
        clerk.step("settle", "settle", visit_no=visit_no)
        self.assert_sums(SETTLEMENT, **expected)

    def test_a_cancelled_settlement_frees_its_lines(self) -> None:
        """Cancelled and settled again: the same lines, and what was uploaded since."""
        clerk, visit_no = self.visit()
        clerk.step("details", "details", visit_no=visit_no, lines=[drug(1, "10.00", "1", "A")])
        clerk.step("settle", "settle", visit_no=visit_no)
        self.assert_sums(SETTLEMENT, drug_a="10.00", lines="1")
        clerk.step("refund", "cancel_settlement", visit_no=visit_no, reason="退费")
        clerk.step("more", "details", visit_no=visit_no, lines=[drug(2, "1.50", "1", "B")])
        clerk.step("again", "settle", visit_no=visit_no)
        self.assert_sums(SETTLEMENT, drug_a="10.00", drug_b="1.50", lines="2")

    def test_nothing_is_lost_when_host_and_router_die(self) -> None:
        """Between upload and settlement both are killed; the sums come from the disk."""
        clerk, visit_no = self.visit()
        clerk.step("details", "details", visit_no=visit_no, lines=[drug(1, "33.33", "3", "A"), material(2, "500.00", "1")])
        for program in (b"fep-adapter", b"fepd"):
            self.kill(program)
        self.world.wait_ready(BEIHAI.node)
        clerk.step("settle", "settle", visit_no=visit_no)
        self.assert_sums(SETTLEMENT, drug_a="99.99", middle="500.00", lines="2")

    def children(self, program: bytes) -> list[int]:
        """Return the pids of Beihai's children that run a program."""
        found = []
        for pid in self.world.family(BEIHAI.node)[1:]:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if words[0].endswith(program):
                found.append(pid)
        return found

    def kill(self, program: bytes) -> None:
        """Kill a child of Beihai's keeper at once; it starts another."""
        (old,) = self.children(program)
        os.kill(old, signal.SIGKILL)
        wait_until(f"another {program.decode()} runs", lambda: self.children(program) not in ([], [old]))

    def test_zz_nothing_is_open(self) -> None:
        """Every exchange has its end."""
        wait_until("everything is closed", lambda: not open_anywhere(self.world), 240)


if __name__ == "__main__":
    unittest.main()

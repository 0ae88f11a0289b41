"""What the tests of the asked `danxian` share: a running stand-in and a client of its own."""

import argparse
import os
import shutil
import socket
import tempfile
import unittest

from fepsim import danxian_asked
from fepsim.caret_layout import read_output
from fepsim.caret_record import (Record, Request, decode_answer, encode_request)

REGION, HOSPITAL, OPERATOR = "450100", "H44010000002", "GW001"
DATE, TIME = "20261122", "101500"
WORKER = "45010000000000000001"    # 韦测, in work, 800.00
RETIRED = "45010000000000000003"   # 覃检, civil servant, 1,234.56
NAMES = {WORKER: "韦测", RETIRED: "覃检"}


class Client:
    """One connection on which request and answer take turns; every wait is bounded."""

    count = 0

    def __init__(self, address: str, institution: str = HOSPITAL, operator: str = OPERATOR):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self.stream = self.socket.makefile("rb")
        self.institution, self.operator, self.cycle = institution, operator, ""

    @classmethod
    def new_serial(cls) -> str:
        cls.count += 1
        return f"{DATE}{TIME}-{HOSPITAL}-{cls.count:04d}"

    def line(self, code: str, *params, rows: list = (), **head) -> bytes:
        request = {"institution": self.institution, "operator": self.operator,
                   "cycle": self.cycle, "serial": self.new_serial(), "centre": "440100"}
        if code in ("9100", "9110", "1800", "1110", "1120", "1300"):
            request["centre"] = REGION
        return encode_request(Request(code, params=Record(list(params), list(rows)),
                                      **(request | head)))

    def send(self, line: bytes) -> None:
        self.socket.sendall(line)

    def read_line(self) -> bytes:
        return self.stream.readline()

    def ask(self, code: str, *params, rows: list = (), **head):
        self.send(self.line(code, *params, rows=rows, **head))
        return decode_answer(self.read_line())

    def good(self, code: str, *params, rows: list = (), **head) -> dict:
        answer = self.ask(code, *params, rows=rows, **head)
        if answer.code:
            raise AssertionError(f"{code}: {answer.code} {answer.text}")
        return read_output(code, answer.output)

    def sign_in(self, **head):
        answer = self.ask("9100", "secret", "T1", DATE + TIME, **head)
        if answer.code == 0:
            self.cycle = answer.cycle
        return answer

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


def line(number: str, code: str = "4501-0001", price: str = "1000.0000", quantity: str = "1.0000",
         parts: tuple = ("1000.00", "0.00", "0.00", "0.00", "1000.00"), level: str = "0",
         ratio: str = "0.0000", kind: str = "1", fee_cat: str = "01") -> list[str]:
    """Return a fee line; parts are (amount, full, pre, over, scope) in yuan."""
    amount, *rest = parts
    return [number, "", DATE + "080000", "HIS" + number, "院内项目", code, "", kind, fee_cat,
            price, quantity, amount, "", "", "", "内科", "韦医", level, ratio, *rest, "0", ""]


class Visit:
    """A visit played by a client."""

    def __init__(self, client: Client, number: str, psn_no: str = WORKER,
                 category: str = "21"):
        self.client, self.number, self.psn_no, self.category = client, number, psn_no, category
        self.id = ""

    def register(self, name: str | None = None, time: str = DATE + "090000"):
        answer = self.client.ask(
            "2210", self.psn_no, self.number, self.category, time, "C34.900", "肺癌", "内科",
            "", "D1", "韦医", "前置机", "440100", HOSPITAL, "测试医院", "",
            NAMES.get(self.psn_no, "某人") if name is None else name)
        if answer.code == 0:
            self.id = read_output("2210", answer.output)["visit_id"]
        return answer

    def details(self, *lines: list, total: str = "1000.00", count: int | None = None):
        return self.client.ask("2310", self.number, self.id,
                               len(lines) if count is None else count, total, rows=list(lines))

    def settle_params(self, total: str = "1000.00", account: str = "1", mid: str = "0") -> list:
        return [self.number, self.id, "FP1", self.category, DATE + "100000", DATE + "095900",
                "0", "C34.900", "肺癌", account, total, "前置机", mid]

    def settle(self, total: str = "1000.00", code: str = "2410", serial: str = "", **how):
        head = {"serial": serial} if serial else {}
        return self.client.ask(code, *self.settle_params(total, **how), **head)

    def cancel(self, setl_id: str):
        return self.client.ask("2430", self.number, self.id, setl_id, "FP2", DATE + "101000",
                               "前置机", "退费")

    def reverse(self, code: str, serial: str):
        return self.client.ask("2421", code, serial, self.psn_no, self.number, DATE)


class PeerCase(unittest.TestCase):
    """Runs a stand-in on ports and files of its own for each test."""

    options: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="fepsim-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.books = os.path.join(self.folder, "books.jsonl")
        self.clients: list[Client] = []
        self.start()
        self.addCleanup(self.stop)
        self.client = self.connect()

    def start(self) -> None:
        parser = argparse.ArgumentParser()
        danxian_asked.add_arguments(parser)
        self.peer = danxian_asked.Danxian(parser.parse_args(
            ["--region", REGION, "--listen", "127.0.0.1:0", "--control",
             os.path.join(self.folder, "control.sock"), "--books", self.books,
             "--clock", DATE + TIME, *self.options]))

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.clients.clear()
        self.peer.close()

    def connect(self, signed_in: bool = True, **how) -> Client:
        client = Client(self.peer.address, **how)
        self.clients.append(client)
        if signed_in:
            self.code(client.sign_in(), 0)
        return client

    def code(self, answer, expected: int) -> None:
        self.assertEqual(answer.code, expected, answer.text)

    def ready_visit(self, number: str, **how) -> Visit:
        """Return a registered visit with one line of 1,000.00 stored."""
        visit = Visit(self.client, number, **how)
        self.code(visit.register(), 0)
        self.code(visit.details(line("1")), 0)
        return visit

    def insurance(self, psn_no: str, insutype: str = "310"):
        return self.peer.insurer.ledger.people[psn_no].insurances[insutype]

"""What the `wuxian` tests share: a running stand-in and a client of its own."""

import argparse
import os
import shutil
import socket
import tempfile
import unittest

from fepsim import wuxian, wuxian_http as http
from fepsim.wuxian_layout import INPUTS, REQUEST_HEAD, write_fields, write_values
from fepsim.wuxian_xml import Element, envelope, inner_document, write_request

REGION, NODE, HOSPITAL = "450300", "GW4503000001", "H45010000003"
DATE, TIME = "20261122", "101500"
WORKER = "45030000000000000001"    # 韦测, in work, 800.00
RESIDENT = "45030000000000000002"  # 莫试
RETIRED = "45030000000000000003"   # 覃检, civil servant, 1,234.56
NAMES = {WORKER: "韦测", RESIDENT: "莫试", RETIRED: "覃检"}


class Answer:
    """An answer taken apart: status, head, output and rows as texts."""

    def __init__(self, raw: bytes):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self.is_fault = b"<soapenv:Fault>" in self.body
        if self.status == 200:
            self.document = inner_document(self.body, "businessResponse", "businessReturn")
            self.head = texts(self.document.child("HEAD"))
            self.output = self.document.child("OUTPUT")
            self.values = texts(self.output)
            self.rows = [texts(row) for row in self.output.child("DETAILS").all("ROW")]
            self.code = self.head["ERRORCODE"]


def texts(element: Element) -> dict[str, str]:
    return {child.local: child.text for child in element.children}


class Client:
    """Sends one request on a connection of its own; every wait is bounded."""

    count = 0
    grant = "GW" + REGION

    def __init__(self, address: str):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))

    @classmethod
    def new_serial(cls) -> str:
        cls.count += 1
        return f"{NODE}{DATE}{TIME}{cls.count:04d}"

    def document(self, code: str, values: dict, rows: list | None = None, **head) -> str:
        base = {"MSGNO": code, "MSGID": self.new_serial(), "JYFX": "2", "AAB301": "450100",
                "AAA027": REGION, "AKB020": HOSPITAL, "OPERID": "GW", "OPERNAME": "前置机",
                "OPTTIME": DATE + TIME, "GRANTID": self.grant}
        return write_request(write_fields(REQUEST_HEAD.plain, base | head),
                             write_values(INPUTS[code], values, rows))

    def open(self, message: bytes) -> socket.socket:
        """Send bytes; the answer is for the test to read, if there is one."""
        connection = socket.create_connection(self.address, timeout=5)
        connection.sendall(message)
        return connection

    def send(self, message: bytes) -> bytes:
        """Send bytes and return everything that comes back until the end."""
        with self.open(message) as connection:
            return read_all(connection)

    def ask_document(self, document: str) -> Answer:
        body = envelope("business", "inputXml", document)
        return Answer(self.send(http.request("127.0.0.1", body)))

    def message(self, code: str, values: dict, rows: list | None = None, **head) -> bytes:
        body = envelope("business", "inputXml", self.document(code, values, rows, **head))
        return http.request("127.0.0.1", body)

    def ask(self, code: str, values: dict, rows: list | None = None, **head) -> Answer:
        return Answer(self.send(self.message(code, values, rows, **head)))


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def line(number: str, code: str, price: int, quantity: int, parts: tuple, level: str = "1",
         ratio: int = 0, **other) -> dict:
    """Return a fee line: price in yuan, parts (amount, full, pre, over, scope) in fen."""
    amount, full, pre, over, scope = parts
    return {"AAZ213": number, "AKC221": DATE + "080000", "AKC515": "HIS" + number,
            "AKC516": "院内项目", "AKC222": code, "AKE003": "1", "AKA063": "11",
            "AKC225": price * 10000, "AKC226": quantity * 10000, "AKC227": amount,
            "AKA065": level, "AKA069": ratio, "AKC253": full, "AKC228": pre, "AKC268": over,
            "BKC042": scope} | other


def plain_line(number: str = "1", yuan: int = 100, **other) -> dict:
    """Return a line of item 0001 that is wholly in scope."""
    fen = yuan * 100
    return line(number, "4503-0001", yuan, 1, (fen, 0, 0, 0, fen), **other)


class Visit:
    """A visit played by a client, with the requests that belong to it."""

    def __init__(self, client: Client, number: str, psn_no: str = WORKER,
                 category: str = "21", insurance: str = "310"):
        self.client, self.number, self.psn_no = client, number, psn_no
        self.category, self.insurance = category, insurance
        self.id = ""

    @property
    def named(self) -> dict:
        return {"AAZ217": self.id, "AKC190": self.number}

    def register(self, head: dict | None = None, **values) -> Answer:
        answer = self.client.ask("1201", {
            "AKC190": self.number, "AAC001": self.psn_no,
            "AAC003": NAMES.get(self.psn_no, "某人"), "AAE140": self.insurance,
            "AKA130": self.category, "AKC192": DATE + "090000", "AKC193": "C34.900",
            "AAE011": "前置机"} | values, **(head or {}))
        self.id = answer.values.get("AAZ217", self.id)
        return answer

    def details(self, *lines: dict, head: dict | None = None, **values) -> Answer:
        total = sum(fee["AKC227"] for fee in lines)
        return self.client.ask("1301", self.named | {
            "ROWNUM": len(lines), "AKC264": total} | values, list(lines), **(head or {}))

    def remove(self, *numbers: str) -> Answer:
        if not numbers:
            return self.client.ask("1302", self.named | {"ROWNUM": 0, "AAZ213": "0000"})
        return self.client.ask("1302", self.named | {"ROWNUM": len(numbers)},
                               [{"AAZ213": number} for number in numbers])

    def settle_values(self, total: int, account: bool = True, mid: bool = False) -> dict:
        return self.named | {
            "AAC001": self.psn_no, "AAC003": NAMES.get(self.psn_no, "某人"),
            "AKA130": self.category, "AAE072": "FP1", "AAE040": DATE + "100000",
            "AKC194": DATE + "095900", "AKC195": "0", "AKC196": "C34.900",
            "BKZ102": "肺恶性肿瘤", "ZHSYBZ": str(int(account)), "ZTJSBZ": str(int(mid)),
            "AKC264": total, "AAE011": "前置机"}

    def settle(self, total: int, serial: str = "", code: str = "1402", **how) -> Answer:
        head = {"MSGID": serial} if serial else {}
        return self.client.ask(code, self.settle_values(total, **how), **head)

    def cancel_values(self, setl_id: str) -> dict:
        return self.named | {"AAC001": self.psn_no, "AAZ216": setl_id, "AAE072": "FP2",
                             "AAE040": DATE + "101000", "AAE013": "退费", "AAE011": "前置机"}

    def cancel(self, setl_id: str, serial: str = "") -> Answer:
        head = {"MSGID": serial} if serial else {}
        return self.client.ask("1403", self.cancel_values(setl_id), **head)

    def reverse(self, code: str, serial: str) -> Answer:
        return self.client.ask("1901", {"AKC190": self.number, "ORGDATE": DATE},
                               ORGMSGNO=code, ORGMSGID=serial)

    def inquire(self, code: str, serial: str) -> Answer:
        return self.client.ask("1902", {"AKC190": self.number, "ORGDATE": DATE},
                               ORGMSGNO=code, ORGMSGID=serial)


class PeerCase(unittest.TestCase):
    """Runs a stand-in on ports and files of its own for each test."""

    options: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="fepsim-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.books = os.path.join(self.folder, "books.jsonl")
        self.control = os.path.join(self.folder, "control.sock")
        self.start()

    def start(self) -> None:
        parser = argparse.ArgumentParser()
        wuxian.add_arguments(parser)
        self.peer = wuxian.Wuxian(parser.parse_args(
            ["--region", REGION, "--listen", "127.0.0.1:0", "--control", self.control,
             "--books", self.books, "--clock", DATE + TIME, *self.options]))
        self.addCleanup(self.peer.close)
        self.client = Client(self.peer.address)

    def code(self, answer: Answer, expected: str) -> None:
        self.assertEqual(answer.code, expected, answer.head["ERRORMSG"])

    def ready_visit(self, number: str, psn_no: str = WORKER, yuan: int = 1000,
                    **how) -> Visit:
        """Return a registered visit with one line stored."""
        visit = Visit(self.client, number, psn_no, **how)
        self.code(visit.register(), "0000")
        self.code(visit.details(plain_line(yuan=yuan)), "0000")
        return visit

    def insurance(self, psn_no: str, insutype: str = "310"):
        return self.peer.insurer.ledger.people[psn_no].insurances[insutype]

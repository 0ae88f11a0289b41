"""What the `dajizhong` tests share: a running stand-in and a client of its own."""

import argparse
import os
import shutil
import socket
import tempfile
import unittest

from fepsim import dajizhong
from fepsim.djz_copybook import REQUESTS
from fepsim.djz_record import Record, build, encode_body, frame, read_answer

NODE, GATEWAY, REGION, HOSPITAL = "DJ4509000001", "GW4509000001", "450900", "H45010000003"
DATE, TIME = "20261122", "101500"
WORKER = "45090000000000000001"    # 韦测, in work, 800.00
RESIDENT = "45090000000000000002"  # 莫试
RETIRED = "45090000000000000003"   # 覃检, civil servant, 1,234.56
NAMES = {WORKER: "韦测", RESIDENT: "莫试", RETIRED: "覃检"}


class Client:
    """A client that sends one record and reads one; every wait is bounded."""

    count = 0

    def __init__(self, address: str, signed_on: bool = True, window: int = 16):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self.stream = self.socket.makefile("rb")
        if signed_on:
            self.good("900001", {"LQ-PASSWORD": "secret", "LQ-WINDOW": window})

    @classmethod
    def new_serial(cls) -> str:
        cls.count += 1
        return f"{DATE}{cls.count:012d}"

    def record(self, tran: str, values: dict | None = None, rows: list | None = None,
               **header) -> bytes:
        """Write a request; keyword names are header fields with underscores."""
        base = {"H-KIND": "Q", "H-TRAN": tran, "H-DIR": "2", "H-SENDER": GATEWAY,
                "H-RECEIVER": NODE, "H-SERIAL": self.new_serial(), "H-TREAT-RGN": "450100",
                "H-INSU-RGN": REGION, "H-HOSP": HOSPITAL, "H-OPER": "GW", "H-DATE": DATE,
                "H-TIME": TIME, "H-BUS-DATE": DATE}
        base |= {name.replace("_", "-"): value for name, value in header.items()}
        body = encode_body(REQUESTS[tran], values or {}, rows)
        return build(base, body, len(rows or []))

    def send(self, record: bytes) -> None:
        self.socket.sendall(frame(record))

    def read_raw(self) -> bytes:
        """Read one whole frame's record; b"" when the server closed."""
        length = self.stream.read(6)
        return self.stream.read(int(length)) if len(length) == 6 else b""

    def read(self) -> Record:
        raw = self.read_raw()
        if not raw:
            raise ConnectionError("closed without an answer")
        return read_answer(raw)

    def ask(self, tran: str, values: dict | None = None, rows: list | None = None,
            **header) -> Record:
        self.send(self.record(tran, values, rows, **header))
        return self.read()

    def good(self, tran: str, values: dict | None = None, rows: list | None = None,
             **header) -> Record:
        answer = self.ask(tran, values, rows, **header)
        code = answer.header["H-RET-CODE"]
        if code != "000000":
            raise AssertionError(f"{tran}: {code} {answer.header['H-RET-MSG']}")
        return answer

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


def line(number: str, code: str, price: str, quantity: int, parts: tuple, level: str = "A",
         ratio: int = 0, **other) -> dict:
    """Return a fee line; parts are (amount, full, pre, over, scope) in fen."""
    amount, full, pre, over, scope = parts
    return {"FQ-LINE-NO": number, "FQ-TIME": DATE + "080000", "FQ-HIS-CODE": "HIS" + number,
            "FQ-HIS-NAME": "院内项目", "FQ-CTR-CODE": code, "FQ-KIND": "1", "FQ-FEE-CAT": "XY",
            "FQ-PRICE": round(float(price) * 10000), "FQ-QTY": quantity * 10000,
            "FQ-AMT": amount, "FQ-LEVEL": level, "FQ-RATIO": ratio, "FQ-FULLSELF": full,
            "FQ-PRESELF": pre, "FQ-OVERLMT": over, "FQ-INSCOPE": scope,
            "FQ-APPR-FLAG": "N"} | other


def plain_line(number: str = "1", yuan: int = 100) -> dict:
    """Return a line of item 0001 that is wholly in scope."""
    fen = yuan * 100
    return line(number, "4509-0001", str(yuan), 1, (fen, 0, 0, 0, fen))


class Visit:
    """A visit played by a client, with the requests that belong to it."""

    def __init__(self, client: Client, number: str, psn_no: str = WORKER,
                 category: str = "10", insurance: str = "Z1"):
        self.client, self.number, self.psn_no = client, number, psn_no
        self.category, self.insurance = category, insurance
        self.id = ""

    def register(self, **values) -> Record:
        answer = self.client.ask("200001", {
            "RQ-VISIT-NO": self.number, "RQ-PSN-NO": self.psn_no,
            "RQ-NAME": NAMES.get(self.psn_no, "某人"), "RQ-INS-TYPE": self.insurance,
            "RQ-MED-CAT": self.category, "RQ-TIME": DATE + "090000"} | values)
        self.id = answer.values.get("RR-CTR-VISIT", "")
        return answer

    def details(self, *lines: dict, **header) -> Record:
        values = {"FQ-CTR-VISIT": self.id, "FQ-VISIT-NO": self.number,
                  "FQ-SUM": sum(fee["FQ-AMT"] for fee in lines)}
        return self.client.ask("300001", values, list(lines), **header)

    def settle_values(self, total: int, account: bool = True, mid: bool = False) -> dict:
        return {"SQ-CTR-VISIT": self.id, "SQ-VISIT-NO": self.number, "SQ-PSN-NO": self.psn_no,
                "SQ-BILL-NO": "FP1", "SQ-MED-CAT": self.category, "SQ-TIME": DATE + "100000",
                "SQ-OUT-TIME": DATE + "095900", "SQ-OUT-REASON": "0",
                "SQ-OUT-DIAG": "C34.900", "SQ-OUT-DIAG-NAME": "肺恶性肿瘤",
                "SQ-ACCT-FLAG": "Y" if account else "N", "SQ-MID-FLAG": "Y" if mid else "N",
                "SQ-HIS-TOTAL": total}

    def settle(self, total: int, serial: str = "", tran: str = "400002", **how) -> Record:
        header = {"H_SERIAL": serial} if serial else {}
        return self.client.ask(tran, self.settle_values(total, **how), **header)

    def cancel_values(self, setl_no: str) -> dict:
        return {"CQ-CTR-VISIT": self.id, "CQ-VISIT-NO": self.number,
                "CQ-PSN-NO": self.psn_no, "CQ-ORG-SETL-NO": setl_no, "CQ-BILL-NO": "FP2",
                "CQ-TIME": DATE + "101000", "CQ-REASON": "退费"}

    def cancel(self, setl_no: str, **header) -> Record:
        return self.client.ask("400003", self.cancel_values(setl_no), **header)

    def reverse(self, tran: str, serial: str) -> Record:
        return about(self.client, "500001", tran, serial)

    def inquire(self, tran: str, serial: str) -> Record:
        return about(self.client, "500002", tran, serial)


def about(client: Client, tran: str, org_tran: str, org_serial: str) -> Record:
    """Ask for a reversal (500001) or about an outcome (500002)."""
    return client.ask(tran, {"VQ-ORG-DATE": DATE}, H_ORG_TRAN=org_tran,
                      H_ORG_SERIAL=org_serial)


class PeerCase(unittest.TestCase):
    """Runs a stand-in on ports and files of its own for each test."""

    options: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="fepsim-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.books = os.path.join(self.folder, "books.jsonl")
        self.control = os.path.join(self.folder, "control.sock")
        self._clients: list[Client] = []
        self.start()
        self.addCleanup(self.stop)
        self.client = self.connect()

    def start(self) -> None:
        parser = argparse.ArgumentParser()
        dajizhong.add_arguments(parser)
        self.peer = dajizhong.Dajizhong(parser.parse_args(
            ["--region", REGION, "--listen", "127.0.0.1:0", "--control", self.control,
             "--books", self.books, "--clock", DATE + TIME, *self.options]))

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()
        self.peer.close()

    def connect(self, **how) -> Client:
        client = Client(self.peer.address, **how)
        self._clients.append(client)
        return client

    def code(self, answer: Record, expected: str) -> None:
        header = answer.header
        self.assertEqual(header["H-RET-CODE"], expected, header["H-RET-MSG"])

    def ready_visit(self, number: str, psn_no: str = WORKER, yuan: int = 1000,
                    **how) -> Visit:
        """Return a registered visit with one line stored."""
        visit = Visit(self.client, number, psn_no, **how)
        self.code(visit.register(), "000000")
        self.code(visit.details(plain_line(yuan=yuan)), "000000")
        return visit

    def insurance(self, psn_no: str, insutype: str = "310"):
        return self.peer.insurer.ledger.people[psn_no].insurances[insutype]

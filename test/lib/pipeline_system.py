"""A stand-in of the invented system "pipeline", written from its description in adapters/README.md and from nothing else.

    pipeline_system.py PORT BOOK

Listens on 127.0.0.1:PORT and answers lines; what was posted stands in BOOK, one JSON line per posting or change."""

import json
import pathlib
import socketserver
import sys
import threading

PEOPLE = {
    "45100000000000000001": ("451000198503120011", "韦测", "M", "19850312", "ZG", "W", 80000),
    "45100000000000000002": ("451000197907080021", "莫试", "F", "19790708", "JM", "R", 0),
    "45100000000000000003": ("451000195205210031", "覃检", "M", "19520521", "ZG", "P", 123456),
}
POSTING = ("R01", "X01", "F01", "S01", "C01")
FUND_PERCENT = 60


class Refusal(Exception):
    """A code and a text that end a request without effect."""

    def __init__(self, code: str, text: str):
        super().__init__(text)
        self.code = code


def need(condition: object, code: str, text: str) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise Refusal(code, text)


class Book:
    """Postings by SEQ, visits and settlements; the file is only written."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.lock = threading.Lock()
        self.postings: dict[str, dict] = {}
        self.visits: dict[str, dict] = {}
        self.settled: dict[str, dict] = {}

    def note(self, **entry: object) -> None:
        """Write a line that nobody can take back."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


class System:
    """What each transaction does."""

    def __init__(self, book: Book):
        self.book = book

    def answer(self, line: str) -> str:
        """Return the answer line to a request line."""
        fields = line.split("|")
        tran, seq, rest = fields[0], fields[1] if len(fields) > 1 else "", fields[3:]
        try:
            need(len(fields) >= 4 and len(seq) == 20, "11", "不成报文")
            work = getattr(self, f"do_{tran.lower()}", None)
            need(work, "12", "没有这个交易")
            with self.book.lock:
                out = self._post(tran, seq, fields[2], rest, work) if tran in POSTING else work(rest)
        except Refusal as refusal:
            return f"{seq}|{refusal.code}|{refusal}"
        return "|".join([seq, "00", "", *out])

    def _post(self, tran: str, seq: str, org: str, rest: list[str], work) -> list[str]:
        known = self.book.postings.get(seq)
        if known is not None:
            need(known["state"] != "blocked", "25", "流水号已作废")
            need(known["line"] == [tran, *rest], "15", "流水号重复")
            return known["out"]
        out = work(rest)
        self.book.postings[seq] = {"state": "posted", "line": [tran, *rest], "out": out}
        self.book.note(seq=seq, tran=tran, org=org, fields=rest, out=out)
        return out

    def do_p01(self, rest: list[str]) -> list[str]:
        """Person inquiry."""
        for psn, (cert, name, sex, birth, kind, group, balance) in PEOPLE.items():
            if rest[1] == (cert if rest[0] == "I" else psn):
                return [psn, cert, name, sex, birth, f"{kind},{group},N,{balance}"]
        raise Refusal("21", "查无此人")

    def do_r01(self, rest: list[str]) -> list[str]:
        """Registration."""
        psn, name, visit_no, kind, date = rest[:5]
        need(psn in PEOPLE and name in ("", PEOPLE[psn][1]), "21", "查无此人")
        need(len(date) == 10 and date[4] == date[7] == "/" and kind in ("M", "Y"), "13", "字段不对")
        visit = f"V{len(self.book.visits) + 1:08d}"
        self.book.visits[visit] = {"psn": psn, "lines": {}, "no": visit_no, "open": True}
        return [visit, "0"]

    def do_x01(self, rest: list[str]) -> list[str]:
        """Registration cancelled."""
        visit = self._visit(rest[0])
        need(not visit["lines"], "22", "已有费用")
        visit["open"] = False
        return []

    def _visit(self, number: str) -> dict:
        visit = self.book.visits.get(number)
        need(visit and visit["open"], "22", "没有这个就诊")
        return visit

    def do_f01(self, rest: list[str]) -> list[str]:
        """Fee lines."""
        visit = self._visit(rest[0])
        lines = [record.split(",") for record in rest[2].split(";")]
        need(all(len(line) == 12 for line in lines), "13", "费用行不对")
        need(sum(int(line[5]) for line in lines) == int(rest[1]), "23", "总额不符")
        for line in lines:
            need(sum(int(part) for part in line[8:12]) == int(line[5]), "23", "费用分解不符")
            visit["lines"][line[0]] = line
        return [rest[1], ";".join(",".join([line[0], line[5], *line[6:12]]) for line in lines)]

    def do_s01(self, rest: list[str]) -> list[str]:
        """Settlement."""
        visit = self._visit(rest[0])
        lines = list(visit["lines"].values())
        total, full, pre, over, scope = (sum(int(line[at]) for line in lines) for at in (5, 8, 9, 10, 11))
        need(lines and total == int(rest[3]), "23", "总额不符")
        balance = PEOPLE[visit["psn"]][6]
        fund = scope * FUND_PERCENT // 100
        account = min(balance, total - fund) if rest[4] == "Y" else 0
        amounts = [total, fund, account, total - fund - account, full, pre, over, scope]
        number = f"S{len(self.book.settled) + 1:08d}"
        self.book.settled[number] = {"amounts": amounts, "bill": rest[1], "visit": rest[0], "stands": True}
        visit["open"] = False
        return [number, rest[1], *map(str, amounts), str(balance - account)]

    def do_c01(self, rest: list[str]) -> list[str]:
        """Settlement cancelled."""
        settled = self.book.settled.get(rest[1])
        need(settled and settled["stands"], "24", "没有可撤销的结算")
        settled["stands"] = False
        self.book.visits[settled["visit"]]["open"] = True
        number = f"S{len(self.book.settled) + 1:08d}"
        self.book.settled[number] = {**settled, "amounts": [-amount for amount in settled["amounts"]]}
        return [number, rest[1], settled["bill"], *(str(-amount) for amount in settled["amounts"]), "0"]

    def do_q01(self, rest: list[str]) -> list[str]:
        """What became of a request?"""
        known = self.book.postings.get(rest[0])
        if known is None:
            return ["0", ""]
        if known["state"] == "blocked":
            return ["4", ""]
        return ["1", "00", *known["out"]]

    def do_b01(self, rest: list[str]) -> list[str]:
        """Reversal: takes back what was posted, or blocks the serial for ever."""
        known = self.book.postings.get(rest[0])
        if known is not None and known["state"] == "posted":
            self._take_back(known)
        if known is None:
            known = {"line": [], "out": [], "result": "2"}
        result = known.setdefault("result", "1")
        self.book.postings[rest[0]] = {**known, "state": "blocked"}
        self.book.note(seq=rest[0], tran="B01", result=result)
        return [result]

    def _take_back(self, known: dict) -> None:
        tran, out = known["line"][0], known["out"]
        if tran == "R01":
            self.book.visits[out[0]]["open"] = False
        elif tran == "S01":
            need(self.book.settled[out[0]]["stands"], "24", "已撤销")
            self.book.settled[out[0]]["stands"] = False
            self.book.visits[known["line"][1]]["open"] = True
        elif tran == "F01":
            for record in known["line"][3].split(";"):
                self.book.visits[known["line"][1]]["lines"].pop(record.split(",")[0], None)


class Session(socketserver.StreamRequestHandler):
    """One connection: an answer line for every request line."""

    def handle(self) -> None:
        for line in self.rfile:
            try:
                answer = self.server.system.answer(line.decode("utf-8").removesuffix("\n"))
            except (ValueError, IndexError):
                answer = "|11|不成报文"
            self.wfile.write(answer.encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    """The listener."""

    allow_reuse_address = daemon_threads = True


def main() -> None:
    """Serve until killed."""
    with Server(("127.0.0.1", int(sys.argv[1])), Session) as server:
        server.system = System(Book(pathlib.Path(sys.argv[2])))
        server.serve_forever()


if __name__ == "__main__":
    main()

"""Another product over the same module: etc/mapping/examples/prm-450800.cfg has other elements, transactions, codes, return
codes and another charset, and no line of C knows of it. Guigang's hospitals ask through the gateway, and Guigang's centre
is asked; both are played here, in that product's own words."""

import http.client
import http.server
import datetime
import pathlib
import re
import sys
import threading
import unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, Pair, System  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import SOURCE, World, listens, wait_until  # noqa: E402

CHINA = datetime.timezone(datetime.timedelta(hours=8))
PATH = "/yhjk/services/sjjh"
OPERATION = "yh_interface_call"
Fields = dict[str, object]


class Example(System):
    """A system whose mapping is among the examples; it starts like a wuxian."""

    @property
    def mapping(self) -> str:
        """Return the mapping file."""
        return f"{SOURCE}/etc/mapping/examples/prm-450800.cfg"


GUIGANG = Example("wuxian", "450800", "GW4508000001", "贵港", "14", "21")


def now() -> str:
    """Return the time in China, 14 digits."""
    return datetime.datetime.now(CHINA).strftime("%Y%m%d%H%M%S")


def elements(fields: Fields, rows: list[Fields] | None = None) -> str:
    """Return elements, and the rows in their group."""
    text = "".join(f"<prm_{name}>{value}</prm_{name}>" for name, value in fields.items())
    inside = "".join(f"<row>{elements(row)}</row>" for row in rows or [])
    return text + (f"<sqldata>{inside}</sqldata>" if rows else "")


def write(operation: str, argument: str, root: str, head: Fields, data: str) -> bytes:
    """Return an envelope with its document, in GB18030."""
    document = (f'<?xml version="1.0" encoding="GB18030" standalone="yes" ?><{root}><prm_head>{elements(head)}</prm_head>'
                f"<prm_data>{data}</prm_data></{root}>")
    return (f'<?xml version="1.0" encoding="GB18030"?><SOAP-ENV:Envelope '
            f'xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body>'
            f'<m:{operation} xmlns:m="http://yh.example/sjjh"><{argument}><![CDATA[{document}]]></{argument}></m:{operation}>'
            f"</SOAP-ENV:Body></SOAP-ENV:Envelope>").encode("gb18030")


def read(body: bytes) -> tuple[dict[str, str], dict[str, str], list[dict[str, str]]]:
    """Return head, plain fields and rows of the document in an envelope."""
    text = body.decode("gb18030")
    document = re.search(r"<!\[CDATA\[(.*)\]\]>", text, re.DOTALL)[1]
    root = xml.fromstring(document.partition("?>")[2])
    plain = [{field.tag.removeprefix("prm_"): (field.text or "").strip() for field in root.find(name) if not len(field)}
             for name in ("prm_head", "prm_data")]
    rows = [{field.tag.removeprefix("prm_"): field.text or "" for field in row} for row in root.iter("row")]
    return plain[0], plain[1], rows


class GuigangPair(Pair):
    """A pair of which one side is played by the test."""

    def start_gateways(self) -> None:
        """Start the three gateways and wait until they are ready."""
        for gateway in self.world.gateways:
            self.world.start_gateway(gateway)
        for gateway in self.world.gateways:
            self.world.wait_ready(gateway)
        wait_until("the asking side's port listens", lambda: listens(self.asking_port))


class HospitalsOfGuigang(unittest.TestCase):
    """The module serves."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = GuigangPair(cls.world, GUIGANG, DAJIZHONG)
        cls.world.prepare()
        cls.pair.insurer = cls.world.start_fepsim("dajizhong", "insurer", role="asked", region=DAJIZHONG.region,
                                                  listen=f"127.0.0.1:{cls.pair.asked_port}")
        cls.pair.start_gateways()
        cls.number = 0

    def ask(self, code: str, data: Fields, rows: list[Fields] | None = None, **more: str) -> tuple:
        """Ask the gateway; return head, fields and rows of its answer."""
        type(self).number += 1
        head = {"jybh": code, "jylsh": f"H45080000001{now()}{self.number:04d}", "fx": "1", "yab300": "450800",
                "yab003": DAJIZHONG.region, "akb020": "H45080000001", "czybh": "1", "czyxm": "韦测", "czsj": now(),
                "sqm": "PR450800"} | more
        link = http.client.HTTPConnection("127.0.0.1", self.pair.asking_port, timeout=100)
        link.request("POST", PATH, write(OPERATION, "inxml", "input", head, elements(data, rows)),
                     {"Content-Type": "text/xml; charset=GB18030"})
        answer = link.getresponse()
        body = answer.read()
        link.close()
        self.assertEqual(answer.status, 200, body)
        told = read(body)
        self.assertEqual(told[0]["jylsh"], head["jylsh"])
        return told

    def good(self, code: str, data: Fields, rows: list[Fields] | None = None, **more: str) -> tuple:
        """Ask what must be told good."""
        told = self.ask(code, data, rows, **more)
        self.assertEqual((told[0]["appstate"], told[0]["appcode"]), ("0", "90000"), told[0])
        return told

    def test_a_visit_in_other_words(self) -> None:
        psn_no = DAJIZHONG.region + "0" * 10 + "0001"
        _, person, insurances = self.good("03", {"bka895": "1", "bka896": psn_no, "aka130": "11", "aae030": now()[:8]})
        self.assertEqual((person["aac003"], person["aac004"], insurances[0]["aae140"]), ("韦测", "1", "01"))
        common = {"akc190": "GG0001", "aac001": psn_no, "aac003": person["aac003"], "aka130": "11"}
        _, registered, _ = self.good("11", {**common, "aae140": "01", "akc192": now(), "akc193": "J06.900", "aae011": "韦测"})
        visit = {"aaz217": registered["aaz217"], "akc190": "GG0001"}
        rows = [{"aaz213": "1", "akc221": now(), "akc515": "A1", "akc516": "测试片乙", "akc222": "YH10002", "ake003": "1",
                 "aka063": "11", "akc225": "100.55", "akc226": "1", "akc227": "100.55", "aka065": "1", "aka069": "0.1000",
                 "yka056": "0.00", "yka318": "10.06", "yka058": "0.00", "yka319": "90.49"}]
        _, charged, told = self.good("12", {**visit, "rowcount": 1, "yka055": "100.55"}, rows)
        self.assertEqual((charged["rowcount"], told[0]["aka065"]), ("1", "1"))
        settle = {**visit, **common, "aae072": "F1", "aae040": now(), "zhsybz": "0", "ztjsbz": "0", "yka055": "100.55",
                  "aae011": "韦测"}
        refused, _, _ = self.ask("14", {**settle, "yka055": "100.54"})
        self.assertEqual((refused["appstate"], refused["appcode"]), ("-1", "92301"))
        head, settled, _ = self.good("14", settle)
        self.assertTrue(settled["yka103"])
        self.assertEqual([settled[name] for name in ("yka055", "akc260", "yka065", "akc261", "yka248", "yka319")],
                         ["100.55", "45.25", "0.00", "55.30", "45.25", "90.49"])
        _, found, _ = self.good("82", {"yrq": now()[:8]}, yjybh="14", yjylsh=head["jylsh"])
        self.assertEqual((found["jyzt"], found["yappcode"]), ("1", "90000"))
        _, undone, _ = self.good("99", {"aac001": psn_no, "akc190": "GG0001", "yrq": now()[:8]}, yjybh="14",
                                 yjylsh=head["jylsh"])
        self.assertEqual(undone["czjg"], "1")
        wait_until("everything is closed", lambda: not open_anywhere(self.world))

    def test_echo(self) -> None:
        self.assertEqual(self.good("00", {"echo": "䶮"})[1]["echo"], "䶮")


class Centre(http.server.BaseHTTPRequestHandler):
    """Guigang's centre: a person, a visit, and one settlement of 125.55."""

    asked: list[tuple[dict, dict, list]] = []

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer one request."""
        head, data, rows = read(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((head, data, rows))
        output = getattr(self, "_" + head["jybh"])(data, rows)
        answer = {"jybh": head["jybh"], "jylsh": head["jylsh"], "zxlsh": f"PR4508000001{now()}0001", "appstate": "0",
                  "appcode": "90000", "errtext": "", "czsj": now()}
        body = write(OPERATION + "Response", "outxml", "output", answer, output)
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=GB18030")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def _00(data: dict, _rows: list) -> str:
        return elements({"echo": data.get("echo", ""), "aae036": now()})

    @staticmethod
    def _03(data: dict, _rows: list) -> str:
        return elements({"aac001": data["bka896"], "akc020": "K1", "aac058": "01", "aac002": "450803198501010019",
                         "aac003": "䶮小测", "aac004": "0", "aac006": "19850101", "akc023": "41", "rowcount": "1"},
                        [{"aae140": "01", "akc021": "11", "aac031": "1", "aab004": "测试单位", "akc087": "50.00",
                          "akc025": "0", "sac004": "0", "bka888": "0", "akc090": "0", "akc251": "0.00", "akc270": "0.00"}])

    @staticmethod
    def _11(data: dict, _rows: list) -> str:
        return elements({"aaz217": "PR20260001", "akc190": data["akc190"], "akc270": "0.00"})

    @staticmethod
    def _12(data: dict, rows: list) -> str:
        return elements({"rowcount": len(rows), "yka055": data["yka055"]}, [
            {"aaz213": row["aaz213"], "akc227": row["akc227"], "aka065": row["aka065"], "aka069": row["aka069"],
             "aka068": "0.0000", "yka056": row["yka056"], "yka318": row["yka318"], "yka058": row["yka058"],
             "yka319": row["yka319"]} for row in rows])

    @staticmethod
    def _14(data: dict, _rows: list) -> str:
        nothing = dict.fromkeys(("yka062", "akc262", "yke030", "ake026", "bka821", "ake173", "yka056", "yka058", "yka115"),
                                "0.00")
        return elements({"yka103": "PRS1", "aae072": data["aae072"], "aae040": now(), "yka055": "125.55",
                         "akc260": "57.75", "yka065": "50.00", "akc261": "17.80", "yka248": "57.75", "yka318": "10.06",
                         "yka319": "115.49", "akc087": "0.00", **nothing})


class CentreOfGuigang(unittest.TestCase):
    """The module calls."""

    def test_a_visit_in_other_words(self) -> None:
        Centre.asked = []
        world = World(syslog=False)
        self.addCleanup(world.stop)
        pair = GuigangPair(world, DANXIAN, GUIGANG)
        centre = http.server.ThreadingHTTPServer(("127.0.0.1", pair.asked_port), Centre)
        threading.Thread(target=centre.serve_forever, daemon=True).start()
        self.addCleanup(centre.server_close)
        self.addCleanup(centre.shutdown)
        world.prepare()
        pair.start_gateways()
        hospitals = world.start_fepsim("danxian", "hospitals", role="asking", region=DANXIAN.region,
                                       gateway=f"127.0.0.1:{pair.asking_port}")

        def good(op: str, **fields: object) -> dict:
            answer = world.ask(hospitals, {"op": op, "area": GUIGANG.region, **fields})
            self.assertTrue(answer and answer["ok"] and answer["told"] == "good", f"{op}: {answer}")
            return answer["out"]

        psn_no, visit_no = "4508000000000001", visits.new_visit_number("MZ")
        person = good("person", kind="psn_no", value=psn_no, name="䶮小测")
        self.assertEqual((person["name"], person["sex"]), ("䶮小测", "0"))  # danxian writes women as 0
        good("register", psn_no=psn_no, name="䶮小测", visit_no=visit_no, med_type="11", diag="J06.900", diag_name="感冒")
        good("details", visit_no=visit_no, lines=[
            {"line_no": "1", "item": "4501-0001", "price": "12.50", "qty": "2"},
            {"line_no": "2", "item": "4501-0002", "price": "100.55", "qty": "1"}])
        settled = good("settle", visit_no=visit_no, use_acct=1)
        self.assertEqual([settled[name] for name in ("setl_id", "total", "fund", "acct", "cash")],
                         ["PRS1", 12555, 5775, 5000, 1780])
        codes = [head["jybh"] for head, _, _ in Centre.asked if head["jybh"] != "00"]
        self.assertEqual((codes[0], codes[-2:]), ("03", ["12", "14"]))
        lines = next(rows for head, _, rows in Centre.asked if head["jybh"] == "12")
        self.assertEqual([(row["akc222"], row["aka065"]) for row in lines], [("YH10001", "0"), ("YH10002", "1")])
        wait_until("everything is closed", lambda: not open_anywhere(world))


if __name__ == "__main__":
    unittest.main()

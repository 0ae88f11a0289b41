"""A wuxian caller made of a public SOAP library asks Guilin's gateway: whole visits of insured of Yulin, told by a program
that shares no line with the gateway or with fepsim. Needs python3-zeep."""

import decimal
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim"), str(ROOT / "peers" / "zeep")]

import zeep.exceptions  # noqa: E402
from pairs import DAJIZHONG, WUXIAN, Pair  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import World, wait_until  # noqa: E402
from ydjy_caller import Answer, Fields, YdjyCaller, now  # noqa: E402

HOSPITAL = "H45030000077"
YUAN = decimal.Decimal

# number, price, quantity, and the line's part by Guilin's catalogue: level, ratio, amount, pre, scope
LINES = (("1", "4503-0001", "测试胶囊甲", "12.5", "2", "1", "0.0000", "25.00", "0.00", "25.00"),
         ("2", "4503-0002", "测试片乙", "100.55", "1.0", "2", "0.1000", "100.55", "10.06", "90.49"))


class Zeep(unittest.TestCase):
    """Yulin's centre is the usual stand-in; the caller is new."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, WUXIAN, DAJIZHONG)
        cls.pair.start()
        cls.caller = YdjyCaller(cls.pair.asking_port, WUXIAN.region, HOSPITAL, DAJIZHONG.region)

    def good(self, code: str, fields: Fields, rows: list[Fields] | None = None, **more: object) -> Answer:
        """Ask what must be told good."""
        answer = self.caller.ask(code, fields, rows, **more)
        self.assertTrue(answer.good, f"{code}: {answer.head}")
        return answer

    def person(self, number: str) -> tuple[str, Answer]:
        """Ask for a person by number."""
        psn_no = DAJIZHONG.region + "0" * 10 + number
        return psn_no, self.good("1101", {"BKA895": "01", "BKA896": psn_no, "AKA130": "11", "AAE030": now()[:8]})

    def charge(self, visit_no: str, number: str) -> Fields:
        """Ask for the person, register a visit, upload two lines; return what a settlement says of it."""
        psn_no, person = self.person(number)
        name = person.out["AAC003"]
        registered = self.good("1201", {
            "AKC190": visit_no, "AAC001": psn_no, "AAC003": name, "AAE140": person.rows[0]["AAE140"], "AKA130": "11",
            "AKC192": now(), "AKC193": "J06.900", "BKZ101": "急性上呼吸道感染", "AKE022": "韦医", "AKB021": "测试医院",
            "AAE011": "陆测试"})
        self.assertEqual(registered.out["AKC190"], visit_no)
        rows: list[Fields] = [
            {"AAZ213": no, "AKC221": now(), "AKC515": "HIS-" + no, "AKC516": name_of, "AKC222": item, "AKC223": name_of,
             "AKE003": "1", "AKA063": "11", "AKC225": price, "AKC226": count, "AKC227": amount, "AKE022": "韦医",
             "AKA065": level, "AKA069": ratio, "AKC253": "0.00", "AKC228": pre, "AKC268": "0.00", "BKC042": scope}
            for no, item, name_of, price, count, level, ratio, amount, pre, scope in LINES]
        visit = {"AAZ217": registered.out["AAZ217"], "AKC190": visit_no}
        told = self.good("1301", {**visit, "ROWNUM": 2, "AKC264": "125.55"}, rows)
        self.assertEqual([row["AAZ213"] for row in told.rows], ["1", "2"])
        self.assertEqual((told.out["ROWNUM"], told.out["AKC264"]), ("2", "125.55"))
        return {**visit, "AAC001": psn_no, "AAC003": name, "AKA130": "11", "AAE072": "FP" + visit_no, "AAE040": now(),
                "ZHSYBZ": "0", "ZTJSBZ": "0", "AKC264": "125.55", "AAE011": "陆测试"}

    @staticmethod
    def refund_of(wanted: Fields, settled: Answer, bill: str) -> Fields:
        """Return what takes a settlement back."""
        return {key: wanted[key] for key in ("AAZ217", "AKC190", "AAC001", "AAE040", "AAE011")} | {
            "AAZ216": settled.out["AAZ216"], "AAE072": bill, "AAE013": "退费"}

    def inquire(self, serial: str, code: str = "1402") -> Answer:
        """Ask what became of a request."""
        return self.good("1902", {"ORGDATE": serial[12:20]}, original=(code, serial))

    def test_character_that_gbk_can_not_hold_comes_escaped_twice(self) -> None:
        psn_no = DAJIZHONG.region + "0" * 10 + "0010"
        person = self.good("1101", {"BKA895": "01", "BKA896": psn_no, "AAC003": "䶮小测", "AAE030": now()[:8]})
        self.assertIn(b"&amp;#19886;", self.caller.transport.sent[-1])
        # Yulin's charset can not hold it either and its protocol knows no reference: the name comes back with a mark
        self.assertEqual(person.out["AAC003"], "〓小测")

    def test_visit_with_its_figures_and_the_refund(self) -> None:
        wanted = self.charge("MZ77001", "0001")
        trial = self.good("1401", wanted)
        self.assertEqual(trial.out.get("AAZ216", ""), "")
        serial = self.caller.new_serial()
        settled = self.good("1402", wanted, serial=serial)
        self.assertTrue(settled.out["AAZ216"])
        # an outpatient in work: half of what is in scope, no deductible
        self.assertEqual([settled.out[field] for field in ("AKC264", "AKC228", "BKC042", "AKC260", "AKC255", "AKC261")],
                         ["125.55", "10.06", "115.49", "57.75", "0.00", "67.80"])
        self.assertEqual({field: trial.out[field] for field in ("AKC260", "AKC261")},
                         {field: settled.out[field] for field in ("AKC260", "AKC261")})
        again = self.good("1402", wanted, serial=serial)
        self.assertEqual((again.out, again.head["REFMSGID"]), (settled.out, settled.head["REFMSGID"]))
        other = self.caller.ask("1402", {**wanted, "AKC264": "125.54"}, serial=serial)
        self.assertEqual((other.head["RETURNNUM"], other.code), ("-1", "1005"))
        found = self.inquire(serial)
        self.assertEqual((found.out["JYZT"], found.out["ORGRETURNNUM"], found.original["AAZ216"]),
                         ("1", "1", settled.out["AAZ216"]))
        refund = self.good("1403", self.refund_of(wanted, settled, "TF77001"))
        self.assertEqual(refund.out["ORGAAZ216"], settled.out["AAZ216"])
        self.assertEqual([YUAN(refund.out[field]) for field in ("AKC264", "AKC260", "AKC261")],
                         [-YUAN(settled.out[field]) for field in ("AKC264", "AKC260", "AKC261")])
        later = self.inquire(serial)
        self.assertEqual((later.out["JYZT"], later.out["ORGRETURNNUM"], later.original["AAZ216"], later.original["AKC260"]),
                         ("5", "1", settled.out["AAZ216"], settled.out["AKC260"]))

    def test_reversal_now_later_and_of_what_never_came(self) -> None:
        wanted = self.charge("MZ77002", "0002")
        serial = self.caller.new_serial()
        self.good("1402", wanted, serial=serial)
        about = {"AAC001": wanted["AAC001"], "AKC190": wanted["AKC190"], "ORGDATE": serial[12:20]}
        self.assertEqual(self.good("1901", about, original=("1402", serial)).out["CZJG"], "1")
        self.assertIn(self.good("1901", about, original=("1402", serial)).out["CZJG"], ("1", "3"))
        self.assertEqual(self.inquire(serial).out["JYZT"], "4")
        late = self.caller.ask("1402", wanted, serial=serial)
        self.assertEqual((late.head["RETURNNUM"], late.code), ("-1", "2504"))
        never = self.caller.new_serial()
        self.assertEqual(self.good("1901", about, original=("1402", never)).out["CZJG"], "2")
        blocked = self.caller.ask("1402", wanted, serial=never)
        self.assertEqual((blocked.head["RETURNNUM"], blocked.code), ("-1", "2504"))

    def test_refusals_carry_their_own_codes(self) -> None:
        wanted = self.charge("MZ77003", "0003")
        serial = self.caller.new_serial()
        told = self.caller.ask("1402", {**wanted, "AKC264": "125.54"}, serial=serial)
        self.assertEqual((told.head["RETURNNUM"], told.code), ("-1", "2301"))
        found = self.inquire(serial)
        self.assertEqual([found.out[field] for field in ("JYZT", "ORGRETURNNUM", "ORGERRORCODE")], ["2", "-1", "2301"])
        self.assertEqual(self.caller.ask("1402", wanted, GRANTID="WX450399").code, "1004")
        self.assertEqual(self.caller.ask("9999", {}).code, "1002")
        self.assertEqual(self.caller.ask("1402", {**wanted, "AKC264": "125,55"}).code, "1003")
        self.assertEqual(self.caller.ask("1101", {"BKA895": "01", "BKA896": "1", "AAE030": now()[:8]}).code, "2001")
        self.good("1402", wanted)

    def pages(self, code: str, fields: Fields, size: int) -> tuple[list[dict[str, str]], list[Answer]]:
        """Ask for a list page by page."""
        rows: list[dict[str, str]] = []
        answers: list[Answer] = []
        while not answers or answers[-1].out["LASTPAGE"] == "0":
            answers.append(self.good(code, {**fields, "PAGENO": len(answers) + 1, "PAGESIZE": size}))
            self.assertTrue(len(answers) == 1 or answers[-1].rows, "an empty page behind one that was not the last")
            rows += answers[-1].rows
        self.assertEqual({answer.out["TOTALNUM"] for answer in answers}, {str(len(rows))})
        return rows, answers

    def test_totals_of_an_open_day_and_of_a_closed_one(self) -> None:
        today = now()[:8]
        told = self.caller.ask("1501", {"AAE041": today, "AAE042": today, "ROWNUM": 0}, [])
        self.assertEqual((told.head["RETURNNUM"], told.code), ("-1", "2601"))
        row = {"AAE140": "310", "QSLB": "11", "POSNUM": 1, "NEGNUM": 0, "AKC264": "125.55", "AKC260": "57.75",
               "AKC255": "0.00", "AKC261": "67.80"}
        day = "20200229"
        only_ours = self.good("1501", {"AAE041": day, "AAE042": day, "ROWNUM": 1}, [row])
        self.assertEqual([(each["AAE140"], each["QSLB"], each["POSNUM"], each["AKC264"], each["DZJG"])
                          for each in only_ours.rows], [("310", "11", "0", "0.00", "2")])
        nothing = self.good("1501", {"AAE041": day, "AAE042": day, "ROWNUM": 0}, [])
        self.assertEqual((nothing.out["ROWNUM"], nothing.rows), ("0", []))
        wrong = self.caller.ask("1501", {"AAE041": day, "AAE042": day, "ROWNUM": 2}, [row])
        self.assertEqual(wrong.code, "1003")

    def test_details_of_the_day_page_by_page(self) -> None:
        wanted = self.charge("MZ77004", "0007")
        serial = self.caller.new_serial()
        settled = self.good("1402", wanted, serial=serial)
        rows, _ = self.pages("1502", {"AAE041": now()[:8]}, 2)
        found = {row["MSGID"]: row for row in rows}[serial]
        self.assertEqual([found[field] for field in ("MSGNO", "REFMSGID", "AAZ216", "AAZ217", "AAC001", "AKB020", "AKA130",
                                                     "AKC264", "AKC260", "AKC255", "AKC261", "JYZT")],
                         ["1402", settled.head["REFMSGID"], settled.out["AAZ216"], wanted["AAZ217"], wanted["AAC001"],
                          HOSPITAL, "11", settled.out["AKC264"], settled.out["AKC260"], settled.out["AKC255"],
                          settled.out["AKC261"], "1"])
        self.assertEqual(self.caller.ask("1502", {"AAE041": now()[:8], "PAGENO": 1, "PAGESIZE": 201}).code, "1003")
        cancel = self.caller.new_serial()
        refund = self.good("1403", self.refund_of(wanted, settled, "TF77004"), serial=cancel)
        rows, _ = self.pages("1502", {"AAE041": now()[:8]}, 200)
        by_serial = {row["MSGID"]: row for row in rows}
        self.assertEqual([by_serial[serial][field] for field in ("MSGNO", "AKC264", "JYZT")], ["1402", "125.55", "5"])
        self.assertEqual([by_serial[cancel][field] for field in ("MSGNO", "AAZ216", "ORGAAZ216", "AKC264", "JYZT")],
                         ["1403", refund.out["AAZ216"], settled.out["AAZ216"], "-125.55", "1"])
        self.good("1901", {"AAC001": wanted["AAC001"], "AKC190": wanted["AKC190"], "ORGDATE": cancel[12:20]},
                  original=("1403", cancel))
        rows, _ = self.pages("1502", {"AAE041": now()[:8]}, 200)
        by_serial = {row["MSGID"]: row for row in rows}
        self.assertEqual([by_serial[each]["JYZT"] for each in (serial, cancel)], ["1", "4"])

    def test_catalogue_page_by_page_under_one_version(self) -> None:
        rows, answers = self.pages("1601", {"AKE003": "1"}, 2)
        self.assertGreater(len(answers), 1)
        self.assertEqual(len({answer.out["VER"] for answer in answers}), 1)
        self.assertTrue(answers[0].out["VER"])
        found = {row["AKC222"]: row for row in rows}["4503-0002"]
        self.assertEqual([found[field] for field in ("AKC223", "AKE003", "AKA065", "AKA069", "AAE030", "AAE100")],
                         ["测试片乙", "1", "2", "0.1000", "20200101", "1"])

    def test_filing_is_asked_of_the_insured_place(self) -> None:
        psn_no = DAJIZHONG.region + "0" * 10 + "0001"
        filed = self.good("1701", {"AAC001": psn_no, "AAB301": WUXIAN.region, "AAE030": now()[:8]})
        self.assertEqual((filed.out["BAZT"], filed.rows[0]["BALX"], filed.rows[0]["AAE031"]), ("1", "1", "99991231"))
        other = self.good("1701", {"AAC001": psn_no[:-1] + "6", "AAB301": WUXIAN.region, "AAE030": now()[:8]})
        self.assertEqual((other.out["BAZT"], other.rows), ("0", []))

    def test_what_can_not_be_read_is_a_fault(self) -> None:
        with self.assertRaises(zeep.exceptions.Fault):
            self.caller._service.business(inputXml="no document")

    def test_echo(self) -> None:
        self.assertEqual(self.good("1999", {"ECHO": "回声"}).out["ECHO"], "回声")

    def test_zz_nothing_is_open(self) -> None:
        wait_until("everything is closed", lambda: not open_anywhere(self.world))


if __name__ == "__main__":
    unittest.main()

"""Questions to a `dajizhong` stand-in: persons, filings and daily totals."""

import unittest

from djz_peer import DATE, RESIDENT, PeerCase
from fepsim.data import long_certificate

NEXT_DAY = "20261123"


class Persons(PeerCase):
    def person(self, kind: str, value: str, **other):
        return self.client.ask("100001", {"PQ-KIND": kind, "PQ-VALUE": value,
                                          "PQ-MED-CAT": "10", "PQ-DATE": DATE} | other)

    def test_a_person_by_each_key(self):
        for kind, value in (("P", "45090000000000000003"), ("C", "K00000003"),
                            ("I", "450900195205210032")):
            answer = self.person(kind, value)
            self.code(answer, "000000")
            self.assertEqual(answer.values, {
                "PR-PSN-NO": "45090000000000000003", "PR-CARD-NO": "K00000003",
                "PR-CERT-TYPE": "SFZ", "PR-CERT-NO": "450900195205210032",
                "PR-NAME": "覃检", "PR-SEX": "M", "PR-BIRTH": "19520521"})
            self.assertEqual(answer.rows, [{
                "PR-INS-TYPE": "Z1", "PR-PSN-CAT": "TX", "PR-STATE": "A",
                "PR-BALANCE": 1234_56, "PR-CIVIL": "Y", "PR-POOR": "N", "PR-FROZEN": "N",
                "PR-IN-TIMES": 0, "PR-POOL-CUM": 0, "PR-DEDC": 400_00,
                "PR-UNIT": "测试单位"}])

    def test_two_insurances(self):
        answer = self.person("P", "45090000000000000009", **{"PQ-NAME": "吐尔逊．测试"})
        self.assertEqual([(row["PR-INS-TYPE"], row["PR-PSN-CAT"], row["PR-DEDC"])
                          for row in answer.rows],
                         [("Z1", "ZZ", 400_00), ("R1", "CN", 300_00)])

    def test_special_persons_are_shown(self):
        states = {number: self.person("P", "4509000000000000" + number).rows[0]
                  for number in ("0004", "0005", "0010", "0011")}
        self.assertEqual(states["0004"]["PR-STATE"], "S")
        self.assertEqual(states["0005"]["PR-FROZEN"], "Y")
        self.assertEqual(states["0010"]["PR-POOR"], "Y")
        self.assertEqual((states["0011"]["PR-IN-TIMES"], states["0011"]["PR-POOL-CUM"],
                          states["0011"]["PR-DEDC"]), (1, 199_000_00, 200_00))

    def test_a_character_outside_gbk(self):
        answer = self.person("P", "45090000000000000010", **{"PQ-NAME": "䶮小测"})
        self.assertEqual(answer.values["PR-NAME"], "〓小测")

    def test_both_forms_of_a_certificate(self):
        short = "450900490105008"
        for number in (short, long_certificate(short)):
            answer = self.person("I", number)
            self.assertEqual(answer.values["PR-CERT-NO"], short)

    def test_refusals(self):
        self.code(self.person("P", "45090000000000000099"), "200001")
        self.code(self.person("P", "45090000000000000001", **{"PQ-NAME": "别人"}), "200003")
        self.code(self.person("X", "45090000000000000001"), "100003")
        self.code(self.person("P", ""), "100003")
        self.code(self.person("P", "45090000000000000001", **{"PQ-MED-CAT": "99"}), "100003")
        self.code(self.person("P", "45090000000000000001", **{"PQ-DATE": ""}), "100003")


class Filings(PeerCase):
    def filing(self, number: str, **other):
        return self.client.ask("800001", {"GQ-PSN-NO": "4509000000000000" + number,
                                          "GQ-RGN": "440100", "GQ-DATE": DATE} | other)

    def test_a_filing_of_the_asking_province(self):
        answer = self.filing("0004")
        self.assertEqual(answer.rows, [{
            "GR-NO": "BA00000004", "GR-TYPE": "01", "GR-BEGIN": "20260101",
            "GR-END": "99991231", "GR-RGN": "440000", "GR-HOSP": "", "GR-STATE": "V"}])

    def test_none(self):
        for answer in (self.filing("0006"), self.filing("0001", **{"GQ-DATE": "20251231"})):
            self.code(answer, "000000")
            self.assertEqual(answer.rows, [])

    def test_refusals(self):
        self.code(self.filing("0099"), "200001")
        self.code(self.filing("0001", **{"GQ-NAME": "别人"}), "200003")
        self.code(self.filing("0001", **{"GQ-CERT-NO": "1"}), "200003")
        self.code(self.filing("0001", **{"GQ-RGN": ""}), "100003")


class Totals(PeerCase):
    def totals(self, *rows: dict, day: str = DATE, **header):
        return self.client.ask("600001", {}, list(rows), H_BUS_DATE=day, **header)

    def next_day(self, time: str = "020000") -> dict:
        self.peer.clock.set(NEXT_DAY, time)
        return {"H_DATE": NEXT_DAY, "H_TIME": time}

    def test_a_day_that_is_not_closed(self):
        self.code(self.totals(), "200601")
        self.code(self.totals(**self.next_day("015900")), "200601")
        self.code(self.totals(day="20261301", **self.next_day()), "100003")

    def test_every_judgement(self):
        inpatient = self.ready_visit("ZY1")
        cancelled = inpatient.settle(1000_00, account=False).values["SR-SETL-NO"]
        inpatient.cancel(cancelled)
        inpatient.settle(1000_00, account=False)
        pharmacy = self.ready_visit("YD1", RESIDENT, 100, category="06", insurance="R1")
        serial = self.client.new_serial()
        pharmacy.settle(100_00, serial)
        pharmacy.reverse("400002", serial)
        self.code(pharmacy.settle(100_00), "000000")
        # in work: fund 600.00 x 85 % = 510.00; resident at a pharmacy: 50.00
        equal = {"TQ-INS-TYPE": "Z1", "TQ-CLR-CAT": "IP", "TQ-POS": 2, "TQ-NEG": 1,
                 "TQ-TOTAL": 1000_00, "TQ-FUND": 510_00, "TQ-ACCT": 0, "TQ-CASH": 490_00}
        only_asker = equal | {"TQ-CLR-CAT": "OP"}
        answer = self.totals(equal, only_asker, **self.next_day())
        self.assertEqual([(row["TR-INS-TYPE"], row["TR-CLR-CAT"], row["TR-RESULT"])
                          for row in answer.rows],
                         [("Z1", "OP", "2"), ("Z1", "IP", "0"), ("R1", "PH", "3")])
        self.assertEqual(answer.rows[2], {
            "TR-INS-TYPE": "R1", "TR-CLR-CAT": "PH", "TR-POS": 1, "TR-NEG": 0,
            "TR-TOTAL": 100_00, "TR-FUND": 50_00, "TR-ACCT": 0, "TR-CASH": 50_00,
            "TR-RESULT": "3"})
        differs = self.totals(equal | {"TQ-CASH": 490_01}, **self.next_day())
        self.assertEqual(differs.rows[0]["TR-RESULT"], "1")


if __name__ == "__main__":
    unittest.main()

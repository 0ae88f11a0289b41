"""Questions at a running `wuxian` stand-in: persons, totals, details, catalogue, filings."""

import unittest

from fepsim.data import long_certificate
from wuxian_peer import DATE, HOSPITAL, RESIDENT, WORKER, PeerCase, Visit, plain_line

NEXT = "20261123"


class Persons(PeerCase):
    def person(self, kind: str, value: str, name: str = "", **other):
        return self.client.ask("1101", {"BKA895": kind, "BKA896": value, "AAC003": name,
                                        "AAE030": DATE} | other)

    def test_by_each_kind_of_number(self):
        certificate = self.person("01", WORKER).values["AAC002"]
        for kind, value in (("01", WORKER), ("02", certificate), ("02", certificate.lower()),
                            ("03", "K00000001")):
            answer = self.person(kind, value, "韦测")
            self.assertEqual((WORKER, "1", "01", "41"), tuple(
                answer.values[n] for n in ("AAC001", "AAC004", "AAC058", "AKC023")))
        self.assertEqual([{
            "AAE140": "310", "AKC021": "11", "AAC031": "1", "AAB001": "", "AAB004": "测试单位",
            "AKC087": "800.00", "AKC025": "0", "SAC004": "0", "BKA888": "0", "AKC090": "0",
            "AKC251": "0.00", "AKC270": "0.00"}], answer.rows)

    def test_several_insurances_and_the_deductible(self):
        answer = self.person("01", WORKER[:-2] + "09", "吐尔逊•测试", AKA130="21")
        self.assertEqual([("310", "55.00", "400.00"), ("390", "0.00", "300.00")], [
            (row["AAE140"], row["AKC087"], row["AKC270"]) for row in answer.rows])
        self.assertEqual("2", answer.values["ROWNUM"])

    def test_flags(self):
        self.assertEqual("2", self.person("01", WORKER[:-2] + "04").rows[0]["AAC031"])
        self.assertEqual("1", self.person("01", WORKER[:-2] + "05").rows[0]["BKA888"])
        self.assertEqual("1", self.person("01", WORKER[:-2] + "10").rows[0]["SAC004"])
        retired = self.person("01", WORKER[:-2] + "03").rows[0]
        self.assertEqual(("21", "1", "1234.56"),
                         (retired["AKC021"], retired["AKC025"], retired["AKC087"]))

    def test_the_old_certificate_in_both_lengths(self):
        for number in ("450300490105008", long_certificate("450300490105008")):
            self.assertEqual("450300490105008", self.person("02", number).values["AAC002"])

    def test_refusals(self):
        self.code(self.person("01", "1"), "2001")
        self.code(self.person("01", WORKER, "韦试"), "2003")
        self.code(self.person("04", WORKER), "1003")
        self.code(self.person("01", WORKER, AKA130="99"), "1003")
        self.code(self.person("01", ""), "1003")


class Days(PeerCase):
    """A settled visit, one refunded, one reversed; asked for the day after."""

    def setUp(self) -> None:
        super().setUp()
        self.ready_visit("ZY1").settle(1000_00)
        sale = Visit(self.client, "YD1", RESIDENT, "12", "390")
        sale.register()
        sale.details(plain_line(yuan=100))
        sale.cancel(sale.settle(100_00).values["AAZ216"])
        third = self.ready_visit("MZ1", category="11")
        serial = self.client.new_serial()
        third.settle(1000_00, serial)
        third.reverse("1402", serial)

    def totals(self, rows: list, now: str = NEXT, first: str = DATE, last: str = DATE):
        return self.client.ask("1501", {"AAE041": first, "AAE042": last,
                                        "ROWNUM": len(rows)}, rows, OPTTIME=now + "120000")

    def next_day(self) -> None:
        self.peer.clock.set(NEXT, "120000")

    def test_totals_of_every_kind_of_row(self):
        self.next_day()
        def row(insurance, category, pos, neg, *sums):
            return dict(zip(("AAE140", "QSLB", "POSNUM", "NEGNUM", "AKC264", "AKC260", "AKC255",
                             "AKC261"), (insurance, category, pos, neg, *sums)))
        answer = self.totals([row("310", "21", 1, 0, 1000_00, 510_00, 490_00, 0),
                              row("390", "11", 1, 0, 5, 0, 0, 5)])
        self.assertEqual([("310", "21", "1", "0", "1000.00", "510.00", "490.00", "0.00", "0"),
                          ("390", "11", "0", "0", "0.00", "0.00", "0.00", "0.00", "2"),
                          ("390", "41", "1", "1", "0.00", "0.00", "0.00", "0.00", "3")],
                         [tuple(row.values()) for row in answer.rows])
        wrong = self.totals([row("310", "21", 1, 0, 1000_01, 510_00, 490_00, 1)])
        self.assertEqual("1", wrong.rows[0]["DZJG"])

    def test_an_open_day_and_a_wrong_range(self):
        self.code(self.client.ask("1501", {"AAE041": DATE, "AAE042": DATE, "ROWNUM": 0}, []),
                  "2601")
        self.next_day()
        self.code(self.totals([], first=NEXT), "1003")
        self.code(self.totals([], first="20261101"), "0000")

    def details(self, page: int, size: int):
        return self.client.ask("1502", {"AAE041": DATE, "PAGENO": page, "PAGESIZE": size})

    def test_details_page_by_page(self):
        rows, page = [], 1
        while True:
            answer = self.details(page, 3)
            rows += answer.rows
            self.assertEqual(("4", str(page)), (answer.values["TOTALNUM"],
                                                answer.values["PAGENO"]))
            if answer.values["LASTPAGE"] == "1":
                break
            page += 1
        self.assertEqual(2, page)
        self.assertEqual([("1402", "21", "1"), ("1402", "12", "5"), ("1403", "12", "1"),
                          ("1402", "11", "4")],
                         [(r["MSGNO"], r["AKA130"], r["JYZT"]) for r in rows])
        self.assertEqual(sorted(r["REFMSGID"] for r in rows), [r["REFMSGID"] for r in rows])
        self.assertEqual((rows[1]["AAZ216"], HOSPITAL, "-100.00"),
                         (rows[2]["ORGAAZ216"], rows[2]["AKB020"], rows[2]["AKC264"]))

    def test_pages_have_limits(self):
        self.code(self.details(0, 10), "1003")
        self.code(self.details(1, 201), "1003")
        self.code(self.details(9, 200), "0000")


class Lists(PeerCase):
    def test_catalogue(self):
        answer = self.client.ask("1601", {"AKE003": "1", "PAGENO": 1, "PAGESIZE": 2})
        self.assertEqual(("6", "0"), (answer.values["TOTALNUM"], answer.values["LASTPAGE"]))
        self.assertEqual(("4503-0002", "测试片乙", "11", "2", "0.1000", "1"), tuple(
            answer.rows[1][n] for n in ("AKC222", "AKC223", "AKA063", "AKA065", "AKA069",
                                        "AAE100")))
        last = self.client.ask("1601", {"AKE003": "1", "PAGENO": 3, "PAGESIZE": 2})
        self.assertEqual(("1", "4503-0008", "88.1234"), (
            last.values["LASTPAGE"], last.rows[1]["AKC222"], last.rows[1]["AKA068"]))
        self.assertEqual(answer.values["VER"], last.values["VER"])
        nothing = self.client.ask("1601", {"AKE003": "4", "PAGENO": 1, "PAGESIZE": 500})
        self.assertEqual(("0", "1"), (nothing.values["TOTALNUM"], nothing.values["LASTPAGE"]))
        unchanged = self.client.ask("1601", {"AKE003": "1", "AAE036": "20260101000000",
                                             "PAGENO": 1, "PAGESIZE": 500})
        self.assertEqual("0", unchanged.values["TOTALNUM"])

    def filing(self, number: str, **values):
        return self.client.ask("1701", {"AAC001": WORKER[:-2] + number, "AAB301": "440100",
                                        "AAE030": DATE} | values)

    def test_filings(self):
        answer = self.filing("01")
        self.assertEqual("1", answer.values["BAZT"])
        self.assertEqual([{"BAH": "BA00000001", "BALX": "1", "AAE030": "20260101",
                           "AAE031": "99991231", "AAB301": "440000", "AKB020": "",
                           "AAE100": "1"}], answer.rows)
        self.assertEqual("0", self.filing("06").values["BAZT"])
        self.assertEqual("0", self.filing("01", AAE030="20251231").values["BAZT"])
        self.code(self.filing("01", AAC002="1"), "2003")
        self.code(self.filing("99"), "2001")


if __name__ == "__main__":
    unittest.main()

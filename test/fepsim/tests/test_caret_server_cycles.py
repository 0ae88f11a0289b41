"""Sign-in and the business cycle of an asked `danxian`, midnight and restarts included."""

import unittest

from caret_peer import DATE, HOSPITAL, REGION, PeerCase, line
from fepsim.caret_layout import read_output

NODE, NEXT = "GW4501000001", "20261123"


class SignIn(PeerCase):
    def test_the_number_and_its_resumption(self):
        self.assertEqual(f"0002-000GW001-{DATE}001", self.client.cycle)
        again = self.client.sign_in()
        self.assertEqual((f"0002-000GW001-{DATE}001", "1"), (
            again.cycle, read_output("9100", again.output)["resumed"]))
        self.code(self.client.ask("9110", "1"), 0)
        first = self.client.sign_in()
        self.assertEqual((f"0002-000GW001-{DATE}002", "0"), (
            first.cycle, read_output("9100", first.output)["resumed"]))

    def test_refusals(self):
        client = self.connect(signed_in=False)
        self.code(client.ask("9100", "other", "T", DATE + "101500"), -1004)
        self.code(client.ask("9100", "secret", "T", DATE + "100459"), -1006)
        self.code(client.ask("9100", "secret", "T", DATE + "101500", centre="440100"), -1003)
        self.code(client.ask("2100", "3", "1"), -9101)
        self.assertEqual(14, len(client.good("1800")["server_time"]))

    def test_whose_cycle_it_is(self):
        cycle = self.client.cycle
        other = self.connect(operator="GW002")
        self.code(other.ask("2100", "3", "1", cycle=cycle), -9103)
        self.code(self.client.ask("2100", "3", "1", institution="H44010000003"), -9103)
        node = self.connect(institution=NODE)
        self.assertEqual(f"0001-000GW001-{DATE}001", node.cycle)
        self.code(node.ask("2100", "3", "45010000000000000001", institution=HOSPITAL), 0)

    def test_an_institution_refusal_uses_the_serial_up(self):
        serial = self.client.new_serial()
        self.code(self.client.ask("2240", "Z", "V", institution="H44010000003",
                                  serial=serial), -9103)
        self.code(self.client.ask("2240", "Z", "V", serial=serial), -1005)


class SignOut(PeerCase):
    def totals(self, *sums: str):
        return self.client.good("1110", DATE, "", *sums)

    def test_only_after_equal_totals(self):
        visit = self.ready_visit("ZY1")
        self.code(self.client.ask("9110", "0"), -2601)
        self.totals("1", "0", "0.00", "0.00", "0.00", "0.00")
        self.code(self.client.ask("9110", "0"), -2601)
        self.totals("0", "0", "0.00", "0.00", "0.00", "0.00")
        visit.settle()
        self.code(self.client.ask("9110", "0"), -2601)
        sums = ("1000.00", "510.00", "490.00", "0.00")
        self.client.good("1110", DATE, "1", "1", "0", *sums)  # not all types
        self.code(self.client.ask("9110", "0"), -2601)
        self.totals("1", "0", *sums)
        self.code(self.client.ask("9110", "2"), -1003)
        self.code(self.client.ask("9110", "0"), 0)
        self.code(self.client.ask("9110", "0"), -9101)

    def test_midnight(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        visit.settle(serial=serial)
        old = self.client.cycle
        self.peer.clock.set(NEXT, "000001")
        self.code(visit.details(line("2")), -9102)
        resumed = self.client.ask("9100", "secret", "T", NEXT + "000001")
        self.assertEqual((old, "1"), (resumed.cycle,
                                      read_output("9100", resumed.output)["resumed"]))
        self.code(visit.reverse("2410", serial), 0)
        self.code(self.client.ask("1120", DATE, "1", "10"), 0)
        self.totals("0", "0", "0.00", "0.00", "0.00", "0.00")
        self.code(self.client.ask("9110", "0"), 0)
        answer = self.client.ask("9100", "secret", "T", NEXT + "000001")
        self.assertEqual(f"0002-000GW001-{NEXT}001", answer.cycle)

    def test_the_accounting_day_is_the_cycles(self):
        self.ready_visit("ZY1").settle()
        self.assertEqual({DATE}, {posting["acct_date"] for posting
                                  in self.peer.insurer.money_of_day("", DATE)})


class Restart(PeerCase):
    def test_cycles_and_serials_outlive_the_server(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        visit.settle(serial=serial)
        question = self.client.new_serial()
        self.client.good("1800", serial=question)
        cycle = self.client.cycle
        self.stop()
        self.start()
        self.client = visit.client = self.connect(signed_in=False)
        self.client.cycle = cycle
        self.code(visit.settle(serial=serial), -1005)
        self.code(self.client.ask("1800", serial=question), -1005)
        self.assertEqual("1", read_output("2421", visit.reverse("2410", serial).output)["result"])
        self.assertEqual(REGION, self.peer.insurer.region)


if __name__ == "__main__":
    unittest.main()

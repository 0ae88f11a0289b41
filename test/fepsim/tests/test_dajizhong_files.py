"""Files of `dajizhong`: the printed sample, the day's details, the catalogue."""

import os
import unittest

from djz_peer import DATE, PeerCase
from fepsim import djz_files

NEXT_DAY = "20261123"


class Sample(unittest.TestCase):
    def test_the_printed_detail_file(self):
        posting = {
            "kind": "settle", "state": "posted", "serial": "20261122000000001234",
            "tran": "400002", "ctr_serial": "DJ202611221130060088",
            "visit_id": "DJ202611150000000091", "setl_id": "DJS20261122000000451",
            "psn_no": "45090000000000055512", "hospital": "H44010000002",
            "treat_region": "440100", "at": "20261122113006", "insutype": "310",
            "med_type": "21", "total": 1106567, "fund": 957272, "acct": 123456, "cash": 25839}
        records = djz_files.detail_records([posting], "450900", "DJ4509000001", "GW4509000001",
                                           "20261122", "20261123023000")
        data = b"".join(record + b"\n" for record in records)
        self.assertEqual((len(data), djz_files.crc_of(data)), (723, "A4264A3C"))


class Files(PeerCase):
    def start(self) -> None:
        self.options = ("--files", self.folder)
        super().start()

    def at(self, time: str) -> dict:
        self.peer.clock.set(NEXT_DAY, time)
        return {"H_DATE": NEXT_DAY, "H_TIME": time}

    def details(self, day: str = DATE, **header):
        return self.client.ask("600002", {"DQ-BUS-DATE": day, "DQ-KIND": "MX"}, **header)

    def test_the_details_of_a_day(self):
        visit = self.ready_visit("ZY1")
        serial = self.client.new_serial()
        visit.settle(1000_00, serial)
        visit.reverse("400002", serial)
        visit.cancel(visit.settle(1000_00).values["SR-SETL-NO"])
        self.assertEqual(self.details().values["DR-STATUS"], "0")
        self.assertEqual(self.details(**self.at("022900")).values["DR-STATUS"], "0")
        offer = self.details(**self.at("023000")).values
        self.assertEqual((offer["DR-STATUS"], offer["DR-CNT"]), ("1", 3))
        self.assertTrue(djz_files.matches(self.folder, offer["DR-FILE"], offer["DR-SIZE"],
                                          offer["DR-CRC"], 3))
        with open(os.path.join(self.folder, offer["DR-FILE"]), "rb") as file:
            lines = file.read().split(b"\n")
        self.assertEqual([len(line) for line in lines], [240] * 5 + [0])
        self.assertEqual([line[230:231] for line in lines[1:4]], [b"4", b"5", b"1"])
        # one settlement, one cancellation, nothing left of the money
        self.assertEqual(lines[4][:38], b"T00000003" + b"00000001" * 2 + b"+000000000000")
        self.assertEqual(self.details("20261121", **self.at("023000")).values["DR-STATUS"], "2")

    def test_the_catalogue(self):
        answer = self.client.good("700001", {"KQ-KIND": "1", "KQ-SINCE": ""})
        offer = answer.values
        self.assertEqual((offer["DR-STATUS"], offer["DR-CNT"]), ("1", 6))
        with open(os.path.join(self.folder, offer["DR-FILE"]), "rb") as file:
            lines = file.read().split(b"\n")
        self.assertEqual({len(line) for line in lines}, {256, 0})
        self.assertEqual(lines[6][9:39].rstrip(), b"4509-0008")
        self.assertEqual(lines[6][148:161], b"+000000881234")
        later = self.client.good("700001", {"KQ-KIND": "1", "KQ-SINCE": DATE + "000000"})
        self.assertEqual(later.values["DR-STATUS"], "2")
        self.code(self.client.ask("700001", {"KQ-KIND": "5"}), "100003")

    def test_a_notice_is_answered_when_the_file_is_whole(self):
        name = "DZMX_GW4509000001_DJ4509000001_20261122_001.txt"
        records = djz_files.detail_records([], "450900", "GW4509000001", "DJ4509000001",
                                           DATE, DATE + "235959")
        notice = {"DQ-BUS-DATE": DATE, "DQ-KIND": "MX", "DR-STATUS": "1", "DR-FILE": name,
                  "DR-SIZE": 482, "DR-CRC": "00000000", "DR-CNT": 0}
        self.code(self.client.ask("600003", notice), "900001")
        offer = djz_files.put(self.folder, name, records)
        self.code(self.client.ask("600003", notice), "900001")
        self.code(self.client.ask("600003", notice | {"DR-CRC": offer.crc}), "000000")
        self.code(self.client.ask("600003", notice | {"DQ-KIND": "XX"}), "100003")


if __name__ == "__main__":
    unittest.main()

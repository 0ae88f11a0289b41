"""dajizhong as the asking system, played against dajizhong as the asked one."""

import dataclasses
import threading
import unittest

from asking_case import InquiryTests, PairCase
from fepsim import china_time, dajizhong, dajizhong_asking, djz_files, djz_reader
from fepsim.control import ask
from fepsim.djz_record import Unreadable


class DjzCase(PairCase):
    asked, asking = dajizhong, dajizhong_asking
    region, area = "450900", "450300"
    psn_no = "45030000000000000007"

    def setUp(self) -> None:
        self.more: list[str] = []
        super().setUp()

    def turn_round(self) -> None:
        desk = self.peer.server.desk
        desk.settings = dataclasses.replace(
            desk.settings, direction="1", gateway=f"DJ{self.region}0001",
            node=f"GW{self.region}0001")

    def more_asked_options(self) -> list[str]:
        return ["--files", self.folder]

    def more_options(self) -> list[str]:
        return ["--files", self.folder, *self.more]


class Pair(InquiryTests, DjzCase):
    options = (*InquiryTests.options, "--window", "3")

    def test_the_message_id_of_a_serial(self):
        told = self.register("MZ1")
        self.assertRegex(told["serial"], "^20[0-9]{18}$")
        self.assertEqual("DJ4509000001" + told["serial"][2:], told["msgid"])

    def test_many_requests_share_the_window(self):
        answers = []

        def ask_one() -> None:
            answers.append(self.op("person", kind="psn_no", value=self.psn_no)["told"])

        threads = [threading.Thread(target=ask_one) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(["good"] * 12, answers)
        self.assertEqual(1, len(self.sent("sign_in")))

    def test_a_new_day_is_learnt_from_the_refusal(self):
        self.ready("MZ1")
        self.next_day()
        told = self.good("settle", visit_no="MZ1")
        self.assertNotEqual(self.today, told["acct_date"])
        entry = self.op("books", serial=told["serial"])["entries"][0]
        self.assertEqual(told["acct_date"], entry["bus_date"])

    def test_a_lost_connection_is_signed_on_anew(self):
        self.register("MZ1")
        self.peer.server.disconnect()
        self.upload("MZ1")
        self.assertEqual(2, len(self.sent("sign_in")))
        self.assertEqual("good", self.op("signout")["told"])
        self.assertEqual(("good", 3), (self.op("signin")["told"],
                                       self.op("signin")["out"]["window"]))

    def test_a_wrong_password(self):
        self.stop()
        self.more = ["--password", "other"]
        self.start()
        told = self.op("person", kind="psn_no", value=self.psn_no)
        self.assertEqual(("not_sent", -1004), (told["told"], told["code"]))
        self.assertEqual(("refused", -1004), (self.op("signin")["told"],
                                              self.op("signin")["code"]))

    def test_echo_and_raw_bytes(self):
        self.good("echo")
        told = self.op("raw", hex=b"000000".hex())
        self.assertEqual(("answer", "000000"), (told["told"], told["text"]))
        self.assertEqual("no_answer", self.op("raw", hex=b"00000x".hex(), seconds=1)["told"])

    def test_what_does_not_fit_is_not_sent(self):
        self.register("MZ1")
        told = self.op("details", visit_no="MZ1", lines=[
            {"line_no": 1, "item": "4509-0001", "price": "123456789.00", "qty": "1"}])
        self.assertEqual(("refused", -1003), (told["told"], told["code"]))


class Files(DjzCase):
    options = ()

    def setUp(self) -> None:
        super().setUp()
        self.ready("MZ1")
        self.settled = self.settle("MZ1")
        self.good("cancel_settlement", visit_no="MZ1")
        self.today = china_time.today()

    def test_the_file_of_a_day(self):
        early = self.good("day", date=self.today)
        self.assertEqual(("0", []), (early["out"]["status"], early["out"]["rows"]))
        InquiryTests.next_day(self)
        told = self.good("day", date=self.today)
        self.assertEqual([("400002", "5", 2000), ("400003", "1", -2000)], [
            (row["code"], row["state"], row["total"]) for row in told["out"]["rows"]])
        self.assertEqual(self.settled["serial"], told["out"]["rows"][0]["serial"])
        self.damage(told["out"]["file"])
        told = self.op("day", date="20260101")
        self.assertEqual("2", told["out"]["status"])

    def damage(self, name: str) -> None:
        """Whatever is wrong with a file rejects it whole."""
        with open(f"{self.folder}/{name}", "rb") as file:
            data = file.read()
        lines = data.split(b"\n")[:-1]
        swapped = [lines[0], lines[2], lines[1], lines[3]]
        other_sum = lines[3].replace(b"+000000000000", b"+000000000001", 1)
        for records in (swapped, lines[:3], [*lines[:3], other_sum], lines[1:],
                        [*lines[:1], lines[1][:-1] + b"xx", *lines[2:]]):
            offer = djz_files.put(self.folder, "DZMX_x.txt", records)
            out = {"file": offer.name, "size": offer.size, "crc": offer.crc,
                   "count": offer.records}
            with self.assertRaises(Unreadable):
                djz_reader.postings(self.folder, out, self.today)
        with self.assertRaises(Unreadable):
            djz_reader.postings(self.folder, out | {"file": "../x"}, self.today)

    def test_the_catalogue(self):
        told = self.good("catalogue", kind="1")
        self.assertEqual((6, "20200101000000"), (told["out"]["count"], told["out"]["version"]))
        self.assertEqual(("4509-0008", "B", 500, 88_1234), tuple(
            told["out"]["rows"][5][n] for n in ("code", "level", "ratio", "ceiling")))
        self.assertEqual([], self.good("catalogue", kind="4")["out"]["rows"])

    def test_the_insurer_s_side_agrees(self):
        postings = ask(self.peer.control.path, {"op": "books"})["postings"]
        self.assertEqual(["settle", "cancel"], [p["kind"] for p in postings if "setl_id" in p])
        self.compare_books()


if __name__ == "__main__":
    unittest.main()

"""wuxian as the asking system, played against wuxian as the asked one."""

import dataclasses
import socket
import threading
import unittest

from asking_case import InquiryTests, PairCase
from fepsim import wuxian, wuxian_asking, wuxian_http as http
from fepsim.wire import NoAnswer, NotSent
from fepsim.wuxian_client import WuxianClient
from fepsim.wuxian_front import judge
from fepsim.wuxian_xml import fault


class Pair(InquiryTests, PairCase):
    asked, asking = wuxian, wuxian_asking

    def turn_round(self) -> None:
        desk = self.peer.server.desk
        desk.settings = dataclasses.replace(desk.settings, direction="1",
                                            grant=f"WX{self.region}")

    def test_the_serial_is_the_message_id(self):
        told = self.register("MZ1")
        self.assertRegex(told["serial"], "^H45030000001[0-9]{18}$")
        self.assertEqual(told["serial"], told["msgid"])

    def test_identical_lines_are_told(self):
        self.ready("MZ1")
        line = {"line_no": 2, "item": "4503-0008", "price": "10.5", "qty": "3",
                "time": "20261122080000"}
        self.good("details", visit_no="MZ1", lines=[line])
        told = self.good("details", visit_no="MZ1", lines=[line])
        row = told["out"]["rows"][0]
        self.assertEqual(("1", "0", "88.1234", "0.0500"), tuple(
            row[n] for n in ("stored_before", "not_mapped", "ceiling", "ratio")))

    def test_the_person_s_first_insurance_is_registered(self):
        number = self.area + "0" * 12 + "02"
        self.good("person", kind="psn_no", value=number)
        self.stop()
        self.start()
        told = self.good("register", psn_no=number, name="莫试", visit_no="MZ1",
                         med_type="11", diag="J06.900")
        self.assertEqual("390", self.op("books", serial=told["serial"])["entries"][0]["insutype"])

    def test_day_and_lists(self):
        self.ready("MZ1")
        settled = self.settle("MZ1")
        rows = self.good("day")["out"]["rows"]
        self.assertEqual([(settled["serial"], "1402", "1", 2000)], [
            (row["serial"], row["code"], row["state"], row["total"]) for row in rows])
        told = self.good("catalogue", kind=1)
        self.assertEqual((6, "20200101000000"), (told["out"]["count"], told["out"]["version"]))
        self.assertEqual("4503-0001", told["out"]["rows"][0]["code"])
        self.assertEqual(14, len(self.good("echo")["out"]["server_time"]))

    def test_raw_bytes(self):
        told = self.op("raw", hex=http.request("x", b"nothing").hex())
        self.assertTrue(told["text"].startswith("HTTP/1.1 500"), told)
        self.assertEqual("no_answer", self.op("raw", hex=b"x".hex(), seconds=0.1)["told"])


class Scripted(unittest.TestCase):
    """The client against bytes that no stand-in sends."""

    def answered_with(self, *pieces: bytes) -> WuxianClient:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        return WuxianClient(listener.getsockname())

    def exchange(self, *pieces: bytes) -> http.Message:
        return self.answered_with(*pieces).exchange(b"request", 5)

    def test_chunks(self):
        answer = self.exchange(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\n",
                               b"abc\r\n4\r\nde", b"fg\r\n0\r\nX: y\r\n\r\n")
        self.assertEqual((200, b"abcdefg"), (answer.status, answer.body))

    def test_up_to_the_end_of_the_connection(self):
        self.assertEqual(b"abc", self.exchange(b"HTTP/1.0 200 OK\r\n\r\nab", b"c").body)

    def test_a_part_of_an_answer_is_none(self):
        for pieces in ((), (b"HTTP/1.1 200 OK\r\nContent",),
                       (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",),
                       (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",),
                       (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",),
                       (b"HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n",)):
            with self.subTest(pieces), self.assertRaises(NoAnswer):
                self.exchange(*pieces)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = listener.getsockname()
        with self.assertRaises(NotSent):
            WuxianClient(address).exchange(b"request", 1)

    def test_statuses_by_their_class(self):
        for status, told, code in ((404, "refused", -1001), (405, "refused", -1001),
                                   (413, "refused", -1001), (415, "refused", -1001),
                                   (503, "refused", -9001), (500, "unknown", 0),
                                   (302, "unknown", 0), (200, "unknown", 0)):
            message = http.Message(f"HTTP/1.1 {status} x", {}, b"<html/>")
            outcome = judge({}, message)
            self.assertEqual((told, code), (outcome.told, outcome.code), status)
        outcome = judge({}, http.Message("HTTP/1.1 500 x", {}, fault("坏")))
        self.assertEqual(("refused", -1001), (outcome.told, outcome.code))


if __name__ == "__main__":
    unittest.main()

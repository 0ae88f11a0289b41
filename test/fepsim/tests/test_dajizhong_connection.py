"""Connections of `dajizhong`: framing, heartbeats, sign-on, window and header checks."""

import unittest
from unittest import mock

from djz_peer import DATE, TIME, PeerCase, Visit
from fepsim.djz_record import HEADER_SIZE, mac_of, overlay, read_answer, read_header

INQUIRY = {"H_ORG_TRAN": "400002", "H_ORG_SERIAL": DATE + "999999999999"}


class Framing(PeerCase):
    def test_a_heartbeat_is_answered_also_before_sign_on(self):
        client = self.connect(signed_on=False)
        client.socket.sendall(b"000000")
        self.assertEqual(client.stream.read(6), b"000000")

    def test_a_wrong_length_ends_the_connection(self):
        for length in (b"000255", b"262145", b"00025x", b"+00256", b"999999"):
            with self.subTest(length):
                client = self.connect()
                client.socket.sendall(length)
                self.assertEqual(client.stream.read(1), b"")

    def test_a_record_may_come_in_pieces(self):
        record = self.client.record("500002", **INQUIRY)
        self.client.socket.sendall(b"%06d" % len(record) + record[:100])
        self.client.socket.sendall(record[100:])
        self.code(self.client.read(), "000000")

    def test_several_records_at_once(self):
        serials = [self.client.new_serial() for _ in range(5)]
        for serial in serials:
            self.client.send(self.client.record("500002", H_SERIAL=serial, **INQUIRY))
        answered = {self.client.read().header["H-SERIAL"] for _ in serials}
        self.assertEqual(answered, set(serials))


class Idle(PeerCase):
    options = ("--idle-seconds", "0.05")

    def test_silence_ends_the_connection(self):
        self.assertEqual(self.client.stream.read(1), b"")


class SignOn(PeerCase):
    def test_before_anything_else(self):
        client = self.connect(signed_on=False)
        self.code(client.ask("500002", **INQUIRY), "900201")
        wrong = client.ask("900001", {"LQ-PASSWORD": "other", "LQ-WINDOW": 1})
        self.code(wrong, "100004")
        self.code(client.ask("500002", **INQUIRY), "900201")
        good = client.good("900001", {"LQ-PASSWORD": "secret", "LQ-WINDOW": 16},
                           H_BUS_DATE="")
        self.assertEqual(good.values["LR-BUS-DATE"], DATE)
        self.assertEqual(good.values["LR-CTR-TIME"][:12], DATE + TIME[:4])
        self.code(client.ask("500002", **INQUIRY), "000000")

    def test_the_window_is_granted_and_kept(self):
        answer = self.client.good("900001", {"LQ-PASSWORD": "secret", "LQ-WINDOW": 1})
        self.assertEqual(answer.values["LR-WINDOW"], 1)
        visit = self.ready_visit("ZZ120001")
        with mock.patch("fepsim.djz_desk.after"):
            self.client.send(self.client.record("400002", visit.settle_values(1000_00)))
            self.code(self.client.ask("500002", **INQUIRY), "900001")

    def test_the_window_has_bounds(self):
        for wanted in (0, 17):
            answer = self.client.ask("900001", {"LQ-PASSWORD": "secret", "LQ-WINDOW": wanted})
            self.code(answer, "100003")

    def test_sign_off_is_answered_and_closes(self):
        self.code(self.client.ask("900002"), "000000")
        self.assertEqual(self.client.stream.read(1), b"")


class Header(PeerCase):
    def test_the_answer_echoes_the_request(self):
        request = self.client.record("500002", **INQUIRY)
        self.client.send(request)
        answer = read_answer(self.client.read_raw())
        asked = read_header(request).header
        changed = {"H-KIND": "R", "H-SENDER": asked["H-RECEIVER"],
                   "H-RECEIVER": asked["H-SENDER"], "H-RET-CODE": "000000",
                   "H-RET-MSG": "交易成功", "H-MAC": mac_of(answer.raw),
                   "H-TIME": answer.header["H-TIME"]}
        self.assertEqual(answer.header, asked | changed)

    def test_what_can_be_said_of_a_record_that_is_not_understood(self):
        good = self.client.record("500002", **INQUIRY)
        cases = ((good[:231] + b"00000000" + good[239:], "100007"),
                 (self.sealed(good, {"H-TRAN": "123456"}), "100002"),
                 (self.sealed(good[:-1]), "100001"),
                 (self.sealed(good, {"H-SERIAL": "2026112200000000000A"}), "100003"),
                 (self.sealed(good, {"H-SERIAL": "20261322000000000001"}), "100003"),
                 (self.sealed(good[:92] + b"\xb0\x20\xff" + good[95:]), "100001"))
        for record, code in cases:
            with self.subTest(code):
                self.client.send(record)
                raw = self.client.read_raw()
                self.assertEqual(len(raw), HEADER_SIZE)
                self.assertEqual(raw[136:142].decode(), code)
                self.assertEqual(mac_of(raw), raw[231:239].decode())

    def sealed(self, record: bytes, values: dict | None = None) -> bytes:
        record = overlay(record, values or {})
        return overlay(record, {"H-MAC": mac_of(record)})

    def test_fields_that_must_be_so(self):
        for name, value, code in (
                ("H_SENDER", "GW4501000001", "100004"), ("H_RECEIVER", "DJ4501000001", "100003"),
                ("H_DIR", "1", "100003"), ("H_KIND", "R", "100003"),
                ("H_VERSION", "02", "100003"), ("H_INSU_RGN", "450100", "100003"),
                ("H_TREAT_RGN", "4501", "100003"), ("H_PAGE", 2, "100003"),
                ("H_MORE", "Y", "100003"), ("H_RET_CODE", "000000", "100003"),
                ("H_DATE", "20261322", "100003"), ("H_TIME", "100459", "100006"),
                ("H_TIME", "102701", "100006")):
            with self.subTest(name, value=value):
                self.code(self.client.ask("500002", **(INQUIRY | {name: value})), code)

    def test_the_accounting_date_comes_with_the_refusal(self):
        visit = Visit(self.client, "ZY1")
        answer = self.client.ask("200002", {"RC-CTR-VISIT": "DJ1", "RC-VISIT-NO": "ZY1"},
                                 H_BUS_DATE="20261121")
        self.code(answer, "900202")
        self.assertEqual(answer.header["H-BUS-DATE"], int(DATE))
        self.code(visit.register(), "000000")

    def test_full_width_identifiers_are_understood(self):
        visit = Visit(self.client, "ＺＹ１")
        visit.register()
        self.assertEqual(self.peer.insurer.ledger.open_visit("H45010000003", "ZY1").visit_id,
                         visit.id)


class IgnoredClock(PeerCase):
    options = ("--treat-clock", "ignore")

    def test_a_wrong_clock_is_no_trouble(self):
        self.code(self.client.ask("500002", H_TIME="000000", **INQUIRY), "000000")


if __name__ == "__main__":
    unittest.main()

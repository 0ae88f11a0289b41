"""fepctl status and why: with a router that answers, one that is silent, and none; and what they read from the store."""

import contextlib
import json
import sqlite3
import subprocess
import time
import unittest

from fepctl import BUILD, SOURCE, FepctlCase
from world import wait_until

REPLY = {"ok": True, "node": "GW4501000001", "open_unknown": 2, "open_total": 5,
         "open": {"queued": 3, "sent": 0, "unknown": 2}, "endings": {"answered": 7, "refused": 1, "stands": 0},
         "pending_queries": 4, "queued_bytes": 12345,
         "peers": [{"name": "GW4500000001", "up": False, "unacknowledged": 6, "waiting": 5, "resent": 4,
                    "clock_offset_ms": -12, "down_ms": 7500000}],
         "instances": [{"name": "danxian", "up": True, "ready": False, "epoch": 3, "health": "degraded",
                        "reason": "sign-in refused"}],
         "incarnation": 1, "uptime_ms": 180000000, "room": False, "log_dropped": 9, "frames_refused": 8}


class WithStore(FepctlCase):
    """A store with an exchange in each of several states."""

    def setUp(self):
        super().setUp()
        subprocess.run([BUILD / "test/scenario/store_records", self.directory / "state", SOURCE / "schema"], check=True,
                       timeout=60, capture_output=True)

    @contextlib.contextmanager
    def router(self, reply):
        """A router that answers with this text; None: it never answers."""
        path = self.directory / "reply.json"
        path.write_text(reply or "", encoding="utf-8")
        socket = self.directory / "run" / "control"
        with subprocess.Popen([BUILD / "test/scenario/fake_router", f"ipc://{socket}", path if reply else "-"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            wait_until("the router has its socket, or has ended", lambda: socket.exists() or process.poll() is not None)
            self.assertIsNone(process.poll())
            try:
                yield
            finally:
                self.requests, _ = process.communicate(timeout=20)


class Status(WithStore):
    """fepctl status."""

    def test_open_unknown_is_the_first_line(self):
        with self.router(json.dumps(REPLY)):
            out, _ = self.expect(0, "status")
        self.assertEqual('{"command":"status"}\n', self.requests)
        lines = out.splitlines()
        self.assertRegex(lines[0], r"^open unknown +2 ")
        self.assertRegex(lines[1], r"^open +5 +queued 3, unknown 2$")
        self.assertRegex(out, r"GW4500000001 +DOWN for 2 h 5 min +unacknowledged 6 +waiting 5 +resent 4 +"
                              r"clock offset -12 ms")
        self.assertRegex(out, r"danxian +NOT READY +epoch 3 +degraded +sign-in refused")
        self.assertRegex(out, r"queued bytes +12345 / 268435456")
        self.assertRegex(out, r"disk +FULL")
        self.assertRegex(out, r"up 2 d 2 h")
        self.assertRegex(out, r"since start +answered 7, refused 1\n")
        self.assertRegex(out, r"log lines lost +9")
        self.assertRegex(out, r"malformed frames 8")

    def test_in_chinese(self):
        with self.router(json.dumps(REPLY)):
            out, _ = self.expect(0, "status", "--lang", "zh")
        self.assertTrue(out.startswith("未明  2 "), out)
        self.assertIn("断，已 2 小时 5 分", out)

    def test_json_is_the_routers_own(self):
        with self.router(json.dumps(REPLY)):
            out, _ = self.expect(0, "status", "--json")
        self.assertEqual({**REPLY, "router": "up"}, json.loads(out))

    def test_refusal_of_the_router_is_told(self):
        with self.router('{"ok":false,"error":"not today"}'):
            _, err = self.expect(1, "status")
        self.assertIn("not today", err)

    def test_reply_that_is_no_json(self):
        with self.router("[1, 2"):
            out, err = self.expect(1, "status")
        self.assertIn("not what was expected", err)
        self.assertRegex(out, r"^open unknown +2")

    def test_silent_router_is_waited_for_a_bounded_time(self):
        begin = time.monotonic()
        with self.router(None):
            out, err = self.expect(1, "status")
        self.assertLess(time.monotonic() - begin, 30)
        self.assertIn("did not answer", err)
        self.assertRegex(out, r"^open unknown +2")

    def test_without_router_the_store_is_read(self):
        out, err = self.expect(1, "status")
        self.assertIn("FEP-1051", err)
        self.assertRegex(out.splitlines()[0], r"^open unknown +2")
        self.assertIn("queued 1, sent 1, relayed 1, dispatched 1, unknown 1, reversing 1", out)
        self.assertIn("the router is not running", out)

    def test_without_router_as_json(self):
        out, _ = self.expect(1, "status", "--json")
        status = json.loads(out)
        self.assertEqual(("down", 2, 6), (status["router"], status["open_unknown"], status["open_total"]))

    def test_stale_socket_is_no_router(self):
        with self.router(json.dumps(REPLY)):
            pass
        (self.directory / "run" / "control").touch()
        _, err = self.expect(1, "status")
        self.assertIn("FEP-1051", err)


class NoStore(FepctlCase):
    """Before the first start."""

    def test_no_store_is_not_nothing_open(self):
        out, err = self.expect(1, "status")
        self.assertEqual("", out)
        self.assertIn("no store is there yet", err)

    def test_why_without_store(self):
        self.assertNotEqual(0, self.run_fepctl("why", "M-1").returncode)


class Quarantine(WithStore):
    """fepctl quarantine."""

    def open_again(self) -> None:
        """The store puts aside what is damaged when it is opened."""
        subprocess.run([BUILD / "test/scenario/store_records", self.directory / "state", SOURCE / "schema"], check=False,
                       timeout=60, capture_output=True)

    def test_damage_is_listed_with_its_msgids_and_the_rest_is_served(self):
        self.assertIn("nothing is in quarantine", self.expect(0, "quarantine", "--lang", "en")[0])
        with contextlib.closing(sqlite3.connect(self.directory / "state" / "queue.db")) as queue, queue:
            queue.execute("UPDATE exchange SET state=8 WHERE msgid='M-UNKNOWN'")
        self.open_again()
        (row,) = json.loads(self.expect(1, "quarantine", "--json")[0])
        self.assertEqual(("exchange", "M-UNKNOWN"), (row["source"], row["msgid"]))
        self.assertIn("M-UNKNOWN", self.expect(1, "quarantine", "--lang", "en")[0])
        self.assertIn("M-UNKNOWN", self.expect(1, "quarantine", "--lang", "zh")[0])
        (found,) = json.loads(self.expect(0, "why", "M-UNKNOWN", "--json")[0])["records"]
        self.assertEqual("unknown", found["state"])
        self.assertEqual(1, len(json.loads(self.expect(0, "why", "M-SENT", "--json")[0])["records"]))


class Why(WithStore):
    """fepctl why."""

    def record(self, msgid, *more):
        """The one record of a msgid, as JSON."""
        records = json.loads(self.expect(0, "why", msgid, "--json", *more)[0])["records"]
        self.assertEqual(1, len(records))
        return records[0]

    def test_what_took_effect_is_said_truly(self):
        for msgid, effect in (("M-QUEUED", "no effect so far"), ("M-SENT", "not known yet"),
                              ("M-RELAYED", "not known yet"), ("M-DISPATCHED", "not known yet"),
                              ("M-UNKNOWN", "may have been posted"), ("M-REVERSING", "may have been posted"),
                              ("M-ANSWERED", "It is posted"), ("M-REFUSED", "had no effect"),
                              ("M-REVERSED", "not posted"), ("M-STANDS", "It is posted"),
                              ("M-TOMBSTONE", "had no effect")):
            with self.subTest(msgid):
                self.assertIn(effect, self.record(msgid)["took_effect"])

    def test_every_state_answers_all_questions_in_both_languages(self):
        for state in ("QUEUED", "SENT", "RELAYED", "DISPATCHED", "UNKNOWN", "REVERSING", "ANSWERED", "REFUSED",
                      "REVERSED", "STANDS", "TOMBSTONE", "BOUND"):
            for language in ("zh", "en"):
                with self.subTest(state=state, language=language):
                    record = self.record(f"M-{state}", "--lang", language)
                    for key in ("happened", "took_effect", "next", "person"):
                        self.assertGreater(len(record[key]), 3)
                        self.assertEqual(language == "en", record[key].isascii(), record[key])

    def test_text_shows_hop_path_times_and_ending(self):
        out, _ = self.expect(0, "why", "M-REFUSED")
        self.assertIn("msgid M-REFUSED", out)
        self.assertIn("here  GW4501000001 (origin): danxian -> GW4501000001 -> GW4500000001   attempt 1", out)
        self.assertRegex(out, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +accepted, on disk")
        self.assertRegex(out, r"\+7 ms +sent to the next hop")
        self.assertRegex(out, r"\+2\.4 s +the outcome is on disk")
        self.assertRegex(out, r"why  2003  suspended")
        self.assertIn("[refused]", out)

    def test_gateways_own_code_brings_its_text_and_what_to_do(self):
        out, _ = self.expect(0, "why", "M-BOUND")
        self.assertRegex(out, r"why  FEP-2210  \w")
        self.assertRegex(out, r"FEP-2210  Refused at once")
        self.assertEqual("FEP-2210", self.record("M-BOUND")["code"])

    def test_both_roles_of_one_gateway(self):
        records = json.loads(self.expect(0, "why", "M-BOTH", "--json")[0])["records"]
        self.assertEqual(["origin", "destination"], [record["role"] for record in records])

    def test_closed_exchange_is_found_in_the_journal(self):
        self.assertTrue(self.record("M-ANSWERED")["closed"])
        self.assertFalse(self.record("M-QUEUED")["closed"])

    def test_not_known_is_not_found(self):
        out, err = self.expect(1, "why", "M-NOBODY")
        self.assertEqual("", out)
        self.assertIn("FEP-1052", err)

    def test_what_is_no_msgid_is_used_wrongly(self):
        for msgid in ("", "has blank", "x" * 31, 'quote"'):
            with self.subTest(msgid):
                self.expect(100, "why", msgid)

    def test_nothing_of_a_person_is_shown(self):
        for msgid in ("M-QUEUED", "M-ANSWERED", "M-BOTH"):
            for more in ((), ("--json",)):
                out, err = self.expect(0, "why", msgid, *more)
                self.assertNotIn("SECRET", out + err)
                self.assertNotIn("5a5a", out + err)


if __name__ == "__main__":
    unittest.main()

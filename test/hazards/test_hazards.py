"""What goes wrong between local systems and the gateway, played on real processes: one test for each trouble of the list
in README.md that is treated at this level. The verdict comes from the local systems' books."""

import datetime
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from hazard_world import LINES, Place, QuickWorld  # noqa: E402  (sets the path for those below)
from callers import LoopbackCaller, danxian_line  # noqa: E402
from fepsim import china_time, data  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, WUXIAN, Pair, System  # noqa: E402
from regions import Regions  # noqa: E402
from world import NANNING, PLATFORM, YULIN, World, wait_until  # noqa: E402

HOSPITAL = "H45010000003"
TOTAL = 12555


def danxian_request(code: str, parameters: str, serial: str, cycle: str = "", area: str = "450900") -> bytes:
    """Return a danxian line of a hospital of its own."""
    return f"{code}^{HOSPITAL}^000099^{cycle}^{serial}^{area}^{parameters}^1^\r\n".encode("gb18030")


class YulinIsAsked(Place):
    """Nanning's hospitals treat Yulin's insured: a danxian asks, a dajizhong is asked."""

    asking, asked = DANXIAN, DAJIZHONG
    insurer_options = {"late_seconds": 6, "slow_seconds": 3}
    common = {"log_debug": True}

    def test_hazard_03_separators_inside_characters(self) -> None:
        """罗玘 ends in 5E, 陈珅 in 7C, and stands in the middle of the settlement's fields."""
        for number, name in (("0007", "罗玘"), ("0008", "陈珅")):
            visit_no = self.charge("MZ", number, name)
            told = self.good("settle", visit_no=visit_no, use_acct=0)["out"]
            self.assertEqual((told["total"], told["fund"] + told["acct"] + told["cash"]), (TOTAL, TOTAL), name)
            found = self.good("person", kind="psn_no", value=self.person_number(number), name=name)["out"]
            self.assertEqual(found["name"], name)

    def test_hazard_04_name_separators(self) -> None:
        """The dot is written in many ways; compared by number, and the name fits all the same."""
        for written in ("吐尔逊·测试", "吐尔逊•测试", "吐尔逊．测试", "吐尔逊.测试"):
            self.good("person", kind="psn_no", value=self.person_number("0009"), name=written)
        self.refused(2003, "person", kind="psn_no", value=self.person_number("0009"), name="吐尔逊·别人")

    def test_hazard_06_certificates_of_15_digits(self) -> None:
        """Stored with 15 digits there, asked for with either form here."""
        short = data.persons("450900")[self.person_number("0008")].cert_no
        self.assertEqual(len(short), 15)
        for cert_no in (short, data.long_certificate(short)):
            found = self.good("person", kind="certificate", value=cert_no, name="陈珅")["out"]
            self.assertEqual(found["psn_no"], self.person_number("0008"), cert_no)

    def test_hazard_09_negative_lines(self) -> None:
        """A return travels with its sign and lowers the settlement; more than there is can not come back."""
        visit_no = self.charge("MZ", "0009", "吐尔逊·测试")
        self.good("details", visit_no=visit_no, lines=self.lines([("0001", "12.50", "-1")], first=3))
        self.refused(1003, "details", visit_no=visit_no, lines=self.lines([("0001", "12.50", "-5")], first=4))
        told = self.good("settle", visit_no=visit_no, use_acct=0)["out"]
        self.assertEqual(told["total"], TOTAL - 1250)

    def test_hazard_10_duplicated_uploads(self) -> None:
        """The batch again under its serial, and its lines again under another: charged once."""
        visit_no = self.register("MZ", "0010", "䶮小测")
        first = self.good("details", visit_no=visit_no, lines=self.lines(LINES))
        again = self.ask("repeat", serial=first["serial"])
        self.assertEqual((again["told"], self.code_of(again)), ("refused", 1005), again)
        twice = self.refused(2201, "details", visit_no=visit_no, lines=self.lines(LINES))
        self.assertIn("1", twice["text"])
        self.assertEqual(self.good("settle", visit_no=visit_no, total=TOTAL, use_acct=0)["out"]["total"], TOTAL)

    def test_hazard_13_hung_sockets(self) -> None:
        """The insurer takes a settlement and says nothing more. Others are served meanwhile, and the end is found."""
        visit_no = self.charge("ZZ09", "0011", "岑高")
        ended: list[str] = []
        hung = threading.Thread(target=lambda: ended.append(self.settle(visit_no)))
        hung.start()
        wait_until("the insurer has it", lambda: self.settlements_of("0011"))
        begun = time.monotonic()
        self.good("person", kind="psn_no", value=self.person_number("0001"), name="韦测")
        self.assertLess(time.monotonic() - begun, 3, "a hung settlement holds up others")
        hung.join()
        self.assertEqual(ended, ["good"])
        self.assertEqual(len(self.settlements_of("0011", "posted")), 1)

    def test_hazard_14_half_written_answers(self) -> None:
        """Half of the answer, then the end of the connection: an unknown outcome, asked for; posted once."""
        visit_no = self.charge("ZZ04", "0011", "岑高")
        before = len(self.settlements_of("0011"))
        self.assertEqual(self.settle(visit_no), "good")
        self.assertEqual(len(self.settlements_of("0011")), before + 1)

    def test_hazard_16_busy_peer(self) -> None:
        """Locked twice: the same serial again after a pause; posted once."""
        visit_no = self.charge("ZZ05", "0001", "韦测")
        self.assertEqual(self.settle(visit_no), "good")
        posted = [posting for posting in self.pair.books()[1] if posting.get("visit") == visit_no]
        self.assertEqual([posting["state"] for posting in posted if posting["kind"] == "settle"], ["posted"])

    def test_hazard_18_restart_of_the_gateway(self) -> None:
        """The insured place's router dies while the insurer is posting: after its return the caller hears the truth."""
        visit_no = self.charge("ZZ12", "0003", "覃检")
        ended: list[str] = []
        settling = threading.Thread(target=lambda: ended.append(self.settle(visit_no)))
        settling.start()
        wait_until("the update is at the insured place", lambda: (self.world.status(YULIN) or {}).get("open_total"))
        keeper, *children = self.world.family(YULIN)
        router = next(pid for pid in children if b"--router" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(router, signal.SIGKILL)
        settling.join()
        in_force = self.settlements_of("0003", "posted")
        self.assertEqual(len(in_force), 1 if ended == ["good"] else 0, (ended, in_force))
        self.world.wait_ready(YULIN)
        self.books_agree()

    def test_hazard_19_restart_of_the_peer(self) -> None:
        """The insurer posts, is killed before it answers, and comes back with its book: found by inquiry."""
        visit_no = self.charge("ZZ09", "0002", "莫试")
        ended: list[str] = []
        settling = threading.Thread(target=lambda: ended.append(self.settle(visit_no)))
        settling.start()
        wait_until("the insurer has posted", lambda: self.settlements_of("0002"))
        process = self.world.processes.pop("insurer")
        process.kill()
        process.wait()
        self.pair.insurer = self.world.start_fepsim(
            "dajizhong", "insurer", role="asked", region="450900", listen=f"127.0.0.1:{self.pair.asked_port}",
            **self.insurer_options)
        settling.join()
        self.assertEqual(ended, ["good"])
        self.assertEqual(len(self.settlements_of("0002")), 1)

    def sign_in(self, number: str) -> str:
        """Sign a hospital of its own in; return its cycle."""
        serial = f"{china_time.stamp()}-{HOSPITAL}-{number}"
        answer = danxian_line(self.pair.asking_port,
                              danxian_request("9100", f"secret|T1|{china_time.stamp()}|", serial, area="450100"))
        self.assertTrue(answer.startswith("0^"), answer)
        return answer.split("^")[2]

    def test_hazard_21_reversal_before_its_original(self) -> None:
        """Reversed before it came: blocked, so that a late original is never posted. Reversed again: the same."""
        cycle, stamp = self.sign_in("0901"), china_time.stamp()
        original = f"{stamp}-{HOSPITAL}-0902"
        for number in ("0903", "0904"):
            reversal = danxian_request("2421", f"2210|{original}|{self.person_number('0001')}|MZ-LATE|{stamp[:8]}|",
                                       f"{stamp}-{HOSPITAL}-{number}", cycle)
            told = danxian_line(self.pair.asking_port, reversal)
            self.assertTrue(told.startswith("0^"), told)
        late = danxian_line(self.pair.asking_port, danxian_request(
            "2210", f"{self.person_number('0001')}|MZ-LATE|11|{stamp}|J06.900|感冒|内科||D1|韦医|收费员|450100|{HOSPITAL}|测试医院||韦测|",
            original, cycle))
        self.assertIn(late.split("^")[0], ("-2504", "-1005"), late)
        self.assertFalse([posting for posting in self.pair.books()[1] if posting.get("visit") == "MZ-LATE"
                          and posting["state"] == "posted"])

    def test_hazard_26_batches_that_do_not_fit(self) -> None:
        """500 lines pass both ways in one piece; 501 are refused as a whole, and nothing of them is stored."""
        visit_no = self.register("MZ", "0002", "莫试")
        many = self.lines([("0001", "1.00", "1")] * 501)
        self.refused(2204, "details", visit_no=visit_no, lines=many)
        self.good("details", visit_no=visit_no, lines=many[:500])
        self.assertEqual(self.good("settle", visit_no=visit_no, use_acct=0)["out"]["total"], 50000)

    def test_hazard_29_inconsistent_amounts(self) -> None:
        """Cash one fen too high: never told as good, reversed, and somebody is alarmed."""
        visit_no = self.charge("ZZ08", "0007", "罗玘")
        before = len(self.settlements_of("0007", "posted"))
        self.assertIn(self.settle(visit_no), ("refused", "reversed"))
        wait_until("the settlement is undone", lambda: len(self.settlements_of("0007", "posted")) == before
                   and self.settlements_of("0007", "reversed"))
        wait_until("the log says so", lambda: any("inconsistent" in self.world.output(node) for node in (NANNING, YULIN)))

    def test_hazard_27_personal_data_in_logs(self) -> None:
        """After all of this, with the debug log on: no name and no number of a person in any log, no name in the store."""
        people = data.persons("450900").values()
        secrets = [text for person in people for text in (person.name, person.cert_no, person.psn_no)
                   if text not in ("韦测",)]  # a doctor of the stand-in's hospitals is called 韦医; this one is too short
        for node in self.world.gateways:
            log = self.world.output(node)
            self.assertIn("event=exchange", log)
            self.assertEqual([text for text in secrets if text in log], [], node)
        for path in self.world.directory.glob("*/state/**/*"):
            if path.is_file():
                content = path.read_bytes()
                self.assertEqual([person.name for person in people if person.name.encode() in content], [], path.name)

    def test_zz_books_agree(self) -> None:
        self.books_agree()


class NanningIsAsked(Place):
    """Yulin's hospitals treat Nanning's insured: a dajizhong asks, a danxian is asked that knows no inquiry."""

    asking, asked = DAJIZHONG, DANXIAN
    insurer_options = {"late_seconds": 6, "treat_clock": "ignore"}

    @classmethod
    def prepare(cls) -> None:
        """The centre's clock is put forward in one of the cases."""
        cls.world.gateways[DANXIAN.node].instances[0].options["clock_tolerance"] = 0

    def test_hazard_15_late_answer_on_a_reused_connection(self) -> None:
        """The answer comes after the time-out: the requests behind it get their own answers, and it is undone."""
        visit_no = self.charge("ZZ01", "0002", "莫试")
        ended: list[str] = []
        settling = threading.Thread(target=lambda: ended.append(self.settle(visit_no)))
        settling.start()
        wait_until("the insurer has posted", lambda: self.settlements_of("0002"))
        asked = 0
        while settling.is_alive():
            number, name = (("0001", "韦测"), ("0003", "覃检"))[asked % 2]
            found = self.good("person", kind="psn_no", value=self.person_number(number), name=name)["out"]
            self.assertEqual(found["psn_no"], self.person_number(number))
            asked += 1
            settling.join(0.2)
        self.assertGreater(asked, 5)
        self.assertIn(ended[0], ("refused", "reversed"))
        bill = self.good("settle", visit_no=visit_no, use_acct=0)
        self.assertEqual(bill["out"]["total"], TOTAL)
        self.assertEqual([posting["state"] for posting in self.settlements_of("0002")], ["reversed", "posted"])

    def test_hazard_10_a_repeat_is_answered_from_the_store(self) -> None:
        visit_no = self.register("MZ", "0007", "罗玘")
        first = self.good("details", visit_no=visit_no, lines=self.lines(LINES))
        self.assertEqual(self.good("repeat", serial=first["serial"])["out"], first["out"])
        self.refused(2201, "details", visit_no=visit_no, lines=self.lines(LINES))

    def test_hazard_22_cycle_not_closed_at_midnight(self) -> None:
        """The centre's day ends with the cycle open: reconciled, signed out, signed in, and the next one is settled."""
        visit_no = self.charge("MZ", "0003", "覃检")
        self.good("settle", visit_no=visit_no, use_acct=0)
        tomorrow = china_time.now() + datetime.timedelta(days=1)
        self.world.ask(self.pair.insurer, {"op": "clock", "date": f"{tomorrow:%Y%m%d}", "time": "000010"})
        visit_no = self.charge("MZ", "0009", "吐尔逊·测试")
        self.good("settle", visit_no=visit_no, use_acct=0)
        cycles = {posting["psn_no"]: posting["cycle"] for posting in self.pair.books()[1] if posting["kind"] == "settle"}
        self.assertIn(f"{tomorrow:%Y%m%d}", cycles[self.person_number("0009")])
        self.assertNotIn(f"{tomorrow:%Y%m%d}", cycles[self.person_number("0003")])
        kinds = [posting["kind"] for posting in self.pair.books()[1]]
        self.assertLess(kinds.index("compared"), kinds.index("sign_out"), "signed out without reconciling")

    def test_zz_books_agree(self) -> None:
        self.books_agree()


class ClockSkew(unittest.TestCase):
    """Local systems whose clocks are twenty minutes ahead."""

    def check(self, asking: System, asked: System) -> None:
        """Not worked with: nothing is dispatched to it, and it says why."""
        with QuickWorld(syslog=False) as world:
            pair = Pair(world, asking, asked)
            world.prepare()
            ahead = china_time.now() + datetime.timedelta(minutes=20)
            pair.insurer = world.start_fepsim(asked.name, "insurer", role="asked", region=asked.region,
                                              treat_clock="ignore", listen=f"127.0.0.1:{pair.asked_port}",
                                              clock=f"{ahead:%Y%m%d%H%M%S}")
            world.start_gateway(asked.node)

            def reason() -> str:
                status = world.status(asked.node) or {"instances": []}
                return " ".join(each["reason"] for each in status["instances"] if each["health"] == "down")
            wait_until("the instance is down for its clock", lambda: "clock" in reason())
            wait_until("the log says so", lambda: "clocks differ too much" in world.output(asked.node))

    def test_hazard_12_clock_skew(self) -> None:
        self.check(DAJIZHONG, DANXIAN)

    def test_hazard_12_clock_skew_of_a_dajizhong(self) -> None:
        self.check(DANXIAN, DAJIZHONG)


class TwoErrors(Place):
    """Guilin's hospitals treat Nanning's insured, and Nanning's centre makes two mistakes that cancel out."""

    asking, asked = WUXIAN, DANXIAN

    def reconcile(self, *more: str) -> tuple[int, dict]:
        """Reconcile today at Nanning; return fepctl's exit code and its result."""
        done = subprocess.run([self.world.fepctl, "-c", self.world.gateways[NANNING].config, "reconcile", "asked",
                               china_time.today(), "--json", *more], capture_output=True, text=True, timeout=120,
                              check=False)
        return done.returncode, json.loads(done.stdout)

    def test_hazard_23_totals_equal_details_differ(self) -> None:
        """What the centre took from one settlement's fund it put into another's: the totals say nothing, the details all."""
        for number, name in (("0001", "韦测"), ("0002", "莫试")):
            self.good("settle", visit_no=self.charge("MZ", number, name), use_acct=0)
        self.assertEqual(self.reconcile()[0], 0)
        self.world.stop_process("insurer")
        self.spoil(self.world.directory / "insurer.books")
        self.pair.insurer = self.world.start_fepsim("danxian", "insurer", role="asked", region="450100",
                                                    listen=f"127.0.0.1:{self.pair.asked_port}")
        self.world.wait_ready(NANNING)
        wait_until("the centre is signed in at again", lambda: self.ask(
            "person", kind="psn_no", value=self.person_number("0001"), name="韦测")["told"] == "good")
        self.assertTrue(self.reconcile("--totals-only")[1]["equal"])
        code, result = self.reconcile()
        self.assertEqual((code, result["equal"]), (1, False))
        self.assertEqual([each["kind"] for each in result["differences"]], ["amounts_differ", "amounts_differ"])

    @staticmethod
    def spoil(book: pathlib.Path) -> None:
        """Move one yuan from the first settlement's fund to the second's, cash the other way."""
        lines = [json.loads(line) for line in book.read_text(encoding="utf-8").splitlines()]
        for sign, line in zip((-100, 100), (line for line in lines if line["kind"] == "settle")):
            line["fund"] += sign
            line["cash"] -= sign
        book.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


class HungPeer(unittest.TestCase):
    """A local system that accepts every connection and never says a word."""

    def test_hazard_13_a_mute_peer_exhausts_nothing(self) -> None:
        """Requests for it end soon with a clear refusal, and connections to it stay few."""
        with QuickWorld(syslog=False) as world, socket.socket() as mute:
            pair = Pair(world, DANXIAN, DAJIZHONG)
            world.gateways[YULIN].instances[0].options |= {"sign_on_time": 500, "pause_max": 500}
            mute.bind(("127.0.0.1", pair.asked_port))
            mute.listen(64)
            taken: list[socket.socket] = []
            threading.Thread(target=self.accept, args=(mute, taken), daemon=True).start()
            world.prepare()
            for node in world.gateways:
                world.start_gateway(node)
            for node in (NANNING, PLATFORM):
                world.wait_ready(node)
            pair.hospitals = world.start_fepsim("danxian", "hospitals", role="asking", region="450100",
                                                gateway=f"127.0.0.1:{pair.asking_port}")
            wait_until("it has been tried several times", lambda: len(taken) > 3)
            for _ in range(20):
                begun = time.monotonic()
                told = world.ask(pair.hospitals, {"op": "person", "area": "450900", "kind": "psn_no",
                                                  "value": "450900" + "0" * 10 + "0001"})
                self.assertNotEqual(told["told"], "good")
                self.assertLess(time.monotonic() - begun, 15)
            open_now = sum(1 for link in taken if not self.is_closed(link))
            self.assertLessEqual(open_now, 2, "connections pile up")
            for link in taken:
                link.close()

    @staticmethod
    def accept(mute: socket.socket, taken: list[socket.socket]) -> None:
        """Take every connection and keep silent."""
        try:
            while True:
                taken.append(mute.accept()[0])
        except OSError:
            return

    @staticmethod
    def is_closed(link: socket.socket) -> bool:
        """Has the other side closed it?"""
        link.setblocking(False)
        try:
            while link.recv(4096):
                pass
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True


class StoreAndCaller(unittest.TestCase):
    """Callers that repeat, reuse, or do not wait: three gateways with loopback modules."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.regions = Regions(cls.world, loopback=True)
        cls.regions.start()

    def posted(self, msgid: str) -> int:
        """How often the far side posted it."""
        return sum(entry.split()[0] == "post" and msgid in entry
                   for entry in self.regions.posted.read_text(encoding="utf-8").splitlines())

    def caller(self) -> LoopbackCaller:
        """Return a caller at Nanning's adapter."""
        caller = LoopbackCaller(self.regions.asking_socket)
        self.addCleanup(caller.close)
        return caller

    def test_hazard_11_reused_serials(self) -> None:
        """The same serial with the same content is a repeat; with other content it is refused, with an alarm."""
        caller, msgid = self.caller(), "H45010000003202611221015021101"
        _, first = caller.ask(msgid, b'{"input":{"a":1}}')
        self.assertEqual(caller.ask(msgid, b'{"input":{"a":1}}')[1], first)
        self.assertEqual(caller.ask(msgid, b'{"input":{"a":2}}')[0]["kind"], "refused")
        wait_until("the alarm", lambda: "event=alarm" in self.world.output(NANNING))
        self.assertEqual(caller.ask(msgid, b'{"input":{"a":1}}')[1], first)
        self.assertEqual(self.posted(msgid), 1)

    def test_hazard_20_posted_there_and_not_heard_here(self) -> None:
        """The hospital's system goes away before the answer; its next contact is answered from the store."""
        msgid = "H45010000003202611221015022001"
        gone = LoopbackCaller(self.regions.asking_socket)
        gone.send(msgid, b'{"input":{"b":1}}')
        wait_until("posted at the insured place", lambda: self.posted(msgid))
        gone.close()
        head, _ = self.caller().ask(msgid, b'{"input":{"b":1}}')
        self.assertEqual(head["kind"], "answered", head)
        self.assertEqual(self.posted(msgid), 1)


DOCTYPE = """<?xml version="1.0" encoding="GBK"?>
<!DOCTYPE x [<!ENTITY a "{a}"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>\
<ns1:business xmlns:ns1="urn:wuxian:ydjy"><inputXml>&b;&c;</inputXml></ns1:business></soapenv:Body></soapenv:Envelope>"""


class GuilinIsServed(Place):
    """Guilin's hospitals send XML."""

    asking, asked = WUXIAN, DAJIZHONG

    def post(self, body: bytes, length: int | None = None) -> tuple[int, bytes]:
        """Send a body to Guilin's gateway; (0, b"") if it closes the connection."""
        link = http.client.HTTPConnection("127.0.0.1", self.pair.asking_port, timeout=20)
        try:
            link.putrequest("POST", "/services/YdjyService")
            for name, value in (("Content-Type", "text/xml; charset=GBK"), ("SOAPAction", '"urn:wuxian:ydjy#business"'),
                                ("Content-Length", str(len(body) if length is None else length))):
                link.putheader(name, value)
            link.endheaders()
            link.send(body)
            answer = link.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            link.close()

    def resident_kib(self) -> int:
        """Return the adapter hosts' resident memory."""
        total = 0
        for pid in self.world.family(WUXIAN.node)[1:]:
            for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
                total += int(line.split()[1]) if line.startswith("VmRSS:") else 0
        return total

    def test_hazard_28_xml_attacks(self) -> None:
        """Document types, entities, depth and announced lengths: refused before they cost anything."""
        family, before = self.world.family(WUXIAN.node), self.resident_kib()
        status, fault = self.post(DOCTYPE.format(a="x" * 10000).encode("gbk"))
        self.assertEqual(status, 500)
        self.assertIn(b"Fault", fault)
        self.assertNotIn(b"root:", fault)
        deep = b'<?xml version="1.0" encoding="GBK"?>' + b"<a>" * 100_000
        self.assertEqual(self.post(deep)[0], 500)
        self.assertIn(self.post(b"<x/>", length=1 << 40)[0], (0, 400, 413))
        self.assertEqual(self.world.family(WUXIAN.node), family)
        self.assertLess(self.resident_kib() - before, 16 << 10)
        visit_no = self.charge("MZ", "0001", "韦测")
        self.assertEqual(self.settle(visit_no), "good")

    def test_hazard_20_repeat_is_answered_from_the_store(self) -> None:
        """The hospital's side failed after the insurer had posted: the same request again gets the stored answer."""
        visit_no = self.charge("MZ", "0003", "覃检")
        settled = self.good("settle", visit_no=visit_no, use_acct=0)
        self.assertEqual(self.good("repeat", serial=settled["serial"])["out"], settled["out"])
        self.assertEqual(len(self.settlements_of("0003")), 1)
        self.good("cancel_settlement", visit_no=visit_no, reason="退费")

    def test_zz_books_agree(self) -> None:
        self.books_agree()


if __name__ == "__main__":
    unittest.main()

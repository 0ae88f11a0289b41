"""The shipped syslog-ng configuration under a real syslog-ng: each line of the real log library arrives in the files it
belongs to, and in no other."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from world import wait_until

SOURCE = pathlib.Path(os.environ.get("FEP_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("FEP_BUILD", SOURCE / "build"))
SYSLOG_NG = "/usr/sbin/syslog-ng"
NODE = "GW4501000001"


@unittest.skipUnless(os.access(SYSLOG_NG, os.X_OK), "syslog-ng is not installed")
class Shipped(unittest.TestCase):
    """One private syslog-ng for each test."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="fep-syslog-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.logs = self.directory / "log"
        self.socket = self.directory / "log.sock"
        self.wrapper = self.directory / "syslog-ng.conf"
        self.wrapper.write_text(f'@version: 3.35\n@define fep_socket "{self.socket}"\n'
                                f'@define fep_log_directory "{self.logs}"\n'
                                f'@include "{SOURCE}/etc/syslog-ng/fep.conf"\n', encoding="utf-8")

    def command(self, *more):
        """Return the command line of the private syslog-ng."""
        return [SYSLOG_NG, "-F", "--no-caps", "-f", self.wrapper, "-R", self.directory / "persist", "-p",
                self.directory / "pid", "-c", self.directory / "ctl", *more]

    def start(self):
        """Start syslog-ng and wait until it listens."""
        out = (self.directory / "out").open("wb")
        process = subprocess.Popen(self.command(), stdout=out, stderr=out)
        out.close()
        self.addCleanup(self.stop, process)
        wait_until("syslog-ng opens its socket", self.socket.exists)

    @staticmethod
    def stop(process):
        """Stop it in order."""
        process.terminate()
        process.wait(20)

    def lines(self, kind):
        """Return the lines of one kind of file."""
        return [line for path in sorted(self.logs.glob(f"{kind}-*.log"))
                for line in path.read_text(encoding="utf-8").splitlines()]

    def write(self):
        """Write the sample lines; return all that arrived."""
        listed = subprocess.run([BUILD / "gateway/ctl/fepctl", "events", "--json"], timeout=30, capture_output=True,
                                check=True)
        self.events = json.loads(listed.stdout)
        with subprocess.Popen([BUILD / "test/scenario/log_lines", self.socket, NODE], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as writer:
            try:
                lines = wait_until("all lines arrived",
                                   lambda: len(got := self.ours()) >= len(self.events) + 2 and got)
            finally:
                dropped, _ = writer.communicate(timeout=20)
        self.assertEqual("0", dropped.strip(), "lines were dropped")
        return lines

    def ours(self):
        """Return the lines of the sample in the whole log."""
        return [line for line in self.lines("all") if f" {NODE} " in line]

    def event_names(self, kind):
        """Return the events of one kind of file."""
        return [re.search(r"\bevent=(\w+)", line)[1] for line in self.lines(kind)]

    def test_syntax_holds_without_warning(self):
        done = subprocess.run(self.command("-s"), capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))

    def test_every_event_arrives_once_in_the_whole_log(self):
        self.start()
        self.write()
        got = self.event_names("all")
        for event in self.events:
            twice = event["event"] in ("exchange", "link_down")
            with self.subTest(event["event"]):
                self.assertEqual(2 if twice else 1, got.count(event["event"]))

    def test_routing_log_holds_exchanges_only_and_is_readable(self):
        self.start()
        self.write()
        lines = wait_until("both exchanges", lambda: len(got := self.lines("routing")) >= 2 and got)
        self.assertEqual(2, len(lines))
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} GW4501000001 2304 "
                                   r"H45010000001202611221105400001 origin danxian>GW4500000001 450100-450900 answered "
                                   r"effect=posted reason=none code=0 attempt=1 delays=12/3/5/220$")
        self.assertIn(" reversed ", lines[1])

    def test_fault_log_holds_faults_and_their_ends_only(self):
        self.start()
        self.write()
        bad = {event["event"] for event in self.events if event["severity"] in ("alert", "critical", "error", "warning")}
        wanted = bad | {"link_up", "host_up", "store_room", "incident_close", "recovered"}
        wait_until("all faults", lambda: set(self.event_names("fault")) >= wanted)
        self.assertEqual(wanted, set(self.event_names("fault")))
        for name in ("link_down", "host_down", "alarm", "incident_open", "store_refused", "child_exit", "config_error",
                     "frame_refused"):
            self.assertIn(name, wanted)

    def test_line_break_in_a_text_forges_no_line(self):
        self.start()
        self.write()
        forged = [line for line in self.lines("all") if "forged" in line]
        self.assertEqual(1, len(forged))
        self.assertIn("event=link_down", forged[0])
        wait_until("the fault", lambda: any("forged" in line for line in self.lines("fault")))
        self.assertFalse(any("forged" in line for line in self.lines("routing")))

    def test_what_is_not_ours_stays_out_of_routing_and_fault(self):
        self.start()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(self.socket))
            sender.send(b"<131>1 2026-11-22T10:00:00.000+08:00 host other 1 exchange - end=answered but no event")
            sender.send(b"not syslog at all\nevent=exchange msgid=forged")
        self.write()
        wait_until("foreign lines", lambda: any("no event" in line for line in self.lines("all")))
        wait_until("both exchanges", lambda: len(self.lines("routing")) >= 2)
        self.assertEqual(2, len(self.lines("routing")))
        self.assertFalse(any("no event" in line or "forged" in line and "link_down" not in line
                             for line in self.lines("fault")))

    def test_files_are_named_by_the_day_in_china(self):
        self.start()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(self.socket))
            sender.send(b"<134>1 2026-11-22T16:30:00.250Z GW1 fepd 1 exchange - event=exchange msgid=M1 end=answered")
        path = self.logs / "routing-2026-11-23.log"
        wait_until("the day's file", path.exists)
        wait_until("its line", lambda: path.read_text(encoding="utf-8").startswith("2026-11-23 00:30:00.250 GW1"))


if __name__ == "__main__":
    unittest.main()

"""The demo: three gateways as real processes on this machine, and a visitor's settlement as the hospital sees it.

Exit status 0 only if every figure is right. With --keep everything is left running and the commands to look around with
are printed.
"""

import argparse
import contextlib
import json
import pathlib
import shutil
import signal
import sys
import time
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib"), str(HERE.parent / "fepsim")]

from fepsim import reference, visits  # noqa: E402  (after the paths above)
from regions import Regions  # noqa: E402
from verdict import compare_books  # noqa: E402
from world import NANNING, PLATFORM, SOURCE, YULIN, World, wait_until  # noqa: E402

STORIES = {
    "inpatient_course": ("住院化疗一个疗程，14,000.00 元", "in-patient course of 14,000.00 yuan; person 0003 of Yulin"),
    "outpatient_visit": ("普通门诊", "out-patient visit; person 0001 of Yulin"),
    "pharmacy_and_refund": ("药店购药后退药", "pharmacy purchase and its refund; person 0002 of Yulin"),
    "refusal": ("参保暂停，被拒绝", "refused: the insurance of person 0004 is suspended"),
    "lost_answer": ("结算成功而应答丢失（ZZ03）", "settled, the answer lost between Yulin's system and its gateway (ZZ03)"),
}
TRANSACTIONS = {"person": "人员查询", "register": "就诊登记", "details": "费用明细上传", "trial": "预结算",
                "settle": "结算", "refund": "结算撤销"}
MONEY = (("total", "总费用"), ("fund", "基金支付"), ("acct", "个人账户"), ("cash", "现金"))


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)


def yuan(fen: int) -> str:
    """Return fen as yuan."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def pad(text: str, columns: int) -> str:
    """Fill a text to a number of screen columns; a Chinese character takes two."""
    return text + " " * max(1, columns - sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text))


class Story:
    """Plays the cases, prints them and remembers whatever was not right."""

    def __init__(self, world: World, regions: Regions):
        self.world = world
        self.regions = regions
        self.wrong: list[str] = []

    def play(self, case: str) -> list[dict]:
        """Play one case and print its exchanges."""
        chinese, english = STORIES[case]
        say(f"\n── {chinese}   {english}")
        say(f"   {pad('时间', 10)}{pad('交易', 14)}{pad('msgid', 32)}{pad('路径', 22)}{pad('结局', 10)}"
            f"{pad('延迟 ms', 9)}本地/排队/线路/远端")
        steps = visits.CASES[case](str(self.regions.danxian), area="450900", region="450100")
        for step in steps:
            self.print_step(step)
            if not step["expected"]:
                self.wrong.append(f"{case}: {step['name']} was told {step['told']} ({step['code']})")
        return steps

    def print_step(self, step: dict) -> None:
        """Print one exchange: what the hospital was told, and what the gateway's record says of it."""
        record = self.origin_record(step["msgid"]) if step["name"] not in ("person", "trial") else {}
        ending = record.get("state", step["told"])
        delays = self.delays_of(step["msgid"]) if record else "-"
        say(f"   {pad(step['time'][11:19], 10)}{pad(TRANSACTIONS[step['name']], 14)}{pad(step['msgid'], 32)}"
            f"{pad('南宁→平台→玉林', 22)}{pad(ending, 10)}{pad(str(step['ms']), 9)}{delays}")
        if step["told"] == "refused":
            say(f"             拒绝理由 {step['code']}: {step['text']}")

    def origin_record(self, msgid: str) -> dict:
        """Return the origin's record of an update as fepctl tells it."""
        nanning = self.world.gateways[NANNING]
        with contextlib.suppress(RuntimeError, ValueError):
            for record in json.loads(self.world.control(nanning, "why", msgid, "--json"))["records"]:
                if record["role"] == "origin":
                    return record
        self.wrong.append(f"{msgid}: the gateway in Nanning has no record of it")
        return {}

    def delays_of(self, msgid: str) -> str:
        """Return the delays of the origin's outcome line, as syslog-ng wrote it."""
        def look() -> str | None:
            for line in routing_lines(self.world):
                if msgid in line and " origin " in line:
                    return line.rpartition("delays=")[2].strip()
            return None
        return wait_until(f"the routing log has {msgid}", look)

    def check_figures(self, case: str, steps: list[dict]) -> None:
        """Hold what was told against the benefit rule computed independently, and print who pays what."""
        for step in steps:
            expected = reference.EXPECTED.get((case, step["name"]))
            if expected is None or step["told"] != "good":
                continue
            told, right = step["figures"], expected()
            for key, value in right.items():
                if told.get(key) != value:
                    self.wrong.append(f"{case} {step['name']}: {key} is {told.get(key)}, the rule says {value}")
            if told["total"] != told["fund"] + told["acct"] + told["cash"]:
                self.wrong.append(f"{case} {step['name']}: fund + account + cash is not the total")
            if step["name"] in ("settle", "refund"):
                amounts = "  ".join(f"{name} {yuan(told[key]):>10}" for key, name in MONEY)
                say(f"   {pad(STORIES[case][0].split('，')[0].split('（')[0], 20)}"
                    f"{pad(TRANSACTIONS[step['name']], 10)}{amounts}")

    def check_endings(self) -> None:
        """No update may be left open anywhere, least of all unknown."""
        for node in (NANNING, PLATFORM, YULIN):
            status = self.world.status(node)
            if status is None:
                self.wrong.append(f"{node} does not answer")
            elif status["open_unknown"] or status["open_total"]:
                self.wrong.append(f"{node}: {status['open_unknown']} unknown, {status['open_total']} open")

    def check_books(self) -> None:
        """What Yulin's system posted must be what Nanning's system was told."""
        differences, net_posted, net_told = compare_books(self.world, self.regions)
        say(f"\n   玉林账上 posted at Yulin: 基金 {yuan(net_posted)}    南宁账上 told in Nanning: 基金 {yuan(net_told)}")
        self.wrong += differences


def routing_lines(world: World) -> list[str]:
    """Return the lines of the routing log as syslog-ng wrote them."""
    return [line for path in sorted((world.directory / "log").rglob("routing*.log"))
            for line in path.read_text(encoding="utf-8").splitlines()]


def print_routing_log(world: World) -> None:
    """Print the last lines of the routing log."""
    say("\n── 路由日志的最后几行，由 syslog-ng 写成   the last lines of the routing log")
    for line in routing_lines(world)[-8:]:
        say(f"   {line}")


def print_where_to_look(world: World) -> None:
    """Print the commands to look around with."""
    ctl = world.fepctl.relative_to(SOURCE) if world.fepctl.is_relative_to(SOURCE) else world.fepctl
    config = world.gateways[NANNING].config
    say("\n── 去哪里看   where to look")
    say(f"   {ctl} -c {config} status")
    say(f"   {ctl} -c {config} why MSGID")
    say(f"   {ctl} -c {config} route explain 450900 2207")
    say(f"   {ctl} -c {config} config check")
    say(f"   tail -f {world.directory}/log/*.log")
    say("   gateway/README.md follows one update through the code")


def play_all(world: World, keep: bool) -> int:
    """Run the whole demo; returns the exit status."""
    began = time.monotonic()
    regions = Regions(world)
    say("启动三个网关：南宁 450100（danxian）、平台 450000、玉林 450900（dajizhong）  starting three gateways")
    regions.start()
    story = Story(world, regions)
    played = {case: story.play(case) for case in STORIES}
    say("\n── 谁付多少   who pays what (yuan)")
    for case, steps in played.items():
        story.check_figures(case, steps)
    story.check_books()
    story.check_endings()
    print_routing_log(world)
    print_where_to_look(world)
    for trouble in story.wrong:
        say(f"错误 WRONG: {trouble}")
    say(f"\n{'有误' if story.wrong else '全部相符'}  "
        f"{'something is wrong' if story.wrong else 'every figure is right'}  ({time.monotonic() - began:.0f} s)")
    if keep:
        wait_for_the_end(world)
    return 1 if story.wrong else 0


def wait_for_the_end(world: World) -> None:
    """Leave everything running until interrupted, then stop it in order."""
    say(f"\n运行中，按 Ctrl-C 停止   running under {world.directory}; stop it with Ctrl-C")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def main() -> int:
    """Read the arguments and play."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--build", default=str(SOURCE / "build"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    directory = SOURCE / "demo-run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    with World(arguments.build, directory) as world:
        return play_all(world, arguments.keep)


if __name__ == "__main__":
    sys.exit(main())

"""What the demo plays and how it tells it: exchanges, figures, prompts, log lines. Remembers whatever was not right."""

import collections
import contextlib
import datetime
import json
import unicodedata

from fepsim import reference, visits
from pairs import DAJIZHONG, DANXIAN, System
from trial import SYSTEMS, Trial
from world import SOURCE, World, wait_until

STORIES = {
    "inpatient_course": ("住院化疗一个疗程，14,000.00 元", "in-patient course of 14,000.00 yuan; person 0003 of Yulin"),
    "outpatient_visit": ("普通门诊", "out-patient visit; person 0001 of Yulin"),
    "pharmacy_and_refund": ("药店购药后退药", "pharmacy purchase and its refund; person 0002 of Yulin"),
    "refusal": ("参保暂停，被拒绝", "refused: the insurance of person 0004 is suspended"),
    "lost_answer": ("结算成功而应答丢失（ZZ03）", "settled, the answer lost between Yulin's system and its gateway (ZZ03)"),
}
SHORT = {**{case: title.split("，")[0].split("（")[0] for case, (title, _) in STORIES.items()},
         "posted_twice": "门诊（重复记账）"}
PROVINCE_STORIES = {
    "in": ("外省就医：南宁参保人在常州住院，请求经国家接口进来",
           "another province: a Nanning-insured person is treated in Changzhou; its requests come in over the national interface"),
    "out": ("外省参保人：常州参保人在南宁住院，请求经国家接口出去",
            "a visitor from Changzhou is treated in Nanning; the requests go out over the national interface"),
}
TRANSACTIONS = {"person": "人员查询", "register": "就诊登记", "details": "费用明细上传", "trial": "预结算",
                "settle": "结算", "refund": "结算撤销", "lost": "结算（应答丢失）", "conclusion": "等待结论"}
# Two regions send each insured place an in-patient course with a procedure outside every catalogue. Guilin's crosswalk
# lacks one item of the out-patient case: whether its hospitals send it or its insurer gets it, it has no mapping.
EXPECTED_PROMPTS = {"danxian": {"化疗泵植入术": 2, "测试输液甲": 1}, "wuxian": {"化疗泵植入术": 2, "测试输液甲": 2},
                    "dajizhong": {"化疗泵植入术": 2, "测试输液甲": 1}}
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

    def __init__(self, world: World, trial: Trial):
        self.world = world
        self.trial = trial
        self.wrong: list[str] = []
        self.played: collections.Counter[tuple[str, str]] = collections.Counter()  # by case and insured region
        self.money: list[str] = []

    # --- playing ----------------------------------------------------------------------------------------------

    def play(self, case: str, asking: System, asked: System) -> list[dict]:
        """Play one case and hold what was told against the benefit rule computed independently."""
        steps = visits.EVERY[case](str(self.trial.hospitals[asking.name]), area=asked.region, region=asking.region)
        before = self.played[case, asked.region]
        self.played[case, asked.region] += 1
        for step in steps:
            if not step["expected"]:
                self.wrong.append(f"{asking.city}→{asked.city} {case}: {step['name']} was told {step['told']} "
                                  f"({step['code']})")
            elif step["told"] == "good":
                self._check_figures(case, before, step, f"{asking.city}→{asked.city}")
        return steps

    def _check_figures(self, case: str, before: int, step: dict, path: str) -> None:
        expected = {**reference.EXPECTED, **reference.PLANTED}.get((case, step["name"]))
        if expected is None:
            return
        told = step["figures"]
        for key, value in expected(before).items():
            if told.get(key) != value:
                self.wrong.append(f"{path} {case} {step['name']}: {key} is {told.get(key)}, the rule says {value}")
        if told["total"] != told["fund"] + told["acct"] + told["cash"]:
            self.wrong.append(f"{path} {case} {step['name']}: fund + account + cash is not the total")
        if step["name"] in ("settle", "refund"):
            amounts = "  ".join(f"{name} {yuan(told[key]):>10}" for key, name in MONEY)
            self.money.append(f"   {pad(path, 14)}{pad(SHORT[case], 20)}{pad(TRANSACTIONS[step['name']], 10)}{amounts}")

    def print_money(self) -> None:
        """Print who pays what of the settlements since the last time."""
        for line in self.money:
            say(line)
        self.money.clear()

    # --- telling ----------------------------------------------------------------------------------------------

    def print_steps(self, title: tuple[str, str], steps: list[dict], asking: System = DANXIAN,
                    asked: System = DAJIZHONG) -> None:
        """Print the exchanges of a case between two regions."""
        chinese, english = title
        say(f"\n── {chinese}   {english}")
        say(f"   {pad('时间', 10)}{pad('交易', 14)}{pad('msgid', 32)}{pad('路径', 22)}{pad('结局', 10)}"
            f"{pad('延迟 ms', 9)}本地/排队/线路/远端")
        for step in steps:
            self._print_step(step, asking, asked)

    def _print_step(self, step: dict, asking: System, asked: System) -> None:
        record = self._origin_record(step["msgid"], asking) if step["name"] not in ("person", "trial") else {}
        ending = record.get("state", step["told"])
        delays = self._delays_of(step["msgid"]) if record else "-"
        at = datetime.datetime.fromisoformat(step["time"]) + self.trial.offset
        say(f"   {pad(f'{at:%H:%M:%S}', 10)}{pad(TRANSACTIONS[step['name']], 14)}{pad(step['msgid'], 32)}"
            f"{pad(f'{asking.city}→平台→{asked.city}', 22)}{pad(ending, 10)}{pad(str(step['ms']), 9)}{delays}")
        if step["told"] == "refused":
            say(f"             拒绝理由 {step['code']}: {step['text']}")

    def _origin_record(self, msgid: str, asking: System) -> dict:
        gateway = self.world.gateways[asking.node]
        with contextlib.suppress(RuntimeError, ValueError):
            for record in json.loads(self.world.control(gateway, "why", msgid, "--json"))["records"]:
                if record["role"] == "origin":
                    return record
        self.wrong.append(f"{msgid}: the gateway of {asking.city} has no record of it")
        return {}

    def _delays_of(self, msgid: str) -> str:
        def look() -> str | None:
            for line in self._routing_lines():
                if msgid in line and " origin " in line:
                    return line.rpartition("delays=")[2].strip()
            return None
        return wait_until(f"the routing log has {msgid}", look)

    def check_endings(self) -> None:
        """No update may be left open anywhere, least of all unknown."""
        for node in self.world.gateways:
            status = self.world.status(node)
            if status is None:
                self.wrong.append(f"{node} does not answer")
            elif status["open_unknown"] or status["open_total"]:
                self.wrong.append(f"{node}: {status['open_unknown']} unknown, {status['open_total']} open")

    def print_prompts(self) -> None:
        """Print the prompts about items without a mapping, which wait at the insured places (rule R4)."""
        say("\n── 目录提示：没有对照的项目按就医地类别结算，事后补对照   prompts: items settled without a mapping")
        for system in SYSTEMS:
            gateway = self.world.gateways[system.node]
            prompts = json.loads(self.world.control(gateway, "prompts", "list", "--json"))
            expected = EXPECTED_PROMPTS[system.name]
            counted = collections.Counter(prompt["medins_list_name"] for prompt in prompts)
            for name, count in counted.items():
                one = next(prompt for prompt in prompts if prompt["medins_list_name"] == name)
                say(f"   {system.city}  {pad(name, 16)}{count} 次   {one['institution']}  结算 "
                    f"{one['settlement_id'] or '-'}")
            if counted != expected or not all(prompt["settlement_id"] for prompt in prompts):
                self.wrong.append(f"prompts at {system.city}: {dict(counted)}, expected {expected}")

    def _routing_lines(self) -> list[str]:
        return [line for path in sorted((self.world.directory / "log").rglob("routing*.log"))
                for line in path.read_text(encoding="utf-8").splitlines()]

    def print_routing_log(self) -> None:
        """Print the last lines of the routing log, as syslog-ng wrote them."""
        say("\n── 路由日志的最后几行，由 syslog-ng 写成   the last lines of the routing log")
        for line in self._routing_lines()[-8:]:
            say(f"   {line}")

    def print_where_to_look(self) -> None:
        """Print the commands to look around with."""
        fepctl = self.world.fepctl
        ctl = fepctl.relative_to(SOURCE) if fepctl.is_relative_to(SOURCE) else fepctl
        config = self.world.gateways[DANXIAN.node].config
        insured = self.world.gateways[DAJIZHONG.node].config
        say("\n── 去哪里看   where to look")
        for words in ("status", "why MSGID", "route explain 450900 2207", "config check"):
            say(f"   {ctl} -c {config} {words}")
        for words in ("prompts", "reconcile asked YYYYMMDD"):
            say(f"   {ctl} -c {insured} {words}")
        say(f"   tail -f {self.world.directory}/log/*.log")
        say("   gateway/README.md follows one update through the code")

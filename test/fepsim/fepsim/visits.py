"""A hospital's day, played step by step through a control socket.

Each case is a function that plays one visit on a control socket and returns
what happened as a list of step records. A case ends early at a step that was not told what it
should be told, because a hospital would not go on either. Nothing here
computes what a settlement should come to: that is in `reference`.
"""

import argparse
import functools
import json
import secrets
import sys
from collections.abc import Callable

from . import china_time
from .control import ask

ANSWER_SECONDS = 150
CHEMOTHERAPY = ("Z51.102", "恶性肿瘤术后化学治疗")
COLD = ("J06.900", "急性上呼吸道感染")
SUSPENDED = -2002

CANNOT_BE_ASKED = frozenset({"450100"})
"""Regions whose insurer has no inquiry: what is lost there is reversed and done again."""

# last four digits of the item, unit price, quantity
COURSE = ((("0002", "60.00", "100"), ("0008", "100.00", "50")),
          (("0001", "20.00", "100"), ("", "1000.00", "1")))
UNMAPPED = {"name": "化疗泵植入术", "level": "B", "ratio": "0.2000", "kind": "2",
            "fee_cat": "06"}
OUTPATIENT = (("0001", "12.50", "2"), ("0002", "100.55", "1"), ("0004", "18.00", "1"))
PHARMACY = (("0001", "15.00", "3"), ("0003", "30.00", "1"))
LOST = (("0001", "8.88", "10"),)


class UnexpectedEnd(Exception):
    """A step was not told what it should be told."""


class Clerk:
    """Types one visit in and notes what was told at each step."""

    def __init__(self, control: str, area: str = "450900", region: str = "450100",
                 hospital: str = ""):
        self._control = control
        self._area = area
        self._region = region
        self._hospital = hospital
        self.steps: list[dict] = []

    def person_number(self, number: str) -> str:
        """Return the number of a test person of the insured region."""
        return self._area + "0" * 10 + number

    @property
    def can_ask(self) -> bool:
        """Tell whether the insurer can be asked what became of a lost answer."""
        return self._area not in CANNOT_BE_ASKED

    def step(self, title: str, op: str, /, told: str | tuple[str, ...] = "good",
             code: int | None = 0, **fields) -> dict:
        """Do one operation and note it; UnexpectedEnd if it was told otherwise.

        Several words may be good, and None stands for any code.
        """
        request = {"op": op, "area": self._area, **fields}
        if self._hospital:
            request["hospital"] = self._hospital
        at = china_time.now().isoformat(timespec="milliseconds")
        answer = ask(self._control, request, ANSWER_SECONDS)
        if not answer["ok"]:
            raise ValueError(f"{title}: {answer['error']}")
        record = {"time": at, "name": title,
                  **{key: answer.get(key) for key in ("serial", "msgid", "told", "code",
                                                      "text", "ms")},
                  "visit_no": fields.get("visit_no", ""), "figures": answer.get("out", {}),
                  "expected": (answer["told"] in ((told,) if isinstance(told, str) else told)
                               and code in (None, answer.get("code")))}
        self.steps.append(record)
        if not record["expected"]:
            raise UnexpectedEnd(title)
        return record

    def lines(self, items: tuple, first: int) -> list[dict]:
        """Return fee lines for items; one without a number is not in the catalogue."""
        made = []
        for line_no, (number, price, quantity) in enumerate(items, first):
            line = {"line_no": str(line_no), "item": "", "price": price, "qty": quantity}
            if number:
                line["item"] = f"{self._region[:4]}-{number}"
            else:
                line |= UNMAPPED
            made.append(line)
        return made

    def open_visit(self, number: str, name: str, prefix: str, med_type: str,
                   diagnosis: tuple[str, str]) -> str:
        """Look the person up and register a visit; return its number."""
        psn_no, visit_no = self.person_number(number), new_visit_number(prefix)
        self.step("person", "person", kind="psn_no", value=psn_no, name=name,
                  med_type=med_type)
        self.step("register", "register", psn_no=psn_no, name=name, visit_no=visit_no,
                  med_type=med_type, diag=diagnosis[0], diag_name=diagnosis[1])
        return visit_no


def new_visit_number(prefix: str) -> str:
    """Return a visit number no other run uses, of at most 20 characters."""
    return f"{prefix}{china_time.stamp()[2:]}{secrets.token_hex(2).upper()}"


Case = Callable[..., list[dict]]
CASES: dict[str, Case] = {}
PLANTED: dict[str, Case] = {}
"""Cases after which the two sides' books differ, on purpose."""


def case(script: Callable[[Clerk], None], among: dict[str, Case] = CASES) -> Case:
    """Make a script a case: called with a control socket, it returns its steps.

    The last step is the unexpected one if there was one.
    """
    @functools.wraps(script)
    def play(control: str, **where) -> list[dict]:
        clerk = Clerk(control, **where)
        try:
            script(clerk)
        except UnexpectedEnd:
            pass
        return clerk.steps

    among[script.__name__] = play
    return play


@case
def inpatient_course(clerk: Clerk) -> None:
    """A chemotherapy course of 14,000.00 yuan, charged in two batches."""
    visit_no = clerk.open_visit("0003", "覃检", "ZY", "21", CHEMOTHERAPY)
    first = 1
    for batch in COURSE:
        clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(batch, first))
        first += len(batch)
    clerk.step("trial", "trial", visit_no=visit_no, use_acct=1)
    clerk.step("settle", "settle", visit_no=visit_no, use_acct=1)


@case
def outpatient_visit(clerk: Clerk) -> None:
    """An out-patient visit paid from the account first."""
    visit_no = clerk.open_visit("0001", "韦测", "MZ", "11", COLD)
    clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(OUTPATIENT, 1))
    clerk.step("trial", "trial", visit_no=visit_no, use_acct=1)
    clerk.step("settle", "settle", visit_no=visit_no, use_acct=1)


@case
def pharmacy_and_refund(clerk: Clerk) -> None:
    """A purchase at a pharmacy, brought back as a whole."""
    visit_no = clerk.open_visit("0002", "莫试", "YD", "41", COLD)
    clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(PHARMACY, 1))
    clerk.step("settle", "settle", visit_no=visit_no)
    clerk.step("refund", "cancel_settlement", visit_no=visit_no, reason="退药")


@case
def refusal(clerk: Clerk) -> None:
    """A person whose insurance is suspended is found, but not registered."""
    psn_no = clerk.person_number("0004")
    clerk.step("person", "person", kind="psn_no", value=psn_no, name="陆停")
    clerk.step("register", "register", told="refused", code=SUSPENDED, psn_no=psn_no,
               name="陆停", visit_no=new_visit_number("MZ"), med_type="11",
               diag=COLD[0], diag_name=COLD[1])


@case
def lost_answer(clerk: Clerk) -> None:
    """The insuring system posts and its answer is lost; the hospital hears in time.

    An insurer that cannot be asked has it reversed, and the hospital settles again.
    """
    visit_no = clerk.open_visit("0007", "罗玘", "ZZ03", "11", COLD)
    clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(LOST, 1))
    if not clerk.can_ask:
        lost = clerk.step("lost", "settle", told=("unknown", "refused"), code=None,
                          visit_no=visit_no)
        if lost["told"] == "unknown":
            clerk.step("conclusion", "conclusion", told=("reversed", "refused"), code=None,
                       serial=lost["serial"], seconds=ANSWER_SECONDS - 10)
    clerk.step("settle", "settle", visit_no=visit_no)


@functools.partial(case, among=PLANTED)
def posted_twice(clerk: Clerk) -> None:
    """The insuring system posts a settlement twice; only reconciliation finds it."""
    visit_no = clerk.open_visit("0007", "罗玘", "ZZ13", "11", COLD)
    clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(LOST, 1))
    clerk.step("settle", "settle", visit_no=visit_no)


EVERY = {**CASES, **PLANTED}


def main() -> int:
    """Play the cases named, one step a line; 1 if a step was not as expected."""
    parser = argparse.ArgumentParser(prog="fepsim.visits", description=__doc__.split("\n")[0])
    parser.add_argument("--control", required=True, help="control socket of the asking system")
    parser.add_argument("--case", choices=[*CASES, "all"], default="all")
    parser.add_argument("--area", default="450900", help="region of insurance")
    parser.add_argument("--region", default="450100", help="region of treatment")
    parser.add_argument("--hospital", default="", help="institution, if not the default")
    args = parser.parse_args()
    good = True
    for name in CASES if args.case == "all" else [args.case]:
        for step in CASES[name](args.control, area=args.area, region=args.region,
                                hospital=args.hospital):
            print(json.dumps({"case": name, **step}, ensure_ascii=False), flush=True)
            good = good and step["expected"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a reversal may still undo: only that on which nothing later depends."""

from .books import Postings
from .ledger import Ledger, Visit

REVERSIBLE = frozenset({"register", "details", "settle", "cancel"})


def obstacle(ledger: Ledger, postings: Postings, original: dict) -> str:
    """Say why a posting has to stay posted; empty when it may be reversed.

    Only the visit itself counts: what happened on other visits never does.
    """
    kind = original["kind"]
    if kind not in REVERSIBLE:
        return "该类交易不可冲正"
    visit = ledger.visits[original["visit_id"]]
    return _RULES[kind](ledger, postings, visit, original)


def _of_register(ledger, postings, visit: Visit, original) -> str:
    if visit.closed:
        return "登记已取消"
    return "已有明细或结算" if visit.lines or visit.in_force() else ""


def _of_details(ledger, postings, visit: Visit, original) -> str:
    batch = tuple(original["key"])
    for record in original["lines"]:
        stored = visit.lines.get(record["no"])
        if stored is None or stored.batch != batch:
            return "明细已撤销"
        if stored.setl_id:
            return "明细已结算"
    return ""


def _of_settle(ledger: Ledger, postings, visit: Visit, original) -> str:
    settlement = ledger.settlements[original["setl_id"]]
    if settlement.cancelled:
        return "结算已撤销"
    if not settlement.twin and visit.in_force()[-1] is not settlement:
        return "有后续结算"
    return ""


def _of_cancel(ledger: Ledger, postings: Postings, visit: Visit, original) -> str:
    settlement = ledger.settlements[original["org_setl_id"]]
    if settlement.twin or original.get("twin"):
        return ""
    later = visit.history[visit.history.index(tuple(original["key"])) + 1:]
    if any(postings.by_key[key]["state"] != "reversed" for key in later):
        return "有后续交易"
    if ledger.insurance_of(visit).balance_fen < settlement.shares.acct:
        return "个人账户余额不足"
    return ""


_RULES = {"register": _of_register, "details": _of_details, "settle": _of_settle,
          "cancel": _of_cancel}

"""A fee line as the hospital has it, divided by the treatment place's catalogue.

What an item is worth to the insurance (level, ratio, ceiling) is the treatment
place's business: its catalogue decides here, and the result travels with the
line. Only an item outside that catalogue brings its own level and ratio.
"""

from decimal import Decimal, InvalidOperation

from .data import Item
from .money import line_amount, line_part


def fen_of(value: int | str) -> int:
    """Return an amount in fen: whole numbers are fen already, text is yuan."""
    if isinstance(value, int):
        return value
    return _scaled(value, 2, "amount")


def e4_of(value: int | str) -> int:
    """Return a price, quantity or ratio in ten-thousandths."""
    return _scaled(value, 4, "decimal")


def _scaled(value: int | str, places: int, what: str) -> int:
    try:
        scaled = Decimal(str(value)).scaleb(places)
        if scaled == scaled.to_integral_value():
            return int(scaled)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    raise ValueError(f"not a usable {what}: {value!r}")


def line_facts(line: dict, catalogue: dict[str, Item]) -> dict:
    """Complete a line from the catalogue and compute its four parts."""
    item = catalogue.get(line.get("item", ""))
    if item:
        known = {"level": item.level, "ratio_e4": item.ratio_e4,
                 "ceiling_e4": item.ceiling_e4, "name": item.name,
                 "kind": item.kind, "fee_cat": item.fee_category}
    else:
        known = {"level": line["level"], "ratio_e4": e4_of(line.get("ratio", 0)),
                 "ceiling_e4": e4_of(line.get("ceiling", 0)), "name": line["name"],
                 "kind": line["kind"], "fee_cat": line["fee_cat"]}
    price, qty = e4_of(line["price"]), e4_of(line["qty"])
    amount = fen_of(line["amount"]) if "amount" in line else line_amount(price, qty)
    parts = line_part(amount, qty, known["level"], known["ratio_e4"], known["ceiling_e4"])
    return {**known, "item": line.get("item", ""), "line_no": str(line["line_no"]),
            "his_name": line.get("name") or known["name"], "price_e4": price,
            "qty_e4": qty, "amount": amount, "parts": parts}


def his_code(line: dict, facts: dict) -> str:
    """Return the hospital's own code of a line's item."""
    return line.get("his_code") or facts["item"] or f"HIS-{facts['line_no']}"

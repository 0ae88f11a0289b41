"""Whether a good answer is to be believed.

An answer that contradicts itself or its request means that the outcome is
unknown, whatever its code says.
"""

from .money import Shares, broken_equations
from .operations import SETTLING

_MUST_NAME = {"register": "visit_id", "settle": "setl_id", "cancel_settlement": "setl_id"}
_RESULTS = ("1", "2", "3")


class NotBelieved(ValueError):
    """The answer does not fit its request or contradicts itself."""


def check_output(operation: str, out: dict, expected: dict) -> None:
    """Refuse an answer that cannot be the one to this request.

    Whatever an answer repeats of its request is compared: where it names no
    request, that is the only way to notice the answer to another one.
    """
    for name, value in expected.items():
        if out[name] != value:
            raise NotBelieved(f"{name} is {out[name]!r}, asked with {value!r}")
    if operation in SETTLING:
        broken = broken_equations(Shares.from_dict(out))
        if broken:
            raise NotBelieved("broken: " + "; ".join(broken))
    must_name = _MUST_NAME.get(operation)
    if must_name and not out[must_name]:
        raise NotBelieved(f"{must_name} is empty")
    if operation == "reverse" and out["result"] not in _RESULTS:
        raise NotBelieved(f"reversal result {out['result']!r}")

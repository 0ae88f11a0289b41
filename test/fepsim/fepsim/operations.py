"""What a hospital does, and the number each local system has for it.

No two systems share a number, so a number alone says what was done.
"""

WUXIAN = {"person": "1101", "register": "1201", "cancel_register": "1202",
          "details": "1301", "cancel_details": "1302", "trial": "1401", "settle": "1402",
          "cancel_settlement": "1403", "reverse": "1901", "inquire": "1902",
          "totals": "1501", "day": "1502", "catalogue": "1601", "filing": "1701",
          "echo": "1999"}

DANXIAN = {"person": "2100", "register": "2210", "cancel_register": "2240",
           "details": "2310", "cancel_details": "2320", "trial": "2420", "settle": "2410",
           "cancel_settlement": "2430", "reverse": "2421", "totals": "1110", "day": "1120",
           "catalogue": "1300", "filing": "1600", "echo": "1800", "sign_in": "9100",
           "sign_out": "9110"}

DAJIZHONG = {"person": "100001", "register": "200001", "cancel_register": "200002",
             "details": "300001", "cancel_details": "300002", "trial": "400001",
             "settle": "400002", "cancel_settlement": "400003", "reverse": "500001",
             "inquire": "500002", "totals": "600001", "day": "600002", "notice": "600003",
             "catalogue": "700001", "filing": "800001", "sign_in": "900001",
             "sign_out": "900002"}

PLATFORM = {"person": "1101", "register": "2201", "cancel_register": "2202", "details": "2204",
            "cancel_details": "2205", "trial": "2206", "settle": "2207",
            "cancel_settlement": "2208", "reverse": "2601", "totals": "3201", "day": "3202",
            "catalogue": "1312", "sign_in": "9001", "sign_out": "9002", "upload": "9101",
            "download": "9102"}
PLATFORM_INPATIENT = PLATFORM | {
    "register": "2401", "cancel_register": "2404", "details": "2301", "cancel_details": "2302",
    "trial": "2303", "settle": "2304", "cancel_settlement": "2305"}

OPERATION_OF = {code: operation
                for codes in (WUXIAN, DANXIAN, DAJIZHONG, PLATFORM, PLATFORM_INPATIENT)
                for operation, code in codes.items()}

POSTING = frozenset({"register", "cancel_register", "details", "cancel_details", "settle",
                     "cancel_settlement"})
WITH_MONEY = frozenset({"settle", "cancel_settlement"})
SETTLING = WITH_MONEY | {"trial"}

CALL_SECONDS = {"person": 10, "filing": 10, "inquire": 10, "echo": 10, "sign_in": 10,
                "sign_out": 10, "notice": 10, "register": 15, "cancel_register": 15,
                "details": 30, "cancel_details": 30, "trial": 30, "settle": 60,
                "cancel_settlement": 60, "reverse": 30, "totals": 30, "day": 30,
                "catalogue": 30, "upload": 30, "download": 30}
"""How long the call to a local system may take (sign-in and sign-out: as an echo)."""

LINE_SECONDS = 0.05
ASKING_EXTRA = 40
"""The asking local system waits this much longer than the innermost call."""


def seconds_to_wait(operation: str, lines: int = 0) -> float:
    """Return how long the asking side waits for an answer."""
    return CALL_SECONDS[operation] + LINE_SECONDS * lines + ASKING_EXTRA

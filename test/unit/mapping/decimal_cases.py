"""Cases for test_decimal, by Python's decimal: one a line, with the expected result.

parse TEXT SCALE UNITS|-      write UNITS SCALE TEXT      line PRICE QUANTITY FEN|-
"""
import random
import sys
from decimal import ROUND_HALF_UP, Decimal, getcontext

getcontext().prec = 80
LIMIT = 2**63
random.seed(int(sys.argv[1]))


def parse(text, scale):
    units = Decimal(text).scaleb(scale)
    good = units == units.to_integral_value() and -LIMIT <= units < LIMIT
    print("parse", text, scale, int(units) if good else "-")


def number(digits, decimals):
    sign = random.choice(["", "", "-", "+"])
    whole = "".join(random.choice("0123456789") for _ in range(digits))
    part = "".join(random.choice("0123456789") for _ in range(decimals))
    return sign + whole + ("." + part if decimals else "")


for _ in range(4000):
    parse(number(random.randint(1, 20), random.randint(0, 8)), random.randint(0, 9))
for text in ["0", "-0", "0.00", "9223372036854775807", "-9223372036854775808", "9223372036854775808", ".5", "1.",
             "92233720368547758.07", "-92233720368547758.08", "92233720368547758.08"]:
    for scale in (0, 2, 4):
        parse(text, scale)
for _ in range(2000):
    units = random.choice([random.randint(-LIMIT, LIMIT - 1), random.randint(-2000, 2000)])
    scale = random.randint(0, 9)
    print("write", units, scale, "{:.{}f}".format(Decimal(units).scaleb(-scale), scale) if units or scale else "0")
for _ in range(4000):
    price = random.choice([random.randint(-10**7, 10**7), random.randint(0, 10**12)])
    quantity = random.choice([random.randint(-10**6, 10**6), random.randint(0, 10**8), 5000])
    product = price * quantity
    fen = (Decimal(product) / 10**6).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    fits = -LIMIT <= product - 500000 and product + 500000 < LIMIT
    print("line", price, quantity, int(fen) if fits else "-")

"""Comparing what people typed: names, and identifiers in full-width letters."""

_DOTS = str.maketrans({"•": "·", "・": "·", "．": "·", ".": "·"})
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def fold_identifier(text: str) -> str:
    """Bring full-width letters and digits of an identifier to ASCII."""
    return text.translate(_WIDE)


def _is_wildcard(char: str) -> bool:
    """Tell whether a character stands for one that some code page could not hold."""
    return char in "〓?？\ufffd" or "\ue000" <= char <= "\uf8ff" or ord(char) >= 0xF0000


def _normal(name: str) -> str:
    return "".join(name.split()).translate(_DOTS)


def same_name(one: str, other: str) -> bool:
    """Compare two names the way all stand-ins do.

    Blanks do not count, the separators of minority names are one, and a
    replacement character on either side matches any one character.
    """
    one, other = _normal(one), _normal(other)
    return len(one) == len(other) and all(
        a == b or _is_wildcard(a) or _is_wildcard(b) for a, b in zip(one, other))

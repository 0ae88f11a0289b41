"""null: refuses at once, serves nobody."""

import kit_profile
from bench import REFUSED


class Profile(kit_profile.Profile):
    """Every call ends in the function that begins it."""

    name = module = "null"
    asks, has_peer = True, False
    good_kind = REFUSED

    def options(self, place: kit_profile.Place) -> dict:
        return {"text": "not connected yet"}

    def update(self) -> kit_profile.Request:
        return kit_profile.Request("2304", f'{{"input":{{"n":{next(self.numbers)}}}}}', True)

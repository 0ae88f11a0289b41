"""The module that does what it must not (test/unit/adapters/trouble_module.c); FEP_TROUBLE says what. For the tests of
the kit itself."""

import os
import pathlib

import kit_profile


class Profile(kit_profile.Profile):
    """Everything asked of it is answered, but for what the mode spoils."""

    name = "trouble"
    asks, has_peer = True, False

    def module_path(self, build: pathlib.Path) -> pathlib.Path:
        return build / "test" / "unit" / "adapters" / "trouble.so"

    def options(self, place: kit_profile.Place) -> dict:
        return {"mode": os.environ.get("FEP_TROUBLE", "twice")}

    @property
    def slow_options(self) -> dict:
        """The mode itself keeps calls open, or does not."""
        return {}

    def update(self) -> kit_profile.Request:
        return kit_profile.Request("2304", f'{{"input":{{"n":{next(self.numbers)}}}}}', True)

"""The morning after: each gateway compares the day with its insurer, and each hospital side with its gateway."""

import datetime
import json
import subprocess

from pairs import System
from story import Story, pad, say

ASKED = "asked"  # the instance that asks the insurer


def print_reconciliation(story: Story, day: datetime.date, planted: int) -> None:
    """Reconcile a day in both directions; every insurer must show exactly `planted` differences."""
    say(f"\n── 日对账 {day}   the day reconciled")
    stamp = day.strftime("%Y%m%d")
    for system in story.trial.systems:
        ask_insurer(story, system, stamp, planted)
    for system in story.trial.systems:
        ask_gateway(story, system, stamp)


def ask_insurer(story: Story, system: System, stamp: str, planted: int) -> None:
    """The gateway compares what it posted with what its insurer holds."""
    gateway = story.world.gateways[system.node]
    done = subprocess.run([story.world.fepctl, "-c", gateway.config, "reconcile", ASKED, stamp, "--json"],
                          capture_output=True, text=True, timeout=150, check=False)
    try:
        result = json.loads(done.stdout)
    except ValueError:
        story.wrong.append(f"{system.city}: reconcile: exit {done.returncode}: {done.stderr.strip()[-300:]}")
        return
    differences = result["differences"]
    say(f"   {system.city}  网关 → {pad(system.name, 12)}{'相符 equal' if result['equal'] else '不符 differs'}")
    for difference in differences:
        theirs = difference.get("theirs") or difference.get("ours") or {}
        say(f"       {difference['kind']}  {difference.get('setl_id', '')}  {theirs.get('medfee_sumamt', '')}")
    if len(differences) != planted or result["equal"] != (planted == 0) or \
            any(difference["kind"] != "only_there" for difference in differences):
        story.wrong.append(f"{system.city}: {len(differences)} differences with the insurer, expected {planted}")


def ask_gateway(story: Story, system: System, stamp: str) -> None:
    """The hospital side compares what it was told with what the gateway holds."""
    told = story.world.ask(story.trial.hospitals[system.name], {"op": "totals", "date": stamp})
    good = told is not None and told.get("told") == "good" and told["out"]["differs"] == "0"
    say(f"   {system.city}  {pad(system.name, 10)}→ 网关  {'相符 equal' if good else '不符 differs'}")
    if not good:
        story.wrong.append(f"{system.city}: totals asked of the gateway: {told}")

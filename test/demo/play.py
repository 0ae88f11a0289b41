"""The demo: three regions and the platform as real processes on this machine, and visitors' settlements as the hospitals
see them. Nanning runs a danxian, Guilin a wuxian, Yulin a dajizhong; each treats the others' insured. Behind the platform
stands another province, Changzhou's, which asks and is asked over the national interface.

Three days are played in a minute: the clocks of all processes stand on the day before yesterday, then on yesterday, then
on today (libfaketime), because a day can be reconciled only when it is over.

Exit status 0 only if every figure is right. With --keep everything is left running and the commands to look around with
are printed.
"""

import argparse
import contextlib
import pathlib
import shutil
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib"), str(HERE.parent / "fepsim")]

from pairs import DAJIZHONG, DANXIAN  # noqa: E402  (after the paths above)
from reconciliation import print_reconciliation  # noqa: E402
from story import PROVINCE_STORIES, STORIES, Story, say  # noqa: E402
from trial import PAIRS, PROVINCE, Trial, compare_all_books  # noqa: E402
from world import SOURCE, World  # noqa: E402

BETWEEN_ALL = ("inpatient_course", "outpatient_visit", "pharmacy_and_refund")


def play_main_story(story: Story) -> None:
    """Nanning's hospitals treat Yulin's insured: every exchange is shown."""
    for case in STORIES:
        story.print_steps(STORIES[case], story.play(case, DANXIAN, DAJIZHONG))
    say("\n── 谁付多少   who pays what (yuan)")
    story.print_money()


def play_all_pairs(story: Story) -> None:
    """Every region's hospitals treat every other region's insured."""
    say("\n── 每个地区接诊其他每个地区的参保人   every ordered pair of regions")
    for asking, asked in PAIRS:
        if (asking, asked) == (DANXIAN, DAJIZHONG):
            continue  # played above, step by step
        for case in BETWEEN_ALL:
            story.play(case, asking, asked)
    story.print_money()


def play_the_province(story: Story) -> None:
    """Nanning and another province treat each other's insured, over the national interface."""
    for way, asking, asked in (("in", PROVINCE, DANXIAN), ("out", DANXIAN, PROVINCE)):
        story.print_steps(PROVINCE_STORIES[way], story.play("inpatient_course", asking, asked), asking, asked)
        for case in ("outpatient_visit", "pharmacy_and_refund"):
            story.play(case, asking, asked)
    say("\n── 谁付多少   who pays what (yuan)")
    story.print_money()


def print_books(story: Story, planted: int) -> None:
    """Hold all local systems' books against each other."""
    differences, fund = compare_all_books(story.trial)
    sums = "   ".join(f"{region} {amount / 100:,.2f}" for region, amount in fund.items())
    say(f"\n── 八套账   the eight books: 各参保地基金净支付 funds paid, by insured region: {sums}")
    expected = [text for text in differences if "no hospital was told so" in text]
    for text in differences:
        say(f"   {text}")
    if len(differences) != planted or len(expected) != planted:
        story.wrong.append(f"the eight books differ in {len(differences)} places, expected {planted}")
    elif not planted:
        say("   一致   they agree")


def play_the_days(story: Story) -> None:
    """Two days of business, each reconciled the morning after."""
    trial = story.trial
    play_main_story(story)
    play_all_pairs(story)
    print_books(story, 0)
    story.check_endings()
    story.print_prompts()
    first = trial.today
    trial.next_day(-1)
    print_reconciliation(story, first, planted=0)

    say("\n── 第二天：ZZ13，参保地系统重复记账   the second day: each insurer posts one settlement twice (ZZ13)")
    for asked, asking in ((DAJIZHONG, DANXIAN), *((two, one) for one, two in PAIRS if one is DAJIZHONG), (PROVINCE, DANXIAN)):
        story.play("posted_twice", asking, asked)
    story.print_money()
    play_the_province(story)
    story.check_endings()
    second = trial.today
    trial.next_day(0)
    print_books(story, 4)
    print_reconciliation(story, second, planted=1)


def play_all(world: World, keep: bool) -> int:
    """Run the whole demo; returns the exit status."""
    began = time.monotonic()
    trial = Trial(world, province=True)
    trial.set_day(-2)
    story = Story(world, trial)
    say("启动四个网关：南宁 450100（danxian）、桂林 450300（wuxian）、玉林 450900（dajizhong）、平台 450000；"
        "平台后面是外省常州 320400（国家接口）  starting four gateways; behind the platform another province")
    trial.start()
    play_the_days(story)
    story.print_routing_log()
    story.print_where_to_look()
    for trouble in story.wrong:
        say(f"错误 WRONG: {trouble}")
    say(f"\n{'有误' if story.wrong else '全部相符'}  "
        f"{'something is wrong' if story.wrong else 'every figure is right'}  ({time.monotonic() - began:.0f} s)")
    if keep:
        wait_for_the_end(world)
    return 1 if story.wrong else 0


def wait_for_the_end(world: World) -> None:
    """Leave everything running until interrupted, then stop it in order."""
    say(f"\n运行中，按 Ctrl-C 停止   running under {world.directory}; stop it with Ctrl-C")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def main() -> int:
    """Read the arguments and play."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--build", default=str(SOURCE / "build"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    directory = SOURCE / "demo-run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    with World(arguments.build, directory) as world:
        return play_all(world, arguments.keep)


if __name__ == "__main__":
    sys.exit(main())

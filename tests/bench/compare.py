"""Statistics of `scripts/bench --compare`: did a figure move by more than the noise of paired runs?

Each pair is one run of each side, one right after the other. What counts is the logarithm of new / base of a pair: other work
on the machine that lasts longer than a pair hits both sides and leaves the ratio.
"""
import math
import statistics

FLOOR = 0.02  # a figure that moves by less than 2 % is as it was, however steady it is


def sign_test(signs):
    """How likely so lopsided signs are when nothing moved (two-sided). `signs`: differences; zeros tell nothing."""
    count = sum(1 for value in signs if value != 0)
    if count == 0:
        return 1.0
    more = sum(1 for value in signs if value > 0)
    tail = sum(math.comb(count, k) for k in range(max(more, count - more), count + 1)) / 2**count
    return min(1.0, 2 * tail)


def judge(pairs):
    """`pairs`: (base, new). The ratio is new / base; `moved` needs both more than twice the spread and signs that agree.

    `p` can be no smaller than 2 / 2**pairs: 0.0625 with 5, 0.25 with 3. So few can only be unanimous, and are asked to be.
    """
    logs = [math.log(new / base) for base, new in pairs if base > 0 and new > 0]
    found = {"pairs": len(logs), "ratio": None, "lowest": None, "highest": None, "spread": None, "p": 1.0, "moved": False}
    if not logs:
        return found
    middle = statistics.median(logs)
    spread = statistics.median(abs(value - middle) for value in logs)
    p = sign_test(logs)
    found.update(ratio=round(math.exp(middle), 4), lowest=round(math.exp(min(logs)), 4),
                 highest=round(math.exp(max(logs)), 4), spread=round(math.exp(spread) - 1, 4), p=round(p, 4))
    agree = p <= max(0.07, 2 / 2 ** len(logs))
    found["moved"] = len(logs) >= 3 and agree and abs(middle) > max(2 * spread, math.log1p(FLOOR))
    return found


def better(unit, ratio):
    """Whether a ratio other than 1 is good news: rates and counts of work grow, times and sizes shrink."""
    return (ratio > 1) == unit.endswith("/s")


def line(name, unit, found):
    """One line for people."""
    if found["ratio"] is None:
        return f"{name}: no pair could be compared"
    verdict = "as before"
    if found["moved"]:
        verdict = "BETTER" if better(unit, found["ratio"]) else "WORSE"
    return (f"{verdict:9} {found['ratio']:.3f} of base ({found['lowest']:.3f} to {found['highest']:.3f}, "
            f"{found['pairs']} pairs, spread {100 * found['spread']:.1f} %, p {found['p']:.3g})  {name} [{unit}]")

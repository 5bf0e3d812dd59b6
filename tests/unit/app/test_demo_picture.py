"""What the README's picture leaves of a cycle's report."""

from dg_bot.app.demo_picture import excerpt

REPORT = """\
Guard: KRW-BTC reached its take profit
       dg.KRW-BTC.20260911T13.exit.0.0: sold 0.5 for 80 KRW

1 Risk check  1 of 2 gates passed, 7 ms
       gate                         found                 limit
  pass safe_mode                    off                   off
  FAIL hours_since_entry            1 h                   4 h

2 Data collection  1 of 1 gates passed, 9 ms
       gate                         found                 limit
  pass market_warnings              a long word
                                    of the venue's

3 Analysis  2 of 2 gates passed, 5 ms
  screen passed: 730 days
       gate                         found                 limit
  \x1b[32mpass\x1b[0m strategy.squeeze             adx 15                or
                                    bandwidth 0.02        adx < 20
  pass validator.fake_out           adx 15                or
                                    volume 2              adx >= 20

decision: BUY by rules"""

LEFT = """\
Guard: KRW-BTC reached its take profit
       dg.KRW-BTC.20260911T13.exit.0.0: sold 0.5 for 80 KRW

1 Risk check  1 of 2 gates passed, 7 ms
  FAIL hours_since_entry            1 h                   4 h

2 Data collection  1 of 1 gates passed, 9 ms
3 Analysis  2 of 2 gates passed, 5 ms
  screen passed: 730 days
  pass strategy.squeeze             adx 15                or
                                    bandwidth 0.02        adx < 20
decision: BUY by rules"""


def test_of_the_gates_that_passed_only_those_of_the_strategy_are_left() -> None:
    assert LEFT == "\n".join(line.plain for line in excerpt(REPORT))


def test_colours_are_kept() -> None:
    [squeeze] = [line for line in excerpt(REPORT) if "squeeze" in line.plain]

    assert ["color(2)"] == [str(span.style) for span in squeeze.spans]

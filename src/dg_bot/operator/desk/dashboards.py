"""The six dashboards: the account, what protects it, why it did not trade, who was right, what it paid, whether it works."""

from collections.abc import Mapping

from dg_bot.operator.desk.panels import Dashboard, Kind, Panel, Query, Source, Unit
from dg_bot.operator.desk.queries import sql

_P95 = "histogram_quantile(0.95, sum by (le{by}) (rate({name}_bucket[5m])))"


def _panel(
    title: str,
    kind: Kind,
    unit: Unit,
    about: str,
    *queries: Query,
    size: tuple[int, int] = (12, 8),
    columns: Mapping[str, Unit] | None = None,
    marks: tuple[str, ...] = (),
    goes_below_zero: bool = False,
    is_per_market: bool = False,
) -> Panel:
    width, height = size
    return Panel(
        title=title,
        kind=kind,
        unit=unit,
        about=about,
        queries=queries,
        width=width,
        height=height,
        columns=columns or {},
        marks=marks,
        goes_below_zero=goes_below_zero,
        is_per_market=is_per_market,
    )


def _metric(expression: str, legend: str = "") -> Query:
    return Query(text=expression, source=Source.METRICS, legend=legend)


def _portfolio() -> Dashboard:
    of, small = sql("portfolio"), (4, 4)
    panels = (
        _panel("Value", Kind.STAT, Unit.KRW, "The account at the end of the last cycle.", of["value"], size=small),
        _panel(
            "Return", Kind.STAT, Unit.FRACTION, "Gain of the chosen time after costs, without transfers.", of["gain"], size=small,
            goes_below_zero=True,
        ),
        _panel(
            "Buy and hold", Kind.STAT, Unit.FRACTION, "What the traded markets in equal parts did in the same time.", of["hold"],
            size=small, goes_below_zero=True,
        ),
        _panel(
            "Deepest drawdown", Kind.STAT, Unit.FRACTION, "The deepest fall from the best return so far.", of["deepest"],
            size=small, goes_below_zero=True,
        ),
        _panel(
            "Realised", Kind.STAT, Unit.KRW, "Gain after fees of the round trips that ended.", of["realised"], size=small,
            goes_below_zero=True,
        ),
        _panel("Round trips won", Kind.STAT, Unit.FRACTION, "Share of those that ended with a gain.", of["win_rate"], size=small),
        _panel(
            "Return beside buying and holding", Kind.LINES, Unit.FRACTION,
            "Both from the beginning of the chosen time. Transfers are no gain and no loss.", of["returns"], size=(16, 10),
        ),
        _panel(
            "Value and what was paid in", Kind.LINES, Unit.KRW, "The distance of the two lines is the gain in won.", of["values"],
            size=(8, 10),
        ),
        _panel(
            "Drawdown", Kind.LINES, Unit.FRACTION, "Fall from the best return so far.", of["drawdown"], size=(12, 7),
            goes_below_zero=True,
        ),
        _panel("Days", Kind.BARS, Unit.FRACTION, "Each day in Seoul beside holding.", of["days"], size=(12, 7)),
        _panel(
            "Trades on the price", Kind.LINES, Unit.KRW, "Hourly closes, and the average price of each order that was filled.",
            of["price"], of["bought"], of["sold"], size=(12, 10), marks=("Bought", "Sold"), is_per_market=True,
        ),
        _panel(
            "Round trips", Kind.TABLE, Unit.TEXT, "From flat to flat, after fees; the newest first.", of["round_trips"],
            size=(24, 9),
            columns={
                "Entered": Unit.TIME, "Left": Unit.TIME, "Result": Unit.FRACTION, "Profit": Unit.KRW, "Held": Unit.SECONDS,
                "Entry price": Unit.KRW, "Exit price": Unit.KRW, "Paid": Unit.KRW,
            },
        ),
        _panel(
            "Months", Kind.TABLE, Unit.FRACTION, "Each month in Seoul beside holding.", of["months"],
            columns={"Month": Unit.TEXT, "Value at its end": Unit.KRW},
        ),
        _panel(
            "Transfers", Kind.TABLE, Unit.TEXT, "Money and coins that you declared: they are taken out of every return.",
            of["transfers"], columns={"Declared": Unit.TIME, "Amount": Unit.KRW},
        ),
    )  # fmt: skip
    return Dashboard(uid="dg-portfolio", title="Portfolio", about="What the account is worth, and what it did.", panels=panels)


def _risk() -> Dashboard:
    of, small = sql("risk"), (6, 4)
    panels = (
        _panel("Safe mode", Kind.STAT, Unit.TEXT, "Why no new risk is taken now; off where it is taken.", of["mode"], size=small),
        _panel(
            "Today", Kind.STAT, Unit.FRACTION, "Gain of the day in Seoul, of the equity that it began with.", of["day"],
            size=small, goes_below_zero=True,
        ),
        _panel(
            "This week", Kind.STAT, Unit.FRACTION, "Gain of the week in Seoul, of the equity that it began with.", of["week"],
            size=small, goes_below_zero=True,
        ),
        _panel("Exposure", Kind.STAT, Unit.FRACTION, "Value of all positions over the account.", of["exposure_now"], size=small),
        _panel(
            "Day and week against their limits", Kind.LINES, Unit.FRACTION, "A line that reaches its limit begins safe mode.",
            of["losses"], size=(16, 9),
        ),
        _panel("Safe mode over time", Kind.STEPS, Unit.COUNT, "1 while no new risk is taken.", of["safe_mode"], size=(8, 9)),
        _panel(
            "Positions and their protection", Kind.TABLE, Unit.FRACTION,
            "What is held, and how far the price is from the stop and the target that the guard watches.", of["positions"],
            size=(24, 6),
            columns={
                "Market": Unit.TEXT, "Value": Unit.KRW, "Average cost": Unit.KRW, "Stop": Unit.KRW, "Target": Unit.KRW,
            },
        ),
        _panel("Exposure by market", Kind.STACKED, Unit.FRACTION, "Value of each position over the account.", of["exposure"]),
        _panel("Exits by rule", Kind.RANKING, Unit.COUNT, "What sold: stops, targets, the strategy's own exits.", of["exits"]),
        _panel(
            "Times in safe mode", Kind.TABLE, Unit.TEXT, "Each time in which no new risk was taken.", of["periods"],
            size=(24, 6), columns={"Began": Unit.TIME, "Ended": Unit.TIME},
        ),
    )  # fmt: skip
    return Dashboard(
        uid="dg-risk", title="Risk and safe mode", about="What protects the account, and how near it is.", panels=panels
    )


def _decisions() -> Dashboard:
    of = sql("decisions")
    panels = (
        _panel(
            "Why not, in the newest cycle", Kind.TABLE, Unit.TEXT, "The one gate that kept a market's last cycle from an order.",
            of["why_not"], size=(24, 6), columns={"Hour": Unit.TIME},
        ),
        _panel("What stopped cycles", Kind.RANKING, Unit.COUNT, "The gate that a cycle's reason names.", of["stoppers"]),
        _panel(
            "Everything that objected", Kind.RANKING, Unit.COUNT,
            "Every gate that did not pass, also where another one had stopped the cycle already.", of["objections"],
        ),
        _panel("How cycles ended", Kind.STACKED, Unit.COUNT, "Traded, held, halted, failed: each day in Seoul.", of["outcomes"]),
        _panel(
            "What models wanted", Kind.STACKED, Unit.COUNT, "Buys and sells before anything objected, by the day in Seoul.",
            of["wanted"],
        ),
        _panel(
            "Wanted and decided", Kind.TABLE, Unit.COUNT, "How much of what was wanted was left by the gates.", of["vetoes"],
            size=(24, 5), columns={"Market": Unit.TEXT},
        ),
        _panel(
            "Cycles in which something was wanted", Kind.TABLE, Unit.TEXT, "The newest 30, and those that did not just hold.",
            of["cycles"], size=(24, 10),
            columns={"Hour": Unit.TIME, "Confidence": Unit.FRACTION, "Price": Unit.KRW},
        ),
    )  # fmt: skip
    return Dashboard(
        uid="dg-decisions",
        title="Decisions and gates",
        about="Why the bot did what it did, and mostly why it did not.",
        panels=panels,
    )


def _models() -> Dashboard:
    of, small = sql("models"), (6, 4)
    panels = (
        _panel("Cost", Kind.STAT, Unit.KRW, "What the language model cost in the chosen time.", of["cost"], size=small),
        _panel("Of the day's budget", Kind.STAT, Unit.FRACTION, "Spent today of LLM_DAILY_KRW.", of["budget"], size=small),
        _panel("Questions", Kind.STAT, Unit.COUNT, "The daily check question among them.", of["questions"], size=small),
        _panel("Usable answers", Kind.STAT, Unit.FRACTION, "Any other answer is a HOLD.", of["usable"], size=small),
        _panel(
            "Scorecard", Kind.TABLE, Unit.FRACTION,
            "Each opinion against the 24 hours after it, after 0.14 % for a round trip. A Brier score of 0.25 is a coin.",
            of["scorecard"], size=(24, 6),
            columns={
                "Voice": Unit.TEXT, "Model": Unit.TEXT, "Is evidence": Unit.TEXT, "Opinions": Unit.COUNT,
                "Claims": Unit.COUNT, "Brier score": Unit.NUMBER,
            },
        ),
        _panel(
            "What its buys would have earned", Kind.LINES, Unit.FRACTION,
            "Every buy that was wanted, allowed or not, with equal stakes; windows overlap, nothing is compounded.",
            of["earned"],
        ),
        _panel(
            "Confidence and truth", Kind.TABLE, Unit.FRACTION, "Where a model says 0.8 it should be right in 80 % of its claims.",
            of["calibration"], columns={"Model": Unit.TEXT, "Confidence": Unit.TEXT, "Claims": Unit.COUNT},
        ),
        _panel("Cost a day", Kind.BARS, Unit.KRW, "What the language model cost, by the day in Seoul.", of["spending"]),
        _panel("Answers by kind", Kind.STACKED, Unit.COUNT, "usable, or why the answer was a HOLD.", of["answers"]),
    )  # fmt: skip
    return Dashboard(
        uid="dg-models", title="AI scorecard and cost", about="Who was right, and what it cost to ask.", panels=panels
    )


def _execution() -> Dashboard:
    of, small = sql("execution"), (6, 4)
    acknowledged = _metric(_P95.format(by="", name="order_ack_seconds"), "order to answer")
    panels = (
        _panel(
            "Mean slippage", Kind.STAT, Unit.BPS, "Real price against the price at decision, by value; positive is worse for us.",
            of["slippage"], size=small,
        ),
        _panel("Cost of slippage", Kind.STAT, Unit.KRW, "The same in won.", of["slippage_cost"], size=small),
        _panel("Fees", Kind.STAT, Unit.KRW, "Fees paid.", of["fees"], size=small),
        _panel("Orders without a fill", Kind.STAT, Unit.COUNT, "Cancelled, refused, or still open.", of["unfilled"], size=small),
        _panel(
            "Slippage of each order", Kind.POINTS, Unit.BPS, "0.0001 of the price; positive is worse for us.", of["slippages"],
        ),
        _panel("What trading cost", Kind.STACKED, Unit.KRW, "Fees and slippage by the day in Seoul.", of["costs"]),
        _panel(
            "By role", Kind.TABLE, Unit.BPS, "Entries, exits of risk and of the strategy, and sales by decision.", of["by_role"],
            size=(24, 5),
            columns={
                "Role": Unit.TEXT, "Orders": Unit.COUNT, "With a fill": Unit.COUNT, "Fees": Unit.KRW, "Fee": Unit.FRACTION,
                "Filled in": Unit.SECONDS,
            },
        ),
        _panel(
            "Orders", Kind.TABLE, Unit.KRW, "The newest 30: the expected price beside the real one.", of["orders"], size=(24, 10),
            columns={
                "Planned": Unit.TIME, "Market": Unit.TEXT, "Side": Unit.TEXT, "Status": Unit.TEXT, "Slippage": Unit.BPS,
                "Fills": Unit.COUNT, "Why": Unit.TEXT,
            },
        ),
        _panel(
            "Time to the exchange's answer", Kind.LINES, Unit.SECONDS, "95 of 100 orders were answered faster.", acknowledged,
        ),
        _panel(
            "Requests by group", Kind.LINES, Unit.SECONDS, "95 of 100 requests to the exchange were faster.",
            _metric(_P95.format(by=", group", name="exchange_request_seconds"), "{{group}}"),
        ),
    )  # fmt: skip
    return Dashboard(
        uid="dg-execution",
        title="Execution quality",
        about="The price that was expected beside the one that was got.",
        panels=panels,
    )


def _health() -> Dashboard:
    of, small = sql("health"), (4, 4)
    panels = (
        _panel(
            "Since the last good cycle", Kind.STAT, Unit.SECONDS, "More than an hour and some seconds is late.", of["cycle_age"],
            size=small,
        ),
        _panel("Since the last candle", Kind.STAT, Unit.SECONDS, "Grows when rows stand still.", of["candle_age"], size=small),
        _panel("Orders without an end", Kind.STAT, Unit.COUNT, "Their end is not known here.", of["open_orders"], size=small),
        _panel(
            "Records set aside", Kind.STAT, Unit.COUNT, "Journal records that the tables refused; the journal has them.",
            of["refused"], size=small,
        ),
        _panel("Mode and version", Kind.STAT, Unit.TEXT, "Of the last start.", of["version"], size=(8, 4)),
        _panel(
            "Guard", Kind.STAT, Unit.SECONDS, "Time since the guard's last completed tick.", _metric("guard_tick_age_seconds"),
            size=(8, 4),
        ),
        _panel("Outbox", Kind.STAT, Unit.COUNT, "Records that rows or messages lag behind.", _metric("outbox_lag"), size=(8, 4)),
        _panel("Key expires in", Kind.STAT, Unit.DAYS, "Live mode only.", _metric("api_key_expires_in_days"), size=(8, 4)),
        _panel(
            "Stages of a cycle", Kind.LINES, Unit.MILLISECONDS, "Mean time of each stage; stage 3 waits for the language model.",
            of["durations"],
        ),
        _panel("Cycles that ended early", Kind.STACKED, Unit.COUNT, "Halted or failed, by the day in Seoul.", of["bad_cycles"]),
        _panel("What needs attention", Kind.TABLE, Unit.TEXT, "Warnings and above.", of["attention"], size=(16, 9),
               columns={"When": Unit.TIME}),
        _panel("Attention by level", Kind.STACKED, Unit.COUNT, "Lines by the day in Seoul.", of["levels"], size=(8, 9)),
        _panel(
            "Guard, orders and clock", Kind.LINES, Unit.NUMBER, "Seconds since a tick, unresolved orders, seconds of clock skew.",
            _metric("guard_tick_age_seconds", "guard tick age"), _metric("unresolved_intents", "unresolved orders"),
            _metric("exchange_clock_skew_seconds", "clock skew"),
        ),
        _panel(
            "Errors", Kind.LINES, Unit.NUMBER, "Errors an hour by kind.",
            _metric("sum by (kind) (increase(bot_errors_total[1h]))", "{{kind}}"),
        ),
        _panel(
            "Messages", Kind.LINES, Unit.SECONDS, "95 of 100 messages left faster after what they tell.",
            _metric(_P95.format(by="", name="notification_delay_seconds"), "event to message"),
        ),
        _panel(
            "Jobs that failed", Kind.LINES, Unit.NUMBER, "Failed runs of each job an hour.",
            _metric("sum by (job) (increase(scheduler_job_failure_total[1h]))", "{{job}}"),
        ),
        _panel(
            "Log", Kind.LOGS, Unit.TEXT, "The bot's own lines; without Loki this one stays empty.",
            Query(text='{service="dg_bot"}', source=Source.LINES), size=(24, 10),
        ),
    )  # fmt: skip
    return Dashboard(
        uid="dg-health", title="System health", about="Whether the bot works, and who waits for whom.", panels=panels
    )


def dashboards() -> tuple[Dashboard, ...]:
    """Give all dashboards, in the order in which a person reads them."""
    return _portfolio(), _risk(), _decisions(), _models(), _execution(), _health()

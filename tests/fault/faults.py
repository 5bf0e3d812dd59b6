"""The faults that this program is held against: their ids, what goes wrong, and why some have no test."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong; its id begins with the letter of its group."""

    id: str
    wrong: str

    @property
    def group(self) -> str:
        return self.id[0]


GROUPS: Mapping[str, str] = {
    "A": "The path of an order",
    "B": "The exchange: availability, limits, keys",
    "C": "The network",
    "D": "Death of the process, and the start after it",
    "E": "Clock and schedule",
    "F": "Journal and state files",
    "G": "The database",
    "H": "Telegram",
    "J": "Market data",
    "K": "Settings and the operator",
    "M": "Who decides",
    "S": "Secrets and attacks",
}

_WRONG = """
A01 the order was taken in, and the answer to it never arrived
A02 the order was lost before it reached the exchange
A03 the exchange answers with a server error although it has taken the order in
A04 an unlisted refusal, and seconds later the order is there all the same
A05 a client library repeats a request on its own
A06 an accepted order whose answer lacks a header, or has one that cannot be read
A07 a fresh order cannot be looked up for some seconds
A08 a market buy that ends as cancelled although it was filled
A09 only part of an order is filled and the rest is cancelled
A10 an order ends without any fill
A11 an order is first shown without the fills that it has
A12 a fill is listed twice, or in another order
A13 the exchange has changed its price steps
A14 an order that falls below the minimum once it is rounded
A15 a buy of everything, with no room for its fee
A16 quantities with more decimals than the exchange takes
A17 a rest too small to be sold
A18 the owner sells part of a position while the bot is about to
A19 an open order of the owner's on the same market
A20 the fee that was paid is not the fee that was announced
A21 a cancellation whose answer is lost, or that meets a fill
A22 the process dies between the parts of a divided order
A23 numbers that come as numbers, as texts or with an exponent
A24 an order in a state that nobody knows, or with unknown fields
A25 one order of a list that cannot be read
A26 something wants thirty orders in an hour
B01 the exchange is away for two hours while a position is held
B02 one market is closed to orders while the others trade
B03 too many requests, said to an order
B04 a block with a time on it
B05 the budget of requests shrinks from one answer to the next
B06 another program uses up the same budget
B07 the key expires while a position is held
B08 the address of the machine is no longer allowed
B09 the key may read but not order
B10 a token is refused as used before
B11 error answers whose name is a number, odd, missing, or that are no JSON at all
B12 an endpoint that is no longer there
C01 names cannot be resolved for an hour while orders are under way
C02 the connection is reset in the middle of an answer
C03 an answer that drips in byte by byte
C04 a connection that opens and then says nothing
C05 the exchange has closed the connection that was kept
C06 a certificate that cannot be trusted
C07 a redirect to another host
C08 a page of some portal in place of an answer
C09 an answer of tens of megabytes
C10 every call takes eight seconds
C11 a third of all packets is lost for a day
D01 death after the intent is durable and before the request
D02 death after the order was taken in and before its answer is read
D03 death after the answer was read and before it is recorded
D04 death after the record and before the row in the database
D05 death after the row and before the outbox remembers it
D06 death before a message is acknowledged
D07 death in the middle of writing a file
D08 death during the recovery from a death, again and again
D09 death after a whole buy, and a start within the same hour
D10 a request to end while an order is under way
D11 a second request to end while the first is obeyed
D12 five deaths in ten minutes
D13 a stage of the cycle raises
D14 the power fails, and what was not synced is gone
D15 a restart with a position that is right as it is
D16 a restart while an entry is still open
D17 the system kills the process for its memory
E01 a cycle begins a minute late
E02 a cycle takes longer than its hour
E03 the same cycle is asked for twice
E04 a second process for the same account
E05 the machine's clock is minutes off the exchange's
E06 the clock jumps hours ahead
E07 a loss day that begins at another hour in another zone
E08 the machine's zone changes between summer and winter time
E09 the wall clock steps back a little
E10 both cores are busy
F01 a state file is empty
F02 the last record of the journal is cut
F03 one digit of a file was changed and it still reads well
F04 the journal is gone while a position exists
F05 the folder cannot be written to
F06 the disk is full
F07 a write or its sync fails, or stops short
F08 files that others can read, or that belong to others
F09 two writers of the same file
F10 a link was planted where a file belongs
F11 a year of records
G01 the database is away before the cycle
G02 the database stops inside a transaction
G03 the connection is lost at the commit
G04 the database is away for three days
G05 a row of that key is there already
G06 somebody holds a lock on the table
G07 the database has no disk left
G08 the password is wrong, or the role is gone
G09 a number that is none reaches a column
G10 times without a zone
G11 a row cannot be written right after an order
G12 the database ends an idle connection
H01 Telegram is away for a day
H02 Telegram asks for a pause
H03 a message that is too long, or whose markup is refused
H04 Telegram cannot be reached at the start
H05 the token has been withdrawn
H06 a command from somebody unknown
H07 a command from a member of the group who is not on the list
H08 nobody is on the list
H09 a command to sell while the cycle trades
H10 hundreds of commands in a minute
J01 hours without a trade, of which there are no candles
J02 the candle of the running hour among the closed ones
J03 candles out of order, or twice
J04 candles that cannot be true
J05 a crash of the price within minutes, and back
J06 an order book that is empty, or crossed
J07 an order book of ten minutes ago
J08 an order larger than what the book shows
J09 stored candles that are stale, or were edited
J10 the exchange warns of a coin
J11 a field was renamed or taken away
J12 a strategy or a screen that looks into the future
J13 a young listing with too few candles
J14 a coin worth a ten-thousandth of a won
K01 a needed setting is missing
K02 live trading without its confirmations
K03 ten where a tenth was meant
K04 limits that are no numbers, negative or zero
K05 a misspelt setting, or one given twice
K06 a stop wider than the loss limit of the day
K07 a key that may do more than trade
K08 settings are edited while the bot runs
K09 spaces, byte-order marks, line ends and quotes in the file of settings
K10 a rehearsal is pointed at the folder or the database of the live bot
K11 the operator deletes the state to begin anew
K12 coins that were there before the bot
K13 the owner takes won out
K14 the owner cancels an order of the bot
K15 the operator ends safe mode while its cause lasts
K16 somebody edits rows of the database
M01 the language model does not answer
M02 the provider refuses or fails
M03 an answer cut in the middle
M04 an answer with prose around it
M05 an answer without a needed field
M06 an answer outside its choices
M07 the model behind the name has changed
M08 the costs run away
M09 a model file is missing or cut
M10 a model gives numbers that are none
M11 a model always says the same
M12 features that are not warm yet
M13 a model file that reaches outside itself
M14 the validator raises
M15 news that give orders
M16 the provider is away for a day
S01 an error with secrets in its scope
S02 a library logs the address that holds the token
S03 secrets on the command line, or in a file that others can read
S04 a command that carries SQL
S05 the dashboard's role tries to write
S06 the status port and who can reach it
S07 a reader of the metrics that never reads
S08 a parameter file that names an object to be made
S09 a model that is code
S10 a package that is not the one that was locked
S11 a container with more rights than it needs
S12 calls that turn data into code, switch off a check, or build SQL
"""

FAULTS: tuple[Fault, ...] = tuple(Fault(*line.split(" ", maxsplit=1)) for line in _WRONG.strip().splitlines())

NOT_TESTED: Mapping[str, str] = {}
"""Why a fault has no test; each of these is due as soon as its part exists."""

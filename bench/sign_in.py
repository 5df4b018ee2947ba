"""Signing in: how long refusals take, whoever they are about, and what is served while somebody tries passwords.

    python -m bench.sign_in --timing
    python -m bench.sign_in --hammer

--timing: answers that must not tell whether somebody has a name, one client, in random order, each pair beside the
difference of its medians with a 95 % interval (bootstrap) and the probability of a difference in distribution as large
as theirs if there were none (Kolmogorov–Smirnov). The control compares unknown names with unknown names.
--hammer: 20 people a second sign in from 127.0.0.1, alone and then beside a client at 127.0.0.2 that sends 200 wrong
passwords a second, neither of which waits for answers before it goes on.

Each serves a data folder of its own with the embedded PostgreSQL, and ends by itself.
"""

import argparse
import asyncio
import itertools
import math
import random
import re
import sys
import time
from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import fmean, median, quantiles
from uuid import UUID

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from bench.served import PASSWORD, Answer, Connection, Person, Served, served
from messages.outbox import Content
from settings import read_settings
from store.database import Database, open_database
from store.keyring import Keyring
from store.keys import open_keys

WRONG = "Wrong#2026"
CHALLENGE = "challenge { id sentTo channel expiresAt triesLeft }"

# Timing

FAILURES = 90  # from one address; the limit is 100
RESETS = 28  # from one address; the limit is 30
TRIES = 4  # of one name; the fifth locks it
CODES = 1  # resets under one ID, and as many codes sent again; the limit is three together
RESAMPLES = 2_000

Measure = Callable[["Client"], Awaitable[None]]

PAIRS = (
    ("wrong password: known name", "wrong password: unknown name"),
    ("wrong password: known, has none", "wrong password: unknown name"),
    ("wrong password: unknown (control)", "wrong password: unknown name"),
    ("the one that locks: known name", "the one that locks: unknown name"),
    ("just locked: known name", "just locked: unknown name"),
    ("locked: known name", "locked: unknown name"),
    ("reset: known pair", "reset: two people's"),
    ("reset: known pair", "reset: unknown"),
    ("resend: known", "resend: decoy"),
)


class Client:
    """Asks from one address after another, so that no address reaches its limit, one question at a time."""

    def __init__(self, port: int) -> None:
        self.milliseconds: dict[str, list[float]] = defaultdict(list)
        self._port = port
        self._addresses = (f"127.{a}.{b}.{c}" for a, b, c in itertools.product(range(1, 255), repeat=3))
        self._left = {"signIn": 0, "requestPasswordReset": 0, "resendCode": 0}
        self._connection: Connection | None = None

    async def ask(self, kind: str, expected: str, operation: str, **input: str) -> Answer:
        """Ask, and note how long the answer took, which must be the one expected."""
        if self._connection is None or self._left[operation] == 0:
            self.close()
            self._connection = await Connection.open(self._port, next(self._addresses))
            self._left = {"signIn": FAILURES, "requestPasswordReset": RESETS, "resendCode": 10 * RESETS}
        self._left[operation] -= 1
        answer = await self._connection.mutate(operation, CHALLENGE, **input)
        if answer.codes != expected:
            raise RuntimeError(f"{kind} was answered {answer.codes}, not {expected}")
        self.milliseconds[kind].append(answer.seconds * 1000)
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def wrong(kind: str, person: Person) -> Measure:
    async def measure(client: Client) -> None:
        await client.ask(kind, "BAD_CREDENTIALS", "signIn", username=person.username, password=WRONG)

    return measure


def locking(who: str, person: Person, locked: list[Person]) -> Measure:
    """Five wrong passwords and one more, at once."""

    async def measure(client: Client) -> None:
        credentials = {"username": person.username, "password": WRONG}
        for _ in range(TRIES):
            await client.ask(f"before it locks: {who}", "BAD_CREDENTIALS", "signIn", **credentials)
        kind = f"the one that locks: {who}"
        await client.ask(kind, "BAD_CREDENTIALS ACCOUNT_LOCKED", "signIn", **credentials)
        await client.ask(f"just locked: {who}", "ACCOUNT_LOCKED", "signIn", **credentials)
        locked.append(person)

    return measure


def refused(who: str, locked: list[Person]) -> Measure:
    async def measure(client: Client) -> None:
        username = random.choice(locked).username
        await client.ask(f"locked: {who}", "ACCOUNT_LOCKED", "signIn", username=username, password=WRONG)

    return measure


def reset(kind: str, person: Person, other: Person, sent: deque[str]) -> Measure:
    async def measure(client: Client) -> None:
        pair = {"nationalId": person.national_id, "mobile": other.mobile}
        answer = await client.ask(kind, "OK", "requestPasswordReset", **pair)
        sent.append(answer.payload["challenge"]["id"])

    return measure


def resend(kind: str, sent: deque[str]) -> Measure:
    async def measure(client: Client) -> None:
        await client.ask(kind, "OK", "resendCode", challengeId=sent.popleft())

    return measure


class Plan:
    """Everything to be measured, `each` of a kind; a fifth as many names are locked."""

    def __init__(self, each: int) -> None:
        names, codes, locks = math.ceil(each / TRIES), math.ceil(each / CODES), math.ceil(each / 5)
        numbers = iter(range(1, 10**7))

        def some(count: int) -> list[Person]:
            return [Person(number) for number in itertools.islice(numbers, count)]

        known, to_lock, to_reset, to_mix = some(names), some(locks), some(codes), some(codes)
        self.without_password = some(names)
        self.registered = [*known, *to_lock, *to_reset, *to_mix]
        unknown, control, no_pair = some(names), some(names), some(codes)
        self.first: list[Measure] = []
        self.then: list[Measure] = []  # what needs some of the former
        for kind, people in (
            ("wrong password: known name", known),
            ("wrong password: known, has none", self.without_password),
            ("wrong password: unknown name", unknown),
            ("wrong password: unknown (control)", control),
        ):
            self.first += [wrong(kind, person) for person in (people * TRIES)[:each]]
        for who, people in (("known name", to_lock), ("unknown name", some(locks))):
            locked: list[Person] = []
            self.first += [locking(who, person, locked) for person in people]
            self.then += [refused(who, locked)] * each
        sent: deque[str] = deque()
        decoys: deque[str] = deque()
        mixed = zip(to_mix, [*to_mix[1:], *to_mix[:1]], strict=True)
        for kind, pairs, into in (
            ("reset: known pair", list(zip(to_reset, to_reset, strict=True)), sent),
            ("reset: two people's", list(mixed), decoys),
            ("reset: unknown", list(zip(no_pair, no_pair, strict=True)), deque()),
        ):
            self.first += [reset(kind, *pair, into) for pair in (pairs * CODES)[:each]]
        self.then += [resend("resend: known", sent)] * each + [resend("resend: decoy", decoys)] * each

    def __iter__(self) -> Iterator[Measure]:
        """In random order, but for what needs something that is not there yet: that comes a little later."""
        random.shuffle(self.first)
        random.shuffle(self.then)
        early, late = self.first[: len(self.first) // 4], self.first[len(self.first) // 4 :]
        mixed = [*late, *self.then]
        random.shuffle(mixed)
        yield from early
        yield from mixed


async def timing(server: Served, plan: Plan) -> dict[str, list[float]]:
    client = Client(server.port)
    waiting: deque[Measure] = deque()  # for something locked, or sent
    for name in range(20):  # the first ones take longer: code is loaded, statements are prepared
        await wrong("warming up", Person(5 * 10**7 + name))(client)
    for measure in itertools.chain(plan, [None]):
        if measure is not None:
            waiting.append(measure)
        for _ in range(len(waiting)):
            one = waiting.popleft()
            try:
                await one(client)
            except IndexError:  # not there yet
                waiting.append(one)
    client.close()
    return client.milliseconds


def show_timing(milliseconds: dict[str, list[float]]) -> None:
    table = Table("answer, in ms", "n", "p5", "p50", "p95", "mean")
    for kind in dict.fromkeys(itertools.chain.from_iterable(PAIRS)):
        found = milliseconds[kind]
        at = quantiles(found, n=20)
        table.add_row(kind, f"{len(found)}", *(f"{each:.2f}" for each in (at[0], at[9], at[18], fmean(found))))
    show(table)
    table = Table("pair", "beside", "Δ p50, ms", "95 % interval", "p (KS)")
    for one, other in PAIRS:
        a, b = milliseconds[one], milliseconds[other]
        low, high = interval(a, b)
        cells = f"{median(a) - median(b):+.2f}", f"{low:+.2f} … {high:+.2f}", f"{kolmogorov_smirnov(a, b):.3f}"
        table.add_row(one, other, *cells)
    show(table)


def interval(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """95 % of the differences of the medians, if these were drawn again."""
    differences = sorted(
        median(random.choices(a, k=len(a))) - median(random.choices(b, k=len(b))) for _ in range(RESAMPLES)
    )
    return differences[int(RESAMPLES * 0.025)], differences[int(RESAMPLES * 0.975)]


def kolmogorov_smirnov(a: Sequence[float], b: Sequence[float]) -> float:
    """How likely two samples of one distribution are at least as far apart as these (asymptotic)."""
    a, b = sorted(a), sorted(b)
    apart: float = max(abs(bisect_right(a, x) / len(a) - bisect_right(b, x) / len(b)) for x in [*a, *b])
    size = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    scaled = (size + 0.12 + 0.11 / size) * apart
    if scaled < 0.2:  # noqa: PLR2004 (below, where it is 1, the series does not converge)
        return 1.0
    terms = (math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(1.0, 2 * sum(-term if k % 2 else term for k, term in enumerate(terms)))


# Hammer

SIGN_INS_A_SECOND = 20
WRONG_A_SECOND = 200
HAMMER_AT = "127.0.0.2"
ALL_DONE_WITHIN = 60.0  # seconds after the last one began

SENT = """
    SELECT o.id, o.person_id, o.box FROM challenges c
    JOIN outbox o ON o.person_id = c.person_id AND o.created_at = c.created_at WHERE c.id = %b
"""


class Codes:
    """Reads the code that was sent for a challenge, as its receiver would."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    @classmethod
    @asynccontextmanager
    async def of(cls, data: Path) -> AsyncIterator["Codes"]:
        settings = read_settings({"SIJIL_DATA_DIR": str(data)})
        async with open_database(None, data) as database:
            key = await open_keys(database, from_environment=None, file=settings.master_key_file)
            yield cls(database, Keyring(database, key))

    async def code(self, challenge: str) -> str:
        async with self._database.pool.connection() as connection:
            row = await (await connection.execute(SENT, (UUID(challenge),))).fetchone()
        if row is None:
            raise RuntimeError("no code was sent")
        id, person, box = row
        plain = await self._keyring.open(person, box, bound=id.bytes)
        found = re.search(r"\b\d{6}\b", msgspec.json.decode(plain or b"", type=Content).text)
        return found[0] if found else ""


class SignIns:
    """People who sign in, so many a second, each with a connection of their own."""

    def __init__(self, port: int, codes: Codes) -> None:
        self.seconds: list[float] = []  # of both mutations, from when it was due
        self.ended = Counter[str]()
        self.lasted = 0.0
        self._port = port
        self._codes = codes

    async def run(self, people: Sequence[Person]) -> None:
        began = time.perf_counter()
        tasks = []
        for number, person in enumerate(people):
            due = began + number / SIGN_INS_A_SECOND
            await asyncio.sleep(due - time.perf_counter())
            tasks.append(asyncio.create_task(self._one(person, due)))
        done, late = await asyncio.wait(tasks, timeout=ALL_DONE_WITHIN)
        for task in late:
            task.cancel()
        self.ended["not answered"] += len(late)
        for task in done:
            fault = task.exception()
            if fault is not None:
                self.ended[f"{type(fault).__name__}: {fault}"] += 1
        self.lasted = time.perf_counter() - began

    async def _one(self, person: Person, due: float) -> None:
        connection = await Connection.open(self._port)
        try:
            begun = await connection.mutate("signIn", CHALLENGE, username=person.username, password=PASSWORD)
            seconds = time.perf_counter() - due
            if begun.codes == "OK":
                challenge = begun.payload["challenge"]["id"]
                code = await self._codes.code(challenge)
                resumed = time.perf_counter()
                shown = "session { id accessToken refreshToken idleUntil endsAt user { username roles } }"
                begun = await connection.mutate("confirmSignIn", shown, challengeId=challenge, code=code)
                seconds += time.perf_counter() - resumed
                if begun.codes == "OK":
                    self.seconds.append(seconds)
            self.ended[begun.codes] += 1
        finally:
            connection.close()


class Hammer:
    """Tries passwords of many names from one address, so many a second over so many connections at most."""

    def __init__(self, port: int, names: int, connections: int) -> None:
        self.answered = Counter[str]()
        self.seconds: list[float] = []
        self._port = port
        self._names = names
        self._connections = connections

    async def run(self, seconds: float) -> None:
        free = asyncio.Queue[Connection]()
        for _ in range(self._connections):
            free.put_nowait(await Connection.open(self._port, HAMMER_AT))
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(WRONG_A_SECOND * seconds)):
                await asyncio.sleep(max(0.0, began + number / WRONG_A_SECOND - time.perf_counter()))
                if free.empty():
                    self.answered["not sent: all connections wait"] += 1
                else:
                    tasks.create_task(self._try(free.get_nowait(), free))
        while not free.empty():
            free.get_nowait().close()

    async def _try(self, connection: Connection, free: asyncio.Queue[Connection]) -> None:
        name = Person(random.randrange(1, self._names)).username
        answer = await connection.mutate("signIn", CHALLENGE, username=name, password=WRONG)
        self.answered[answer.codes] += 1
        self.seconds.append(answer.seconds)
        free.put_nowait(connection)


class Cpu:
    """Seconds of processor time since it was made, by whom."""

    def __init__(self, server: Served) -> None:
        postmaster = int((server.data / "postgres" / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
        self._of = {"sijil serve": server.pid, "PostgreSQL": postmaster, "this client": psutil.Process().pid}
        self._before = self._now()
        self._began = time.perf_counter()

    def _now(self) -> dict[str, float]:
        found = {}
        for name, pid in self._of.items():
            process = psutil.Process(pid)
            own = process.cpu_times()
            found[name] = own.user + own.system
            if name == "PostgreSQL":  # its backends, also those that have ended
                live = (child.cpu_times() for child in process.children())
                found[name] += own.children_user + own.children_system + sum(each.user + each.system for each in live)
        busy = psutil.cpu_times()
        return found | {"everything else on the machine": sum(busy) - busy.idle - busy.iowait - sum(found.values())}

    def __str__(self) -> str:
        """Processors in use, on average."""
        lasted, now = time.perf_counter() - self._began, self._now()
        return ", ".join(f"{name} {(now[name] - self._before[name]) / lasted:.2f}" for name in now)


async def hammer(server: Served, people: Sequence[Person], seconds: float, connections: int) -> None:
    table = Table("", "served", "a second", "errors", "p50 ms", "p95 ms", "p99 ms", "slowest")
    notes = []
    async with Codes.of(server.data) as codes:
        warming = SignIns(server.port, codes)
        await warming.run(people[:SIGN_INS_A_SECOND])
        half = len(people[SIGN_INS_A_SECOND:]) // 2
        alone, beside = people[SIGN_INS_A_SECOND:][:half], people[SIGN_INS_A_SECOND:][half:]
        cpu, sign_ins = Cpu(server), SignIns(server.port, codes)
        await sign_ins.run(alone)
        row(table, "alone", sign_ins)
        notes.append(f"alone, processors in use: {cpu}")
        wrong_ones = Hammer(server.port, 10 * len(people), connections)
        cpu, sign_ins = Cpu(server), SignIns(server.port, codes)
        await asyncio.gather(sign_ins.run(beside), wrong_ones.run(seconds))
        row(table, f"beside {WRONG_A_SECOND} wrong passwords/s", sign_ins)
        notes.append(f"beside them, processors in use: {cpu}")
        at = quantiles(wrong_ones.seconds, n=100)
        notes.append(
            f"wrong passwords: {counts(wrong_ones.answered)}; p50 {at[49] * 1000:.1f} ms, p99 {at[98] * 1000:.1f} ms"
        )
    show(table)
    for note in notes:
        print(note)


def row(table: Table, name: str, sign_ins: SignIns) -> None:
    served_ones, errors = sign_ins.ended.pop("OK", 0), +sign_ins.ended
    at = quantiles(sign_ins.seconds, n=100) if len(sign_ins.seconds) > 1 else [math.nan] * 99
    slowest = max(sign_ins.seconds, default=math.nan)
    cells = (f"{each * 1000:.0f}" for each in (at[49], at[94], at[98], slowest))
    table.add_row(name, f"{served_ones}", f"{served_ones / sign_ins.lasted:.1f}", counts(errors) or "0", *cells)


def counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counter.most_common())


def show(table: Table) -> None:
    Console(file=sys.stdout, width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timing", action="store_true")
    parser.add_argument("--hammer", action="store_true")
    parser.add_argument("--each", type=int, default=300, help="answers of each kind (timing)")
    parser.add_argument("--seconds", type=int, default=30, help="of each half (hammer)")
    parser.add_argument("--connections", type=int, default=16, help="of the client that hammers")
    given = parser.parse_args()
    if not given.timing and not given.hammer:
        parser.error("say --timing or --hammer")
    if given.timing:
        plan = Plan(given.each)
        with served(plan.registered, without_password=plan.without_password) as server:
            show_timing(asyncio.run(timing(server, plan)))
    if given.hammer:
        people = [Person(number) for number in range(1, 1 + SIGN_INS_A_SECOND * (1 + 2 * given.seconds))]
        with served(people) as server:
            asyncio.run(hammer(server, people, given.seconds, given.connections))


if __name__ == "__main__":
    main()

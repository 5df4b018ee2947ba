"""What callers may ask for in a while: points, taken from each of them before anything is carried out."""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from access.budget import Budgets, Spent, TooMuch
from domain.errors import RequestErrorCode
from schema.context import Context
from schema.cost import MOST as MOST_COST
from schema.document import Operation
from schema.request import RequestRefused, bad_request
from store.network import network_of

IN_OFFICE_TIMES: Final = 100
"""Whoever speaks in office works on the cases of many: an official, or an agency's program, which reports in bursts."""

NOTHING: Final = 1
"""What an operation costs that is not carried out because it is not valid."""


class Points:
    """Of all callers of this process."""

    def __init__(self, most: int) -> None:
        self._budgets, self._most = Budgets(), most

    def check(self, operation: Operation, context: Context) -> None:
        """Refuse what costs more than one operation may, whoever asks.

        Raises:
            RequestRefused: BAD_USER_INPUT.
        """
        cost, most = operation.cost, min(MOST_COST, self._most)
        if cost > most:
            context.spent = replace(self.left(context), requested=cost)
            raise bad_request(f"the operation costs {cost} points and may cost {most}: ask for shorter lists, or less")

    def left(self, context: Context) -> Spent:
        """What the caller has."""
        return self._budgets.left(context.caller, limit=self._limit(context), now=context.now)

    def spend(self, context: Context, points: int) -> None:
        """Take points from the caller, and let the operation know.

        Raises:
            RequestRefused: RATE_LIMITED, there are not as many left.
        """
        try:
            context.spent = self._budgets.spend(context.caller, points, limit=self._limit(context), now=context.now)
        except TooMuch as fault:
            context.spent = fault.spent
            raise _rate_limited(fault) from None

    def pay_for_reading(self, context: Context, points: int) -> None:
        """Take them from the network that sends a document for the first time, whoever of it does.

        Raises:
            RequestRefused: RATE_LIMITED, it has sent too many for a while.
        """
        reading = ("reading", network_of(context.address))
        try:
            self._budgets.spend(reading, points, limit=max(points, self._most), now=context.now)
        except TooMuch as fault:
            raise _rate_limited(fault) from None

    def _limit(self, context: Context) -> int:
        return self._most * (IN_OFFICE_TIMES if context.reader.is_in_office else 1)


def _rate_limited(fault: TooMuch) -> RequestRefused:
    code, status = RequestErrorCode.RATE_LIMITED, HTTPStatus.TOO_MANY_REQUESTS
    return RequestRefused(status, code, retry_after_seconds=fault.retry_after_seconds)

"""Which addresses count as one client: those that one customer of a network has."""

from ipaddress import IPv6Address, ip_address
from typing import Final

IPV6_HOST_BITS: Final = 64  # one customer has at least as many addresses


def network_of(address: str) -> str:
    """What one customer of a network has: an IPv4 address, or the first half of an IPv6 address."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(IPv6Address(int(known) >> IPV6_HOST_BITS << IPV6_HOST_BITS))
    return str(known)

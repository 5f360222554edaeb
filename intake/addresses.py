"""Which network addresses belong to the public internet. Everything else is somebody's inside."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""RFC 4291, section 2.4. Outside of it lie loopback, link-local and unique local addresses, multicast, addresses that
map or translate IPv4 ones (::ffff:0:0/96, NAT64's 64:ff9b::/96 and 64:ff9b:1::/48) and what is not assigned."""

NOT_PUBLIC: list[IPv4Network | IPv6Network] = [
    ip_network(block)
    for block in (
        "192.0.0.0/24",  # IETF assignments, and the metadata service of one cloud
        "192.88.99.0/24",  # relays of 6to4
        "168.63.129.16/32",  # the host of a virtual machine in another cloud
        "2001::/23",  # IETF assignments, Teredo (which embeds IPv4 addresses) among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: embeds IPv4 addresses
        "3fff::/20",  # documentation
    )
]
"""What the standard library counts as global, in some version, and is not."""


def is_public(address: str) -> bool:
    """True for a unicast address that is reachable from everywhere; False for all others, and for what is none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed not in GLOBAL_UNICAST:
        return False
    if any(parsed in block for block in NOT_PUBLIC if block.version == parsed.version):
        return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved)

"""Which hosts are this machine itself."""

from ipaddress import ip_address


def is_this_machine(host: str | None) -> bool:
    """Tell whether a host name or address leads nowhere but to this machine."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False

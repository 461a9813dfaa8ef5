"""Networks as an operator writes them down."""

from ipaddress import ip_network


def network_faults(name: str, entries: tuple[str, ...], *, everybody: str) -> list[str]:
    """Explain what is no address or network, or is everybody's; `everybody` says what that would mean."""
    faults: list[str] = []
    for entry in entries:
        try:
            network = ip_network(entry)
        except ValueError as error:
            faults.append(f"{name}: {entry!r} is neither an address nor a network: {error}")
            continue
        if network.prefixlen == 0:
            faults.append(f"{name}: {entry!r} {everybody}")
    return faults

"""`cidr`: whether an address lies in a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .row import Operator, Rows, Unpreparable, of_any_element, shown, texts

if TYPE_CHECKING:
    from collections.abc import Callable


def _prepare(*, skip_bad: bool) -> Callable[[list[Any]], Callable[[Any], bool]]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        from ipaddress import ip_address, ip_network  # noqa: PLC0415 - only address rules pay for the import

        networks = []
        for text in texts(values):
            try:
                network = ip_network(text.strip(), strict=False)
            except ValueError:
                if skip_bad:
                    continue
                msg = f"neither an address nor a network in CIDR notation: {shown(text)}"
                raise Unpreparable(msg) from None
            networks.append((network.version, int(network.netmask), int(network.network_address)))

        def holds(thing: Any) -> bool:
            if not isinstance(thing, str) or len(thing) > 64:
                return False
            try:
                address = ip_address(thing)
            except ValueError:
                return False
            version, number = address.version, int(address)
            return any(version == of and number & mask == start for of, mask, start in networks)

        return of_any_element(holds)

    return prepare


ROWS: Rows = {
    ("cidr", "strict"): Operator(_prepare(skip_bad=False), "addresses and networks"),
    ("cidr", "unleash"): Operator(_prepare(skip_bad=True), "addresses and networks; bad ones are skipped"),
}

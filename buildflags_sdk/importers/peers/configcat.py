"""ConfigCat's SDK over an export."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from .answers import DEFAULT, Answer, said, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Evaluate

_BUILT_IN = frozenset(("Identifier", "Email", "Country"))


def evaluator(data: bytes) -> Evaluate:
    """Evaluates the export with its overrides, so that nothing is downloaded. An empty context is a missing user."""
    package, overrides = sdk("configcatclient"), sdk("configcatclient.overridedatasource")
    config = json.loads(data)
    sdk("configcatclient.config").fixup_config_salt_and_segments(config)

    class Given(overrides.FlagOverrides, overrides.OverrideDataSource):  # type: ignore[misc, name-defined]
        """The export, in place of the peer's download."""

        override_behaviour = overrides.OverrideBehaviour.LocalOnly

        def __init__(self) -> None:
            """There is nothing to set up."""

        def create_data_source(self, _log: object) -> Given:
            return self

        def get_overrides(self) -> Any:
            return config

        def get_behaviour(self) -> Any:
            return self.override_behaviour

    options = package.ConfigCatOptions(polling_mode=package.PollingMode.manual_poll(), flag_overrides=Given())
    digest = sha256(data).hexdigest()[:22]  # the SDK gives the same client again for the same key
    client = package.ConfigCatClient.get(f"configcat-sdk-1/{digest}/{digest}", options)

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        custom = {name: value for name, value in context.items() if name not in _BUILT_IN}
        known = context.get("Identifier", ""), context.get("Email"), context.get("Country"), custom
        user = package.user.User(*known) if context else None
        details = client.get_value_details(key, None, user)
        rule = "a targeting rule" if details.matched_targeting_rule else ""
        share = "a percentage option" if details.matched_percentage_option else ""
        why = said(
            matched=" and ".join(filter(None, (rule, share))), variation=details.variation_id, error=details.error
        )
        return Answer(DEFAULT if details.is_default_value else details.value, why)

    return evaluate

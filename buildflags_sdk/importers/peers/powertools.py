"""The feature flags of Powertools for AWS Lambda over a schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from buildflags_sdk.importers.appconfig import features_of

from .answers import DEFAULT, Answer, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Evaluate


def evaluator(data: bytes) -> Evaluate:
    """Evaluates the schema from memory, in place of a download from AppConfig, without what is around it.

    Raises:
        ValueError: the export is AppConfig's own flags, which Powertools does not evaluate.
    """
    package = sdk("aws_lambda_powertools.utilities.feature_flags")
    _, schema = features_of(json.loads(data))
    if schema is None:
        msg = "AppConfig's own flags are evaluated by its agent alone"
        raise ValueError(msg)

    class Store(package.StoreProvider):  # type: ignore[misc, name-defined]
        """The export, in place of AppConfig."""

        def get_configuration(self) -> Any:
            return schema

        get_raw_configuration = property(get_configuration)

    flags = package.FeatureFlags(store=Store())
    flags.get_configuration()  # one feature that is not valid, and Powertools evaluates none

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        value = flags.evaluate(name=key, context=dict(context), default=DEFAULT)
        return Answer(value)

    return evaluate

"""What a LaunchDarkly rule or fallthrough gives: a variation, or a rollout as splits that follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk.importers.draft import Unsupported

from .clauses import Malformed, kind_present, reference
from .contexts import USER, attribute_path
from .fields import boolean, integer, objects, text

if TYPE_CHECKING:
    Json = dict[str, Any]

WHOLE = 100_000.0


class Arm(NamedTuple):
    """One of the ways that a rule may go: the first whose `when` holds and whose `serve` does not decline.

    `wrong` says why its outcome is an error: to the flags that name this one it is merely another outcome. `malformed`: an
    error in `when`, which ends those flags too.
    """

    when: Json | None
    serve: Json | None
    in_experiment: bool = False
    wrong: str | None = None
    malformed: bool = False


class Stretch(NamedTuple):
    """A variation's part of the bucket line, with the very float ends that are accumulated there."""

    start: float
    to: float
    variation: int
    tracked: bool

    @property
    def range(self) -> Json:
        """As a range of a split. The last one holds the line's very end."""
        row: Json = {"from": self.start, "to": min(self.to, 1.0), "variant": str(self.variation)}
        return {**row, "to_inclusive": True} if self.to > 1.0 else row


def arms(raw: Json, seed: str, count: int, where: str) -> list[Arm]:
    """The arms of what stands in `variation` or `rollout`. `seed` is key and salt, `count` the number of variations.

    Raises:
        Unsupported: a field has the wrong type.
    """
    variation = integer(raw, "variation", where)
    if variation is not None:
        return [_to(variation, count, where)]
    rollout = raw.get("rollout")
    if rollout is not None and not isinstance(rollout, dict):
        msg = f"{where}.rollout is no object"
        raise Unsupported(msg)
    stretches = _stretches(rollout or {}, f"{where}.rollout")
    if not rollout or not stretches:
        return [_wrong(f"{where} names neither a variation nor a rollout with variations")]
    return _rollout(rollout, stretches, seed, count, f"{where}.rollout")


def _rollout(raw: Json, stretches: list[Stretch], seed: str, count: int, where: str) -> list[Arm]:
    own_seed = integer(raw, "seed", where)
    seed = seed if own_seed is None else str(own_seed)
    kind = text(raw, "contextKind", where) or USER
    bucketing: Json = {"by": attribute_path(kind, ["key"]), "scheme": "launchdarkly", "seed": seed, "of": 1}
    first = _to(stretches[0].variation, count, where)
    if text(raw, "kind", where) == "experiment":
        tracked = [each for each in stretches if each.tracked]
        untracked = [each for each in stretches if not each.tracked]
        made = [_split(bucketing, tracked, count, "next", in_experiment=True)] if tracked else []
        made += [_split(bucketing, untracked, count, "next")] if untracked else []
        # Whoever is left has no context of that kind, and is in no experiment; or fell on a variation that is none.
        wrong = [each._replace(when=kind_present(kind)) for each in _errors(stretches, count, where)]
        return [*made, *wrong, first]
    if not text(raw, "bucketBy", where):
        return _covering(bucketing, stretches, count, where)
    without_kind = first._replace(when={"not": kind_present(kind)})
    try:
        bucketing["by"] = attribute_path(*reference(raw, "bucketBy", "contextKind", where))
    except Malformed as error:
        return [without_kind, Arm({"error": str(error)}, None, malformed=True)]
    # An attribute that cannot be bucketed counts as 0, which falls on the first variation that has any weight.
    solid = [each for each in stretches if each.to > each.start]
    covering = _covering(bucketing, solid, count, where)
    return covering if solid[0].variation == stretches[0].variation else [without_kind, *covering]


def _covering(bucketing: Json, stretches: list[Stretch], count: int, where: str) -> list[Arm]:
    """The whole line, whose first stretch is for whoever has no key."""
    wrong = _errors(stretches, count, where)
    if not wrong:
        return [_split(bucketing, stretches, count, "first")]
    policy = "first" if 0 <= stretches[0].variation < count else "next"
    return [_split(bucketing, stretches, count, policy), *wrong]


def _split(
    bucketing: Json, stretches: list[Stretch], count: int, on_missing_key: str, *, in_experiment: bool = False
) -> Arm:
    ranges = [each.range for each in stretches if 0 <= each.variation < count]
    return Arm(None, {"split": {**bucketing, "ranges": ranges, "on_missing_key": on_missing_key}}, in_experiment)


def _errors(stretches: list[Stretch], count: int, where: str) -> list[Arm]:
    return [_to(each.variation, count, where) for each in stretches if not 0 <= each.variation < count][:1]


def _to(variation: int, count: int, where: str) -> Arm:
    if not 0 <= variation < count:
        return _wrong(f"{where} names variation {variation} of {count}")
    return Arm(None, {"variant": str(variation)})


def _wrong(message: str) -> Arm:
    return Arm(None, None, wrong=message)


def _stretches(raw: Json, where: str) -> list[Stretch]:
    made: list[Stretch] = []
    end = 0.0
    for each, place in objects(raw, "variations", where):
        variation, weight = integer(each, "variation", place), integer(each, "weight", place)
        if variation is None or weight is None or weight < 0:
            msg = f"{place} needs a variation and a weight that is not negative"
            raise Unsupported(msg)
        start, end = end, end + weight / WHOLE
        made.append(Stretch(start, end, variation, not boolean(each, "untracked", place)))
    if made:
        # Weights that do not reach the end leave it to the last variation; a bucket may be exactly 1.
        made[-1] = made[-1]._replace(to=max(end, 2.0))
    return made

"""`satisfies`: GrowthBook's condition language over one attribute, whole and with JavaScript's looseness.

The operand is what GrowthBook holds under a path: a bare value, or an object of `$` operators, nested as deep as they go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .equality import same
from .row import Operator, Rows, Unpreparable, is_number, only, shown
from .sets import kind_of
from .versions import padded_version
from .wording import javascript_text, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Holds = Callable[[Any], bool]

_DEEPEST = 32
_STRUCTURES = (list, tuple, dict)
_NAN = float("nan")


def prepared_condition(condition: Any, depth: int = _DEEPEST) -> Holds:
    """A whole condition: `$and`, `$or`, `$nor`, `$not` and dotted paths, over an object."""
    if depth == 0 or not isinstance(condition, dict):
        msg = f"no GrowthBook condition: {shown(condition)}"
        raise Unpreparable(msg)
    parts = [_prepared_part(word, operand, depth) for word, operand in condition.items()]
    return lambda subject: all(holds(subject) for holds in parts)


def _prepared_part(word: str, operand: Any, depth: int) -> Holds:
    if word == "$not":
        negated = prepared_condition(operand, depth - 1)
        return lambda subject: not negated(subject)
    if word in ("$and", "$or", "$nor"):
        if not isinstance(operand, list):
            msg = f"{word} takes a list, not {shown(operand)}"
            raise Unpreparable(msg)
        inner = [prepared_condition(part, depth - 1) for part in operand]
        if word == "$and":
            return lambda subject: all(holds(subject) for holds in inner)
        if word == "$or":
            return lambda subject: not inner or any(holds(subject) for holds in inner)
        return lambda subject: bool(inner) and not any(holds(subject) for holds in inner)
    steps = word.split(".")
    holds_value = prepared_value(operand, depth - 1)

    return lambda subject: holds_value(_at(subject, steps))


def _at(subject: Any, steps: list[str]) -> Any:
    """What stands at a path; a list has its elements under their indexes, and its `length`, as in JavaScript."""
    for step in steps:
        if isinstance(subject, dict):
            subject = subject.get(step)
        elif isinstance(subject, (list, tuple)) and step == "length":
            subject = len(subject)
        elif isinstance(subject, (list, tuple)) and step.isascii() and step.isdigit() and len(step) < 9:
            canonical = step == "0" or step[0] != "0"
            subject = subject[int(step)] if canonical and int(step) < len(subject) else None
        else:
            return None
    return subject


def prepared_value(operand: Any, depth: int = _DEEPEST) -> Holds:
    """What stands under a path: a bare value, or an object whose every key is an operator."""
    if depth <= 0:
        msg = "a condition nested too deep"
        raise Unpreparable(msg)
    if isinstance(operand, dict) and all(word.startswith("$") for word in operand):
        tests = [_prepared_operator(word, inner, depth) for word, inner in operand.items()]
        return lambda value: all(holds(value) for holds in tests)
    return _bare(operand)


def _bare(wanted: Any) -> Holds:
    """A bare value, compared as JavaScript's SDK does: text by text, numbers by coercion, bools by truthiness."""
    if isinstance(wanted, bool):
        return lambda value: value is not None and _truthy(value) is wanted
    if isinstance(wanted, str):
        return lambda value: (value if value.__class__ is str else _text(value)) == wanted
    if is_number(wanted):
        return lambda value: _number(value) == wanted
    if wanted is None:
        return lambda value: value is None
    return lambda value: _same(wanted, value) and _ordered(wanted, value)


def _prepared_operator(word: str, operand: Any, depth: int) -> Holds:
    if word in _NESTED:
        return _NESTED[word](operand, depth - 1)
    if word in _FLAT:
        return _FLAT[word](operand)
    return lambda _: False  # GrowthBook: an unknown operator holds for nobody


def _truthy(value: Any) -> bool:
    if isinstance(value, (list, tuple, dict)):
        return True
    return bool(value) and value == value  # noqa: PLR0124 - NaN is falsy there


def _text(value: Any) -> str:
    """JavaScript's String(): null is `null`, a list its elements between commas."""
    if is_number(value):
        return javascript_text(value) or ""
    from ..javascript import to_text  # noqa: PLC0415, TID252 - most values are text already

    try:
        return to_text(value)
    except RecursionError:
        return ""


def _number(value: Any) -> float:
    """JavaScript's Number(): null is 0, text what it spells, the empty one 0."""
    if value.__class__ is int or value.__class__ is float:
        number: float = value
        return number
    from ..javascript import to_number  # noqa: PLC0415, TID252 - most values are numbers already

    try:
        return to_number(value)
    except RecursionError:
        return _NAN


def _same(left: Any, right: Any) -> bool:
    try:
        return same(left, right)
    except RecursionError:
        return False


def _ordered(left: Any, right: Any) -> bool:
    """Tell of two that are the same whether they are so as JSON text too: names in the order of JavaScript's properties."""
    if isinstance(left, dict):
        return _names(left) == _names(right) and all(_ordered(inner, right[name]) for name, inner in left.items())
    return not isinstance(left, (list, tuple)) or all(map(_ordered, left, right))


def _names(thing: dict[str, Any]) -> list[str]:
    """Indexes come first and by number, then names as they were put in."""
    return sorted(thing, key=lambda name: (0, int(name)) if _is_index(name) else (1, 0))


def _is_index(name: Any) -> bool:
    digits = isinstance(name, str) and name.isascii() and name.isdigit() and len(name) <= 10
    return digits and (name == "0" or name[0] != "0")


def _identical(left: Any, right: Any) -> bool:
    """JavaScript's `===`: a list or an object is only ever itself, and so is never what a condition holds."""
    return not isinstance(left, _STRUCTURES) and not isinstance(right, _STRUCTURES) and same(left, right)


def _equal(wanted: Any) -> Holds:
    return lambda value: _identical(wanted, value)


def _unequal(wanted: Any) -> Holds:
    return lambda value: not _identical(wanted, value)


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Holds]:
    def prepare(bound: Any) -> Holds:
        def holds(value: Any) -> bool:
            left = _text(value) if isinstance(value, (list, tuple)) else value
            if isinstance(left, str) and isinstance(bound, str):
                return compare(left, bound)
            return compare(_number(left), _number(bound))

        return holds

    return prepare


def _version(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Holds]:
    def prepare(bound: Any) -> Holds:
        padded = padded_version(bound)
        return lambda value: compare(padded_version(value), padded)

    return prepare


def _lowered(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _in(*, fold: Callable[[Any], Any] = lambda value: value) -> Callable[[Any], Holds]:
    def prepare(wanted: Any) -> Holds:
        if not isinstance(wanted, list):
            return lambda _: False
        things = [fold(thing) for thing in wanted]

        def one_of(value: Any) -> bool:
            return any(_identical(thing, fold(value)) for thing in things)

        return lambda value: any(map(one_of, value)) if isinstance(value, (list, tuple)) else one_of(value)

    return prepare


def _negated(prepare: Callable[[Any], Holds], *, needs_list: bool = False) -> Callable[[Any], Holds]:
    def prepare_negated(operand: Any) -> Holds:
        if needs_list and not isinstance(operand, list):
            return lambda _: False
        holds = prepare(operand)
        return lambda value: not holds(value)

    return prepare_negated


def _regex(*, ignore_case: bool) -> Callable[[Any], Holds]:
    def prepare(pattern: Any) -> Holds:
        from ..regex import is_pattern, prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import

        try:
            found = prepare_pattern(str(pattern), ignore_case=ignore_case)
        except Unpreparable:
            if is_pattern(str(pattern)):
                raise  # it would match for them: too dear here, and refused by name
            return lambda _: False

        def holds(value: Any) -> bool:
            text = plain_text(value)
            return text is not None and found(text)

        return holds

    return prepare


def _exists(wanted: Any) -> Holds:
    return lambda value: (value is not None) is _truthy(wanted)


def _type(wanted: Any) -> Holds:
    return lambda value: kind_of(value) == wanted


def _size(operand: Any, depth: int) -> Holds:
    holds = prepared_value(operand, depth)
    return lambda value: isinstance(value, (list, tuple)) and holds(len(value))


def _elem_match(operand: Any, depth: int) -> Holds:
    """Some element that is not null passes."""
    if isinstance(operand, dict) and all(word.startswith("$") and word not in _TREE for word in operand):
        holds = prepared_value(operand, depth)
    else:
        holds = prepared_condition(operand, depth)
    return lambda value: (
        isinstance(value, (list, tuple)) and any(holds(element) for element in value if element is not None)
    )


def _not(operand: Any, depth: int) -> Holds:
    holds = prepared_value(operand, depth)
    return lambda value: not holds(value)


def _folded(operand: Any, depth: int) -> Holds:
    """One of `$alli`: a bare value, text without its case, or operators, which see the case."""
    if isinstance(operand, dict) and all(word.startswith("$") for word in operand):
        return prepared_value(operand, depth)
    wanted = _lowered(operand)
    return lambda element: _same(wanted, _lowered(element))


def _all(prepare_one: Callable[[Any, int], Holds]) -> Callable[[Any, int], Holds]:
    def prepare(operand: Any, depth: int) -> Holds:
        if not isinstance(operand, list):
            return lambda _: False
        tests = [prepare_one(part, depth) for part in operand]
        return lambda value: isinstance(value, (list, tuple)) and all(any(map(holds, value)) for holds in tests)

    return prepare


_TREE = frozenset({"$and", "$or", "$nor"})
_NESTED: dict[str, Callable[[Any, int], Holds]] = {
    "$size": _size,
    "$elemMatch": _elem_match,
    "$not": _not,
    "$all": _all(prepared_value),
    "$alli": _all(_folded),
}
_IN = _in()
_IN_LOWERED = _in(fold=_lowered)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}
_FLAT: dict[str, Callable[[Any], Holds]] = {
    "$eq": _equal,
    "$ne": _unequal,
    "$in": _IN,
    "$nin": _negated(_IN, needs_list=True),
    "$ini": _IN_LOWERED,
    "$nini": _negated(_IN_LOWERED, needs_list=True),
    "$exists": _exists,
    "$type": _type,
    "$regex": _regex(ignore_case=False),
    "$regexi": _regex(ignore_case=True),
    "$notRegex": _negated(_regex(ignore_case=False)),
    "$notRegexi": _negated(_regex(ignore_case=True)),
    "$veq": _version(lambda left, right: left == right),
    "$vne": _version(lambda left, right: left != right),
    **{f"${word}": _ordering(compare) for word, compare in _COMPARE.items()},
    **{f"$v{word}": _version(compare) for word, compare in _COMPARE.items()},
}

ROWS: Rows = {
    ("satisfies", "growthbook"): Operator(
        lambda values: prepared_value(only(values)), "one bare value or object of $ operators", sees_missing=True
    ),
    ("satisfies", "growthbook_tree"): Operator(
        lambda values: prepared_condition(only(values)), "one whole condition over an object", sees_missing=True
    ),
}

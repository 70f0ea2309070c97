"""`satisfies`: GrowthBook's condition language over one attribute, whole and with JavaScript's looseness.

The operand is what GrowthBook holds under a path: a bare value, or an object of `$` operators, nested as deep as they go.

What asks for an operator that is not known is neither true nor false, and its negation neither. So everything is prepared
for one outcome: a test for True tells what holds, one for False what fails, and of the unknown neither tells anything.
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


def prepared_condition(condition: Any, depth: int = _DEEPEST, *, outcome: bool = True) -> Holds:
    """A whole condition: `$and`, `$or`, `$nor`, `$not` and dotted paths, over an object. Tells whether it has the outcome."""
    if depth == 0 or not isinstance(condition, dict):
        msg = f"no GrowthBook condition: {shown(condition)}"
        raise Unpreparable(msg)
    parts = [_prepared_part(word, operand, depth, outcome=outcome) for word, operand in condition.items()]
    return _joined(parts, every=outcome)


def _prepared_part(word: str, operand: Any, depth: int, *, outcome: bool) -> Holds:
    if word == "$not":
        return prepared_condition(operand, depth - 1, outcome=not outcome)
    if word == "$nor":
        return _prepared_part("$or", operand, depth, outcome=not outcome)
    if word in ("$and", "$or"):
        if not isinstance(operand, list):
            msg = f"{word} takes a list, not {shown(operand)}"
            raise Unpreparable(msg)
        inner = [prepared_condition(part, depth - 1, outcome=outcome) for part in operand]
        if not inner:  # an empty $or holds too
            return _always if outcome else _never
        return _joined(inner, every=outcome is (word == "$and"))
    if word == "$savedGroups":
        return _never if outcome else _always
    steps = word.split(".")
    tells = prepared_value(operand, depth - 1, outcome=outcome)

    return lambda subject: tells(_at(subject, steps))


def _joined(tests: list[Holds], *, every: bool) -> Holds:
    if len(tests) == 1:
        return tests[0]
    if every:
        return lambda value: all(tells(value) for tells in tests)
    return lambda value: any(tells(value) for tells in tests)


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False


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


def prepared_value(operand: Any, depth: int = _DEEPEST, *, outcome: bool = True) -> Holds:
    """What stands under a path: a bare value, or an object whose every key is an operator. Tells whether it has the outcome."""
    if depth <= 0:
        msg = "a condition nested too deep"
        raise Unpreparable(msg)
    if is_operators(operand):
        tests = [_prepared_operator(word, inner, depth, outcome=outcome) for word, inner in operand.items()]
        return _joined(tests, every=outcome)
    return _for(_bare(operand), outcome=outcome)


def is_operators(operand: Any) -> bool:
    """Tell whether what stands under a path is an object of operators; anything else is a bare value."""
    return isinstance(operand, dict) and all(word.startswith("$") for word in operand)


def is_known(operator: str) -> bool:
    """Tell whether something is known by that name: an operator, or a word of trees, which holds for no value."""
    return operator in _NESTED or operator in _FLAT or operator in _MISPLACED


def _for(holds: Holds, *, outcome: bool) -> Holds:
    return holds if outcome else lambda value: not holds(value)


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


def _prepared_operator(word: str, operand: Any, depth: int, *, outcome: bool) -> Holds:
    if word in _NESTED:
        return _NESTED[word](operand, depth - 1, outcome)
    if word in _FLAT:
        return _for(_FLAT[word](operand), outcome=outcome)
    return _always if word in _MISPLACED and not outcome else _never


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
        right = _text(bound) if isinstance(bound, _STRUCTURES) else bound
        number, is_text = _number(right), isinstance(right, str)

        def holds(value: Any) -> bool:
            left = _text(value) if isinstance(value, _STRUCTURES) else value
            if is_text and isinstance(left, str):
                return (
                    compare(left, right) if left.isascii() and right.isascii() else compare(_units(left), _units(right))
                )
            return compare(_number(left), number)

        return holds

    return prepare


def _units(text: str) -> bytes:
    """What JavaScript orders texts by."""
    return text.encode("utf-16-be", "surrogatepass")


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
        if not isinstance(pattern, str):
            return lambda _: False
        from ..regex import is_pattern, prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import

        try:
            found = prepare_pattern(pattern, ignore_case=ignore_case)
        except Unpreparable:
            if is_pattern(pattern):
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


def _size(operand: Any, depth: int, outcome: bool) -> Holds:
    tells = prepared_value(operand, depth, outcome=outcome)
    return lambda value: tells(len(value)) if isinstance(value, (list, tuple)) else not outcome


def _elem_match(operand: Any, depth: int, outcome: bool) -> Holds:
    """Some element that is not null passes."""
    over_value = is_operators(operand) and not operand.keys() & _TREE
    tells = (prepared_value if over_value else prepared_condition)(operand, depth, outcome=outcome)
    if outcome:
        return lambda value: isinstance(value, (list, tuple)) and any(tells(each) for each in value if each is not None)
    return lambda value: not isinstance(value, (list, tuple)) or all(tells(each) for each in value if each is not None)


def _not(operand: Any, depth: int, outcome: bool) -> Holds:
    return prepared_value(operand, depth, outcome=not outcome)


def _folded(operand: Any, depth: int, *, outcome: bool) -> Holds:
    """One of `$alli`: a bare value, text without its case, or operators, which see the case."""
    if is_operators(operand):
        return prepared_value(operand, depth, outcome=outcome)
    wanted = _lowered(operand)
    return _for(lambda element: _same(wanted, _lowered(element)), outcome=outcome)


def _all(prepare_one: Callable[..., Holds]) -> Callable[[Any, int, bool], Holds]:
    def prepare(operand: Any, depth: int, outcome: bool) -> Holds:
        if not isinstance(operand, list):
            return _never if outcome else _always
        tests = [prepare_one(part, depth, outcome=outcome) for part in operand]
        if outcome:
            return lambda value: isinstance(value, (list, tuple)) and all(any(map(tells, value)) for tells in tests)
        return lambda value: not isinstance(value, (list, tuple)) or any(all(map(tells, value)) for tells in tests)

    return prepare


_TREE = frozenset({"$and", "$or", "$nor"})
_MISPLACED = _TREE | {"$savedGroup", "$inGroup", "$notInGroup"}  # the names of groups are put in before this sees them
_NESTED: dict[str, Callable[[Any, int, bool], Holds]] = {
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

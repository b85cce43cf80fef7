"""Small changes of a Python file, each of which a test should notice."""

import ast
import copy
from typing import NamedTuple

COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
COMPUTED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}
# Not changed: what a user only reads.
MESSAGES = (ast.Raise, ast.JoinedStr, ast.Assert)
SPEAKERS = {"say", "write"}


class Mutant(NamedTuple):
    """One change.

    Attributes:
        line: of the change in the original.
        column: of the change in that line.
        what: the original expression and the changed one, text.
        source: the whole changed file.
    """

    line: int
    column: int
    what: str
    source: str


def mutants_of(source):
    """Makes all mutants of a file.

    Args:
        source: its text.

    Returns:
        list of Mutant, in the order of the file.
    """
    tree = ast.parse(source)
    found = []
    for place in _places(tree):
        for change in _changes(place.node):
            found.append(_mutant(tree, place, change))
    return found


class _Place(NamedTuple):
    """A node by the way to it: pairs of (name of a field, number in the list or None), from the module down."""

    way: tuple
    node: ast.AST


def _places(node, way=()):
    """The places below a node that may be changed, the outer ones first."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for number, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, MESSAGES) or _is_only_read(child):
                continue
            place = _Place((*way, (name, number)), child)
            yield place
            yield from _places(child, place.way)


def _is_only_read(node):
    """Whether a node is a docstring, a line for the user, or the list of what a module offers."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        function = node.func
        return (getattr(function, "id", None) or getattr(function, "attr", None)) in SPEAKERS
    return isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").startswith("__")


def _changes(node):
    """The nodes that may take the place of a node."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        yield _with(node, ops=[COMPARED[type(node.ops[0])](), *node.ops[1:]])
    elif (
        isinstance(node, ast.BinOp) and type(node.op) in COMPUTED and not (_is_text(node.left) or _is_text(node.right))
    ):
        yield _with(node, op=COMPUTED[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.IfExp):
        yield _with(node, body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.If):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Constant):
        yield from _other_values(node)
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)
    elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass()


def _other_values(node):
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float):
        yield ast.Constant(2 * value or 1.0)


def _other_calls(node):
    """A call without one of its named arguments, or with two arguments that have changed places."""
    for number, keyword in enumerate(node.keywords):
        if keyword.arg:
            yield _with(node, keywords=node.keywords[:number] + node.keywords[number + 1 :])
    if (
        len(node.args) >= 2
        and not any(isinstance(arg, ast.Starred) for arg in node.args)
        and not _is_of_a_library(node)
    ):
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])


def _is_of_a_library(call):
    """Whether a call is of a function of TensorFlow or NumPy, which would refuse most arguments in another order."""
    root = call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    return getattr(root, "id", "") in ("tf", "np", "keras")


def _is_text(node):
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _with(node, **fields):
    """A copy of a node with other fields."""
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})


def _mutant(tree, place, change):
    changed = copy.deepcopy(tree)
    parent = changed
    for name, number in place.way[:-1]:
        parent = getattr(parent, name) if number is None else getattr(parent, name)[number]
    name, number = place.way[-1]
    if number is None:
        setattr(parent, name, change)
    else:
        getattr(parent, name)[number] = change
    ast.fix_missing_locations(changed)
    before, after = (_first_line(ast.unparse(ast.fix_missing_locations(node))) for node in (place.node, change))
    return Mutant(place.node.lineno, place.node.col_offset, f"{before}  ->  {after}", ast.unparse(changed))


def _first_line(text):
    return text.partition("\n")[0]

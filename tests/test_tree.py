"""``keras.tree``: what Keras 3.15 returns for nested structures."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest

from diptych import tree

Point = namedtuple("Point", ["x", "y"])
Other = namedtuple("Point", ["x", "y"])


class Mine(list):
    """A subclass of list is a leaf."""


MIXED = {"b": [1, (2, None)], "a": Point(3, deque([4], maxlen=2)), "c": OrderedDict(z=5, y=6)}


def test_leaves_and_their_paths():
    assert tree.flatten(MIXED) == [3, 4, 1, 2, None, 5, 6]
    assert tree.flatten_with_path(MIXED)[1:3] == [(("a", 1, 0), 4), (("b", 0), 1)]
    assert tree.flatten(7) == [7]
    assert tree.flatten({2: "x", "a": "y", 1: "z"}) == ["z", "x", "y"]  # int before str
    mine = Mine([1])
    assert tree.flatten([mine]) == [mine]
    assert [tree.is_nested(x) for x in ([], (), {}, Point(1, 2), None, "ab", mine)] == [
        *[True] * 4, *[False] * 3
    ]  # fmt: skip


def test_structures_come_back():
    packed = tree.pack_sequence_as(MIXED, "abcdefg")
    assert list(packed) == ["b", "a", "c"]
    assert packed["a"] == Point("a", deque(["b"]))
    assert packed["a"].y.maxlen == 2
    assert packed["b"] == ["c", ("d", "e")]
    assert list(packed["c"].items()) == [("z", "f"), ("y", "g")]
    counted = tree.map_structure(lambda x: 1, defaultdict(int, k=5))
    assert (type(counted), counted.default_factory, counted["k"]) == (defaultdict, int, 1)
    for leaves in ("ab", "abcdefgh"):
        with pytest.raises(ValueError, match=f"7 leaves, but {len(leaves)}"):
            tree.pack_sequence_as(MIXED, leaves)


def test_maps():
    assert tree.map_structure(lambda x, y: x + y, [1, {"a": 2}], [3, {"a": 4}]) == [4, {"a": 6}]
    assert tree.map_structure(str, [None, 1]) == ["None", "1"]
    assert tree.map_structure(str, [None, 1], none_is_leaf=False) == [None, "1"]
    assert tree.map_structure_up_to([0, [0]], len, [[1, 2], [[3]]]) == [2, [1]]
    assert tree.map_structure_up_to([None, None], len, [[1, 1], [2, 2]]) == [2, 2]
    assert tree.map_shape_structure(sum, [(1, 2), {"a": [3, 4]}]) == [3, {"a": 7}]
    assert tree.lists_to_tuples([1, {"a": [2, (3, [4])]}]) == (1, {"a": (2, (3, (4,)))})


@pytest.mark.parametrize(
    ("a", "b", "alike", "same_paths"),
    [
        ([0, (1,)], [5, (6,)], True, True),
        ([0], (0,), False, True),
        (Point(0, 1), Other(0, 1), False, True),
        ({"a": 1}, OrderedDict(a=2), True, True),
        ({"a": 1}, {"b": 1}, False, False),
        ([1, 2], [1], False, False),
        ([1], [[1]], False, False),
        ([[1]], [1], False, False),
    ],
)
def test_comparisons(a, b, alike, same_paths):
    for same, check in (
        (alike, tree.assert_same_structure),
        (alike, lambda a, b: tree.map_structure(lambda x, y: x, a, b)),
        (same_paths, tree.assert_same_paths),
    ):
        if same:
            check(a, b)
        else:
            with pytest.raises(ValueError, match="differ"):
                check(a, b)


def test_none_is_a_part_or_a_leaf():
    with pytest.raises(ValueError, match="differently"):
        tree.map_structure(max, [None], [2], none_is_leaf=False)
    with pytest.raises(ValueError, match="differently"):
        tree.map_structure(max, [2], [None], none_is_leaf=False)
    with pytest.warns(DeprecationWarning, match="no effect"):
        tree.assert_same_structure([1], [None], check_types=True)


def test_visits():
    seen = []
    tree.traverse(seen.append, [(1, 2), {"b": 4, "a": 3}])
    assert seen == [[(1, 2), {"b": 4, "a": 3}], (1, 2), 1, 2, {"b": 4, "a": 3}, 3, 4]
    seen.clear()
    tree.traverse(seen.append, [(1, 2), 3], top_down=False)
    assert seen == [1, 2, (1, 2), 3, [(1, 2), 3]]

    def change(part):
        return {1: tree.MAP_TO_NONE, 2: "two"}.get(part) if isinstance(part, int) else None

    assert tree.traverse(change, [1, (2, 3)]) == [None, ("two", 3)]
    assert tree.traverse(lambda p: "pair" if len(p) == 2 else None, [1, 2]) == "pair"


@pytest.mark.parametrize(
    "call", [tree.map_structure, lambda f, *s: tree.map_structure_up_to(0, f, *s)]
)
def test_errors_of_maps(call):
    with pytest.raises(TypeError, match="can't be called"):
        call(3, 1)
    with pytest.raises(ValueError, match="At least one"):
        call(len)

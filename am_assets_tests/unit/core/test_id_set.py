from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.id_set import Cell, IdCounter, IdSet, differing, id_set, read, united, written

IDS = st.sets(st.text(st.characters(codec="utf-8"), max_size=8), max_size=12)
ONE, OTHER = Cell("a", "2025-01-06"), Cell("b", "2025-01-06")


@given(IDS, st.randoms())
def test_the_order_of_ids_does_not_matter(ids: set[str], random) -> None:
    shuffled = sorted(ids)
    random.shuffle(shuffled)
    assert id_set(shuffled) == id_set(sorted(ids))


@given(IDS, IDS)
def test_fingerprints_of_disjoint_sets_add_up_to_that_of_their_union(
    one: set[str], other: set[str]
) -> None:
    other -= one
    assert id_set(one).union(id_set(other)) == id_set(one | other)


@given(IDS, IDS)
def test_different_sets_have_different_fingerprints(one: set[str], other: set[str]) -> None:
    assert (id_set(one) == id_set(other)) == (one == other)


@given(IDS)
def test_a_manifests_form_says_the_same(ids: set[str]) -> None:
    assert IdSet.parse(str(id_set(ids))) == id_set(ids)


def test_cells_that_differ_are_named_in_order() -> None:
    rows = [("kept", ONE, "1"), ("kept", OTHER, "2"), ("dropped", ONE, "3")]
    counter = IdCounter()
    for fate, cell, sample in rows:
        counter.add(fate, *cell, sample)
    cells = counter.cells()
    assert read(written(cells)["kept"]) == cells["kept"]
    everything = united(*cells.values())
    assert differing(everything, cells["kept"]) == [ONE]
    assert differing(everything, {}) == [ONE, OTHER]
    # An empty cell and none at all are the same.
    assert differing({ONE: IdSet()}, {}) == []

"""Identity depends on values: not on order, provenance, nulls or the platform."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.identity import (
    ROLE,
    canonical,
    digest,
    merkle,
    prompt_hash,
    sample_id,
    table_root,
    uniform,
)

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=8)
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
_texts = st.dictionaries(st.text(min_size=1, max_size=6), st.text(max_size=6), max_size=8)


def _table(rows: dict[str, str], **more: list[Any]) -> pa.Table:
    fields = [
        pa.field("id", pa.string()),
        pa.field("text", pa.string(), metadata={ROLE: b"identity"}),
    ]
    columns = [pa.array(list(rows), pa.string()), pa.array(list(rows.values()), pa.string())]
    for name, values in more.items():
        role = b"provenance" if name.startswith("by") else b"identity"
        fields.append(pa.field(name, pa.string(), metadata={ROLE: role}))
        columns.append(pa.array(values, pa.string()))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


@given(st.dictionaries(st.text(max_size=4), _values, max_size=5))
def test_the_order_of_keys_does_not_change_a_digest(record: dict[str, Any]) -> None:
    assert digest(record) == digest(dict(reversed(record.items())))


@given(st.dictionaries(st.text(max_size=4), _values, max_size=5), st.text(min_size=5, max_size=6))
def test_a_new_null_key_does_not_change_a_digest(record: dict[str, Any], name: str) -> None:
    assert digest(record) == digest({**record, name: None})


@given(_values, _values)
def test_equal_digests_mean_equal_canonical_texts(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))


@given(_texts, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_change_a_root(rows: dict[str, str], random: Any) -> None:
    shuffled = list(rows.items())
    random.shuffle(shuffled)
    assert table_root(_table(rows), "id") == table_root(_table(dict(shuffled)), "id")


@given(_texts)
def test_provenance_and_null_columns_do_not_change_a_root(rows: dict[str, str]) -> None:
    wider = _table(rows, by=["engine 2"] * len(rows), later=[None] * len(rows))
    assert table_root(_table(rows), "id") == table_root(wider, "id")


@given(_texts.filter(bool))
def test_any_changed_value_changes_the_root(rows: dict[str, str]) -> None:
    first = next(iter(rows))
    assert table_root(_table(rows), "id") != table_root(
        _table({**rows, first: rows[first] + "x"}), "id"
    )


def test_chunks_do_not_change_a_root() -> None:
    one, two = _table({"a": "1"}), _table({"b": "2"})
    assert table_root(pa.concat_tables([one, two]), "id") == table_root(
        _table({"b": "2", "a": "1"}), "id"
    )


def test_a_repeated_id_is_refused() -> None:
    twice = pa.concat_tables([_table({"a": "1"}), _table({"a": "2"})])
    with pytest.raises(ValueError, match="id a occurs twice"):
        table_root(twice, "id")


def test_lone_surrogates_have_an_identity() -> None:
    assert digest("\ud800") != digest("\udfff")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        digest(value)


def test_values_without_a_canonical_form_are_refused() -> None:
    with pytest.raises(TypeError, match="no canonical form for object"):
        digest(object())


def test_numbers_and_texts_that_look_alike_differ() -> None:
    alike = [1, 1.0, "1", True, [1], {"1": 1}]
    assert len({digest(value) for value in alike}) == len(alike)


def test_the_same_record_of_two_sources_has_two_ids() -> None:
    assert sample_id("one", {"prompt": "p"}) != sample_id("two", {"prompt": "p"})


@pytest.mark.parametrize("same", ["What  is\n 2+2?", "WHAT IS 2+2?", "What is ２+2?"])
def test_case_space_and_unicode_form_do_not_make_another_prompt(same: str) -> None:
    assert prompt_hash(same) == prompt_hash("What is 2+2?")


@given(st.lists(st.binary(max_size=4), max_size=20))
def test_a_merkle_root_tells_leaves_apart(leaves: list[bytes]) -> None:
    assert merkle(leaves) != merkle([*leaves, b""])


@given(_values)
def test_draws_lie_between_zero_and_one_and_repeat(value: Any) -> None:
    assert 0 <= uniform("draw", value) < 1
    assert uniform("draw", value) == uniform("draw", value)

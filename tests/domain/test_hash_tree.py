"""The hash tree of RFC 9162, section 2.1: known roots and proofs, and what no proof may get through."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.kernel.hash_tree import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    hash_children,
    hash_leaf,
    inclusion_proof,
    is_consistent,
    peaks_of,
    ranges_over,
    root_by_inclusion,
    root_of,
)

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The entries that implementations of Certificate Transparency test against."""
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Their roots, from none to all eight."""

sizes = st.integers(min_value=0, max_value=130)
hashes = st.binary(min_size=32, max_size=32)


def leaves(count: int) -> list[bytes]:
    return [hash_leaf(number.to_bytes(4)) for number in range(count)]


def defined_root(entries: list[bytes]) -> bytes:
    """`MTH` exactly as the RFC defines it, over leaf hashes."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return entries[0]
    split = max(power for power in (1 << bit for bit in range(32)) if power < len(entries))
    return hash_children(defined_root(entries[:split]), defined_root(entries[split:]))


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_that_other_implementations_know(size: int):
    known = [hash_leaf(entry) for entry in ENTRIES[:size]]
    growing = CompactRange()
    for leaf in known:
        growing.append(leaf)

    assert root_of(known).hex() == growing.root().hex() == ROOTS[size]


def test_an_entry_never_hashes_like_an_inner_node():
    left, right = leaves(2)

    assert hash_leaf(left + right) != hash_children(left, right)


def test_inclusion_proofs_are_those_that_other_implementations_know():
    known = [hash_leaf(entry) for entry in ENTRIES]

    assert [step.hex() for step in inclusion_proof(0, 8, ranges_over(known))] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [step.hex() for step in inclusion_proof(2, 3, ranges_over(known))] == [ROOTS[2]]
    assert inclusion_proof(0, 1, ranges_over(known)) == ()


def test_consistency_proofs_are_those_that_other_implementations_know():
    known = [hash_leaf(entry) for entry in ENTRIES]

    assert [step.hex() for step in consistency_proof(1, 8, ranges_over(known))] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [step.hex() for step in consistency_proof(6, 8, ranges_over(known))] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(sizes)
def test_the_root_is_the_defined_one_however_it_is_computed(size: int):
    growing = CompactRange()
    for leaf in leaves(size):
        growing.append(leaf)

    assert root_of(leaves(size)) == growing.root() == defined_root(leaves(size))


@given(sizes, sizes)
def test_a_tree_goes_on_from_the_peaks_of_what_is_gone(former: int, more: int):
    all_of_them = leaves(former + more)
    growing = CompactRange(former, peaks_of(former, ranges_over(all_of_them)))
    for leaf in all_of_them[former:]:
        growing.append(leaf)

    assert growing.root() == root_of(all_of_them)
    assert growing.peaks == peaks_of(former + more, ranges_over(all_of_them))


@given(st.data())
def test_every_entry_is_proved_and_no_other_entry_place_or_size_passes_with_its_proof(data: st.DataObject):
    size = data.draw(st.integers(1, 130))
    index = data.draw(st.integers(0, size - 1))
    known = leaves(size)
    proof = inclusion_proof(index, size, ranges_over(known))
    root = root_of(known)

    assert root_by_inclusion(known[index], index, size, proof) == root
    assert root_by_inclusion(hash_leaf(b"another"), index, size, proof) != root
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        assert root_by_inclusion(known[index], other, size, proof) != root
    assert root_by_inclusion(known[index], index, size, (*proof, root)) != root
    assert root_by_inclusion(known[index], size, size, proof) is None
    if proof:
        assert root_by_inclusion(known[index], index, size, proof[:-1]) != root
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:place], data.draw(hashes), *proof[place + 1 :]]
        if tuple(changed) != proof:
            assert root_by_inclusion(known[index], index, size, changed) != root


@given(st.data())
def test_every_earlier_tree_is_proved_and_nothing_else_passes_with_its_proof(data: st.DataObject):
    size = data.draw(st.integers(0, 130))
    former = data.draw(st.integers(0, size))
    known = leaves(size)
    proof = consistency_proof(former, size, ranges_over(known))
    former_root, root = root_of(known[:former]), root_of(known)

    assert is_consistent(former, former_root, size, root, proof)
    assert not is_consistent(former, hash_leaf(b"another"), size, root, proof)
    assert former == 0 or not is_consistent(former, former_root, size, hash_leaf(b"another"), proof)
    assert not is_consistent(former, former_root, size, root, (*proof, root))
    assert not is_consistent(size + 1, former_root, size, root, proof)
    if proof:
        assert not is_consistent(former, former_root, size, root, proof[:-1])
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:place], data.draw(hashes), *proof[place + 1 :]]
        if tuple(changed) != proof:
            assert not is_consistent(former, former_root, size, root, changed)


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_there_is_no_proof_for_what_is_not_in_the_tree(index: int):
    with pytest.raises(ValueError, match="beyond"):
        inclusion_proof(index, 3, ranges_over(leaves(3)))


def test_there_is_no_proof_that_a_tree_extends_a_larger_one():
    with pytest.raises(ValueError, match="larger"):
        consistency_proof(4, 3, ranges_over(leaves(3)))


@pytest.mark.parametrize(("size", "count"), [(0, 1), (1, 0), (5, 1), (6, 3), (-1, 0)])
def test_peaks_that_do_not_fit_the_size_are_refused(size: int, count: int):
    with pytest.raises(ValueError, match="fit"):
        CompactRange(size, leaves(count))


def test_nothing_has_a_root_of_its_own():
    assert root_of([]) == CompactRange().root() == EMPTY_ROOT

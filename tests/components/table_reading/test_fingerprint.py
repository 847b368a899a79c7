import hashlib

from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from components.table_reading.fingerprint import CHUNK, data_fingerprint, file_sha256

LOCAL = fs.LocalFileSystem()

digests = st.text("0123456789abcdef", min_size=4, max_size=4)
splits = st.dictionaries(
    st.sampled_from(["train", "eval"]), st.lists(st.tuples(st.integers(0, 99), digests), max_size=4)
)


def test_hash_is_sha256_of_the_stored_bytes(tmp_path):
    for content in (b"", b"abc", b"x" * CHUNK, b"y" * (CHUNK + 1)):
        for name in ("f.csv", "f.csv.gz"):  # no unpacking
            (tmp_path / name).write_bytes(content)
            assert file_sha256(LOCAL, str(tmp_path / name)) == hashlib.sha256(content).hexdigest()


def test_fingerprint_depends_on_span_content_order_and_split():
    base = {"train": [(1, "a"), (2, "b")], "eval": [(3, "c")]}
    others = [
        {"train": [(1, "a"), (2, "B")], "eval": [(3, "c")]},
        {"train": [(1, "a"), (4, "b")], "eval": [(3, "c")]},
        {"train": [(2, "b"), (1, "a")], "eval": [(3, "c")]},
        {"train": [(1, "a")], "eval": [(2, "b"), (3, "c")]},
        {"train": [(3, "c")], "eval": [(1, "a"), (2, "b")]},
        {"train": [(1, "a"), (2, "b"), (3, "c")]},
    ]
    found = [data_fingerprint(splits) for splits in (base, *others)]
    assert len(set(found)) == len(found)


@given(splits, splits)
def test_fingerprints_are_equal_only_for_equal_data(one, other):
    assert (data_fingerprint(one) == data_fingerprint(other)) == (one == other)


@given(splits)
def test_fingerprint_ignores_order_of_splits_and_sequence_type(one):
    turned = {split: tuple(files) for split, files in reversed(one.items())}
    assert data_fingerprint(turned) == data_fingerprint(one)

"""A reference survives packing, wherever the file lies and whatever its name."""

import os

from hypothesis import given
from hypothesis import strategies as st

from transforms.model.records import InstanceRef
from transforms.read.packing import NAME_BYTES, Packing

names = st.binary(min_size=1, max_size=80).filter(lambda name: b"\0" not in name and b"/" not in name).map(os.fsdecode)


@given(st.binary(min_size=NAME_BYTES, max_size=NAME_BYTES), names, names, st.integers(0, 2**63), st.booleans())
def test_what_is_packed_comes_out(name, folder, file, size, below):
    ref = InstanceRef("0123456789abcdef", f"/{folder}/{file}" if below else f"/elsewhere/{folder}x/{file}", size)
    assert Packing(f"/{folder}").unpacked(Packing(f"/{folder}").packed(name, ref)) == (name, ref)


def test_a_file_below_the_root_costs_little():
    ref = InstanceRef("0123456789abcdef", f"/{'root' * 50}/1.dcm", 10)
    assert len(Packing(f"/{'root' * 50}").packed(bytes(NAME_BYTES), ref)) < 40

"""The head of a file of ours says where its data set begins and how that is encoded."""

import io

import pydicom
import pytest
from pydicom.filewriter import write_file_meta_info

from transforms.model.part10 import data_set_start, transfer_syntax


@pytest.mark.parametrize("name", ["MR_small.dcm", "JPEG2000.dcm", "image_dfl.dcm", "MR_small_bigendian.dcm", "rtplan.dcm"])
def test_a_real_file_says_what_the_parser_reads(real_file, name):
    content, meta = real_file(name).read_bytes(), pydicom.dcmread(real_file(name)).file_meta
    head = io.BytesIO()
    write_file_meta_info(head, meta, enforce_standard=False)
    assert (data_set_start(content), transfer_syntax(content)) == (132 + len(head.getvalue()), meta.TransferSyntaxUID)


def test_a_file_that_states_none_has_none_even_where_its_data_set_looks_like_one():
    assert transfer_syntax(bytes(128) + b"DICM\2\0\0\0UL\4\0\0\0\0\0" + b"\2\0\x10\0UI\x12\x001.2.840.10008.1.2\0") == ""

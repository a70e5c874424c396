"""Encapsulated PDF, CDA, STL, OBJ and MTL: the document is replaced by a valid one that says so, unless the config keeps it."""

import dataclasses
import re
import struct
import xml.etree.ElementTree as ET

import pydicom.uid
import pytest

from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile, Rule, Verb
from transforms.model.query import parse_query
from transforms.model.records import Action

CLASSES = {kind: getattr(pydicom.uid, f"Encapsulated{kind}Storage") for kind in ("PDF", "CDA", "STL", "OBJ", "MTL")}
SECRET = b"Report on Jan Kowalski, MRN-00482913"


@pytest.fixture
def document(made):
    """A function from a kind to an object of it whose document tells the patient."""

    def make(kind):
        dataset = made(
            CLASSES[kind], EncapsulatedDocument=SECRET, EncapsulatedDocumentLength=len(SECRET), MIMETypeOfEncapsulatedDocument="text/plain"
        )
        dataset.DocumentTitle, dataset.BurnedInAnnotation = "Letter about Kowalski", "YES"
        return dataset

    return make


@pytest.mark.parametrize("kind", CLASSES)
def test_the_document_goes_and_the_object_says_what_is_there(deidentify, document, kind):
    done = deidentify(document(kind))
    content = done.new.EncapsulatedDocument[: done.new.EncapsulatedDocumentLength]
    assert b"Kowalski" not in done.scrubbed.content
    assert b"de-identification" in content
    assert len(done.new.EncapsulatedDocument) - len(content) == len(content) % 2
    assert done.new.MIMETypeOfEncapsulatedDocument.split("/")[1].upper() in (kind, "XML")
    assert (done.new.DocumentTitle, done.new.BurnedInAnnotation, done.new.PatientIdentityRemoved) == ("", "NO", "YES")
    (finding,) = [finding for finding in done.scrubbed.findings if finding.tag == "00420011"]
    assert (finding.action, finding.original, finding.replaced) == (Action.RESET, None, None)
    assert done.holds == ()


@pytest.mark.servers
@pytest.mark.parametrize("kind", CLASSES)
def test_the_output_is_sound(deidentify, document, sound, kind):
    sound(deidentify(document(kind)))


def test_the_pdf_is_one(deidentify, document):
    pdf = deidentify(document("PDF")).new.EncapsulatedDocument
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n", pdf)[1])
    head, *entries = pdf[start:].split(b"trailer")[0].splitlines()[1:]
    assert pdf[:5] == b"%PDF-"
    assert head == b"0 6"
    for number, entry in enumerate(entries[1:], 1):
        assert pdf[int(entry[:10]) :].startswith(b"%d 0 obj\n" % number)
    (length, stream) = re.search(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", pdf).groups()
    assert len(stream) == int(length)


def test_the_cda_is_one(deidentify, document):
    root = ET.fromstring(deidentify(document("CDA")).new.EncapsulatedDocument.strip(b"\n"))
    hl7 = "{urn:hl7-org:v3}"
    assert root.tag == f"{hl7}ClinicalDocument"
    wanted = ["typeId", "id", "code", "effectiveTime", "confidentialityCode", "recordTarget", "author", "custodian", "component"]
    assert [child.tag for child in root] == [hl7 + name for name in wanted]


def test_the_stl_is_one(deidentify, document):
    stl = deidentify(document("STL")).new.EncapsulatedDocument
    assert len(stl) == 84 + 50 * struct.unpack("<I", stl[80:84])[0]


@pytest.mark.parametrize("profile", [Profile.MINIMAL, Profile.CONTENTS])
def test_no_profile_but_those_that_keep_all_lets_a_document_through(deidentify, document, profile):
    done = deidentify(document("PDF"), plan=ActionPlan(profile, keep_primary_uids=False, image=ALL_TEXT))
    assert b"Kowalski" not in done.scrubbed.content
    assert done.new.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert done.new.get("EncapsulatedDocumentLength", 634) in range(500, 1000)


def test_who_keeps_everything_or_the_document_has_it_whole(deidentify, document):
    keep = Rule(Verb.KEEP, parse_query("EncapsulatedDocument"))
    everything = ActionPlan(Profile.KEEP_ALL, keep_primary_uids=False, image=ALL_TEXT)
    for plan in (everything, dataclasses.replace(everything, profile=Profile.BASIC, rules=(keep,))):
        done = deidentify(document("PDF"), plan=plan)
        assert done.new.EncapsulatedDocument == SECRET + b"\0" * (len(SECRET) % 2)
        assert (done.new.EncapsulatedDocumentLength, done.new.MIMETypeOfEncapsulatedDocument) == (len(SECRET), "text/plain")
        assert (done.new.BurnedInAnnotation, done.new.PatientIdentityRemoved) == ("YES", "NO")


def test_a_title_is_cleaned_where_descriptions_are(deidentify, document):
    title = deidentify(document("PDF"), Option.DESCRIPTORS).new.DocumentTitle
    assert title.startswith("Letter about ")
    assert "Kowalski" not in title

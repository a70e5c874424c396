"""Waveforms: the samples stay, annotations go or are cleaned; recorded sound is refused."""

import pydicom
import pytest
from pydicom.uid import UID_dictionary

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.plan import Option
from transforms.tags import policy
from transforms.tags.attributes import required

WAVEFORMS = sorted(uid for uid in UID_dictionary if policy.family(uid).name == "waveform" and required(uid))
SOUND = sorted(uid for uid in UID_dictionary if policy.family(uid).name == "audio")
CLEANED = (Option.STRUCTURED, Option.DESCRIPTORS)


@pytest.fixture
def ecg(real_file, patient):
    """A real 12-lead ECG with a measurement and a remark on the patient."""
    dataset = patient(pydicom.dcmread(real_file("waveform_ecg.dcm")))
    remark = pydicom.Dataset()
    remark.UnformattedTextValue, remark.ReferencedWaveformChannels = "Sinus rhythm, Kowalski", [1, 0]
    dataset.WaveformAnnotationSequence = [remark]
    return dataset


@pytest.mark.parametrize("options", [(), CLEANED], ids=["basic", "cleaned"])
def test_samples_stay_to_the_bit(ecg, deidentify, options):
    new = deidentify(ecg, *options).new
    assert [group.WaveformData for group in new.WaveformSequence] == [group.WaveformData for group in ecg.WaveformSequence]
    for group, same in zip(ecg.WaveformSequence, new.WaveformSequence, strict=True):
        channels = [(c.get("ChannelSensitivity"), c.ChannelSourceSequence[0].CodeValue) for c in group.ChannelDefinitionSequence]
        assert [(c.get("ChannelSensitivity"), c.ChannelSourceSequence[0].CodeValue) for c in same.ChannelDefinitionSequence] == channels


def test_annotations_go_or_are_cleaned(ecg, deidentify):
    done = deidentify(ecg)
    assert b"Sinus" not in done.scrubbed.content
    done = deidentify(ecg, *CLEANED)
    assert done.new.WaveformAnnotationSequence[0].UnformattedTextValue.startswith("Sinus rhythm, ")
    assert b"Kowalski" not in done.scrubbed.content


@pytest.mark.servers
@pytest.mark.parametrize("options", [(), CLEANED], ids=["basic", "cleaned"])
def test_a_real_ecg_is_sound(ecg, deidentify, sound, options):
    sound(deidentify(ecg, *options))


@pytest.mark.servers
@pytest.mark.parametrize("sop_class", WAVEFORMS, ids=lambda uid: pydicom.uid.UID(uid).keyword)
def test_every_class_is_sound(sound_class, sop_class):
    sound_class(sop_class)


@pytest.mark.parametrize("sop_class", SOUND, ids=lambda uid: pydicom.uid.UID(uid).name)
def test_sound_is_refused(ecg, deidentify, sop_class):
    ecg.SOPClassUID = sop_class
    with pytest.raises(InstanceProblem) as refused:
        deidentify(ecg)
    assert (refused.value.code, refused.value.kind) == ("AUDIO", OutcomeKind.FAILED)

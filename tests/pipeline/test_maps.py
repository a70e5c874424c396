"""Mapping files: complete over runs and workers, sorted, closed to others, and never published."""

import csv
import shutil

import pydicom
import pytest

from pipeline.cli import main as cli
from pipeline.main import main
from pipeline.maps import finish_maps, remember_maps
from pipeline.options import parse
from transforms.model import spool
from transforms.model.errors import ConfigError
from transforms.model.records import Action, TagFinding
from transforms.provenance.identifiers import replaced_identifiers

CONFIG = '{"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}'


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_maps_are_complete_over_runs_and_workers(tmp_path, real_file, key_uri, capfd):
    source, destination, uids, patients = (tmp_path / name for name in ("in", "out", "maps/uids.csv", "maps/patients.csv"))
    source.mkdir()
    places = [f"--source={source}", f"--destination={destination}", f"--workspace={tmp_path / 'ws'}", f"--key_uri={key_uri}"]
    (tmp_path / "patients.csv").write_text("issuer,id,subject,days\n,4MR1,SUBJECT-1,7\n,1CT1,SUBJECT-2,\n,id00001,SUBJECT-3,\n")
    places.append(f"--patient_map={tmp_path / 'patients.csv'}")
    command = [*places, "--config", CONFIG, "--allow_identifiable", f"--write_uid_map={uids}", f"--write_patient_map={patients}"]
    for name in ("MR_small.dcm", "rtplan.dcm"):
        shutil.copyfile(real_file(name), source / name)
    assert main([*command, "--provenance_phi=omit"]) == 0
    first = uids.read_bytes()
    shutil.copyfile(real_file("CT_small.dcm"), source / "CT_small.dcm")
    assert main([*command, "--provenance_phi=omit", "--direct_num_workers=2", "--direct_running_mode=multi_threading"]) == 0
    assert len(uids.read_bytes()) > len(first)

    header, *mapped = rows(uids)
    assert header == ["id_old", "id_new"]
    assert mapped == sorted(mapped)
    assert len({tuple(row) for row in mapped}) == len(mapped)
    known, published = dict(mapped), [pydicom.dcmread(path) for path in destination.rglob("*.dcm")]
    sources = [pydicom.dcmread(path) for path in source.iterdir()]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert {known[one[keyword].value] for one in sources} == {one[keyword].value for one in published}
    (plan,) = (one for one in sources if one.Modality == "RTPLAN")
    referenced = plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID
    assert referenced in known  # what is only referred to is on the map too

    assert rows(patients) == [header, ["1CT1", "SUBJECT-2"], ["4MR1", "SUBJECT-1"], ["id00001", "SUBJECT-3"]]
    assert {one.PatientID for one in published} == {"SUBJECT-1", "SUBJECT-2", "SUBJECT-3"}
    told = capfd.readouterr()
    assert "SUBJECT" not in told.out + told.err
    assert "4MR1" not in told.out + told.err
    assert {path.stat().st_mode & 0o777 for path in (uids, patients)} == {0o600}
    assert not list((tmp_path / "ws").rglob("sorting*"))


def test_maps_that_a_run_could_not_write_or_did_not_come_to_are_written_by_a_retry(tmp_path, workspace, real_file, key_uri, capsys):
    uids, retry = tmp_path / "maps" / "uids.csv", ["retry", "--workspace", workspace.root, "--operation", "op"]
    (tmp_path / "maps").touch()  # where their folder should be
    places = [f"--source={real_file('rtplan.dcm')}", f"--destination={tmp_path / 'out'}", f"--workspace={workspace.root}"]
    assert main([*places, f"--key_uri={key_uri}", "--operation_id=op", f"--write_uid_map={uids}"]) == 3
    assert "--write_uid_map: the mapping file cannot be written" in capsys.readouterr().err
    assert cli(retry) == 3
    (tmp_path / "maps").unlink()
    assert cli(retry) == 0
    written = uids.read_bytes()
    assert len(rows(uids)) > 3
    capsys.readouterr()
    assert cli(retry) == 0
    assert capsys.readouterr().out == "nothing failed\n"
    uids.unlink()
    remember_maps(workspace.operation("op"), str(uids), None)  # as after a kill between the last step and the maps
    assert cli(retry) == 0
    assert uids.read_bytes() == written


@pytest.fixture
def parsed(tmp_path):
    places = [f"--{name}={tmp_path / name}" for name in ("source", "destination", "workspace")]
    return lambda *extra: parse([*places, *extra])


@pytest.mark.parametrize("option", ["--write_uid_map", "--write_patient_map"])
def test_a_map_has_its_place(parsed, tmp_path, option):
    (tmp_path / "list.csv").write_text("issuer,id,subject\n")
    (tmp_path / "earlier.csv").write_bytes(b"id_old,id_new\r\n1,2\r\n")
    (tmp_path / "inward").symlink_to(tmp_path / "destination")
    for place in ("destination/map.csv", "source/../destination/x/map.csv", "inward/map.csv", "source/map.csv", "list.csv", "."):
        with pytest.raises(ConfigError, match=option):
            parsed(option, str(tmp_path / place))
    with pytest.raises(ConfigError, match=f"{option}: it is written on this machine"):
        parsed(option, "gs://bucket/map.csv")
    for place in ("earlier.csv", "workspace/map.csv", "elsewhere/map.csv"):
        assert parsed(option, str(tmp_path / place)).writes_maps
    assert not parsed().writes_maps


def test_two_maps_are_two_files_and_no_map_of_patients_is_published(parsed, tmp_path):
    with pytest.raises(ConfigError, match="--write_patient_map: it is the file of"):
        parsed("--write_uid_map", str(tmp_path / "map"), "--write_patient_map", str(tmp_path / "map"))
    with pytest.raises(ConfigError, match="--patient_map: it says who is who"):
        parsed("--patient_map", str(tmp_path / "destination" / "in.csv"))


def test_identifiers_are_pairs_without_padding():
    found = (
        TagFinding("00081155", Action.REGENERATED_UID, "", original="1.2\\1.3 \\", replaced="2.25.1\\2.25.2\\"),
        TagFinding("00081155", Action.REGENERATED_UID, "", path="00081140[0]", original="1.2", replaced="2.25.1"),
        TagFinding("00100020", Action.RESET, "", original="007 ", replaced="BCD"),
        TagFinding("00100020", Action.RESET, "", original="", replaced="BCD"),
        TagFinding("00100020", Action.REMOVED, "", original="008"),
        TagFinding("00100010", Action.RESET, "", original="Doe", replaced="BCD"),
    )
    assert replaced_identifiers(found) == {"uids": [["1.2", "2.25.1"], ["1.3", "2.25.2"]], "patients": [["007", "BCD"]]}


def test_held_instances_are_on_no_map_and_odd_names_are(workspace, tmp_path):
    folder = workspace.operation("x")
    for prefix, old in (("", 'a,"b\udcff'), (spool.HELD, "held")):
        shard = spool.Shard(folder.spool, prefix)
        shard.add(f"{prefix}1", {"provenance": {}, "uids": [], "patients": [[old, "new"]]})
        shard.close()
    remember_maps(folder, str(tmp_path / "uids.csv"), str(tmp_path / "patients.csv"))
    finish_maps(folder)
    assert (tmp_path / "uids.csv").read_bytes() == b"id_old,id_new\r\n"
    assert (tmp_path / "patients.csv").read_bytes() == b'id_old,id_new\r\n"a,""b\\udcff",new\r\n'

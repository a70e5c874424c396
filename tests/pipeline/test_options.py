"""Options are checked before anything starts, and each refusal names the option and the mend."""

import pytest

from pipeline.options import beam_options, parse
from pipeline.runners import DEFAULT_RUNNER
from transforms.bigquery.operation import TableTarget
from transforms.bigquery.schema import Schema
from transforms.model.credentials import TokenReference
from transforms.model.errors import ConfigError


@pytest.fixture
def base(tmp_path):
    (tmp_path / "in").mkdir()
    return ["--source", str(tmp_path / "in"), "--destination", str(tmp_path / "out"), "--workspace", str(tmp_path / "ws")]


def refusal(argv):
    with pytest.raises(ConfigError) as caught:
        parse(argv)
    return str(caught.value)


@pytest.mark.parametrize("option", ["--source", "--destination", "--workspace"])
def test_the_three_places_are_required(base, option):
    index = base.index(option)
    assert option in refusal(base[:index] + base[index + 2 :])


def test_the_runner_is_pinned_unless_named(base):
    assert beam_options(parse(base), "x").get_all_options()["runner"] == DEFAULT_RUNNER
    assert parse([*base, "--runner=BundleBasedDirectRunner"]).runner == "BundleBasedDirectRunner"


@pytest.mark.parametrize("runner", ["DaskRunner", "daskrunner", "apache_beam.runners.dask.dask_runner.DaskRunner", "PySparkRunner"])
def test_runners_that_lose_outputs_are_refused(base, runner):
    assert "loses outcomes" in refusal([*base, "--runner", runner])


def test_a_run_on_prism_may_take_days(base):
    """Beam's limit of five minutes for an answer of the job server ends a run on Prism, which tells of all of it in one answer."""

    def limit(*words):
        return beam_options(parse([*base, *words]), "x").get_all_options()["job_server_timeout"]

    prism = ("--runner=PrismRunner", "--prism_location=/usr/local/bin/prism")
    assert limit(*prism) > 24 * 3600
    assert limit(*prism, "--job_server_timeout=20") == 20
    assert limit(*prism, "--job_server_timeout=300") == 300  # which is Beam's default, but was asked for
    assert limit("--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=LOOPBACK") == 300  # a server may not be there


def test_beam_options_pass_and_ours_stay_out_of_them(base):
    settings = parse([*base, "--direct_num_workers=2", "--direct_running_mode", "multi_threading"])
    changed = beam_options(settings, "x").get_all_options(drop_default=True)
    assert changed["direct_num_workers"] == 2
    assert not {"source", "destination", "workspace"} & set(changed)
    assert str(base[1]) not in str(changed)


@pytest.mark.parametrize("word", ["--sorce=x", "stray"])
def test_a_misspelt_option_is_refused(base, word):
    assert "neither ours nor" in refusal([*base, word]) or "a word stands" in refusal([*base, word])


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (("--workspace", "out/ws"), "confidential"),
        (("--destination", "in/out"), "inside the source"),
        (("--destination", "ws/out"), "confidential workspace"),
        (("--workspace", "in/ws"), "inside the source"),
    ],
)
def test_places_are_kept_apart(base, tmp_path, changed, why):
    argv = list(base)
    argv[argv.index(changed[0]) + 1] = str(tmp_path / changed[1])
    assert why in refusal(argv)


@pytest.mark.parametrize(
    "extra",
    [
        ["--fhir_write_ops_per_minute=0"],
        ["--operation_id=a/b"],
        ["--config=c.json", "--request=r.json"],
        ["--on_uid_collision=merge"],
        ["--fhir_write_ops_per_minute=many"],
        ["--operation_id=.."],
        ["--bigquery_table=table"],
        ["--bigquery_table=my-project:d.t", "--bigquery_schema=analytics"],
        ["--bigquery_table=my-project:d.t", "--bigquery_endpoint=127.0.0.1:9050"],
        ["--bigquery_table=my-project:d.t", "--table_files=parquet"],
        ["--table_files=csv"],
        ["--direct_num_workers=x"],
        ["--direct_num_workers=-1"],
        ["--direct_running_mode=fast"],
        ["--number_of_worker_harness_threads=-1"],
    ],
)
def test_bad_values_name_their_option(base, extra):
    sentence = refusal([*base, *extra])
    assert any(option.split("=")[0] in sentence for option in extra)


def test_other_places_than_folders_and_buckets_are_refused_by_name(base):
    assert parse([*base, "--source", "gs://bucket/folder/"]).source == "gs://bucket/folder"
    assert "--source" in refusal([*base, "--source", "s3://bucket/folder"])
    assert "--source" in refusal([*base, "--source", "gs://B"])


def test_a_workspace_on_cloud_storage_keeps_no_key(base):
    assert "--key_uri" in refusal([*base, "--workspace", "gs://bucket/work"])
    assert parse([*base, "--workspace", "gs://bucket/work", "--key_uri", "env:KEY"]).workspace.is_remote


@pytest.mark.parametrize(("words", "allowed"), [([], False), (["--allow_identifiable"], True), (["--allow_identifiable=true"], True)])
def test_consent_may_come_as_a_template_passes_it(base, words, allowed):
    assert parse([*base, *words]).allow_identifiable is allowed


def test_consent_is_yes_or_no(base):
    assert "--allow_identifiable" in refusal([*base, "--allow_identifiable=maybe"])


def test_a_table_has_its_form_and_its_server(base):
    table = "--bigquery_table=my-project:d.t"
    assert parse([*base, table]).bigquery == TableTarget("my-project:d.t")
    target = parse([*base, table, "--bigquery_schema=lossless", "--bigquery_endpoint=http://127.0.0.1:1"]).bigquery
    assert target == TableTarget("my-project:d.t", Schema.LOSSLESS, "http://127.0.0.1:1")


@pytest.mark.parametrize("option", ["--bigquery_schema=lossless", "--bigquery_endpoint=http://127.0.0.1:1"])
def test_options_of_bigquery_go_with_a_table(base, option):
    assert "--bigquery_table" in refusal([*base, option])


def test_languages_go_with_a_search_that_reads(base):
    assert parse([*base, "--ocr_languages=eng+kor"]).ocr_languages == ("eng", "kor")
    assert "--text_search fast reads nothing" in refusal([*base, "--text_search=fast", "--ocr_languages=kor"])


def test_a_glob_of_any_depth_may_not_reach_what_the_run_makes(base, tmp_path):
    assert "inside the source" in refusal([*base, "--source", f"{tmp_path}/**/*.dcm"])
    assert parse([*base, "--source", f"{tmp_path}/*.dcm"]).source == f"{tmp_path}/*.dcm"


def test_one_place_has_one_spelling_with_wildcards_too(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse([*base, "--source", "in/../in/*.dcm"]).source == f"{tmp_path}/in/*.dcm"
    (tmp_path / "scan[1]").mkdir()
    assert parse([*base, "--source", "./scan[1]/"]).source == f"{tmp_path}/scan[1]"


def test_a_token_is_a_reference_and_flags_are_off_unless_given(base):
    settings = parse([*base, "--fhir_token_uri=env:DEID_TOKEN", "--skip_preflight"])
    assert settings.fhir_token == TokenReference("env:DEID_TOKEN")
    assert (settings.skip_preflight, settings.provenance_for_held, settings.validate_provenance) == (True, False, False)
    assert parse(base).fhir_token is None


@pytest.mark.parametrize(
    "extra",
    [
        ["--inspection_engine=dlp"],
        ["--inspection_engine=dlp", "--dlp_parent=projects/p"],
        ["--inspection_engine=dlp", "--dlp_parent=projects/p/locations/us/content:inspect"],
        ["--dlp_parent=projects/p/locations/us"],
    ],
)
def test_cloud_dlp_is_asked_in_a_project_and_location(base, extra):
    assert refusal([*base, *extra]).startswith("--dlp_parent")


def test_the_local_engine_inspects_unless_another_is_named(base):
    assert parse(base).dlp_parent == ""
    assert parse([*base, "--inspection_engine=dlp", "--dlp_parent=projects/p/locations/us"]).dlp_parent == "projects/p/locations/us"


@pytest.mark.parametrize("quarantine", ["in", "in/held", "out", "out/held", "."])
def test_a_quarantine_lies_apart_from_what_is_read_and_published(base, tmp_path, quarantine):
    assert parse([*base, f"--quarantine={tmp_path}/held"]).quarantine == str(tmp_path / "held")
    with pytest.raises(ConfigError, match="--quarantine"):
        parse([*base, f"--quarantine={tmp_path}/{quarantine}"])

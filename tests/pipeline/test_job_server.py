"""A portable engine's job server is named, and answers, before an operation begins; nothing is downloaded unasked."""

import socket

import pytest

from pipeline.main import main


@pytest.fixture
def launch(tmp_path, real_file, capsys):
    """`launch(*options)`: the exit code and the one sentence, and nothing has begun."""

    def run(*options):
        places = {"source": real_file("rtplan.dcm"), "destination": tmp_path / "out", "workspace": tmp_path / "ws"}
        code = main([*(f"--{name}={place}" for name, place in places.items()), "--environment_type=LOOPBACK", *options])
        (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dicom-deid: ")]
        assert list(tmp_path.glob("ws")) == []
        return code, sentence.removeprefix("dicom-deid: ")

    return run


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--runner=PortableRunner",), "--job_endpoint: PortableRunner gives its job to a server"),
        (("--runner=PortableRunner", "--job_endpoint=8099"), "--job_endpoint is '8099': this is no address"),
        (("--runner=PortableRunner", "--job_endpoint=flink:0"), "--job_endpoint is 'flink:0': this is no address"),
        (("--runner=PortableRunner", "--job_endpoint=flink:70000"), "--job_endpoint is 'flink:70000': this is no address"),
        (("--runner=PortableRunner", "--job_endpoint=http://flink:8099"), "--job_endpoint is 'http://flink:8099': this is no address"),
        (("--runner=PrismRunner",), "--prism_location: Beam would download"),
        (("--runner=PrismRunner", "--job_endpoint=prism"), "--job_endpoint is 'prism': this is no address"),
        (("--runner=FlinkRunner",), "--runner is 'FlinkRunner': it starts a job server of its own, which it downloads"),
    ],
)
def test_a_run_without_a_job_server_is_refused(launch, options, named):
    code, sentence = launch(*options)
    assert code == 2
    assert sentence.startswith(named)


@pytest.mark.parametrize("runner", ["PortableRunner", "PrismRunner"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
def test_a_job_server_that_does_not_answer_is_told_before_an_operation_begins(launch, runner, host):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code, sentence = launch(f"--runner={runner}", f"--job_endpoint={host}:{port}")
    assert code == 2
    assert sentence.startswith(f"--job_endpoint is '{host}:{port}': nobody answers there (Connection refused)")

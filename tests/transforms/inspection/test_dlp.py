"""Cloud DLP as the engine: every text is inspected, places are exact, requests are few, and what is not inspected fails."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.inspection.dlp import AROUND, MOST_BYTES, CloudDlp, batches, check_dlp
from transforms.inspection.engine import RememberingEngine
from transforms.model.errors import InstanceProblem, PreflightError

PARENT = "projects/p/locations/europe-west4"
NAMES = frozenset({"PERSON_NAME", "LOCATION"})


@pytest.fixture
def dlp(cloud_dlp):
    return CloudDlp(PARENT, NAMES, patience=4.0)


def found(engine, *texts):
    return [[(text[one.start : one.end], one.info_type) for one in here] for text, here in zip(texts, engine.find_all(texts), strict=True)]


@pytest.mark.parametrize("in_bytes", [False, True])
@given(st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["Rosamund Pike", "Köthen"]), st.text(max_size=5)), min_size=1, max_size=5))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_places_are_exact_in_any_text(dlp, cloud_dlp, in_bytes, pieces):
    cloud_dlp.in_bytes = in_bytes
    texts = [f"{before}|{word}|{after}" for before, word, after in pieces]
    for (_, word, _), here in zip(pieces, found(dlp, *texts), strict=True):
        assert word in {text for text, _ in here}
        assert {text for text, _ in here} <= {"Rosamund Pike", "Köthen"}


def test_half_a_surrogate_pair_does_not_move_what_follows(dlp):
    assert found(dlp, "\ud800 \U0001f600 Köthen") == [[("Köthen", "LOCATION")]]


@pytest.mark.parametrize(("likelihood", "confidence"), [("POSSIBLE", 0.5), ("LIKELY", 0.75), ("VERY_LIKELY", 0.95)])
def test_a_likelihood_is_a_confidence(dlp, cloud_dlp, likelihood, confidence):
    cloud_dlp.likelihood = likelihood
    ((one,),) = dlp.find_all(["in Köthen"])
    assert (one.confidence, one.by) == (confidence, "dlp")


def test_many_texts_are_one_request_and_large_ones_as_many_as_they_need(dlp, cloud_dlp):
    texts = [f"text {number} by Rosamund Pike" for number in range(500)]
    assert found(dlp, *texts) == [[("Rosamund Pike", "PERSON_NAME")]] * 500
    assert cloud_dlp.calls == 1
    large = [f"{number} {'ü' * 10_000} in Köthen" for number in range(20)]
    assert found(dlp, *large) == [[("Köthen", "LOCATION")]] * 20
    assert cloud_dlp.calls == 1 + 3


@given(st.lists(st.text(max_size=30), max_size=40))
def test_batches_are_the_texts_in_order(texts):
    assert [text for batch in batches(texts) for text in batch] == texts


def test_batches_stay_below_the_limits():
    short, long = list(batches(["é"] * 9000)), list(batches(["😀" * 2000] * 50))
    assert [len(batch) for batch in short] == [MOST_BYTES // (8 + AROUND)] * 2 + [9000 - 2 * (MOST_BYTES // (8 + AROUND))]
    assert [len(batch) for batch in long] == [18, 18, 14]
    assert all(len(json.dumps(batch)) < MOST_BYTES for batch in long)


def test_an_answer_cut_short_is_asked_for_again_by_halves(dlp, cloud_dlp):
    cloud_dlp.most_findings = 3
    assert found(dlp, *(f"{n} Köthen" for n in range(10))) == [[("Köthen", "LOCATION")]] * 10
    with pytest.raises(InstanceProblem, match="INSPECTION_UNREADABLE"):
        dlp.find_all(["Köthen, Köthen, Köthen, Köthen"])


def test_the_allow_list_holds_and_harmless_words_are_not_sent(dlp, cloud_dlp):
    texts = ["Philips", "Baker cyst, left", "Philips Rosamund Pike", "AXIAL"]
    assert found(dlp, *texts) == [[], [], [("Rosamund Pike", "PERSON_NAME")], []]
    assert cloud_dlp.asked == [["Baker cyst, left", "Philips Rosamund Pike"]]


def test_only_what_is_wanted_is_asked_for(cloud_dlp):
    assert found(CloudDlp(PARENT, frozenset({"LOCATION"})), "Rosamund Pike in Köthen") == [[("Köthen", "LOCATION")]]
    assert cloud_dlp.info_types == ["LOCATION"]
    assert CloudDlp(PARENT, frozenset()).find_all(["Rosamund Pike"]) == [[]]
    assert cloud_dlp.calls == 1


@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_is_waited_for(dlp, cloud_dlp, status):
    cloud_dlp.refusals = [status]
    assert found(dlp, "in Köthen") == [[("Köthen", "LOCATION")]]
    assert cloud_dlp.calls == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "INSPECTION_QUOTA"), (503, "INSPECTION_UNAVAILABLE"), (403, "INSPECTION_REFUSED"), (400, "INSPECTION_REFUSED")],
)
def test_what_is_not_inspected_fails_and_its_text_is_not_told(cloud_dlp, status, code, caplog):
    cloud_dlp.always = status
    with pytest.raises(InstanceProblem) as caught:
        CloudDlp(PARENT, NAMES, patience=0.1).find_all(["in Köthen"])
    assert (caught.value.stage, caught.value.code, caught.value.kind) == ("inspection", code, "failed")
    assert "Köthen" not in str(caught.value) + caplog.text
    assert caught.value.__suppress_context__


def test_a_service_that_is_not_there_fails(monkeypatch):
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_DLP", "http://127.0.0.1:9/")
    with pytest.raises(InstanceProblem, match="INSPECTION_UNAVAILABLE"):
        CloudDlp(PARENT, NAMES, patience=0.1).find_all(["in Köthen"])


def test_a_place_outside_the_text_fails(dlp, cloud_dlp):
    cloud_dlp.moved = 1
    with pytest.raises(InstanceProblem, match="INSPECTION_UNREADABLE"):
        dlp.find_all(["in Köthen"])


def test_the_service_is_tried_before_a_run(cloud_dlp):
    check_dlp(PARENT, NAMES)
    assert cloud_dlp.calls == 1
    for parent, info_types in (("projects/q/locations/us", NAMES), (PARENT, NAMES | {"NO_SUCH_TYPE"})):
        with pytest.raises(PreflightError, match=rf"--dlp_parent is '{parent}': Cloud DLP does not take the request"):
            check_dlp(parent, info_types)


def test_an_engine_far_away_is_asked_together_and_once(dlp, cloud_dlp):
    engine = RememberingEngine(dlp.find_all, far=True)
    texts = [f"{number} Köthen" for number in range(4200)]
    engine.expect(texts + texts)
    assert [engine.find(text)[0].info_type for text in texts] == ["LOCATION"] * 4200
    assert cloud_dlp.calls == 4  # two requests, the first of which finds more than one answer holds
    engine.expect(texts[-10:])
    engine.find("in Köthen")
    assert cloud_dlp.asked[-1] == ["in Köthen"]


def test_an_engine_at_hand_does_not_look_at_what_is_expected():
    def costly():
        raise AssertionError
        yield ""

    RememberingEngine(lambda texts: [[] for _ in texts], far=False).expect(costly())

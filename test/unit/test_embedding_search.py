# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Campaigns with the action space embedding: real encoders, trainings and campaigns."""

import json
import shutil

import numpy as np
import pytest
from fakes import FakeCell, Recorder, make_catalogue, make_config, wait_until

from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.stored import open_campaign
from robomd_ros.core.embedding.store import MODEL_FOLDER, load_embedding
from robomd_ros.core.embedding.training import APART
from robomd_ros.core.errors import EmbeddingError
from robomd_ros.core.evidence.ranking import FailureRanking
from robomd_ros.core.search import Asked, SearchContext, make_search
from robomd_ros.core.trial import Outcome, Result, Trial

CATALOGUE = make_catalogue(24)
OPTIONS = {
    "first_trials": 8,
    "retrain_every": 4,
    "agent_steps": 0,
    "image_encoder": "pixels",
    "text_encoder": "words",
}


def number(scene):
    return int(scene.ids[0][1:])


def fails(scene, seed):
    """The variations of the upper half of the picture."""
    return number(scene) < 12


def run(folder, cell, listener=None, budget=12, **options):
    config = make_config(
        search="decide",
        action_space="embedding",
        budget=budget,
        search_options={**OPTIONS, **options},
    )
    opened = open_campaign(folder, config, CATALOGUE)
    try:
        return Campaign(opened, [cell], listener, poll_period=0.01).run()
    finally:
        opened.close()


def search(folder, seed=0, **options):
    context = SearchContext(CATALOGUE, seed, False, 3, 80, {**OPTIONS, **options}, 100, folder)
    return make_search("embedding", context)


def trial_of(scene, failed):
    return Trial(-1, "cell", scene, 0, Outcome(Result.FAILURE if failed else Result.SUCCESS))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(folder, ranking, what was told) of a campaign that came to its end."""
    folder, recorder = tmp_path_factory.mktemp("embedding") / "c", Recorder()
    ranking = run(folder, FakeCell(fails=fails), recorder, agent_steps=128)
    return folder, ranking, recorder


@pytest.mark.long
def test_a_campaign_ends_with_predictions_of_what_it_did_not_try(finished):
    folder, ranking, recorder = finished
    tried = {trial.scene.ids[0] for trial in recorder.trials}
    assert len(tried) == len(recorder.trials) == 12, "nothing twice before all were tried once"
    by_id = {mode.ids[0]: mode for mode in ranking.failure_modes}
    assert {i for i, mode in by_id.items() if mode.seen} == tried
    untried = [mode for i, mode in by_id.items() if i not in tried]
    assert all(mode.predicted or mode.unknown for mode in untried)
    assert all(mode.reliability > 0 for mode in untried)
    assert any(mode.predicted for mode in untried)
    assert all(np.isfinite(mode.log_density) for mode in ranking.failure_modes)
    stored = FailureRanking.from_dict(json.loads((folder / "ranking.json").read_text()))
    assert stored.to_dict() == ranking.to_dict()
    assert "embedding of 12 trials" in recorder.statuses[-1].message
    assert ranking.action_space == "embedding"


def test_scenes_are_drawn_apart_where_an_option_says_so(finished, tmp_path):
    assert load_embedding(finished[0] / MODEL_FOLDER)[0].settings["same_variation"] == 0.0
    run(tmp_path, FakeCell(fails=fails), same_variation=0.5)
    settings = load_embedding(tmp_path / MODEL_FOLDER)[0].settings
    assert (settings["same_variation"], settings["margin"]) == (0.5, APART)


def test_the_stored_model_was_trained_on_all_trials(finished):
    model, agent, encoders = load_embedding(finished[0] / MODEL_FOLDER)
    assert model.known.trials.sum() == 12
    assert agent is not None
    assert encoders.manifest()["text"]["name"] == "words"


def test_the_search_goes_on_from_the_stored_model(finished, tmp_path):
    folder = tmp_path / "c"
    shutil.copytree(finished[0], folder)
    resumed = search(folder)
    asked = [Asked(0, t.scene, trial_of(t.scene, fails(t.scene, 0))) for t in finished[2].trials]
    resumed.restore(asked, folder / "checkpoints")
    assert resumed.remark() == "embedding of 12 trials", "there at once, without a training"
    tried = {t.scene.ids[0] for t in finished[2].trials}
    more = [resumed.ask(0).ids[0] for _ in range(12)]
    assert set(more) == {v.id for v in CATALOGUE} - tried
    again = search(folder)
    again.restore(asked, folder / "checkpoints")
    assert more[:4] == [again.ask(0).ids[0] for _ in range(4)], "the same model proposes the same"
    resumed.close(learn=False)


def test_a_process_that_died_between_two_renames_leaves_the_old_model(finished, tmp_path):
    folder = tmp_path / "checkpoints"
    shutil.copytree(finished[0] / MODEL_FOLDER, folder / "embedding.old")
    (folder / "embedding.new").mkdir()
    (folder / "embedding.new" / "model.safetensors").write_bytes(b"half")
    assert load_embedding(folder / "embedding")[0].known.trials.sum() == 12


def test_a_model_of_other_encoders_is_named_and_trained_anew(finished, tmp_path):
    folder = tmp_path / "c"
    shutil.copytree(finished[0], folder)
    path = folder / MODEL_FOLDER / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["encoders"]["text"]["digest"] = "0" * 16
    path.write_text(json.dumps(manifest))
    with pytest.raises(EmbeddingError, match="trained with the text encoder 'words'"):
        load_embedding(folder / MODEL_FOLDER, load_embedding(finished[0] / MODEL_FOLDER)[2])
    resumed = search(folder)
    asked = [Asked(0, t.scene, trial_of(t.scene, fails(t.scene, 0))) for t in finished[2].trials]
    resumed.restore(asked, folder / "checkpoints")
    assert "not used and trained anew" in resumed.remark()
    wait_until(lambda: resumed.predicted() is not None, 60)
    assert resumed.remark() == "embedding of 12 trials"
    resumed.close(learn=False)


def test_a_damaged_model_is_trained_anew(finished, tmp_path):
    folder = tmp_path / "c"
    shutil.copytree(finished[0], folder)
    (folder / MODEL_FOLDER / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(EmbeddingError, match="not the file that its manifest describes"):
        load_embedding(folder / MODEL_FOLDER)


@pytest.mark.parametrize("outcome", [True, False])
def test_without_both_outcomes_nothing_is_predicted_and_the_status_says_why(tmp_path, outcome):
    recorder = Recorder()
    ranking = run(tmp_path / "c", FakeCell(fails=lambda scene, seed: outcome), recorder)
    assert not any(mode.predicted or mode.unknown for mode in ranking.failure_modes)
    counts = "12 and 0" if outcome else "0 and 12"
    assert f"needs 2 failures and 2 successes, so far there are {counts}" in (
        recorder.statuses[-1].message
    )
    assert not (tmp_path / "c" / MODEL_FOLDER).exists()


def test_with_three_trials_there_is_no_embedding_yet(tmp_path):
    recorder = Recorder()
    ranking = run(tmp_path / "c", FakeCell(fails=fails), recorder, budget=3)
    assert not any(mode.predicted for mode in ranking.failure_modes)
    assert "embedding after 8 trials" in recorder.statuses[-1].message


def test_the_first_trials_depend_on_the_seed_alone(tmp_path):
    one, two = search(tmp_path, 1), search(tmp_path, 1)
    asked = [one.ask(i % 2).ids for i in range(24)]
    assert asked == [two.ask(0).ids for _ in range(24)]
    assert len(set(asked)) == 24
    assert asked != [search(tmp_path, 2).ask(0).ids for _ in range(24)]


def test_of_what_is_asked_anyway_the_cheapest_is_first(tmp_path):
    one = search(tmp_path)
    eight = {one.ask(0).ids for _ in range(8)}
    other = search(tmp_path)
    ordered = [other.ask(0, number).ids for _ in range(8)]
    assert set(ordered) == eight
    assert ordered == sorted(eight, key=lambda ids: number(CATALOGUE.scene(ids)))


def test_what_ends_the_learner_ends_the_campaign(tmp_path, monkeypatch):
    """A mistake in the program, which no message to the user would mend."""
    learner = "robomd_ros.core.search.embedding_learner"
    monkeypatch.setattr(f"{learner}.samples_of_folder", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "c", FakeCell(fails=fails, duration=0.05), budget=24)

# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is said of changes that nobody has tried: the judge, and the commands that ask it."""

import csv
import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml
from fakes import FakeCell, make_catalogue, make_config

from robomd_ros.cli import main as cli
from robomd_ros.cli.pictures import drawn_pictures
from robomd_ros.cli.query import describe
from robomd_ros.core.campaign.campaign import Campaign
from robomd_ros.core.campaign.stored import open_campaign
from robomd_ros.core.embedding.campaign_samples import (
    RememberingEncoder,
    samples_from_campaigns,
    samples_of_folder,
)
from robomd_ros.core.embedding.encoders import make_encoders, make_text_encoder
from robomd_ros.core.embedding.question import Question, questions_of
from robomd_ros.core.embedding.store import MODEL_FOLDER, load_embedding, load_judge
from robomd_ros.core.embedding.unseen import Judge
from robomd_ros.core.errors import EmbeddingError, EncoderError
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import load_catalogue

CATALOGUE = make_catalogue(24)
TRIED = [f"v{i}" for i in range(0, 24, 2)]


def look(variation_id, size=84):
    """(size, size, 3) uint8: the more red and the less blue, the lower the number."""
    number = int(variation_id[1:])
    picture = np.full((size, size, 3), 90, np.uint8)
    picture[: size // 2] = (230 - 8 * number, 60, 40 + 8 * number)
    return picture


class ColouredCell(FakeCell):
    """Low numbers fail, and their pictures are red."""

    def __init__(self):
        super().__init__(fails=lambda scene, seed: int(scene.ids[0][1:]) < 12)

    def _look(self, scene):
        return look(scene.ids[0]) if scene.ids else np.full((84, 84, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """The folder of a campaign that tried every second variation; the low numbers fail."""
    folder = tmp_path_factory.mktemp("unseen")
    document = {
        "task": "lift",
        "instruction": "lift the cube",
        "variations": [
            {
                "id": v.id,
                "factor": v.factor,
                "target": v.target,
                "description": v.description,
                "parameters": dict(v.parameters),
            }
            for v in CATALOGUE
        ],
    }
    (folder / "all.yaml").write_text(yaml.safe_dump(document))
    config = make_config(
        catalogue=str(folder / "all.yaml"), variation_ids=TRIED, budget=24, confidence=0.999999
    )
    opened = open_campaign(folder / "c", config, CATALOGUE)
    try:
        Campaign(opened, [ColouredCell()], poll_period=0.01).run()
    finally:
        opened.close()
    arguments = ["--image-encoder", "pixels", "--text-encoder", "words", "--agent-steps", "128"]
    assert cli.main(["embedding", "train", str(folder / "c"), *arguments]) == 0
    return folder / "c"


def test_the_command_draws_scenes_apart_where_told(campaign, tmp_path):
    arguments = ["--agent-steps", "0", "--same-variation", "0.5", "--out", str(tmp_path / "m")]
    assert cli.main(["embedding", "train", str(campaign), *arguments]) == 0
    assert load_embedding(tmp_path / "m")[0].settings["same_variation"] == 0.5


@pytest.fixture(scope="module")
def judge(campaign):
    return load_judge(campaign / MODEL_FOLDER, "lift the cube")


def test_pictures_tell_the_untried_apart(judge):
    """Red ones fail; every second one was never tried."""
    untried = [v for v in CATALOGUE if v.id not in TRIED]
    pictures = {v.id: look(v.id) for v in untried}
    said = judge.ask([Question(v.description, pictures[v.id]) for v in untried])
    fails = np.array([int(v.id[1:]) < 12 for v in untried])
    assert said.probability[fails].mean() > said.probability[~fails].mean() + 0.1
    assert (said.lower <= said.probability).all() and (said.probability <= said.upper).all()


def test_with_and_without_pictures_in_one_call(judge):
    pictures = {"v1": look("v1")}
    together = judge.ask(questions_of(CATALOGUE, pictures))
    alone = judge.ask([Question(CATALOGUE["v1"].description, pictures["v1"])])
    assert together.probability[1] == pytest.approx(alone.probability[0], abs=1e-4)
    text = judge.ask([Question(v.description) for v in CATALOGUE])
    assert together.probability[2:] == pytest.approx(text.probability[2:], abs=1e-4)
    assert together.probability[1] != pytest.approx(text.probability[1], abs=1e-6)


def test_a_picture_of_another_size_is_brought_to_the_right_one(judge):
    """Resized: the answer for the same scene in twice the size is nearly the same."""
    small, large = (look("v3", size) for size in (84, 168))
    one, other = (judge.mode(Question("", p)).failure_probability for p in (small, large))
    assert one == pytest.approx(other, abs=0.05)


def test_a_question_needs_words_or_a_picture(judge):
    with pytest.raises(EmbeddingError, match="the text is empty and there is no picture"):
        Question("  ")
    with pytest.raises(EncoderError, match=r"takes \(height, width, 3\) uint8"):
        judge.mode(Question("grey", np.zeros((4, 4), np.uint8)))


def test_beyond_the_stated_distance_it_does_not_know(judge):
    """The distance is set to nearly nothing: only what was tried is known then."""
    strict = Judge(replace(judge.model, limits=(1e-6, 1e-6)), judge.encoders, judge.agent)
    mode = strict.mode(Question(CATALOGUE["v1"].description))
    assert mode.unknown and not mode.predicted
    assert (mode.failure_probability, mode.lower, mode.upper) == (0.5, 0.0, 1.0)
    assert mode.reliability > 1e-6
    assert "not known: too far from everything that was tried" in describe(mode)
    a, b = Question(CATALOGUE["v1"].description), Question(CATALOGUE["v21"].description)
    assert strict.compare(a, b).probability_a_fails_more == 0.5
    assert judge.mode(a).predicted


def test_comparison(judge):
    a, b = Question(CATALOGUE["v1"].description), Question(CATALOGUE["v21"].description)
    there, back = judge.compare(a, b), judge.compare(b, a)
    assert there.log_ratio == pytest.approx(-back.log_ratio)
    assert there.ratio == pytest.approx(np.exp(there.log_ratio))
    total = there.probability_a_fails_more + back.probability_a_fails_more
    assert total == pytest.approx(1.0)
    same = judge.compare(a, a)
    assert (same.log_ratio, same.probability_a_fails_more) == (0.0, 0.5)
    pictured = judge.compare(a, Question("", look("v1")))
    assert 0.0 <= pictured.probability_a_fails_more <= 1.0


def test_samples_of_several_campaigns(campaign, tmp_path):
    encoders = make_encoders("pixels", "words")
    one = samples_from_campaigns([campaign], encoders)
    other = tmp_path / "other"
    shutil.copytree(campaign, other)
    with pytest.raises(EmbeddingError, match="same campaign, whose trials would count twice"):
        samples_from_campaigns([campaign, other], encoders)
    text = (other / "campaign.yaml").read_text()
    stored = yaml.safe_load(text)["campaign_id"]
    (other / "campaign.yaml").write_text(text.replace(stored, "another"))
    two = samples_from_campaigns([campaign, other], encoders)
    assert len(one) == 24 and len(two) == 48
    (other / "campaign.yaml").write_text(
        text.replace(stored, "another").replace("planted:policy", "other:policy")
    )
    with pytest.raises(EmbeddingError, match="give campaigns of one policy"):
        samples_from_campaigns([campaign, other], encoders)
    again = samples_of_folder(campaign, CATALOGUE, encoders)
    np.testing.assert_array_equal(one.image, again.image)
    assert one.scene_ids == again.scene_ids
    with pytest.raises(EmbeddingError, match="no campaign to learn from"):
        samples_from_campaigns([], encoders)


def test_one_id_must_mean_one_change_in_all_campaigns(campaign, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(campaign, other)
    document = yaml.safe_load((other / "campaign.yaml").read_text())
    (other / "catalogue.yaml").unlink()  # as a folder of the first edition
    for name, old, new in (
        ("campaign.yaml", document["campaign_id"], "x"),
        ("ranking.json", document["campaign_id"], "x"),
        ("campaign.yaml", document["catalogue"]["digest"], "0"),
        ("ranking.json", "Change 2.", "Paint it."),
    ):
        text = (other / name).read_text()
        assert old in text
        (other / name).write_text(text.replace(old, new))
    with pytest.raises(EmbeddingError, match=r"the variation 'v2' of .* is another change there"):
        samples_from_campaigns([campaign, other], make_encoders("pixels", "words"))


def test_a_model_that_lacks_a_calibration_is_damaged(campaign, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(campaign / MODEL_FOLDER, folder)
    values = json.loads((folder / "manifest.json").read_text())
    del values["calibrations"]["TEXT"]
    (folder / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(EmbeddingError, match="is damaged"):
        load_judge(folder)


def test_equal_items_are_encoded_once():
    encoder = make_text_encoder("words")
    calls = []

    class Counting:
        name, size, digest = encoder.name, encoder.size, encoder.digest

        def encode(self, items):
            calls.extend(items)
            return encoder.encode(items)

    remembering = RememberingEncoder(Counting())
    first = remembering.encode(["red cube", "blue cube", "red cube"])
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(first, encoder.encode(["red cube", "blue cube", "red cube"]))
    remembering.encode(["blue cube", "green cube"])
    assert calls == ["red cube", "blue cube", "green cube"]
    assert remembering.encode([]).shape == (0, encoder.size)


def test_drawn_pictures_show_the_change():
    lift = load_catalogue(config_file("variations", "lift"))
    few = lift.subset(["cube_color_green", "table_color_blue"])
    seen = []
    pictures = drawn_pictures(few, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    green, blue = pictures["cube_color_green"], pictures["table_color_blue"]
    assert green.shape == blue.shape == (84, 84, 3)
    blueness = [float((p[..., 2].astype(int) - p[..., 0]).mean()) for p in (green, blue)]
    assert blueness[1] > blueness[0] + 10


def command(capsys, *arguments):
    """Exit code, stdout, stderr."""
    code = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.long
def test_a_report_says_that_the_embedding_learned_from_other_trials(campaign, capsys, tmp_path):
    folder = tmp_path / "c"
    shutil.copytree(campaign, folder)
    manifest = folder / MODEL_FOLDER / "manifest.json"
    values = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**values, "data_sha256": "of others"}))
    code, _, error = command(capsys, "embedding", "report", folder)
    assert code == 0 and "not the 24 in" in error


def test_query(campaign, capsys, tmp_path):
    for text in ("v0", " v0\n"):
        code, out, _ = command(capsys, "query", campaign, "--text", text)
        assert code == 0 and "2 of 2 trials of its own failed" in out
    code, out, _ = command(capsys, "query", campaign, "--text", "lift the cube")
    assert code == 0 and "not known" in out  # the nominal scene was not tried
    code, out, _ = command(capsys, "query", campaign, "--text", "Change 1.")
    assert code == 0 and "predicted, never tried; distance" in out
    path = tmp_path / "scene.png"
    cv2.imwrite(str(path), look("v1", 200))
    code, out, _ = command(capsys, "query", campaign, "--image", path)
    assert code == 0 and "as in the picture" in out and "predicted" in out


def test_rank_unseen(campaign, capsys, tmp_path):
    out = tmp_path / "ranking.csv"
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "v1.png"), look("v1"))
    catalogue = campaign.parent / "all.yaml"
    arguments = ["--catalogue", catalogue, "--images", tmp_path / "images", "--out", out]
    code, printed, _ = command(capsys, "rank-unseen", campaign, *arguments)
    assert code == 0 and "24 variations" in printed and "predicted" in printed
    rows = list(csv.DictReader(out.open()))
    assert [int(row["rank"]) for row in rows] == list(range(1, 25))
    by_id = {row["variations"]: row for row in rows}
    assert by_id["v0"]["seen"] == "true" and by_id["v0"]["failures"] == "2"
    assert by_id["v1"]["seen"] == "false" and float(by_id["v1"]["reliability"]) > 0
    code, _, _ = command(capsys, "rank-unseen", campaign, "--catalogue", catalogue, "--out",
                         tmp_path / "r.json")  # fmt: skip
    stored = json.loads((tmp_path / "r.json").read_text())
    assert len(stored["failure_modes"]) == 24 and stored["trials"] == 24


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["query", "{c}"], "nothing is asked"),
        (["query", "{c}", "--text", "x", "--image", "no.png"], "no.png is no picture"),
        (["query", "{c}", "--text", "\udcff"], "--text is not valid UTF-8"),
        (["query", "{c}", "--text", "!!!"], "without a word or a number"),
        (["rank-unseen", "{c}", "--catalogue", "lift", "--limit", "-1"], "--limit must be"),
        (["query", "nowhere", "--text", "x"], "there is no folder nowhere"),
        (["rank-unseen", "{c}", "--catalogue", "ur5e_tabletop"], "is for the task 'ur5e_tabletop'"),
        (["rank-unseen", "{c}", "--catalogue", "lift", "--out", "r.txt"], "end with .csv or .json"),
        (["rank-unseen", "{c}", "--catalogue", "lift", "--out", "no/r.csv"], "no folder no;"),
        (["embedding", "train", "{c}", "--out", "{c}/trials.db"], "trials.db is a file; give a"),
        (["embedding", "report", "{c}", "--out", "{c}/trials.db/x"], "trials.db is a file; give a"),
        (["rank-unseen", "{c}", "--catalogue", "lift", "--images", "{c}/images"], "has no picture"),
        (["embedding", "train", "{c}", "--text-encoder", "elmo"], "unknown encoder 'elmo'"),
        (["embedding", "train", "{c}", "--seed", "-1"], "--seed in [0"),
        (["embedding", "train", "{c}", "--same-variation", "-1"], "same_variation -1.0"),
    ],
)
def test_one_clear_error(campaign, capsys, arguments, says):
    filled = [a.format(c=campaign) for a in arguments]
    code, _, error = command(capsys, *filled)
    assert code in (1, 2)
    assert error.startswith("error: ") and says in error and "Traceback" not in error


def test_a_campaign_without_an_embedding_says_how_to_get_one(tmp_path, capsys):
    opened = open_campaign(tmp_path / "c", make_config(budget=3), CATALOGUE)
    try:
        Campaign(opened, [FakeCell()], poll_period=0.01).run()
    finally:
        opened.close()
    code, _, error = command(capsys, "query", tmp_path / "c", "--text", "paint it pink")
    assert code == 1 and "robomd embedding train" in error
    code, _, error = command(
        capsys, "embedding", "train", tmp_path / "c", "--image-encoder", "pixels"
    )
    assert code == 1 and "got 0 failures and 3 successes: record more trials" in error

# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rankings of a large catalogue take time: what that may cost the trials."""

import time

from fakes import Recorder, make_catalogue, make_config

from robomd_ros.core.campaign.publisher import Publisher
from robomd_ros.core.campaign.stored import open_campaign
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.evidence.ranking import build_ranking

COST = 0.05
"""s that making a ranking takes here."""


def test_rankings_take_a_fifth_of_the_time_and_the_last_is_told(tmp_path):
    catalogue, recorder, errors = make_catalogue(), Recorder(), []
    folder = open_campaign(tmp_path / "c", make_config(), catalogue)
    publisher = Publisher(folder, recorder, errors.append)

    def make(number):
        time.sleep(COST)
        about = {"order_by": "evidence", "action_space": "discrete", "stamp": float(number)}
        return build_ranking(Evidence(catalogue).posterior(), catalogue, **about)

    publisher.start()
    begun = time.monotonic()
    for number in range(30):
        publisher.ranking(lambda n=number: make(n))
        time.sleep(COST / 2)
    taken = time.monotonic() - begun
    publisher.close()
    folder.close()
    stamps = [ranking.stamp for ranking in recorder.rankings]
    assert stamps[-1] == 29.0, "what is due at the end is told"
    assert stamps == sorted(stamps) and len(stamps) <= taken / (5 * COST) + 2
    assert not errors

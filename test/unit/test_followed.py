# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A display follows one campaign."""

import pytest

from robomd_ros.core.campaign.followed import FollowedCampaign
from robomd_ros.core.campaign.status import CampaignState, CampaignStatus


def status(campaign_id, state=CampaignState.RUNNING):
    return CampaignStatus(state, 1, 10, campaign_id=campaign_id)


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def followed(clock):
    return FollowedCampaign(lambda: clock[0])


def test_another_campaign_on_the_same_topics_is_not_shown(followed):
    assert followed.takes_status(status("a"))
    assert not followed.takes_status(status("b", CampaignState.FAILED))
    assert not followed.takes("b")
    assert followed.takes("a")


@pytest.mark.parametrize("end", [CampaignState.FINISHED, CampaignState.STOPPED])
def test_after_its_end_the_next_one_is(followed, end):
    assert followed.takes_status(status("a", end))
    assert followed.takes("a")
    assert followed.takes_status(status("b"))
    assert not followed.takes("a")


def test_one_that_was_killed_is_left_when_another_talks(followed, clock):
    assert followed.takes("a")
    clock[0] += 31.0
    assert followed.takes("b")
    assert not followed.takes("a")


def test_what_nobody_names_is_shown(followed):
    assert followed.takes("")
    assert followed.takes("a")
    assert followed.takes("")

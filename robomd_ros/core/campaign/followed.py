# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which campaign a display shows, where several are told of on the same topics."""

import time
from collections.abc import Callable

from robomd_ros.core.campaign.status import CampaignState, CampaignStatus

_SILENCE = 30.0
"""s without a word of the followed campaign after which another one may take its place."""
_ENDS = (CampaignState.STOPPED, CampaignState.FINISHED, CampaignState.FAILED)


class FollowedCampaign:
    """The first campaign that is heard of, until it has ended, or is silent while others talk."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Follow none yet; `clock` gives s."""
        self._clock = clock
        self._id = ""
        self._heard = 0.0
        self._ended = False

    def takes_status(self, status: CampaignStatus) -> bool:
        """Whether a status is to be shown; one of an end lets another campaign come next."""
        taken = self.takes(status.campaign_id)
        if taken and status.campaign_id:
            self._ended = status.state in _ENDS
        return taken

    def takes(self, campaign_id: str) -> bool:
        """Whether what is of this campaign is to be shown; "": nobody says of which it is."""
        now = self._clock()
        if campaign_id and campaign_id != self._id:
            if self._id and not self._ended and now - self._heard < _SILENCE:
                return False
            self._id, self._ended = campaign_id, False
        if campaign_id:
            self._heard = now
        return True

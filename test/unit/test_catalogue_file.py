# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Catalogue files that cannot be read."""

import pytest

from robomd_ros.core.errors import CatalogueError
from robomd_ros.core.variations import load_catalogue


def test_a_file_in_another_encoding_is_one_line(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("task: lift  # größer\n".encode("latin-1"))
    with pytest.raises(CatalogueError, match=r"latin\.yaml is not UTF-8 text .*byte 16") as caught:
        load_catalogue(path)
    assert "\n" not in str(caught.value)

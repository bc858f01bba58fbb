# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The address of a console as a QR code for the terminal."""

import io

from qrcode.constants import ERROR_CORRECT_L
from qrcode.main import QRCode


def terminal_code(address: str) -> str:
    """A QR code of half-block characters, dark on light whatever the terminal's colours are."""
    code = QRCode(error_correction=ERROR_CORRECT_L, border=2)
    code.add_data(address)
    code.make(fit=True)
    out = io.StringIO()
    code.print_ascii(out=out, invert=True)
    return out.getvalue().rstrip("\n")

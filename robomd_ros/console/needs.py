# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the console needs before it is started; nothing heavy is imported."""

import importlib.util
import ipaddress

from robomd_ros.core.errors import ConfigurationError

_PACKAGES = ("aiohttp", "qrcode")


def check_console(host: str) -> None:
    """Whether a console can be served.

    Args:
        host: the address that it is to listen on.

    Raises:
        ConfigurationError: a package is missing, or the address is none.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        apt = " ".join(f"python3-{name}" for name in missing)
        raise ConfigurationError(
            f"the console needs {' and '.join(missing)}, which {'are' if missing[1:] else 'is'} "
            f"not installed; apt-get install {apt}, or pip install {' '.join(missing)}"
        )
    try:
        ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise ConfigurationError(
            f"the console's host must be an address such as 127.0.0.1 or 0.0.0.0; got {host!r}"
        ) from error

# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the wheel installs, and where."""

from pathlib import Path

from setuptools import find_packages, setup

package_name = "robomd_ros"


def tree(folder: str) -> list[tuple[str, list[str]]]:
    """(target, files) pairs that install a folder below share/robomd_ros."""
    pairs = []
    for path in [Path(folder), *sorted(p for p in Path(folder).rglob("*") if p.is_dir())]:
        files = sorted(str(f) for f in path.iterdir() if f.is_file() and f.suffix != ".pyc")
        if files and "__pycache__" not in path.parts:
            pairs.append((f"share/{package_name}/{path}", files))
    return pairs


def requirements(file: str) -> list[str]:
    """The requirements in a file of pip's, without comments and references to other files."""
    lines = (line.split("#")[0].strip() for line in Path(file).read_text().splitlines())
    return [line for line in lines if line and not line.startswith("-")]


setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(include=["robomd_ros*", "sim_bridge*"]),
    package_data={"": ["templates/**"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml", "plugin.xml"]),
        *tree("launch"),
        *tree("config"),
        *tree("examples"),
    ],
    install_requires=requirements("requirements.txt"),
    extras_require={"dev": requirements("requirements-dev.txt")},
    python_requires=">=3.10",
    zip_safe=False,
    maintainer="RoboMD maintainers",
    maintainer_email="robomd@example.com",
    description="Find out which changes of the environment make a manipulation policy fail.",
    license="Apache-2.0",
)

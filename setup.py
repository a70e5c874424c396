"""Packaging of dicom-deid. The runtime lock is requirements.txt; here are the names only."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
REQUIRES = [line.split("#")[0].strip() for line in (HERE / "requirements.in").read_text().splitlines()]

setup(
    name="dicom-deid",
    version="0.1.0",
    description="An Apache Beam pipeline that de-identifies DICOM and proves what it did",
    long_description=(HERE / "README.md").read_text() if (HERE / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["pipeline", "pipeline.*", "transforms", "transforms.*"]),
    package_data={
        "transforms": ["*/data/*.json", "*/data/*.sql", "*/data/*.yaml", "*/data/*.onnx"],
        "pipeline": ["*/data/*.json", "*/data/*.sql", "*/data/report.*"],
    },
    install_requires=[line for line in REQUIRES if line],
    entry_points={"console_scripts": ["dicom-deid=pipeline.cli:entry"]},
)

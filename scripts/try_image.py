"""Carries out the Dockerfile's own steps in a clean root, so that they are tried without a Docker engine.

    python scripts/try_image.py FOLDER          # as root, on Debian, with debootstrap; FOLDER must not exist, and is kept

Debian by debootstrap, with its Python as a venv in /usr/local, stands for the base image. `COPY --from` is left out, since
other images are not to be had without an engine: Beam's boot program and the template launcher. Every other step is carried
out as it stands, and then the image is asked for what a launch needs: the packages agree, Tesseract has the packs of the ARG, the
program says its options, refuses a launch without a key in one sentence, and de-identifies a real image, read in English and by all packs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "templates" / "Dockerfile"
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
"""Whom this machine trusts, which may be a proxy of its own: pip in the clean root would not know it."""
TRUSTED = "/run/builder.crt"
SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OF_OTHER_IMAGES = "--from="
SAMPLE = """$(python -c 'from pydicom.data import get_testdata_file as find; print(find("examples_palette.dcm", download=False))')"""
LAUNCH = "python /template/main.py --runner=DataflowRunner --source=gs://bucket/in --destination=gs://bucket/out --workspace=gs://bucket/ws"
DEIDENTIFY = f"dicom-deid run --source {SAMPLE} --destination /tmp/{{0}} --workspace /tmp/{{0}}-workspace --ocr_languages {{0}} {{1}}"


class Check(NamedTuple):
    """A command in the image, its exit code, and what its answer says."""

    command: str
    code: int
    answer: tuple[str, ...]


def checks(packs: list[str]) -> list[Check]:
    """What a launch needs, of an image with these packs of Tesseract."""
    return [
        Check("pip check", 0, ("No broken requirements",)),
        Check("tesseract --list-langs", 0, tuple(f"\n{pack}\n" for pack in packs)),
        Check("dicom-deid run --help", 0, ("--key_uri",)),
        Check(LAUNCH, 2, ("--key_uri",)),
        Check(DEIDENTIFY.format("eng", "--text_search strict"), 0, ("1 written",)),
        Check(DEIDENTIFY.format(",".join(packs), ""), 0, ("1 written",)),
    ]


class Step(NamedTuple):
    """One instruction."""

    name: str
    words: str


def instructions(text: str) -> Iterator[Step]:
    """The steps of a Dockerfile in their order, each on one line."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    for joined in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, words = joined.strip().partition(" ")
        yield Step(name, words.strip())


class CleanRoot:
    """A folder that becomes the image."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._at = folder, "/"
        self._set = {"PATH": SEARCHED}
        self._arguments: dict[str, str] = {}

    @property
    def packs(self) -> list[str]:
        """The packs of Tesseract that it is to have, as Tesseract names them."""
        return self._arguments["TESSERACT_PACKS"].replace("-", "_").split()

    def carry_out(self, step: Step) -> None:
        """One step. Raises CalledProcessError where its command fails, and ValueError where the instruction is not known here."""
        match step.name:
            case "FROM":
                self._begin(step.words)
            case "WORKDIR":
                self._at = step.words
                self._inside(step.words).mkdir(parents=True, exist_ok=True)
            case "ENV":
                self._set |= dict(pair.split("=", 1) for pair in shlex.split(step.words))
            case "ARG":
                self._arguments |= dict(pair.split("=", 1) for pair in shlex.split(step.words))
            case "COPY":
                self._copy(shlex.split(step.words))
            case "RUN":
                self.run(step.words, self._arguments | {"PIP_CERT": TRUSTED}).check_returncode()
            case "ENTRYPOINT":
                pass
            case _:
                raise ValueError(f"{step.name} is not known here")

    def run(self, command: str, more: dict[str, str] | None = None, **options: bool) -> subprocess.CompletedProcess[str]:
        """A command of a shell in the root, with nothing of this machine's environment."""
        given = [f"{name}={value}" for name, value in (self._set | (more or {})).items()]
        words = ["chroot", str(self._folder), "env", "-i", *given, "sh", "-ec", f"cd {self._at}\n{command}"]
        return subprocess.run(words, check=False, text=True, **options)  # type: ignore[call-overload, no-any-return]  # noqa: S603

    def _begin(self, image: str) -> None:
        """`python:3.11-slim-bookworm` as Debian has it: that release, and that Python."""
        version, _, suite = image.removeprefix("python:").partition("-slim-")
        subprocess.run(["debootstrap", "--variant=minbase", suite, str(self._folder)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607
        for name in ("proc", "dev"):
            subprocess.run(["mount", "--rbind", f"/{name}", str(self._folder / name)], check=True)  # noqa: S603, S607 - gone with this process
        shutil.copy("/etc/resolv.conf", self._inside("/etc/resolv.conf"))
        shutil.copy(BUNDLE, self._inside(TRUSTED))
        self.run(f"apt-get update -qq && apt-get install -qq --yes --no-install-recommends python{version}-venv").check_returncode()
        self.run(f"python{version} -m venv /usr/local && rm -rf /var/lib/apt/lists/*").check_returncode()

    def _copy(self, words: list[str]) -> None:
        if words[0].startswith(OF_OTHER_IMAGES):
            print("left out, of another image:", words[0].removeprefix(OF_OTHER_IMAGES), flush=True)
            return
        *sources, target = words
        place = self._inside(target)
        for source in map(ROOT.joinpath, sources):
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, place)

    def _inside(self, path: str) -> Path:
        return self._folder / Path(self._at, path).relative_to("/")


def main() -> int:
    """Build and ask; 1 where an answer is wrong."""
    if "TRY_IMAGE_APART" not in os.environ:  # mounts of its own, which end with it
        os.execvpe("unshare", ["unshare", "--mount", sys.executable, *sys.argv], {**os.environ, "TRY_IMAGE_APART": "1"})  # noqa: S606, S607
    folder = Path(sys.argv[1])
    folder.mkdir(mode=0o755)
    root, begun = CleanRoot(folder.resolve()), time.monotonic()
    for step in instructions(DOCKERFILE.read_text()):
        print(f"{time.monotonic() - begun:6.0f} s  {step.name} {step.words[:110]}", flush=True)
        root.carry_out(step)
    wrong = 0
    for command, code, answer in checks(root.packs):
        done = root.run(command, capture_output=True)
        good = done.returncode == code and all(part in done.stdout + done.stderr for part in answer)
        wrong += not good
        print(f"{time.monotonic() - begun:6.0f} s  {'as it should be' if good else 'WRONG'}: {command}", flush=True)
        if not good:
            print(done.stdout[-2000:] + done.stderr[-2000:])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

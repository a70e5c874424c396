"""The page itself: what was gathered, put into a template. Nothing in it is fetched: style, script and pictures are inside."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.local import sql
from pipeline.report import gather, plots
from pipeline.report.gallery import Gallery, gallery
from pipeline.report.gather import Gathered, Row
from pipeline.report.published import NOT_FOUND
from transforms.model.errors import ConfigError
from transforms.model.storage import is_inside, replace
from transforms.model.workspace import Workspace

PLOTTED = 4
"""Operations whose throughput is drawn; the latest."""


def report(workspace: Workspace, output: str, pictures: bool = False, quotes: bool = False) -> None:
    """Write the page to `output`, readable by its owner only, in place of what was there; same workspace, same page.

    It holds no text that was found unless `quotes`, and never the name of a source. Raises ConfigError.
    """
    if quotes and not pictures:
        raise ConfigError("--show_quotes", "quotes stand below the frames of the gallery", "add --gallery")
    place = Path(output).resolve()
    with sql.connected(workspace) as table:
        gathered = gather.gather(workspace, table)
        for row in gathered.operations:
            destination = workspace.operation(row["Id"]).destination_file
            if destination.is_file() and is_inside(str(place), destination.read_bytes().decode(errors="surrogateescape")):
                raise ConfigError("--output", "the report may not lie in the destination, which is released", "choose another folder")
        page = render(gathered, gallery(workspace, table, gathered.operations, quotes) if pictures else None)
    try:
        replace(place, page.encode())
    except OSError:
        raise ConfigError("--output", "the file cannot be written", "name a file in a folder of your own", output) from None


def render(gathered: Gathered, shown: Gallery | None) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("pipeline.report", "data"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = _data("report.js")
    modalities = sorted({row["Modality"] for row in gathered.instances})
    return environment.get_template("report.html").render(
        content=gathered,
        limits=gather,
        gallery=shown,
        plots={name: Markup(svg) for name, svg in _plots(gathered).items()},  # noqa: S704 - matplotlib's, which escapes its texts
        plotted=PLOTTED,
        modalities=modalities,
        unseen=any(row["Modality"] == NOT_FOUND for row in gathered.modalities),
        style=Markup(_data("report.css")),  # noqa: S704 - a constant of ours
        script=Markup(script),  # noqa: S704 - a constant of ours
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _plots(gathered: Gathered) -> dict[str, str]:
    """SVG by name; what has no data has no plot."""
    latest = [row["Id"] for row in gathered.operations if row["Id"] in gathered.throughput][:PLOTTED]
    drawn = {f"time-{name}": plots.over_time(f"time-{name}", gathered.throughput[name]) for name in latest}
    actions, found, published = _by_element(gathered.actions), _by_place(gathered.info_types), _by_modality(gathered.modalities)
    if actions:
        drawn["actions"] = plots.bars("actions", actions, "changed elements")
    if found:
        drawn["info-types"] = plots.bars("info-types", found, "findings")
    if published:
        drawn["modalities"] = plots.bars("modalities", published, "instances")
    return drawn


def _by_element(rows: list[Row]) -> dict[str, dict[str, int]]:
    amounts: dict[str, dict[str, int]] = {}
    for row in rows:
        label = row["Name"] if row["Name"] not in gather.NAMELESS else f"({row['Tag'][:4]},{row['Tag'][4:]})"
        parts = amounts.setdefault(label, {})
        action = row["Action"] or "not stated"
        parts[action] = parts.get(action, 0) + int(row["Elements"])
    return amounts


def _by_place(rows: list[Row]) -> dict[str, dict[str, int]]:
    amounts: dict[str, dict[str, int]] = {}
    for row in rows:
        amounts.setdefault(row["InfoType"], {})[f"in {row['Place']}"] = int(row["Findings"])
    return amounts


def _by_modality(rows: list[Row]) -> dict[str, dict[str, int]]:
    return {row["Modality"]: {"with boxes": row["WithBoxes"], "without boxes": row["Instances"] - row["WithBoxes"]} for row in rows}


def _data(name: str) -> str:
    return resources.files("pipeline.report").joinpath(f"data/{name}").read_text(encoding="utf-8")

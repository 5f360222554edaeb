"""Options that several commands take, in groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PICTURE, BUDGET, PARTS, PLAN, OUTPUT = "Picture", "Budget", "Parts", "Plan and checks", "Output"
OPENING = "How the backbone is opened"

Out = Annotated[
    Path, typer.Option("-o", "--out", metavar="DIR", rich_help_panel=OUTPUT, help="Folder for everything painted.")
]
Seed = Annotated[
    int,
    typer.Option(min=0, max=2**63 - 1, metavar="N", rich_help_panel=PICTURE, help="The same seed, the same picture."),
]
Guidance = Annotated[
    float | None, typer.Option(metavar="X", rich_help_panel=PICTURE, help="Guidance scale; left out, the model's own.")
]
Steps = Annotated[
    int | None,
    typer.Option(
        metavar="N", rich_help_panel=PICTURE, help="Denoising steps per picture or retouch; left out, the model's own."
    ),
]
Images = Annotated[
    int | None,
    typer.Option(
        min=1, max=100, metavar="N", rich_help_panel=BUDGET,
        help="Pictures painted at most. Left out: what --rounds allows.",
    ),
]  # fmt: skip
Backbone = Annotated[
    str | None, typer.Option(metavar="NAME|PATH|HUB-ID|openai:MODEL", rich_help_panel=PARTS, help="What paints.")
]
Placement = Annotated[
    str | None,
    typer.Option(
        metavar="HOW", rich_help_panel=PARTS,
        help="How things get into their regions: auto, attention, native (the model's own layout) or both.",
    ),
]  # fmt: skip
Model = Annotated[
    str | None, typer.Option(metavar="NAME", rich_help_panel=PARTS, help="What recaptions, plans and edits.")
]
Inspector = Annotated[
    str | None, typer.Option(metavar="NAME", rich_help_panel=PARTS, help="What answers the checklist.")
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", rich_help_panel=PLAN,
        help="Refuse what no chosen inspector could verify, before anything is painted.",
    ),
]  # fmt: skip
Approve = Annotated[
    bool,
    typer.Option(
        "--approve", rich_help_panel=PLAN,
        help="Wait for your word on the plan: asked for on a terminal, else given by `muralist resume --decide`.",
    ),
]  # fmt: skip
Dtype = Annotated[
    str | None,
    typer.Option(metavar="TYPE", rich_help_panel=OPENING, help="float32, float16 or bfloat16."),
]
Device = Annotated[str | None, typer.Option(metavar="NAME", rich_help_panel=OPENING, help="cuda, cuda:1, mps or cpu.")]
Quantize = Annotated[
    str | None,
    typer.Option(
        metavar="HOW", rich_help_panel=OPENING, help="bnb-8bit, bnb-4bit, torchao-int8 or torchao-int4.",
    ),
]  # fmt: skip
Offload = Annotated[
    str | None,
    typer.Option(metavar="HOW", rich_help_panel=OPENING, help="none, model, group, sequential or auto."),
]
Lora = Annotated[
    list[str] | None,
    typer.Option(metavar="PATH[:SCALE]", rich_help_panel=OPENING, help="A LoRA, by file, folder or hub id; several."),
]
Vae = Annotated[str | None, typer.Option(metavar="PATH|HUB-ID", rich_help_panel=OPENING, help="Another autoencoder.")]
Scheduler = Annotated[
    str | None, typer.Option(metavar="NAME", rich_help_panel=OPENING, help="Solver, such as dpm++2m, euler or own.")
]
Variant = Annotated[
    str | None, typer.Option(metavar="NAME", rich_help_panel=OPENING, help="Of the weights' files, such as fp16.")
]
Revision = Annotated[
    str | None, typer.Option(metavar="NAME", rich_help_panel=OPENING, help="Of a hub id: a branch, tag or commit.")
]
Compile = Annotated[bool, typer.Option("--compile", rich_help_panel=OPENING, help="Compile the denoiser's blocks.")]
AsJson = Annotated[
    bool, typer.Option("--json", rich_help_panel=OUTPUT, help="One JSON object on stdout, progress on stderr.")
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or how it begins.")]

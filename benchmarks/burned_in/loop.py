"""What both trainings share: their options, how fast they learn, and the loop that says how it goes and keeps what was learned."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from tensorflow import keras

EVERY = 200
"""Steps from one report, and one file of weights, to the next."""


def parser(doc: str | None, examples: str, steps: int, out: Path) -> argparse.ArgumentParser:
    """The options of a training on the files `examples`."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(examples, nargs="+")
    made.add_argument("--steps", type=int, default=steps)
    made.add_argument("--rate", type=float, default=2e-3, help="the highest of the run; it falls to a fiftieth")
    made.add_argument("--out", type=Path, default=out)
    made.add_argument("--weights", type=Path, help="where to go on from, and what is kept to go on from later")
    made.add_argument("--network", type=Path, help="an .onnx file to begin with, where there are no weights of its training any more")
    made.add_argument("--seed", type=int, default=1, help="another one where training goes on")
    return made


def optimizer(rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Adam, which starts gently and ends at a fiftieth of the rate."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.0, steps, 0.02, warmup_target=rate, warmup_steps=100))


def run(options: argparse.Namespace, model: keras.Model, step: Callable[[], float], write: Callable[[keras.Model, Path], None]) -> None:
    """Call `step`, which learns from one batch and answers its loss, and keep the weights now and then."""
    start, mean = time.monotonic(), 0.0
    for number in range(1, options.steps + 1):
        mean += step() / EVERY
        if number % EVERY == 0:
            print(f"step {number}: loss {mean:.4f}, {time.monotonic() - start:.0f} s", flush=True)
            mean = 0.0
            write(model, options.out)
            if options.weights:
                model.save_weights(options.weights)

"""Train the demonstration U-Net on virtual scenes, judge it on held-out ones, and write weights with their record.

    python examples/02_train_demo_model.py --out my-model/            # as the shipped weights were made
    python examples/02_train_demo_model.py --out my-model/ --steps 20 # a quick look

Two files are written: unet-demo.safetensors and unet-demo.json (seeds, versions, loss history, held-out Dice and count
error, SHA-256 of the weights). On one machine the same seed gives the same weights; across machines floating-point
kernels differ, which is why the weights are shipped and not retrained.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

import sigmaraw
from sigmaraw.files import atomic_path, sha256_of_file, write_text
from sigmaraw.metrics import Dice
from sigmaraw.pipelines.preparation import prepare
from sigmaraw.pipelines.torch_model import DemoUNetPipeline
from sigmaraw.pipelines.unet import WIDTHS, DemoUNet
from sigmaraw.virtual.samples import LEAST_CONTRAST, RANGES, random_sample

BATCH, CROP, SCENE = 8, 96, 120  # crops of larger scenes, so that cells cut by the edge are seen too
LEARNING_RATE = 2e-3
PRE = DemoUNetPipeline.set_keys["pre"]
HELD_OUT = 60


def training_batch(step: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs and masks, (batch, 1, y, x) float32, of one step: every step sees new cameras and new scenes."""
    random = np.random.default_rng([seed, step])
    inputs, masks = [], []
    for index in range(BATCH):
        sample = random_sample(step * BATCH + index, seed, "train", (SCENE, SCENE))
        y, x = random.integers(SCENE - CROP, size=2)
        cut = (slice(y, y + CROP), slice(x, x + CROP))
        inputs.append(prepare(np.ascontiguousarray(sample.frame[cut]), PRE))
        masks.append(sample.scene.mask[cut].astype(np.float32))
    return torch.from_numpy(np.stack(inputs)[:, None]), torch.from_numpy(np.stack(masks)[:, None])


def loss_of(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy plus soft Dice over the batch."""
    probability = torch.sigmoid(logits)
    overlap = 2 * (probability * masks).sum() + 1
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, masks) + 1 - overlap / (probability.sum() + masks.sum() + 1)


def train(steps: int, seed: int) -> tuple[DemoUNet, list[float]]:
    """Return the trained network and the loss of every step."""
    torch.manual_seed(seed)
    network = DemoUNet().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=max(steps, 2), pct_start=0.1)
    losses, started = [], time.monotonic()
    for step in range(steps):
        inputs, masks = training_batch(step, seed)
        loss = loss_of(network(inputs.to(memory_format=torch.channels_last)), masks)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if step % 50 == 49 or step == steps - 1:
            print(f"step {step + 1}/{steps}  loss {np.mean(losses[-50:]):.4f}  {time.monotonic() - started:.0f} s", flush=True)
    return network.eval(), losses


def judge(weights: Path, seed: int) -> dict[str, float | int]:
    """Return Dice and count error on held-out scenes, through the pipeline that users call."""
    pipeline = DemoUNetPipeline("unet-demo", weights=str(weights))
    dice, found, true = [], 0.0, 0
    worst = 0.0
    for index in range(HELD_OUT):
        sample = random_sample(index, seed, "held-out")
        if sample.scene.count == 0:
            continue
        dice.append(Dice()(sample.scene.mask, pipeline.mask(sample.frame)))
        count = pipeline(sample.frame)["count"]
        worst = max(worst, abs(count - sample.scene.count) / sample.scene.count)
        found, true = found + count, true + sample.scene.count
    return {
        "scenes": len(dice),
        "dice_mean": float(np.mean(dice)),
        "dice_min": float(np.min(dice)),
        "cells": true,
        "count_error_total": found / true - 1,
        "count_error_worst_scene": worst,
    }


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--out", type=Path, default=Path("demo-model"))
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    started = time.monotonic()
    network, losses = train(arguments.steps, arguments.seed)
    weights = arguments.out / "unet-demo.safetensors"
    with atomic_path(weights) as temporary:
        safetensors.torch.save_file({name: value.contiguous() for name, value in network.state_dict().items()}, temporary)
    record = {
        "schema": "sigmaraw/model/1",
        "sha256": sha256_of_file(weights),
        "architecture": {"class": "sigmaraw.pipelines.unet.DemoUNet", "widths": list(WIDTHS), "pre": PRE},
        "parameters": sum(value.numel() for value in network.parameters()),
        "training": {
            "script": "examples/02_train_demo_model.py",
            "seed": arguments.seed,
            "steps": arguments.steps,
            "batch": BATCH,
            "crop_px": CROP,
            "optimiser": f"AdamW, one cycle up to {LEARNING_RATE}",
            "loss": "binary cross-entropy + soft Dice",
            "loss_every_tenth": [round(float(np.mean(part)), 5) for part in np.array_split(losses, min(10, len(losses)))],
            "threads": arguments.threads,
            "seconds": round(time.monotonic() - started),
            "data": {"source": "sigmaraw.virtual.samples, stream train", "ranges": RANGES, "least_contrast": LEAST_CONTRAST},
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "sigmaraw": sigmaraw.__version__,
        },
    }
    write_text(weights.with_suffix(".json"), json.dumps(record, indent=2) + "\n")
    record["held_out"] = {"stream": "held-out", "seed": arguments.seed, **judge(weights, arguments.seed)}
    write_text(weights.with_suffix(".json"), json.dumps(record, indent=2) + "\n")
    print(json.dumps(record["held_out"], indent=2))
    print(f"written: {weights} ({weights.stat().st_size} bytes, SHA-256 {record['sha256']})")


if __name__ == "__main__":
    main()

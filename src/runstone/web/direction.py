"""Whether less is better: guessed from the name of a metric, for "best" columns and the signs of differences."""

from __future__ import annotations

import re

_LOWER = {
    "loss", "losses", "err", "error", "errors", "rmse", "mae", "mse", "mape", "smape", "rmsle", "perplexity", "ppl", "latency", "time",
    "seconds", "sec", "ms", "duration", "cost", "price", "wer", "cer", "fid", "kid", "distance", "regret", "nll", "bpb", "bpc", "brier",
    "logloss", "crossentropy", "entropy", "kl", "divergence", "fpr", "fnr", "memory", "bytes", "violations", "toxicity",
}  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def lower_is_better(metric: str) -> bool:
    """`val/crossEntropyLoss`: True; `accuracy`: False."""
    words = {word.lower() for word in _WORD.findall(metric)}
    return bool(words & _LOWER) or metric.lower().endswith(("loss", "error"))

"""Whether less is better, or more: told by the name of a metric, for "best" columns and for what differences mean."""

from __future__ import annotations

import re

_LOWER = {
    "loss", "losses", "err", "error", "errors", "rmse", "mae", "mse", "mape", "smape", "rmsle", "perplexity", "ppl", "latency", "time",
    "seconds", "sec", "ms", "duration", "cost", "price", "wer", "cer", "fid", "kid", "distance", "regret", "nll", "bpb", "bpc", "brier",
    "logloss", "crossentropy", "entropy", "kl", "divergence", "fpr", "fnr", "memory", "bytes", "violations", "toxicity",
}  # fmt: skip
# Often less is better, and often not: a "best" column has to choose, a verdict has not.
_UNSURE = {"entropy", "memory", "bytes", "distance", "price", "divergence", "kl"}
_HIGHER = {
    "accuracy", "acc", "f1", "fbeta", "auc", "auroc", "auprc", "precision", "recall", "r2", "score", "bleu", "rouge", "meteor", "iou", "dice",
    "mcc", "ndcg", "mrr", "psnr", "ssim", "reward", "rewards", "throughput", "sensitivity", "specificity",
}  # fmt: skip
_WORD = re.compile(r"(?:[A-Z]+(?![a-z])|[A-Z]?[a-z]+)[0-9]*")


def lower_is_better(metric: str) -> bool:
    """`val/crossEntropyLoss`: True; `accuracy`: False."""
    return bool(_words(metric) & _LOWER) or metric.lower().endswith(("loss", "error"))


def known_direction(metric: str) -> str:
    """Whichever is better, "lower" or "higher"; "" where the name does not tell, or tells both."""
    words = _words(metric)
    if "system" in words:
        return ""
    lower = bool(words & (_LOWER - _UNSURE)) or metric.lower().endswith(("loss", "error"))
    higher = bool(words & _HIGHER)
    return "" if lower == higher else "lower" if lower else "higher"


def _words(metric: str) -> set[str]:
    """In small letters, with the number behind a word and without it: `valF1`, `rouge2`."""
    found = {word.lower() for word in _WORD.findall(metric)}
    return found | {word.rstrip("0123456789") for word in found}

"""What kind of file a name says it is. A hint only: what is not what it says is shown as the bytes that it holds."""

from __future__ import annotations

import re

# Drawn and played by browsers themselves, which run nothing of them. SVG is another matter.
RASTERS = {
    ".png": "image/png", ".apng": "image/apng", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".bmp": "image/bmp", ".avif": "image/avif", ".ico": "image/x-icon",
}  # fmt: skip
SOUNDS = {
    ".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".flac": "audio/flac",
    ".m4a": "audio/mp4", ".aac": "audio/aac", ".weba": "audio/webm",
}  # fmt: skip
FILMS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg", ".mov": "video/quicktime"}
_ENDINGS = {
    **dict.fromkeys(RASTERS, "image"), **dict.fromkeys(SOUNDS, "audio"), **dict.fromkeys(FILMS, "video"),
    ".svg": "svg", ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf", ".md": "markdown", ".markdown": "markdown",
    ".json": "json", ".geojson": "json", ".yaml": "yaml", ".yml": "yaml", ".csv": "delimited", ".tsv": "delimited",
    ".parquet": "parquet", ".pq": "parquet", ".ipynb": "notebook", ".safetensors": "safetensors", ".onnx": "onnx",
    ".log": "log", ".out": "log", ".err": "log",
    **dict.fromkeys((".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".tar", ".7z", ".whl", ".jar"), "packed"),
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".h5", ".hdf5", ".keras", ".bin", ".joblib", ".npy", ".npz", ".gguf",
                     ".tflite", ".pb", ".cloudpickle", ".skops"), "binary"),
}  # fmt: skip
_CODE = re.compile(
    r".*\.(?:py|pyi|r|jl|java|scala|kt|go|rs|c|cc|cpp|h|hpp|cu|js|mjs|ts|tsx|jsx|css|sh|bash|sql|toml|cfg|ini|xml|xsl|diff|patch|lua|rb|"
    r"php|pl|swift|proto|graphql|jinja|tf|cmake|jsonl|ndjson)|Dockerfile|Makefile|Jenkinsfile",
    re.IGNORECASE,
)
# By kind, the icon that stands before the name.
_ICONS = {
    "image": "image", "svg": "image", "audio": "media", "video": "media", "delimited": "table", "parquet": "table", "json": "code",
    "yaml": "code", "code": "code", "html": "code", "notebook": "code", "markdown": "text", "log": "text", "text": "text", "pdf": "text",
    "safetensors": "box", "onnx": "box", "mlmodel": "box", "packed": "packed", "binary": "binary",
}  # fmt: skip


def kind_of(name: str) -> str:
    """`name` without its folder; 'unknown' for what only its bytes can tell."""
    if name == "MLmodel":
        return "mlmodel"
    if _CODE.fullmatch(name):
        return "code"
    dot = name.rfind(".")
    ending = name[dot:].lower() if dot >= 0 else ""
    if ending == ".txt" or (dot < 1 and name.isupper()):  # README, LICENSE
        return "text"
    return _ENDINGS.get(ending, "unknown")


def icon_of(name: str) -> str:
    return _ICONS.get(kind_of(name), "file")


def media_type_of(name: str) -> str:
    """Of what browsers draw or play themselves; '' for everything else."""
    ending = name[name.rfind(".") :].lower()
    return RASTERS.get(ending) or SOUNDS.get(ending) or FILMS.get(ending) or ""

"""Runs Hugging Face's tokenizers over the files of the bench beside this script, on one core.

    TOKENIZERS_PARALLELISM=false RAYON_NUM_THREADS=1 python tokenizing.py tokenizer.json FILE.. [--passes N]

Each file is read into memory first: JSON Lines with a field "text", gzipped or not. Batches of 1000 documents go
through encode_batch_fast, which leaves out offsets; the fastest that the library offers. Prints one JSON object a file.
"""

import argparse
import gzip
import json
import statistics
import time
from pathlib import Path

import tokenizers

BATCH = 1000


def documents(path):
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
    with opened as lines:
        return [json.loads(line)["text"] for line in lines]


def encode(tokenizer, texts):
    start = time.perf_counter()
    num_tokens = 0
    for first in range(0, len(texts), BATCH):
        for encoding in tokenizer.encode_batch_fast(texts[first : first + BATCH], add_special_tokens=False):
            num_tokens += len(encoding.ids)
    return time.perf_counter() - start, num_tokens


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--passes", type=int, default=3)
    arguments = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(str(arguments.tokenizer))
    for path in arguments.files:
        texts = documents(path)
        num_bytes = sum(len(text.encode()) for text in texts)
        passes = [encode(tokenizer, texts) for _ in range(arguments.passes)]
        seconds = statistics.median(seconds for seconds, _ in passes)
        num_tokens = passes[0][1]
        result = {
            "library": f"tokenizers {tokenizers.__version__}",
            "file": path.name,
            "bytes": num_bytes,
            "tokens": num_tokens,
            "median_seconds": round(seconds, 4),
            "megabytes_per_second": round(num_bytes / seconds / 1e6, 2),
            "tokens_per_second": round(num_tokens / seconds),
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()

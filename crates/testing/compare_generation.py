"""Compares what `lamplight generate --json` wrote with what transformers generates for the same inputs.

    pip install torch transformers safetensors sentencepiece
    python crates/testing/compare_generation.py MODEL INPUTS.jsonl OUTPUTS.jsonl ['{"num_beams": 4}']

MODEL is a folder with config.json, model.safetensors and the files of a tokenizer. A line of INPUTS is an object with
the text under `input`, or a plain text; a line of OUTPUTS has `input` and `outputs`, a list of `ids` and `score`, best
first. The last argument holds what `generate` of transformers is given beside the inputs, as JSON with the keys of
generation_config.json; no sampling. Ids are compared without the start id and up to the end, scores where there are
beams. The exit status is 1 unless all rows have identical ids.
"""
import argparse
import json
import sys
import time

import torch
import transformers


def text_of(record):
    """Records of JSON Lines keep their fields in the output; plain lines become `input`."""
    return record["input"] if "input" in record else record["text"]


def read_texts(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.removesuffix("\n")
            yield text_of(json.loads(line)) if line.startswith("{") else line


def read_outputs(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def only_generated(ids, config):
    """The ids after the start id and before the end."""
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    ids = ids[1:] if ids and ids[0] == config.decoder_start_token_id else ids
    return ids[:next((at for at, token in enumerate(ids) if token in ends), len(ids))]


def generate(model, tokenizer, texts, batch_size):
    """Per text a list of ids and score, best first; the score is None without beams."""
    config = model.generation_config
    for start in range(0, len(texts), batch_size):
        inputs = tokenizer(texts[start:start + batch_size], padding=True, return_tensors="pt")
        output = model.generate(input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, do_sample=False,
                                return_dict_in_generate=True, output_scores=True)
        num_rows = inputs.input_ids.shape[0]
        scores = output.get("sequences_scores")
        scores = [None] * len(output.sequences) if scores is None else scores.tolist()
        found = [(only_generated(ids, config), score) for ids, score in zip(output.sequences.tolist(), scores)]
        per_row = len(found) // num_rows
        yield from (found[row * per_row:(row + 1) * per_row] for row in range(num_rows))


def first_difference(ours, theirs):
    """Rank of the output and position of the id where two lists of outputs first differ, or None."""
    for rank, (one, other) in enumerate(zip(ours, theirs)):
        if one[0] != other[0]:
            at = next((at for at, pair in enumerate(zip(one[0], other[0])) if pair[0] != pair[1]),
                      min(len(one[0]), len(other[0])))
            return rank, at
    return (min(len(ours), len(theirs)), 0) if len(ours) != len(theirs) else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "inputs", "outputs"):
        parser.add_argument(name)
    parser.add_argument("arguments", nargs="?", default={}, type=json.loads, help="of `generate`, as JSON")
    parser.add_argument("--batch-size", type=int, default=8)
    given = parser.parse_args()

    texts, rows = list(read_texts(given.inputs)), read_outputs(given.outputs)
    assert [text_of(row) for row in rows] == texts, f"{len(rows)} outputs are not of the {len(texts)} inputs"
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(given.model, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(given.model)
    model.generation_config.update(**given.arguments)

    start = time.perf_counter()
    expected = list(generate(model, tokenizer, texts, given.batch_size))
    print(f"transformers {transformers.__version__}: {len(texts)} rows in {time.perf_counter() - start:.1f} s")

    identical, largest, shown = 0, 0.0, False
    for number, (row, theirs) in enumerate(zip(rows, expected), 1):
        ours = [(only_generated(each["ids"], model.generation_config), each.get("score")) for each in row["outputs"]]
        difference = first_difference(ours, theirs)
        if difference is None:
            identical += 1
            pairs = [(one[1], other[1]) for one, other in zip(ours, theirs) if None not in (one[1], other[1])]
            largest = max([largest, *(abs(one - other) for one, other in pairs)])
        elif not shown:
            shown, (rank, at) = True, difference
            print(f"first difference: row {number}, output {rank}, id {at}\n  input {row['input']!r}")
            for who, lists in (("lamplight", ours), ("transformers", theirs)):
                print(f"  {who}: {lists[rank] if rank < len(lists) else 'no such output'}")
    print(f"identical ids: {identical} of {len(rows)} rows; largest difference of scores there {largest:.1e}")
    sys.exit(identical != len(rows))


if __name__ == "__main__":
    main()

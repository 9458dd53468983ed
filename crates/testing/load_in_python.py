"""Loads what Lamplight saved in Python and compares the outputs with the reference.

    pip install torch transformers safetensors
    python crates/testing/load_in_python.py [CASES]

CASES is a folder of reference cases, by default the committed ones. The tests of the two model crates save each case's
model; here `from_pretrained` of transformers loads it, and every output named in the case's expected.safetensors that
the model gives is compared.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file

TESTING = pathlib.Path(__file__).resolve().parent
TOLERANCE = 1e-4
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "decoder_input_ids", "labels", "start_positions", "end_positions")
OUTPUTS = ("logits", "last_hidden_state", "start_logits", "end_logits", "loss")


def save_all(cases, saved):
    environment = {**os.environ, "LAMPLIGHT_REFERENCE": str(cases), "LAMPLIGHT_SAVED": str(saved)}
    command = ["cargo", "test", "--release", "--workspace", "--test", "parity", "--", "saved"]
    subprocess.run(command, cwd=TESTING.parent.parent, env=environment, check=True)


def compare(saved, case):
    config = json.loads((saved / "config.json").read_text())
    # What transformers has no class for is a head of our own: it loads the model below that.
    model_class = getattr(transformers, config["architectures"][0], transformers.ElectraModel)
    model, report = model_class.from_pretrained(saved, output_loading_info=True)
    if model_class is transformers.ElectraModel:
        report["unexpected_keys"] = [key for key in report["unexpected_keys"] if not key.startswith("qa_")]
    assert not any(report.values()), f"{case.name}: {report}"
    expected = load_file(case / "expected.safetensors")
    inputs = {name: expected[name] for name in INPUTS if name in expected}
    if "labels" in inputs:
        inputs.pop("decoder_input_ids", None)
    with torch.no_grad():
        output = model.eval()(**inputs)
    compared = [name for name in OUTPUTS if name in expected and output.get(name) is not None]
    assert compared, f"{case.name}: nothing to compare"
    for name in compared:
        difference = (output[name] - expected[name]).abs().max().item()
        scale = expected[name].abs().max().item()
        assert difference <= TOLERANCE * max(scale, 1.0), f"{case.name}: `{name}` differs by {difference}"
    return compared


def main():
    cases = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else TESTING / "reference").resolve()
    with tempfile.TemporaryDirectory() as folder:
        save_all(cases, folder)
        saved = sorted(path for path in pathlib.Path(folder).iterdir() if (path / "config.json").is_file())
        assert saved, "the tests saved no model"
        for path in saved:
            print(path.name, "agrees in", ", ".join(compare(path, cases / path.name)))
        print(len(saved), "models load in transformers", transformers.__version__, "with the same outputs")


if __name__ == "__main__":
    main()

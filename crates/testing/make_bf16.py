#!/usr/bin/env python3
"""Adds to reference cases how far transformers itself is off in bf16.

    pip install torch transformers safetensors
    make_bf16.py CASE...

For each output and gradient that expected.safetensors of the case records, bf16.json says the root mean square of the
difference between a run with model and states in bf16 and what is recorded, as a share of the recorded tensor's root
mean square. `lamplight verify --dtype bf16` judges by it. Cases whose outputs depend on samples get none.
"""
import argparse
import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

transformers.utils.logging.set_verbosity_error()
torch.set_num_threads(1)

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "decoder_input_ids", "labels", "start_positions",
          "end_positions")
LISTS = ("encoder_hidden_states", "decoder_hidden_states", "hidden_states", "encoder_attentions", "decoder_attentions",
         "cross_attentions", "attentions")
TENSORS = ("logits", "start_logits", "end_logits", "loss", "last_hidden_state", "encoder_last_hidden_state")


def run(model, inputs):
    """Every output of a forward pass by its recorded name."""
    output = model(**inputs, output_hidden_states=True, output_attentions=True, return_dict=True)
    found = {name: output[name] for name in TENSORS if output.get(name) is not None}
    for name in LISTS:
        for index, tensor in enumerate(output.get(name) or ()):
            found[f"{name}.{index}"] = tensor
    if output.get("decoder_hidden_states"):
        found["decoder_last_hidden_state"] = output["decoder_hidden_states"][-1]
    return found


def all_outputs(model, expected):
    inputs = {name: expected[name] for name in INPUTS if name in expected}
    # Labels give the decoder its inputs; both together are refused by some heads.
    if "labels" in inputs:
        inputs.pop("decoder_input_ids", None)
    found = run(model, inputs)
    if any(name.startswith("grad.") for name in expected):
        found["loss"].backward()
        found |= {f"grad.{name}": parameter.grad for name, parameter in model.named_parameters()}
    if "masked_decoder.logits" in expected:
        mask = expected["masked_decoder.decoder_attention_mask"]
        found["masked_decoder.logits"] = model(**inputs, decoder_attention_mask=mask).logits
    if "plain.last_hidden_state" in expected:
        found["plain.last_hidden_state"] = model(expected["input_ids"]).last_hidden_state
    return found


def relative_errors(found, expected):
    errors = {}
    for name, tensor in found.items():
        if name in expected and tensor is not None:
            reference = expected[name].double()
            difference = tensor.detach().double() - reference
            scale = reference.square().mean().sqrt().clamp_min(1e-30)
            errors[name] = (difference.square().mean().sqrt() / scale).item()
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", type=Path)
    for case in parser.parse_args().cases:
        architecture = json.loads((case / "config.json").read_text())["architectures"][0]
        model = getattr(transformers, architecture).from_pretrained(
            case, dtype=torch.bfloat16, attn_implementation="eager").eval()
        expected = load_file(case / "expected.safetensors")
        errors = relative_errors(all_outputs(model, expected), expected)
        (case / "bf16.json").write_text(json.dumps(errors, indent=1) + "\n")
        print(f"{case.name}: {len(errors)} tensors, worst {max(errors.values()):.3f}")


if __name__ == "__main__":
    main()

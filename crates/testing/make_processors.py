#!/usr/bin/env python3
"""Writes the reference case `processors`: scores before and after the logits processors of
Hugging Face transformers, as its `_get_logits_processor` lists them for a generation config.

  make_processors.py OUT_DIR

`processors.json` says for every tensor `out.NAME` of expected.safetensors what it follows from:
  config   the keys of generation_config.json
  scores   the tensor of scores [hypotheses, vocab] (`scores` where it is not said)
  length   how many of the columns of `prev_ids` there are so far (all where it is not said)
  prompt   how many of them the decoder was given (1)
  eos      the ids that end a text ([1])
  taken    per input the ids that earlier groups of beams have just taken (diverse beam search,
           which transformers 5 has no more: here by its formula)
  allowed  m: ids that may follow are those where (id + last id + input) is a multiple of m
  custom   a user's own processor: a sequence bias
"""
import json, os, sys
from types import SimpleNamespace

os.environ["CUDA_VISIBLE_DEVICES"] = ""
import torch
import transformers as tf
from safetensors.torch import save_file
from transformers.generation import GenerationConfig, GenerationMixin
from transformers.generation import logits_process as lp

tf.utils.logging.set_verbosity_error()
torch.set_num_threads(1)

VOCAB, ROWS = 40, 4


def inputs():
    g = torch.Generator().manual_seed(5)
    normal = lambda *shape: torch.randn(*shape, generator=g) * 2
    scores = normal(ROWS, VOCAB)
    # Halves, so that many are equal, and some that are removed already.
    ties = (normal(ROWS, VOCAB) * 2).round() / 2
    ties[:, ::5] = -torch.inf
    removed = scores.clone()
    removed[:, 10:30] = -torch.inf
    invalid = scores.clone()
    invalid[:, 3], invalid[:, 4], invalid[:, 5] = torch.nan, torch.inf, -torch.inf
    prev = torch.randint(2, 9, (ROWS, 10), generator=g)
    prev[:, 0] = 0
    prev[:, -2:] = prev[:, 2:4]  # so that a bigram comes twice
    encoder = torch.randint(2, 9, (ROWS, 12), generator=g)
    encoder[:, 4:6] = prev[:, -2:]
    return {
        "scores": scores, "ties": ties, "removed": removed, "invalid": invalid,
        "one": normal(ROWS, 1), "many": normal(ROWS, 104), "wide": normal(1, 1500), "prev_ids": prev, "encoder_input_ids": encoder,
    }


SAMPLE = {"do_sample": True, "top_k": 0}
KEYS = {
    "temperature": 0.7, "top_k": 7, "top_p": 0.8, "min_p": 0.05, "top_h": 0.4, "typical_p": 0.7,
    "epsilon_cutoff": 0.01, "eta_cutoff": 0.02,
}
# Each removes more than beams can spare.
STRICT = {"top_k": 1, "top_p": 0.01, "min_p": 1.0, "typical_p": 0.01, "epsilon_cutoff": 0.99, "eta_cutoff": 0.99}
TOGETHER = {
    "sequence_bias": [[[7], 1.5], [[8], -2.0]], "encoder_repetition_penalty": 1.4, "repetition_penalty": 1.3,
    "no_repeat_ngram_size": 3, "encoder_no_repeat_ngram_size": 4, "bad_words_ids": [[20], [1]], "min_length": 11,
    "exponential_decay_length_penalty": [2, 1.2], "suppress_tokens": [30, 31], "renormalize_logits": True,
}
DRAWN = {
    "do_sample": True, "temperature": 1.3, "top_k": 40, "top_p": 0.95, "min_p": 0.01, "typical_p": 0.95,
    "epsilon_cutoff": 0.003, "eta_cutoff": 0.003, "renormalize_logits": True,
}


def records(prev):
    """What to write, by name."""
    last = prev[:, -1].tolist()
    table = {}
    for key, value in KEYS.items():
        # Top-h looks at 100 ids.
        table[key] = {"config": {**SAMPLE, key: value}, "scores": "many" if key == "top_h" else "scores"}
        table[f"{key}.removed"] = {"config": {**SAMPLE, key: value}, "scores": "removed"}
        # Which of equal ids top-h and top-p take is left open: here top-p takes all or none.
        # The last that typical takes has its equal.
        if key != "top_h":
            value = {"top_p": 0.715, "typical_p": 0.9}.get(key, value)
            table[f"{key}.ties"] = {"config": {**SAMPLE, key: value}, "scores": "ties"}
    for key, value in STRICT.items():
        table[f"{key}.beams"] = {"config": {**SAMPLE, "num_beams": 2, key: value}, "eos": [1, 2]}
    for key, value in [("top_p", 0.9), ("typical_p", 0.9), ("top_h", 0.9)]:
        table[f"{key}.wide"] = {"config": {**SAMPLE, key: value}, "scores": "wide"}
    config = lambda **keys: {"config": keys}
    odd = [[i] for i in range(1, VOCAB, 2)]
    table |= {
        "sequence_bias": config(sequence_bias=[
            [[5], 1.25], [[5], 0.75], [[last[0], 6], -2.5], [[last[1], 6], 3.0],
            [[prev[2, -2].item(), last[2], 7], 4.0], [[last[2], 7], -1.5], [[2] * 12, 9.0]]),
        "encoder_repetition_penalty": config(encoder_repetition_penalty=1.5),
        "encoder_repetition_penalty.beams": config(encoder_repetition_penalty=0.8, num_beams=2),
        "repetition_penalty": config(repetition_penalty=1.3),
        "repetition_penalty.removed": {**config(repetition_penalty=0.7), "scores": "removed"},
        "bad_words": {**config(bad_words_ids=[[5], [last[0], 6], [1], [prev[1, -2].item(), last[1], 9]])},
        "min_length.short": config(min_length=11),
        "min_length.reached": config(min_length=10),
        "min_new_tokens.short": {**config(min_new_tokens=8, min_length=2), "prompt": 3, "eos": [1, 9]},
        "min_new_tokens.reached": {**config(min_new_tokens=7), "prompt": 3},
        "allowed": {**config(), "allowed": 3},
        "allowed.beams": {**config(num_beams=2), "allowed": 5},
        "allowed.unsatisfiable": {**config(bad_words_ids=odd), "allowed": 2, "eos": [2]},
        "allowed.unsatisfiable_beams": {**config(num_beams=2, bad_words_ids=odd), "allowed": 2, "eos": [2]},
        "forced_bos": {**config(forced_bos_token_id=7), "length": 1},
        "forced_bos.later": {**config(forced_bos_token_id=7), "length": 2},
        "forced_eos": config(forced_eos_token_id=1, max_length=11),
        "forced_eos.many": {**config(forced_eos_token_id=[1, 9], max_new_tokens=8), "prompt": 3},
        "forced_eos.earlier": config(forced_eos_token_id=1, max_length=12),
        "remove_invalid_values": {**config(remove_invalid_values=True), "scores": "invalid"},
        "remove_invalid_values.order":
            {**config(remove_invalid_values=True, bad_words_ids=[[8]], suppress_tokens=[9]), "scores": "ties"},
        "exponential_decay": {**config(exponential_decay_length_penalty=[3, 1.1]), "eos": [1, 9]},
        "exponential_decay.removed":
            {**config(exponential_decay_length_penalty=[1, 0.9]), "scores": "removed", "eos": [1, 20], "prompt": 4},
        "exponential_decay.earlier": config(exponential_decay_length_penalty=[9, 1.1]),
        "suppress": config(suppress_tokens=[3, VOCAB - 1]),
        "begin_suppress": {**config(begin_suppress_tokens=[3, 4]), "length": 1},
        "begin_suppress.later": {**config(begin_suppress_tokens=[3, 4]), "length": 2},
        "begin_suppress.prompt": {**config(begin_suppress_tokens=[3, 4], forced_bos_token_id=7), "length": 3, "prompt": 3},
        "begin_suppress.forced": {**config(begin_suppress_tokens=[3, 4], forced_bos_token_id=7), "length": 2},
        "renormalize": config(renormalize_logits=True),
        "renormalize.ties": {**config(renormalize_logits=True), "scores": "ties"},
        "hamming": {**config(num_beams=4, num_beam_groups=2, diversity_penalty=0.7), "taken": [[5, 6, 5], [7]]},
        "hamming.order": {
            **config(num_beams=2, num_beam_groups=2, diversity_penalty=2.5, repetition_penalty=1.8,
                     sequence_bias=[[[i], 1.5] for i in range(2, 9)]),
            "taken": [[5, 6, 5], [7, 5, 8], [], [2, 2, 2]],
        },
        # Pairs that do not commute.
        "allowed.forced_bos": {**config(forced_bos_token_id=7), "length": 1, "allowed": 3},
        "min_length.forced_eos": config(min_length=11, max_length=11, forced_eos_token_id=1),
        "forced_eos.remove_invalid_values": config(max_length=11, forced_eos_token_id=1, remove_invalid_values=True),
        "min_p.typical_p": config(**SAMPLE, min_p=0.3, typical_p=0.6),
        "typical_p.epsilon_cutoff": config(**SAMPLE, typical_p=0.4, epsilon_cutoff=0.1),
        "epsilon_cutoff.eta_cutoff": config(**SAMPLE, epsilon_cutoff=0.05, eta_cutoff=0.3),
        "eta_cutoff.renormalize": config(**SAMPLE, eta_cutoff=0.3, renormalize_logits=True),
        "greedy.together": config(**TOGETHER),
        "beams.together": config(**TOGETHER, num_beams=4),
        "sampling.together": {**config(**TOGETHER | DRAWN, top_h=0.9), "scores": "many", "custom": [[[11], 2.0], [[12], -3.0]]},
        "beam_sampling.together": {**config(**TOGETHER | DRAWN, num_beams=2), "eos": [1, 9], "allowed": 2},
        "sampling.one": {**config(**DRAWN, top_h=0.5), "scores": "one"},
    }
    for size in 1, 2, 3, 12:
        table[f"no_repeat_ngram.{size}"] = config(no_repeat_ngram_size=size)
        table[f"encoder_no_repeat_ngram.{size}"] = config(encoder_no_repeat_ngram_size=size, num_beams=2)
    table["encoder_no_repeat_ngram.start"] = {**config(encoder_no_repeat_ngram_size=3), "length": 1}
    return table


def hamming(penalty, taken, beams):
    """transformers 4's HammingDiversityLogitsProcessor: how often an id was taken, times the penalty."""
    def process(_, scores):
        counts = torch.stack([torch.bincount(torch.tensor(ids, dtype=torch.long), minlength=scores.shape[-1]) for ids in taken])
        return scores - penalty * counts.to(scores.dtype).repeat_interleave(beams, 0)
    return process


def run(record, tensors):
    config = GenerationConfig(**record["config"])
    lengths = config.max_length is None, config.min_length is None
    config.update(**GenerationConfig._get_default_generation_params(), defaults_only=True)
    model = SimpleNamespace(
        config=SimpleNamespace(is_encoder_decoder=True),
        _merge_criteria_processor_list=lambda ours, custom: lp.LogitsProcessorList(ours + custom))
    prompt = record.get("prompt", 1)
    config = GenerationMixin._prepare_generated_length(model, config, *lengths, "input_ids", prompt, None)
    config._eos_token_tensor = torch.tensor(record.get("eos", [1]))
    scores = tensors[record.get("scores", "scores")]
    rows, vocab = scores.shape
    # In transformers 4 the rows of a group are a search of their own.
    beams = config.num_beams // config.num_beam_groups if "taken" in record else config.num_beams
    config.num_beams = beams
    batch = rows // beams
    allowed = None
    if multiple := record.get("allowed"):
        allowed = lambda batch_id, ids: [i for i in range(vocab) if (i + ids[-1].item() + batch_id) % multiple == 0]
    custom = [lp.SequenceBiasLogitsProcessor(record["custom"])] if "custom" in record else []
    processors = GenerationMixin._get_logits_processor(
        model, config, prompt, tensors["encoder_input_ids"][:batch], allowed, custom, "cpu", {})
    if "taken" in record:
        at = sum(isinstance(p, lp.SequenceBiasLogitsProcessor) for p in processors)
        processors.insert(at, hamming(config.diversity_penalty, record["taken"], beams))
    ids = tensors["prev_ids"][:rows, : record.get("length")]
    for processor in processors:
        scores = processor(ids, scores)
    return scores


def main():
    out = os.path.join(sys.argv[1], "processors")
    os.makedirs(out, exist_ok=True)
    tensors = inputs()
    exact = {name: t.double() if t.is_floating_point() else t for name, t in tensors.items()}
    table = records(tensors["prev_ids"])
    results = {}
    for name, record in table.items():
        results[f"out.{name}"] = run(record, tensors).clone()
        # No result hangs on rounding.
        wanted, got = run(record, exact), results[f"out.{name}"]
        assert torch.equal(wanted.isneginf(), got.isneginf()) or record.get("scores") == "invalid", name
        if name in ("top_p.ties", "typical_p.ties"):  # nor on how equal ones are sorted
            for before, after in zip(tensors["ties"], got):
                assert not set(before[after.isneginf()].tolist()) & set(after[after.isfinite()].tolist()), name
    save_file(tensors | results, f"{out}/expected.safetensors")
    with open(f"{out}/processors.json", "w") as file:
        file.write("{\n" + ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in table.items()) + "\n}\n")


if __name__ == "__main__":
    main()

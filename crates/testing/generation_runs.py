"""Runs `generate` of the transformers that is installed, one row at a time, and checks that rounding decides nothing.

`Older` has another interpreter do so; as a program this file is the other side of it, JSON in and out.
"""
import copy
import json
import math
import pathlib
import subprocess
import sys

import torch
import transformers
from generation_cases import prompted
from make_reference import EOS, PAD

SMALLEST_GAP = 1e-4  # between two scores of an n-best list
SHAKE = 1e-5  # relative


def until_end(ids, num_prompt, eos):
    end = next((at + 1 for at, token in enumerate(ids) if at >= num_prompt and token in eos), len(ids))
    return ids[:end]


class Recorder(transformers.LogitsProcessor):
    """Keeps the scores of group beam search by group and prefix: 4.53's beam_indices are those of the first group."""

    def __init__(self):
        self.scores = {}

    def __call__(self, input_ids, scores, current_tokens, beam_group_idx):
        for prefix, of_prefix in zip(input_ids.tolist(), scores.tolist()):
            self.scores[beam_group_idx, *prefix] = of_prefix
        return scores

    def transition_scores(self, ids, num_prompt, group):
        prefixes = [(group, *ids[:at]) for at in range(num_prompt, len(ids))]
        known = all(prefix in self.scores for prefix in prefixes)
        return [self.scores[prefix][token] for prefix, token in zip(prefixes, ids[num_prompt:])] if known else None


def transition_scores(model, output, sequences, num_prompt, arguments, recorder):
    """Scores of the generated ids of each sequence; those of beams add up to the score of the sequence."""
    beams, groups = arguments.get("num_beams", 1) > 1, range(arguments.get("num_beam_groups", 1))
    if len(groups) > 1:
        found = [[recorder.transition_scores(ids, num_prompt, group) for group in groups] for ids in sequences]
    else:
        given = model.compute_transition_scores(output.sequences, output.scores, output.get("beam_indices"),
                                                normalize_logits=not beams).tolist()
        found = [[scores[:len(ids) - num_prompt]] for scores, ids in zip(given, sequences)]
    if not beams:
        return [scores for scores, in found]
    penalty = arguments.get("length_penalty", 1.0)
    return [adding_up(scores, whole, penalty) for scores, whole in zip(found, output.sequences_scores.tolist())]


def adding_up(candidates, whole, length_penalty):
    """The candidate whose scores are those that the score of the sequence was made of."""
    for scores in filter(None, candidates):
        added = math.fsum(scores) / len(scores) ** length_penalty
        if math.isclose(added, whole, rel_tol=1e-5, abs_tol=1e-5):
            return scores
    raise RuntimeError(f"{candidates} do not add up to {whole}")


def run(model, assistant, row, name, arguments, **more):
    """The output of `generate` for one input, and its ids as lists that end with their end."""
    ids = torch.tensor([row["input_ids"]])
    prompt = row["prompt"] if prompted(name) else [PAD]
    if "num_assistant_tokens" in arguments:  # read from the config of the assistant
        settings = assistant.generation_config
        settings.num_assistant_tokens = arguments["num_assistant_tokens"]
        settings.num_assistant_tokens_schedule = arguments["num_assistant_tokens_schedule"]
        settings.assistant_confidence_threshold = 0.0
        more["assistant_model"] = assistant
    arguments = {key: value for key, value in arguments.items() if key != "output_attentions"}
    output = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids),
                            decoder_input_ids=torch.tensor([prompt]), do_sample=False, return_dict_in_generate=True,
                            **arguments, **more)
    eos = arguments.get("eos_token_id", [EOS])
    return output, [until_end(sequence, len(prompt), eos) for sequence in output.sequences.tolist()]


def generate(model, assistant, row, name, arguments):
    """What is stored for one input: `ids`, `token_scores`, `scores` and whether it `ended`, of each sequence."""
    recorder = Recorder() if "num_beam_groups" in arguments else None
    output, sequences = run(model, assistant, row, name, arguments, output_scores=True,
                            logits_processor=[recorder] if recorder else [])
    num_prompt = len(row["prompt"]) if prompted(name) else 1
    token_scores = transition_scores(model, output, sequences, num_prompt, arguments, recorder)
    beams = arguments.get("num_beams", 1) > 1
    return {"ids": sequences, "ended": [ids[-1] in arguments.get("eos_token_id", [EOS]) for ids in sequences],
            "token_scores": token_scores, "scores": output.sequences_scores.tolist() if beams else []}


def outcomes(model, assistant, pool, cases, _=None):
    """By row of the pool what `generate` gives by name; None where two scores of a list are close."""
    results = []
    for row in pool:
        of_row = {name: generate(model, assistant, row, name, arguments) for name, arguments in cases.items()}
        gaps = (high - low for given in of_row.values() for high, low in zip(given["scores"], given["scores"][1:]))
        results.append(of_row if min(gaps) >= SMALLEST_GAP else None)
    return results


def steady(model, assistant, pool, cases, results):
    """Whether the ids of each row stay in f64 and when the weights are shaken."""
    variants = [(copy.deepcopy(model).double(), copy.deepcopy(assistant).double()),
                *((shaken(model, seed), shaken(assistant, seed)) for seed in range(2))]
    return [all(run(*variant, row, name, arguments)[1] == of_row[name]["ids"]
                for name, arguments in cases.items() for variant in variants)
            for row, of_row in zip(pool, results)]


def shaken(model, seed):
    g = torch.Generator().manual_seed(seed)
    model = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 1 + SHAKE * torch.randn(parameter.shape, generator=g)
    return model


class Older:
    """transformers 4.53 in a process of its own, for the model saved in the folder; there it gives the same logits."""

    def __init__(self, python, folder, model):
        self.python = python
        self.given = {"folder": str(folder), "logits": some_logits(model).tolist()}

    def __call__(self, job, pool, cases, results=None):
        given = dict(self.given, job=job.__name__, pool=pool, cases=cases, results=results)
        done = subprocess.run([self.python, __file__], input=json.dumps(given), text=True, check=True,
                              stdout=subprocess.PIPE)
        return json.loads(done.stdout)


def answer():
    """The other side of `Older`."""
    given = json.load(sys.stdin)
    model = load_older(given["folder"])
    torch.testing.assert_close(some_logits(model), torch.tensor(given["logits"]), atol=1e-5, rtol=1e-5)
    job = {"outcomes": outcomes, "steady": steady}[given["job"]]
    json.dump(job(model, model, given["pool"], given["cases"], given["results"]), sys.stdout)


def some_logits(model):
    with torch.no_grad():
        return model(input_ids=torch.arange(2, 12)[None], decoder_input_ids=torch.arange(8)[None]).logits


def load_older(folder):
    """4.53 ties and scales by `tie_word_embeddings`, which 5.23 always writes as true."""
    config = transformers.T5Config.from_pretrained(folder)
    config.tie_word_embeddings = config.scale_decoder_outputs
    return transformers.T5ForConditionalGeneration.from_pretrained(folder, config=config).eval()


if __name__ == "__main__":
    answer()

#!/usr/bin/env python3
"""Builds the reference cases of generation: two tiny T5, v1.0 with a tied and v1.1 with its own head.

  make_generation.py OUT_DIR --older PYTHON [--seed 0]

Run it with transformers 5.23; PYTHON is an interpreter with transformers 4.53, the last one whose core has group beam
search and contrastive search: the cases `group_*` and `contrastive_*` come from there, all others from 5.23.

Per model a folder: config.json + model.safetensors as save_pretrained writes them, the same of a smaller draft model in
assistant/, generate.json (name: arguments of `generate`, in the keys of generation_config.json) and
expected.safetensors:

  input_ids, attention_mask              the inputs [rows, S], padded on the right
  gen.<name>.ids                         [rows * num_return_sequences, T] with the start id; pad id after the end
  gen.<name>.token_scores                what compute_transition_scores gives, [.., T - prompt]: for beams of the
                                         processed log-probabilities, else normalized; 0 after the end
  gen.<name>.sequences_scores            of beams
  gen.<name>.decoder_input_ids           [rows, 3], where the decoder is given a beginning
  gen.<name>.cross_attentions            [.., heads, T - 1, S], where output_attentions is set: of the last layer, from
                                         a forward pass over the final ids; 0 where there is padding

Every row is generated alone: padding is then no part of what the encoder_* processors see, and assisted generation
takes one row anyway. Out of a pool of random inputs those are kept whose ids are the same in f64 and with weights
shaken a little, and of these the few that tell most pairs of cases apart.
"""
import argparse
import collections
import copy
import functools
import itertools
import pathlib

import make_reference as reference
import torch
from generation_cases import MAX_LENGTH, different, newer_cases, older_cases, prompted
from generation_runs import Older, generate, outcomes, steady
from make_reference import EOS, PAD

DIMS = dict(vocab_size=80, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
MODELS = {
    "generation_v10": ("T5", True, dict(DIMS, feed_forward_proj="relu")),
    "generation_v11": ("T5", False, dict(DIMS, feed_forward_proj="gated-gelu")),
}
NUM_POOL, NUM_ROWS = 28, 5
END_BOOST = 1.3  # of the row of </s> in the head, or the beams end too seldom to compete
MAX_ALIKE = 3  # pairs of cases that no row tells apart


def draft_of(model):
    """A smaller model that often agrees: the same with only the first block of the decoder."""
    draft = copy.deepcopy(model)
    del draft.decoder.block[1:]
    draft.config.num_decoder_layers = 1
    return draft


def random_pool(g, vocab):
    lengths = torch.randint(3, 15, (NUM_POOL,), generator=g).tolist()
    return [{"input_ids": [*torch.randint(2, vocab, (length,), generator=g).tolist(), EOS],
             "prompt": [PAD, *torch.randint(2, vocab, (2,), generator=g).tolist()]} for length in lengths]


def features(outcome):
    """What a row shows: which cases end, which reach the limit, which two give other ids."""
    ends = {(name, ended) for name, given in outcome.items() for ended in given["ended"]}
    return ends | {(one, other) for one, other in itertools.combinations(outcome, 2)
                   if any(a != b for a, b in zip(outcome[one]["ids"], outcome[other]["ids"]))}


def choose(results, pairs):
    """The rows that together show most, and the pairs that none of them shows."""
    shown = {row: features(outcome) for row, outcome in enumerate(results) if outcome}
    chosen, seen = [], set()
    while len(chosen) < min(NUM_ROWS, len(shown)):
        best = max((row for row in shown if row not in chosen),
                   key=lambda row: (len((shown[row] & pairs) - seen), len(shown[row] - seen)))
        chosen.append(best)
        seen |= shown[best]
    return sorted(chosen), sorted(pairs - seen)


def lively(outputs):
    """Whether greedy generation ends now and then, also early, and does more than repeat itself."""
    sequences = [output["ids"][0] for output in outputs]
    ended = sum(output["ended"][0] for output in outputs) / len(outputs)
    early = sum(len(ids) <= MAX_LENGTH / 2 for ids in sequences) / len(outputs)
    variety = sum(len(set(ids)) / len(ids) for ids in sequences) / len(sequences)
    return early >= 0.25 and ended <= 0.8 and variety >= 0.5 and len(set().union(*sequences)) >= 35


def favourites(outputs):
    """The ids and the pairs of ids that are generated most."""
    sequences = [output["ids"][0][1:] for output in outputs]
    ids = collections.Counter(token for ids in sequences for token in ids if token not in (PAD, EOS))
    pairs = collections.Counter(pair for ids in sequences for pair in zip(ids, ids[1:]) if not {PAD, EOS} & set(pair))
    return [token for token, _ in ids.most_common(5)], [list(pair) for pair, _ in pairs.most_common(4)]


def call(model, draft, job, *given):
    return job(model, draft, *given)


def telling_rows(versions, cases, pool):
    """Steady rows that tell all cases apart, and what is generated for them; None if there are none."""
    parts = [version(outcomes, pool, its_cases) for version, its_cases in zip(versions, cases)]
    results = [newer | older if newer and older else None for newer, older in zip(*parts)]
    pairs = different(cases[0] | cases[1])
    while True:
        chosen, alike = choose(results, pairs)
        print(len(results) - results.count(None), "rows left, cases alike:", alike, flush=True)
        if len(chosen) < NUM_ROWS or len(alike) > MAX_ALIKE:
            return None
        rows, kept = [pool[row] for row in chosen], [results[row] for row in chosen]
        stay = [version(steady, rows, its_cases, kept) for version, its_cases in zip(versions, cases)]
        if all(map(all, stay)):
            return rows, kept
        for row, *stays in zip(chosen, *stay):
            results[row] = results[row] if all(stays) else None


def search(name, folder, python):
    """Weights and rows whose ids are steady and tell the cases apart."""
    family, tied, changes = MODELS[name]
    for attempt in range(100):
        g = reference.rng(f"{name}/{attempt}")
        model = reference.t5_model(family, tied, changes, g)
        with torch.no_grad():
            model.lm_head.weight[EOS] *= END_BOOST
        pool = random_pool(g, model.config.vocab_size)
        greedy = [generate(model, None, row, "greedy", dict(max_new_tokens=MAX_LENGTH)) for row in pool]
        if not lively(greedy):
            continue
        often, pairs = favourites(greedy)
        draft = draft_of(model)
        cases = [newer_cases(often, pairs, often[4]), older_cases(often, pairs, often[4])]
        penalties = {name: arguments for name, arguments in cases[0].items() if "_penalty_" in name}
        if choose(outcomes(model, draft, pool[:8], penalties), different(penalties))[1]:
            continue
        model.save_pretrained(folder)
        draft.save_pretrained(folder / "assistant")
        newer = functools.partial(call, model, draft)
        found = telling_rows((newer, Older(python, folder, model)), cases, pool)
        if found:
            print(name, "attempt", attempt)
            return model, *found, cases[0] | cases[1]
    raise RuntimeError(f"{name}: no lively weights found")


def padded(lists, dtype=None):
    """Lists of lists as one tensor, zeros behind the shorter ones."""
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(each, dtype=dtype) for each in lists], batch_first=True)


def cross_attentions(model, rows, outcome):
    """[sequences, heads, T - 1, S] of the last layer."""
    maps = []
    for row, given in zip(rows, outcome):
        for ids in given["ids"]:
            with torch.no_grad():
                output = model(input_ids=torch.tensor([row["input_ids"]]), decoder_input_ids=torch.tensor([ids[:-1]]),
                               output_attentions=True)
            maps.append(output.cross_attentions[-1][0])
    whole = torch.zeros(len(maps), *(max(each.shape[axis] for each in maps) for axis in range(3)))
    for sequence, each in enumerate(maps):
        whole[sequence, :, :each.shape[1], :each.shape[2]] = each
    return whole


def expectations(model, rows, results, cases):
    inputs = [row["input_ids"] for row in rows]
    expected = {"input_ids": padded(inputs), "attention_mask": padded([[1] * len(ids) for ids in inputs])}
    for name, arguments in cases.items():
        outcome = [result[name] for result in results]
        expected[f"gen.{name}.ids"] = padded([ids for given in outcome for ids in given["ids"]])
        token_scores = [scores for given in outcome for scores in given["token_scores"]]
        expected[f"gen.{name}.token_scores"] = padded(token_scores, torch.float32)
        if arguments.get("num_beams", 1) > 1:
            scores = [score for given in outcome for score in given["scores"]]
            expected[f"gen.{name}.sequences_scores"] = torch.tensor(scores)
        if prompted(name):
            expected[f"gen.{name}.decoder_input_ids"] = torch.tensor([row["prompt"] for row in rows])
        if arguments.get("output_attentions"):
            expected[f"gen.{name}.cross_attentions"] = cross_attentions(model, rows, outcome)
    return expected


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--older", required=True, help="an interpreter with transformers 4.53")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="models whose names begin so")
    reference.ARGS = arguments = parser.parse_args()
    arguments.scale = 1.0
    for name in MODELS:
        if not name.startswith(arguments.only):
            continue
        folder = arguments.out / name
        model, rows, results, cases = search(name, folder, arguments.older)
        expected = expectations(model, rows, results, cases)
        reference.write(folder, None, expected, extra_json={"generate.json": cases})
        ended = [end for each in results for given in each.values() for end in given["ended"]]
        print(name, len(cases), "cases;", sum(ended), "sequences end,", len(ended) - sum(ended), "reach the limit")


if __name__ == "__main__":
    main()

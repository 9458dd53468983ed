"""Repeats a fine-tuning of `lamplight train` in PyTorch, from the same weights, and lays the scores side by side.

    pip install torch transformers safetensors sentencepiece sacrebleu
    python crates/testing/compare_fine_tuning.py RUN... [--seeds 1 2 3] [--json FILE]

Each RUN is the folder of a finished run of `lamplight train --init-from`, one for each seed: of ELECTRA with the
objective sequence_classification, or of T5 with text_to_text. Weights, texts, recipe and last held-out score are read
from the first one; of the others only the score. The same steps are then made with transformers: the model, dropout,
the tokenizer and the loss are its own, the update rules those that the recipe names. Only the order of the examples and
the drawn noise differ, so that scores agree within their spread over the seeds, not to the digit.
"""
import argparse
import gzip
import json
import pathlib
import random
import re
import statistics
import time
import tomllib

import torch
import transformers


def read_records(paths):
    for path in paths:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())


class Run:
    """What a run's folder says of it."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.recipe = tomllib.loads((folder / "recipe.toml").read_text())
        origin = json.loads((folder / "origin.json").read_text())
        self.init_from = origin["init_from"]
        self.training, self.held_out = origin["sources"]["data"], origin["sources"]["valid"]
        lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        self.scores = [line for line in lines if line["kind"] == "evaluation"][-1]


class SequenceClassification:
    score = "accuracy"

    def __init__(self, run):
        self.run, self.length = run, run.recipe["data"]["inputs_length"]
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(run.init_from)
        training = list(read_records(run.training))
        self.labels = sorted({str(record["label"]) for record in training})
        self.examples, self.held_out = self.encode(training), self.encode(read_records(run.held_out))

    def encode(self, records):
        records = list(records)
        texts = [record.get("text", record.get("sentence1", record.get("sentence"))) for record in records]
        ids = self.tokenizer(texts, truncation=True, max_length=self.length)["input_ids"]
        return [(row, self.labels.index(str(record["label"]))) for row, record in zip(ids, records)]

    def model(self):
        dropout = {key: value for key, value in self.run.recipe["model"]["config"].items() if "dropout" in key}
        return transformers.ElectraForSequenceClassification.from_pretrained(
            self.run.init_from, num_labels=len(self.labels), **dropout)

    def batch(self, examples):
        rows = self.tokenizer.pad({"input_ids": [ids for ids, _ in examples]}, return_tensors="pt")
        return {**rows, "labels": torch.tensor([label for _, label in examples])}

    def evaluate(self, model):
        num_right = 0
        for start in range(0, len(self.held_out), 64):
            batch = self.batch(self.held_out[start:start + 64])
            num_right += int((model(**batch).logits.argmax(-1) == batch["labels"]).sum())
        return num_right / len(self.held_out)


class TextToText:
    score = "bleu"

    def __init__(self, run):
        self.run, data = run, run.recipe["data"]
        self.lengths = data["inputs_length"], data["targets_length"]
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(run.init_from)
        pairs = [(self.source(record), record["target"]) for record in read_records(run.training)]
        inputs, targets = ([pair[side] for pair in pairs] for side in (0, 1))
        self.examples = list(zip(self.encode(inputs, 0), self.encode(targets, 1)))
        self.held_out = list(read_records(run.held_out))[:run.recipe["evaluation"]["num_answers"]]

    @staticmethod
    def source(record):
        return record.get("input", record.get("source"))

    def encode(self, texts, side):
        return self.tokenizer(texts, truncation=True, max_length=self.lengths[side])["input_ids"]

    def model(self):
        dropout = self.run.recipe["model"]["config"].get("dropout_rate", 0.1)
        return transformers.T5ForConditionalGeneration.from_pretrained(self.run.init_from, dropout_rate=dropout)

    def batch(self, examples):
        inputs = self.tokenizer.pad({"input_ids": [ids for ids, _ in examples]}, return_tensors="pt")
        targets = self.tokenizer.pad({"input_ids": [ids for _, ids in examples]}, return_tensors="pt")
        labels = targets.input_ids.masked_fill(targets.attention_mask == 0, -100)
        return {**inputs, "labels": labels}

    def evaluate(self, model):
        import sacrebleu
        answers = []
        for start in range(0, len(self.held_out), 64):
            texts = [self.source(record) for record in self.held_out[start:start + 64]]
            batch = self.tokenizer(texts, padding=True, truncation=True, max_length=self.lengths[0], return_tensors="pt")
            ids = model.generate(input_ids=batch.input_ids, attention_mask=batch.attention_mask, do_sample=False,
                                 num_beams=1, max_new_tokens=self.lengths[1])
            answers += self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        references = [record.get("targets") or [record["target"]] for record in self.held_out]
        most = max(map(len, references))
        streams = [[row[place] if place < len(row) else None for row in references] for place in range(most)]
        return sacrebleu.corpus_bleu(answers, streams).score


class ElectraAdam(torch.optim.Optimizer):
    """AdamW without bias correction."""

    def __init__(self, groups, betas, epsilon):
        super().__init__(groups, {"betas": betas, "epsilon": epsilon})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in filter(lambda parameter: parameter.grad is not None, group["params"]):
                state = self.state[parameter]
                if not state:
                    state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                state["mean"].lerp_(parameter.grad, 1 - beta1)
                state["square"].lerp_(parameter.grad.square(), 1 - beta2)
                update = state["mean"] / (state["square"].sqrt() + group["epsilon"])
                parameter -= group["lr"] * (update + group["weight_decay"] * parameter)


def layer_factor(name, num_layers, settings):
    """The factor on the learning rate: it falls from layer to layer, away from the head."""
    layer = re.search(r"encoder\.layer\.(\d+)", name)
    depth = int(layer[1]) + 1 if layer else 0 if "embeddings" in name else None
    if depth is None or "layer_decay" not in settings:
        return 1.0
    return settings["layer_decay"] ** (num_layers + 1 + settings.get("layer_decay_gap", False) - depth)


def make_optimizer(model, settings):
    def group(name, parameter):
        is_spared = parameter.ndim < 2 or "norm" in name.lower() or "relative_attention_bias" in name
        num_layers = getattr(model.config, "num_hidden_layers", 0)
        return {"params": [parameter], "factor": layer_factor(name, num_layers, settings),
                "weight_decay": 0.0 if is_spared else settings.get("weight_decay", 0.0)}

    groups = [group(name, parameter) for name, parameter in model.named_parameters()]
    betas, epsilon = tuple(settings.get("betas", (0.9, 0.999))), settings.get("epsilon", 1e-6)
    match settings["kind"]:
        case "electra_adam":
            return ElectraAdam(groups, betas, epsilon)
        case "adamw":
            return torch.optim.AdamW(groups, betas=betas, eps=epsilon)
        case "adafactor" if settings.get("min_dim_size_to_factor") == 1:
            return transformers.optimization.Adafactor(groups, lr=1.0, relative_step=False, scale_parameter=True)
    raise SystemExit(f"the optimizer of the recipe is none that this script knows: {settings}")


def learning_rate(settings, peak, step, num_steps):
    warmup = settings.get("warmup_steps", 0) or settings.get("warmup_fraction", 0.0) * num_steps
    ramp = min(1.0, step / warmup) if warmup else 1.0
    match settings["kind"]:
        case "electra":
            return peak * ramp * (1 - step / num_steps)
        case "constant":
            return peak * ramp
        case "linear" if not settings.get("final_learning_rate"):
            return peak * ramp * min(1.0, (num_steps - step) / (num_steps - warmup))
    raise SystemExit(f"the schedule of the recipe is none that this script knows: {settings}")


def epochs(examples, batch_size, generator):
    while True:
        order = generator.sample(range(len(examples)), len(examples))
        for start in range(0, len(order) - batch_size + 1, batch_size):
            yield [examples[place] for place in order[start:start + batch_size]]


def train(task, seed):
    recipe = task.run.recipe
    training, peak = recipe["training"], recipe["optimizer"]["learning_rate"]
    torch.manual_seed(seed)
    model = task.model().train()
    optimizer = make_optimizer(model, recipe["optimizer"])
    batches = epochs(task.examples, training["batch_size"], random.Random(seed))
    for step in range(training["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = group["factor"] * learning_rate(recipe["schedule"], peak, step, training["steps"])
        model(**task.batch(next(batches))).loss.backward()
        if training.get("clip_norm"):
            torch.nn.utils.clip_grad_norm_(model.parameters(), training["clip_norm"])
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        return task.evaluate(model.eval())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    runs = [Run(folder) for folder in arguments.runs]
    kinds = {"sequence_classification": SequenceClassification, "text_to_text": TextToText}
    task = kinds[runs[0].recipe["data"]["objective"]](runs[0])
    ours = [run.scores[task.score] for run in runs]
    theirs = []
    for seed in arguments.seeds:
        started = time.monotonic()
        theirs.append(train(task, seed))
        print(f"transformers, seed {seed}: {task.score} {theirs[-1]:.4f} in {time.monotonic() - started:.0f} s", flush=True)
    result = {"score": task.score, "lamplight": ours, "transformers": theirs}
    for name in ("lamplight", "transformers"):
        scores = result[name]
        print(f"{name:>12}  median {statistics.median(scores):.4f}  lowest {min(scores):.4f}  highest {max(scores):.4f}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

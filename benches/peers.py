"""The workloads of `lamplight bench` in other libraries, on a processor, in f32 or int8.

    pip install torch transformers ctranslate2 onnxruntime onnx onnxscript
    python benches/peers.py --list              # the peers that are installed, and their workloads
    python benches/peers.py PEER WORKLOAD [--threads N]

Prints an object in a line for each shape of a workload, with the keys of `lamplight bench --json`. Models have random
weights and the published sizes. `cargo xtask bench --against PEER` runs this in turn with lamplight.
"""
import argparse
import functools
import importlib.util
import json
import os
import resource
import statistics
import sys
import tempfile
import time

NUM_WARM_UPS, MIN_RUNS, MAX_RUNS, BUDGET_S = 2, 5, 100, 10.0
SOURCE = TARGET = 64


def timed(run):
    for _ in range(NUM_WARM_UPS):
        run()
    started, seconds = time.perf_counter(), []
    while len(seconds) < MIN_RUNS or len(seconds) < MAX_RUNS and time.perf_counter() - started < BUDGET_S:
        run_started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - run_started)
    return {"median_s": statistics.median(seconds), "best_s": min(seconds), "num_runs": len(seconds)}


@functools.cache
def torch_and_transformers():
    import torch
    import transformers
    transformers.utils.logging.set_verbosity_error()
    torch.manual_seed(0)
    return torch, transformers


def t5_small(dropout=0.0):
    _, transformers = torch_and_transformers()
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(dropout_rate=dropout, decoder_start_token_id=0))


def electra_small(model, **settings):
    _, transformers = torch_and_transformers()
    return getattr(transformers, model)(transformers.ElectraConfig(**settings))


def ids(*shape, vocab_size=32000):
    torch, _ = torch_and_transformers()
    return torch.randint(104, vocab_size, shape)


def compiled(model, compiles):
    torch, _ = torch_and_transformers()
    return torch.compile(model) if compiles else model


# PyTorch, eager and compiled

def matmul():
    torch, _ = torch_and_transformers()
    for rows, inner, columns in [(2048, 2048, 2048), (2048, 512, 2048), (2048, 512, 512), (2048, 2048, 512),
                                 (2048, 256, 1024), (456, 512, 32128), (4, 512, 32128), (1, 512, 32128)]:
        left, right = torch.randn(rows, inner), torch.randn(inner, columns)
        timing = timed(lambda: torch.mm(left, right))
        rate = 2 * rows * inner * columns / timing["median_s"] / 1e9
        yield {"shape": f"{rows}x{inner}x{columns}", "gflops_per_second": rate, **timing}


def t5_encoder(compiles):
    torch, _ = torch_and_transformers()
    model, input_ids = compiled(t5_small().eval().encoder, compiles), ids(4, 512)
    with torch.inference_mode():
        yield with_rate(timed(lambda: model(input_ids=input_ids)), 4 * 512)


def t5_train_step(compiles):
    torch, _ = torch_and_transformers()
    model = t5_small(dropout=0.1).train()
    run, input_ids, labels = compiled(model, compiles), ids(4, 512), ids(4, 114)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step():
        run(input_ids=input_ids, labels=labels, use_cache=False).loss.backward()
        update(model, optimizer)
    yield with_rate(timed(step), 4 * (512 + 114))


def update(model, optimizer):
    torch, _ = torch_and_transformers()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def t5_generate(rows, num_beams):
    torch, _ = torch_and_transformers()
    model, input_ids = t5_small().eval(), ids(rows, SOURCE)
    with torch.inference_mode():
        yield with_rate(timed(lambda: model.generate(
            input_ids, attention_mask=torch.ones_like(input_ids), max_new_tokens=TARGET, min_new_tokens=TARGET,
            num_beams=num_beams, do_sample=False)), rows * TARGET)


def electra_forward(rows, compiles):
    torch, _ = torch_and_transformers()
    model = compiled(electra_small("ElectraForPreTraining").eval(), compiles)
    input_ids = ids(rows, 128, vocab_size=30522)
    mask = torch.ones_like(input_ids)
    with torch.inference_mode():
        yield with_rate(timed(lambda: model(input_ids=input_ids, attention_mask=mask)), rows * 128)


def electra_pretrain_step(compiles):
    torch, _ = torch_and_transformers()
    functional, rows, length, num_masked = torch.nn.functional, 16, 128, 19
    discriminator = electra_small("ElectraForPreTraining")
    generator = electra_small("ElectraForMaskedLM", hidden_size=64, intermediate_size=256, num_attention_heads=1)
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.generator_lm_head.weight = discriminator.electra.embeddings.word_embeddings.weight
    both = torch.nn.ModuleList([generator, discriminator]).train()
    body, detect = compiled(generator.electra, compiles), compiled(discriminator, compiles)
    optimizer = torch.optim.AdamW(both.parameters(), lr=1e-4, weight_decay=0.01)
    input_ids, row = ids(rows, length, vocab_size=30522), torch.arange(rows)[:, None]
    mask = torch.ones_like(input_ids)

    def step():
        places = torch.rand(rows, length).argsort(1)[:, :num_masked]
        masked = input_ids.clone()
        masked[row, places] = 103
        hidden = body(input_ids=masked, attention_mask=mask).last_hidden_state[row, places]
        logits = generator.generator_lm_head(generator.generator_predictions(hidden))
        loss = functional.cross_entropy(logits.flatten(0, 1), input_ids[row, places].flatten())
        corrupted = input_ids.clone()
        noise = -torch.log(-torch.log(torch.rand_like(logits) + 1e-9) + 1e-9)
        corrupted[row, places] = (logits.detach() + noise).argmax(-1)
        replaced = (corrupted != input_ids).long()
        (loss + 50 * detect(input_ids=corrupted, attention_mask=mask, labels=replaced).loss).backward()
        update(both, optimizer)
    yield with_rate(timed(step), rows * length)


# CTranslate2 and ONNX Runtime

def ctranslate2_generate(rows, num_beams, compute_type, threads):
    import ctranslate2
    import transformers
    with tempfile.TemporaryDirectory() as folder:
        t5_small().save_pretrained(f"{folder}/model")
        # The converter asks for a tokenizer; one for bytes does, since the tokens of an input may be any.
        transformers.ByT5Tokenizer(extra_ids=125).save_pretrained(f"{folder}/model")
        ctranslate2.converters.TransformersConverter(f"{folder}/model").convert(f"{folder}/converted")
        with open(f"{folder}/converted/shared_vocabulary.json", encoding="utf-8") as file:
            source = json.load(file)[104:104 + SOURCE]
        translator = ctranslate2.Translator(f"{folder}/converted", compute_type=compute_type, intra_threads=threads)
    yield with_rate(timed(lambda: translator.translate_batch(
        [source] * rows, beam_size=num_beams, min_decoding_length=TARGET, max_decoding_length=TARGET)), rows * TARGET)


def electra_onnx(rows, threads):
    import onnxruntime
    torch, _ = torch_and_transformers()
    model = electra_small("ElectraForPreTraining").eval()
    inputs = {"input_ids": ids(rows, 128, vocab_size=30522)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])

    class Logits(torch.nn.Module):
        def forward(self, input_ids, attention_mask):
            return model(input_ids=input_ids, attention_mask=attention_mask).logits

    with tempfile.TemporaryDirectory() as folder:
        torch.onnx.export(Logits(), tuple(inputs.values()), f"{folder}/model.onnx", dynamo=True, input_names=list(inputs))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
    names = {node.name for node in session.get_inputs()}
    feed = {name: value.numpy() for name, value in inputs.items() if name in names}
    yield with_rate(timed(lambda: session.run(None, feed)), rows * 128)


def with_rate(timing, num_tokens):
    return {**timing, "tokens_per_second": num_tokens / timing["median_s"]}


def torch_workloads(compiles):
    workloads = {
        "t5-small-encoder": lambda _: t5_encoder(compiles),
        "t5-small-train-step": lambda _: t5_train_step(compiles),
        "electra-small-forward-b1": lambda _: electra_forward(1, compiles),
        "electra-small-forward-b8": lambda _: electra_forward(8, compiles),
        "electra-small-pretrain-step": lambda _: electra_pretrain_step(compiles),
    }
    if not compiles:
        workloads |= {"matmul": lambda _: matmul(), **generation(lambda rows, beams, _: t5_generate(rows, beams))}
    return workloads


def generation(run):
    return {"t5-small-greedy-b1": lambda threads: run(1, 1, threads),
            "t5-small-greedy-b8": lambda threads: run(8, 1, threads),
            "t5-small-beam4": lambda threads: run(1, 4, threads)}


def by_ctranslate2(compute_type):
    return generation(lambda rows, beams, threads: ctranslate2_generate(rows, beams, compute_type, threads))


PEERS = {
    "torch": ("torch", "f32", torch_workloads(False)),
    "torch-compile": ("torch", "f32", torch_workloads(True)),
    "ctranslate2": ("ctranslate2", "f32", by_ctranslate2("float32")),
    "ctranslate2-int8": ("ctranslate2", "int8", by_ctranslate2("int8")),
    "onnxruntime": ("onnxruntime", "f32", {"electra-small-forward-b1": lambda threads: electra_onnx(1, threads),
                                           "electra-small-forward-b8": lambda threads: electra_onnx(8, threads)}),
}


def installed():
    found = importlib.util.find_spec
    return {peer: sorted(workloads) for peer, (module, _, workloads) in PEERS.items() if found(module)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", nargs="?", choices=PEERS)
    parser.add_argument("workload", nargs="?")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.list:
        print(json.dumps(installed()))
        return
    if not arguments.peer or arguments.workload not in PEERS[arguments.peer][2]:
        sys.exit(f"no such workload; known are {json.dumps(installed())}")
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    _, dtype, workloads = PEERS[arguments.peer]
    import torch
    torch.set_num_threads(arguments.threads)
    for line in workloads[arguments.workload](arguments.threads):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"workload": arguments.workload, "device": arguments.peer, "dtype": dtype,
                          "threads": arguments.threads, **line, "peak_memory_bytes": peak}), flush=True)


if __name__ == "__main__":
    main()

"""The workloads of `lamplight bench` in other libraries, on a processor in f32 or int8, by PyTorch on a GPU too.

    pip install torch transformers ctranslate2 onnxruntime onnx onnxscript
    python benches/peers.py --list              # the peers that are installed, and their workloads
    python benches/peers.py PEER WORKLOAD [--threads N] [--device cuda] [--dtype bf16]

Prints an object in a line for each shape of a workload, with the keys of `lamplight bench --json`. Models have random
weights and the published sizes; with bf16 they are trained by autocast, so that the weights stay in f32, and infer with
weights in bf16. `cargo xtask bench --against PEER` runs this in turn with lamplight.
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
# Where PyTorch computes and in what; set from the arguments.
DEVICE, DTYPE = "cpu", "f32"


def timed(run):
    for _ in range(NUM_WARM_UPS):
        run()
    wait()
    started, seconds = time.perf_counter(), []
    while len(seconds) < MIN_RUNS or len(seconds) < MAX_RUNS and time.perf_counter() - started < BUDGET_S:
        run_started = time.perf_counter()
        run()
        wait()
        seconds.append(time.perf_counter() - run_started)
    return {"median_s": statistics.median(seconds), "best_s": min(seconds), "num_runs": len(seconds)}


@functools.cache
def torch_and_transformers():
    import torch
    import transformers
    transformers.utils.logging.set_verbosity_error()
    torch.manual_seed(0)
    return torch, transformers


def wait():
    if DEVICE == "cuda":
        torch_and_transformers()[0].cuda.synchronize()


def autocast():
    torch, _ = torch_and_transformers()
    return torch.autocast(DEVICE, torch.bfloat16, enabled=DTYPE == "bf16")


def for_inference(model):
    torch, _ = torch_and_transformers()
    return model.eval().to(DEVICE, torch.bfloat16 if DTYPE == "bf16" else torch.float32)


def t5_small(**settings):
    _, transformers = torch_and_transformers()
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(**{"dropout_rate": 0.0, "decoder_start_token_id": 0, **settings}))


def t5_base():
    return t5_small(d_model=768, num_layers=12, num_decoder_layers=12, num_heads=12, d_ff=2048,
                    feed_forward_proj="gated-gelu", tie_word_embeddings=False)


def electra(model, **settings):
    _, transformers = torch_and_transformers()
    return getattr(transformers, model)(transformers.ElectraConfig(**settings))


def ids(*shape, vocab_size=32000):
    torch, _ = torch_and_transformers()
    return torch.randint(104, vocab_size, shape, device=DEVICE)


def compiled(model, compiles):
    torch, _ = torch_and_transformers()
    return torch.compile(model) if compiles else model


# PyTorch, eager and compiled

def matmul():
    torch, _ = torch_and_transformers()
    for rows, inner, columns in [(2048, 2048, 2048), (2048, 512, 2048), (2048, 512, 512), (2048, 2048, 512),
                                 (2048, 256, 1024), (456, 512, 32128), (4, 512, 32128), (1, 512, 32128)]:
        dtype = torch.bfloat16 if DTYPE == "bf16" else torch.float32
        left, right = (torch.randn(*shape, device=DEVICE, dtype=dtype) for shape in ((rows, inner), (inner, columns)))
        timing = timed(lambda: torch.mm(left, right))
        rate = 2 * rows * inner * columns / timing["median_s"] / 1e9
        yield {"shape": f"{rows}x{inner}x{columns}", "gflops_per_second": rate, **timing}


def t5_encoder(compiles):
    torch, _ = torch_and_transformers()
    model, input_ids = compiled(for_inference(t5_small()).encoder, compiles), ids(4, 512)
    with torch.inference_mode():
        yield with_rate(timed(lambda: model(input_ids=input_ids)), 4 * 512)


def t5_train_step(model, rows, parts, compiles):
    torch, _ = torch_and_transformers()
    model = model.train().to(DEVICE)
    run, input_ids, labels = compiled(model, compiles), ids(rows, 512), ids(rows, 114)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step():
        for _ in range(parts):
            with autocast():
                loss = run(input_ids=input_ids, labels=labels, use_cache=False).loss / parts
            loss.backward()
        update(model, optimizer)
    yield with_rate(timed(step), parts * rows * (512 + 114))


def update(model, optimizer):
    torch, _ = torch_and_transformers()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def t5_generate(rows, num_beams, model=t5_small):
    torch, _ = torch_and_transformers()
    model, input_ids = for_inference(model()), ids(rows, SOURCE)
    with torch.inference_mode():
        yield with_rate(timed(lambda: model.generate(
            input_ids, attention_mask=torch.ones_like(input_ids), max_new_tokens=TARGET, min_new_tokens=TARGET,
            num_beams=num_beams, do_sample=False)), rows * TARGET)


def electra_forward(rows, compiles):
    torch, _ = torch_and_transformers()
    model = compiled(for_inference(electra("ElectraForPreTraining")), compiles)
    input_ids = ids(rows, 128, vocab_size=30522)
    mask = torch.ones_like(input_ids)
    with torch.inference_mode():
        yield with_rate(timed(lambda: model(input_ids=input_ids, attention_mask=mask)), rows * 128)


ELECTRA_SMALL = {}, {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 1}
ELECTRA_BASE = tuple({"embedding_size": 768, "hidden_size": 64 * heads, "intermediate_size": 256 * heads,
                      "num_attention_heads": heads} for heads in (12, 4))


def electra_pretrain_step(sizes, rows, length, parts, compiles):
    torch, _ = torch_and_transformers()
    functional, num_masked = torch.nn.functional, int(0.15 * length)
    discriminator = electra("ElectraForPreTraining", **sizes[0])
    generator = electra("ElectraForMaskedLM", **sizes[1])
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.generator_lm_head.weight = discriminator.electra.embeddings.word_embeddings.weight
    both = torch.nn.ModuleList([generator, discriminator]).train().to(DEVICE)
    body, detect = compiled(generator.electra, compiles), compiled(discriminator, compiles)
    optimizer = torch.optim.AdamW(both.parameters(), lr=1e-4, weight_decay=0.01)
    input_ids, row = ids(rows, length, vocab_size=30522), torch.arange(rows, device=DEVICE)[:, None]
    mask = torch.ones_like(input_ids)

    def loss_of_part():
        places = torch.rand(rows, length, device=DEVICE).argsort(1)[:, :num_masked]
        masked = input_ids.clone()
        masked[row, places] = 103
        hidden = body(input_ids=masked, attention_mask=mask).last_hidden_state[row, places]
        logits = generator.generator_lm_head(generator.generator_predictions(hidden))
        loss = functional.cross_entropy(logits.flatten(0, 1), input_ids[row, places].flatten())
        corrupted = input_ids.clone()
        noise = -torch.log(-torch.log(torch.rand_like(logits, dtype=torch.float32) + 1e-9) + 1e-9)
        corrupted[row, places] = (logits.detach() + noise).argmax(-1)
        replaced = (corrupted != input_ids).long()
        return loss + 50 * detect(input_ids=corrupted, attention_mask=mask, labels=replaced).loss

    def step():
        for _ in range(parts):
            with autocast():
                loss = loss_of_part() / parts
            loss.backward()
        update(both, optimizer)
    yield with_rate(timed(step), parts * rows * length)


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
    model = electra("ElectraForPreTraining").eval()
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
        "t5-small-train-step": lambda _: t5_train_step(t5_small(dropout_rate=0.1), 4, 1, compiles),
        "t5-base-train-step": lambda _: t5_train_step(t5_base(), 32, 4, compiles),
        "electra-small-forward-b1": lambda _: electra_forward(1, compiles),
        "electra-small-forward-b8": lambda _: electra_forward(8, compiles),
        "electra-small-pretrain-step": lambda _: electra_pretrain_step(ELECTRA_SMALL, 16, 128, 1, compiles),
        "electra-small-pretrain-step-b128": lambda _: electra_pretrain_step(ELECTRA_SMALL, 128, 128, 1, compiles),
        "electra-base-pretrain-step": lambda _: electra_pretrain_step(ELECTRA_BASE, 64, 512, 4, compiles),
    }
    if not compiles:
        workloads |= {"matmul": lambda _: matmul(), **generation(lambda rows, beams, _: t5_generate(rows, beams)),
                      "t5-base-greedy-b1": lambda _: t5_generate(1, 1, t5_base),
                      "t5-base-greedy-b8": lambda _: t5_generate(8, 1, t5_base)}
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


def peak_memory():
    keys = {"peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if DEVICE == "cuda":
        keys["device_memory_bytes"] = torch_and_transformers()[0].cuda.max_memory_reserved()
    return keys


def main():
    global DEVICE, DTYPE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", nargs="?", choices=PEERS)
    parser.add_argument("workload", nargs="?")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=("cpu", "cuda"), default=DEVICE)
    parser.add_argument("--dtype", choices=("f32", "bf16"), default=DTYPE)
    arguments = parser.parse_args()
    if arguments.list:
        print(json.dumps(installed()))
        return
    if not arguments.peer or arguments.workload not in PEERS[arguments.peer][2]:
        sys.exit(f"no such workload; known are {json.dumps(installed())}")
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    module, dtype, workloads = PEERS[arguments.peer]
    import torch
    torch.set_num_threads(arguments.threads)
    if module == "torch":
        DEVICE, DTYPE = arguments.device, arguments.dtype
        dtype = DTYPE
    elif (arguments.device, arguments.dtype) != (DEVICE, DTYPE):
        sys.exit(f"{arguments.peer} is run on the processor, in {dtype}")
    for line in workloads[arguments.workload](arguments.threads):
        print(json.dumps({"workload": arguments.workload, "device": arguments.peer, "dtype": dtype,
                          "threads": arguments.threads, **line, **peak_memory()}), flush=True)


if __name__ == "__main__":
    main()

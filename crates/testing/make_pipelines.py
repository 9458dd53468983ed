#!/usr/bin/env python3
"""Builds the reference cases of the pipelines: tiny random models with their tokenizers and what they answer.

  make_pipelines.py OUT_DIR --older PYTHON_PATH [--seed 0]

Run it with transformers 5.23; PYTHON_PATH is a folder with transformers 4.57, tokenizers 0.22 and huggingface_hub 0.36
(`pip install --target`), the last of which had a question-answering pipeline; the case of `answer` comes from there.

Per pipeline and family a folder `pipelines_<name>`: config.json + model.safetensors as save_pretrained writes them, the
tokenizer, and expected.json: the texts and what the pipeline of transformers gives for each of them.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

WORDS = """the a cat dog bird river house garden stone old young small green red blue anna peter berlin paris lives
works in at near and or not is was sleeps runs sings writes good bad very book letter train bridge market who where what
when sees under over to from of with two three morning winter sun""".split()
PIECES = "##s ##ing ##ed ##er ##ly ##n ##ia ##e ##a ##b ##1".split()
LETTERS = list("abcdefghijklmnoprstuvwyz0123456789.,?!-'éשל")
TEXTS = [
    "The old cat sleeps under the bridge.",
    "Anna lives in Paris, and Peter works near Berlin!",
    "",
    "   ",
    "a\tsmall\u0000 bird\u200b sings\nvery good",
    "שלום Anna 🙂 Peters houses",
    "naïve Éa zzz 1234 birds-houses",
    "where is the red train from the market? not in the garden",
]
MASKED = [
    "The [MASK] cat sleeps.",
    "[MASK] lives in [MASK], near the river.",
    "[MASK]",
    "🙂 שלום [MASK]  runs",
]
PAIRS = [["the cat sleeps", "the dog runs"], ["Anna writes a letter", "Peter sings!"], ["where?", "in the garden"]]
CONTEXT = ("Anna lives in an old house near the river. Peter works at the market in Berlin, and writes letters in the "
           "morning. ")
QUESTIONS = [
    ["Where lives Anna?", CONTEXT],
    ["Who works in Berlin?", CONTEXT * 4],
    ["What is under the bridge?", "שלום 🙂 three birds, two naïve dogs."],
    ["when?", "winter"],
]
WIDTHS = dict(embedding_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
              max_position_embeddings=96, initializer_range=0.3, hidden_dropout_prob=0.0,
              attention_probs_dropout_prob=0.0)
T5_WIDTHS = dict(d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, dropout_rate=0.0)
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def labels(names, **more):
    return dict(id2label=dict(enumerate(names)), label2id={name: index for index, name in enumerate(names)}, **more)


def word_piece():
    from transformers import ElectraTokenizerFast
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *WORDS, *PIECES]
    vocab = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return ElectraTokenizerFast(vocab=vocab, do_lower_case=True, model_max_length=WIDTHS["max_position_embeddings"])


def unigram():
    from transformers import T5TokenizerFast
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    pieces += [("▁" + word, -5.0 - index / 50) for index, word in enumerate(dict.fromkeys(WORDS))]
    pieces += [(letter, -8.0 - index / 50) for index, letter in enumerate([*LETTERS, *"ABPTW:", "s▁"])]
    return T5TokenizerFast(vocab=pieces, extra_ids=20, model_max_length=512)


def rounded(value):
    """Plain lists and numbers."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return value.item() if hasattr(value, "item") else value


def write(folder, expected):
    text = json.dumps(rounded(expected), ensure_ascii=False, indent=1)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def save(out, name, model, tokenizer):
    import torch
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "norm" not in key.lower():
                parameter.normal_(0.0, 0.3)
    model.eval()
    folder = out / f"pipelines_{name}"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def mean_pooled(model, tokenizer, texts):
    from transformers import pipeline
    pooled = []
    for text, rows in zip(texts, pipeline("feature-extraction", model=model, tokenizer=tokenizer)(texts)):
        columns = list(zip(*rows[0]))
        pooled.append([sum(column) / len(column) for column in columns])
    return pooled


def detected(model, tokenizer, texts):
    import torch
    answers = []
    for text in texts:
        encoding = tokenizer(text, return_tensors="pt", return_offsets_mapping=True, return_special_tokens_mask=True)
        offsets, special = encoding.pop("offset_mapping")[0].tolist(), encoding.pop("special_tokens_mask")[0].tolist()
        with torch.no_grad():
            scores = model(**encoding).logits[0].sigmoid().tolist()
        tokens = zip(offsets, scores, special)
        answers.append([{"start": at[0], "end": at[1], "score": score} for at, score, added in tokens if not added])
    return answers


def entities(model, tokenizer):
    from transformers import pipeline
    kept = ("entity_group", "score", "start", "end")
    answers = {}
    for strategy in ("simple", "first"):
        ner = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy)
        answers[strategy] = [[{key: entity[key] for key in kept} for entity in ner(text)] for text in TEXTS]
    return answers


def classified(model, tokenizer):
    from transformers import pipeline
    classifier = pipeline("text-classification", model=model, tokenizer=tokenizer)
    answers = {"texts": TEXTS, "answers": [classifier(text, top_k=None) for text in TEXTS]}
    pairs = [classifier({"text": first, "text_pair": second}, top_k=None) for first, second in PAIRS]
    return answers | {"pairs": PAIRS, "pair_answers": pairs}


def zero_shot(model, tokenizer):
    import torch
    prompt, labels, scores = "what is good in this: {text}", ["river", "very good book", "Anna"], []
    for text in TEXTS:
        inputs = tokenizer(prompt.replace("{text}", text), return_tensors="pt")
        likelihoods = []
        for label in labels:
            target = tokenizer(label, return_tensors="pt").input_ids
            with torch.no_grad():
                logs = model(**inputs, labels=target).logits.log_softmax(-1)
            likelihoods.append(logs.gather(2, target[..., None]).sum())
        scores.append(torch.stack(likelihoods).softmax(0).tolist())
    return {"prompt": prompt, "texts": TEXTS, "labels": labels, "scores": scores}


def make_electra(out, tokenizer):
    import transformers as hf
    widths = dict(WIDTHS, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    config = lambda **more: hf.ElectraConfig(**widths, **more)

    model = hf.ElectraForPreTraining(config())
    folder = save(out, "detect", model, tokenizer)
    write(folder, {"texts": TEXTS, "answers": detected(model, tokenizer, TEXTS),
                   "embeddings": mean_pooled(hf.ElectraModel.from_pretrained(folder), tokenizer, TEXTS)})

    model = hf.ElectraForMaskedLM(config())
    folder = save(out, "fill_mask", model, tokenizer)
    fill = hf.pipeline("fill-mask", model=model, tokenizer=tokenizer, top_k=4)
    answers = [fill(text) for text in MASKED]
    write(folder, {"texts": MASKED, "answers": [rows if isinstance(rows[0], list) else [rows] for rows in answers]})

    heads = {"classify": (["bad", "neutral", "good"], None), "rate": (["stars"], "regression"),
             "topics": (["river", "city", "animal"], "multi_label_classification")}
    for name, (names, problem_type) in heads.items():
        model = hf.ElectraForSequenceClassification(config(**labels(names, problem_type=problem_type)))
        folder = save(out, name, model, tokenizer)
        write(folder, classified(model, tokenizer))

    model = hf.ElectraForTokenClassification(config(**labels(TAGS)))
    folder = save(out, "tag", model, tokenizer)
    write(folder, {"texts": TEXTS} | entities(model, tokenizer))

    save(out, "answer", hf.ElectraForQuestionAnswering(config()), tokenizer)


def make_t5(out, tokenizer):
    import transformers as hf
    widths = dict(T5_WIDTHS, vocab_size=len(tokenizer), pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    config = lambda **more: hf.T5Config(**widths, **more)

    model = hf.T5ForConditionalGeneration(config())
    folder = save(out, "t5", model, tokenizer)
    inputs = ["translate English to German: " + text for text in TEXTS]
    generated = []
    for text in inputs:
        ids = model.generate(**tokenizer(text, return_tensors="pt"), max_new_tokens=12, num_beams=3,
                             no_repeat_ngram_size=1)
        generated.append(tokenizer.decode(ids[0], skip_special_tokens=True))
    encoder = hf.T5EncoderModel.from_pretrained(folder)
    write(folder, {"texts": TEXTS, "embeddings": mean_pooled(encoder, tokenizer, TEXTS), "generated": generated,
                   "zero_shot": zero_shot(model, tokenizer)})

    model = hf.T5ForSequenceClassification(config(**labels(["bad", "neutral", "good"])))
    write(save(out, "t5_classify", model, tokenizer), classified(model, tokenizer))

    model = hf.T5ForTokenClassification(config(**labels(TAGS)))
    folder = save(out, "t5_tag", model, tokenizer)
    write(folder, {"texts": TEXTS} | entities(model, tokenizer))


def make_answers(folder):
    """Run with the older transformers."""
    from transformers import AutoTokenizer, ElectraForQuestionAnswering, pipeline
    tokenizer = AutoTokenizer.from_pretrained(folder, model_max_length=WIDTHS["max_position_embeddings"])
    answer = pipeline("question-answering", model=ElectraForQuestionAnswering.from_pretrained(folder),
                      tokenizer=tokenizer)
    expected = {"questions": QUESTIONS}
    for impossible in (False, True):
        expected["with_null" if impossible else "answers"] = [
            answer(question=question, context=context, top_k=4, handle_impossible_answer=impossible,
                   max_seq_len=64, doc_stride=16)
            for question, context in QUESTIONS
        ]
    everything = [answer(question=question, context=context, top_k=1000, handle_impossible_answer=True,
                         max_seq_len=64, doc_stride=16) for question, context in QUESTIONS]
    # Spans from [CLS] on have no text either, and the score 0.
    expected["null_scores"] = [max(one["score"] for one in answers if not one["answer"]) for answers in everything]
    write(folder, expected)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--older")
    arguments.add_argument("--seed", type=int, default=0)
    arguments = arguments.parse_args()
    if arguments.older is None:
        return make_answers(arguments.out)
    import torch
    torch.manual_seed(arguments.seed)
    make_electra(arguments.out, word_piece())
    make_t5(arguments.out, unigram())
    environment = dict(os.environ, PYTHONPATH=arguments.older)
    command = [sys.executable, __file__, str(arguments.out / "pipelines_answer")]
    subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Adds attributions.json to the reference cases of classify and T5: integrated gradients as PyTorch gives them.

  make_attributions.py REFERENCE_DIR

Run it with transformers 5.23 on what make_pipelines.py wrote. In float64, by the midpoint rule over 20 000 points: for each
text the tokens, what each adds, and the score with and without the words.
"""
import json
import pathlib
import sys

import torch
from transformers import AutoTokenizer, ElectraForSequenceClassification, T5ForConditionalGeneration

NUM_POINTS, NUM_BATCHES = 20_000, 100
TEXTS = ["The old cat sleeps under the bridge.", "Anna lives in Paris, and Peter works near Berlin!",
         "שלום Anna 🙂 Peters houses", ""]
MAX_NEW_TOKENS = 5


def attributed(score, words, baseline):
    total = torch.zeros(words.shape[1], dtype=torch.float64)
    places = (torch.arange(NUM_POINTS, dtype=torch.float64) + 0.5) / NUM_POINTS
    for batch in places.chunk(NUM_BATCHES):
        points = (baseline + (words - baseline) * batch.view(-1, 1, 1)).detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(score(points).sum(), points)
        total += (gradient * (words - baseline)).sum((0, 2)).detach()
    with torch.no_grad():
        return {"values": (total / NUM_POINTS).tolist(), "score": score(words).item(),
                "baseline_score": score(baseline).item()}


def without_words(ids, kept, other):
    return torch.where(torch.isin(ids, torch.tensor(kept)), ids, other)


def of_class(model, tokenizer, text):
    ids = tokenizer(text, return_tensors="pt").input_ids
    baseline = without_words(ids, [tokenizer.cls_token_id, tokenizer.sep_token_id], tokenizer.mask_token_id)
    best = model(ids).logits.argmax().item()
    words = model.electra.embeddings.word_embeddings
    score = lambda embeddings: model(inputs_embeds=embeddings).logits[:, best]
    return {"answer": model.config.id2label[best]} | attributed(score, words(ids), words(baseline))


def of_answer(model, tokenizer, text):
    ids = tokenizer(text, return_tensors="pt").input_ids
    baseline = without_words(ids, [tokenizer.eos_token_id], tokenizer.pad_token_id)
    answer = model.generate(ids, do_sample=False, num_beams=1, max_new_tokens=MAX_NEW_TOKENS)[:, 1:]

    def score(embeddings):
        labels = answer.repeat(len(embeddings), 1)
        logits = model(inputs_embeds=embeddings, labels=labels).logits
        return logits.log_softmax(-1).gather(2, labels[..., None]).sum((1, 2))

    found = attributed(score, model.shared(ids), model.shared(baseline))
    return {"answer": tokenizer.decode(answer[0], skip_special_tokens=True)} | found


def main():
    reference = pathlib.Path(sys.argv[1])
    cases = [("classify", ElectraForSequenceClassification, of_class), ("t5", T5ForConditionalGeneration, of_answer)]
    for name, architecture, explain in cases:
        folder = reference / f"pipelines_{name}"
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = architecture.from_pretrained(folder).double().eval()
        answers = []
        for text in TEXTS:
            tokens = tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)
            answers.append({"text": text, "tokens": tokens} | explain(model, tokenizer, text))
        written = json.dumps(answers, ensure_ascii=False, indent=1)
        (folder / "attributions.json").write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

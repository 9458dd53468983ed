#!/usr/bin/env python3
"""Writes the cases of metrics: seeded random predictions, and what the programs that papers use make of them.

  pip install scikit-learn==1.9.1 scipy==1.17.1 seqeval==1.2.2 rouge_score==0.1.2 nltk==3.10.4 sacrebleu==2.6.0 'transformers==4.57.6'
  make_metrics.py OUT_DIR

A file of OUT_DIR holds the cases of one metric, one a line. A number that is not a number is null.
SQuAD v1.1's script is on no package index: its algorithm is written down here, over the words of the v2.0 script that
transformers 4 keeps. So are exact match and perplexity.
"""
import collections, json, math, os, random, sys, warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import sacrebleu
from seqeval.metrics import sequence_labeling, v1
from nltk.stem.porter import PorterStemmer
from rouge_score.rouge_scorer import RougeScorer
from scipy import stats
from seqeval import scheme as schemes
from sklearn import metrics as classes
from transformers.data.metrics import squad_metrics

NUM_CASES = 220

NOUNS = "river engine garden lantern valley teacher signal bridge harvest window theory basket market island doctor".split()
VERBS = "carries follows repairs opened running walked was is describes relates hopping agreed controlled replied".split()
OTHERS = "the a an The A quickly red and of in on to not very old 1990 3.5 1,000 U.S. don't well-known e.g. o'clock".split()
LONG = """relational conditional rational digitizer conformably radically differently vilely analogously operator feudalism
decisiveness hopefulness callousness formality sensitivity sensibility triplicate formative formalize electrical goodness
revival allowance inference airliner gyroscopic adjustable defensible irritant replacement adjustment dependent adoption
homologous communism activate angularity effective bowdlerize probate cease controlling rolled happily enjoys enjoyment
skies dying lying news innings outing proceed succeed archaeology geology theology fulfilled carefully falling hissing
fizzed failing filing sized troubled conflated motoring ponies caresses ties dies flies spied died cried tried feed""".split()
UNICODE = ["Straße", "ÉCOLE", "cafe\u0301", "a\u0301", "naïve", "東京", "は", "猫です。", "مرحبا", "العالم،", "😀", "👩‍👩‍👧",
           "１２３", "٣٫٥", "½", "Ⅷ", "ΟΔΟΣ", "İstanbul", "ﬁn", "“zitat”", "—", "…", "€5", "5€", "x²", "¿qué?", "नमस्ते", "\u200bzero",
           "non\u00a0breaking", "ideo\u3000graphic", "\x1cseparated\x1f", "K2", "a_b", "«ja»", "ok\u2028line"]
MARKS = [".", ",", "!", "?", ";", ":", "-", "--", "...", "(", ")", "'", "\"", "%", "$", "&", "&amp;", "&quot;", "&lt;", "<skipped>",
         "/", "@", "#", "1.5", "1,5", "10-20", "-5", "3-", ".5", "5.", "a.b", "(hi)", "'tis", "it's", "...!", "+", "=", "~", "`", "^", "{x}"]
FIXED = ["", " ", "\n", ".", "...", "!?", "the", "a an the", "The the", "\t", "-", "''", "😀", "\u0301", "a", "A.", "O"]


# Predictions and references that tell apart what is easily mixed up.
EDGES = [
    ("a\u0301 river", ["\u0301 river"]), ("a\u093e", ["\u093e"]), ("a\u200b river", ["\u200b river"]), ("x_a_y", ["xay"]),
    ("", [""]), ("", ["the"]), ("the", ["an"]), ("river", [""]), ("", ["river"]), ("river", ["River.", "the river"]),
    ("was ten news", ["wa tens new"]), ("one two three four", ["five one", "one two a b c d e f"]),
    ("the re-\nport came", ["the report came", "the re- port came"]), ("the well-\n", ["the well-"]), ("It was 5. ", ["It was 5.", "It was 5 ."]),
    ("one two\nthree four", ["three four\none two"]), ("a b a b\nb a", ["b a b\na a b"]), ("1,000.5 cost $5", ["1 , 000 . 5 cost $ 5"]),
    ("\u212a2", ["k2"]), ("ΟΔΟΣ ΣΑΣ", ["οδος σας"]), ("東京 は", ["東 京は"]), ("x" * 300, ["x" * 299]), ("no " * 150, ["no"]),
]


class Texts:
    """Random texts, and texts that resemble them."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def word(self):
        kind = self.random.random()
        pool = NOUNS if kind < 0.3 else VERBS if kind < 0.5 else OTHERS if kind < 0.75 else LONG if kind < 0.85 else MARKS if kind < 0.95 else UNICODE
        word = self.random.choice(pool)
        return word.upper() if self.random.random() < 0.05 else word.capitalize() if self.random.random() < 0.1 else word

    def text(self, most=18):
        r = self.random
        if r.random() < 0.06:
            return r.choice(FIXED)
        words = [self.word() for _ in range(r.randint(1, most))]
        if r.random() < 0.1:  # repeated n-grams
            words = words[: r.randint(1, 3)] * r.randint(2, 6)
        if r.random() < 0.15:
            words.append(r.choice(["\n", "\t", "  "]))
        glue = ["\n" if r.random() < 0.04 else "" if r.random() < 0.04 else "  " if r.random() < 0.03 else " " for _ in words]
        text = "".join(w + g for w, g in zip(words, glue))
        return text if r.random() < 0.1 else text.rstrip(" ")

    def resembling(self, text):
        r, words = self.random, text.split(" ")
        kind = r.random()
        if kind < 0.1:
            return text
        if kind < 0.2:
            return self.text()
        if kind < 0.25:
            return text.upper() if r.random() < 0.5 else text.lower()
        for _ in range(r.randint(1, max(1, len(words) // 3))):
            at, change = r.randrange(len(words) + 1), r.random()
            if change < 0.3:
                words.insert(at, self.word())
            elif change < 0.6:
                del words[at : at + 1]
            elif change < 0.85 and at < len(words):
                words[at] = self.word()
            else:
                words = words[at:] + words[:at]
        return " ".join(words)

    def long(self, count):
        return " ".join(self.word() for _ in range(count))


def number(value):
    value = float(value)
    return None if math.isnan(value) else value


def scores(*values):
    return [number(value) for value in values]


def classification():
    r = random.Random(1)
    cases = []
    for index in range(NUM_CASES):
        length = 1 if index < 6 else r.choice([2, 3, 5, 10, 30])
        labels = r.choice([[1], [0], [0, 1], [0, 1], [0, 1], [0, 1, 2], [1, 2, 3, 7], list(range(12))])
        right = [r.choice(labels) for _ in range(length)]
        other = r.choice([labels, labels, labels, [0, 1], [labels[0]]])
        predicted = [label if r.random() < 0.6 else r.choice(other) for label in right]
        if index == 10:
            right = [r.choice([0, 1, 2]) for _ in range(2000)]
            predicted = [label if r.random() < 0.9 else r.choice([0, 1, 2]) for label in right]
        if index % 20 == 19:
            predicted = [r.choice(labels)] * length
        case = {"predictions": predicted, "references": right,
                "accuracy": number(classes.accuracy_score(right, predicted)),
                "matthews": number(classes.matthews_corrcoef(right, predicted))}
        for average, options in [("macro", {}), ("binary", {"labels": [1], "average": "macro"})]:
            options = {"average": "macro", "zero_division": 0, **options}
            case[average] = scores(*classes.precision_recall_fscore_support(right, predicted, **options)[:3])
        if set(right) | set(predicted) <= {0, 1}:  # one label by name is scikit-learn's binary average
            assert case["binary"][2] == classes.f1_score(right, predicted, zero_division=0)
        cases.append(case)
    return cases


def correlation():
    r = random.Random(2)
    cases = []
    for index in range(NUM_CASES):
        length = r.choice([2, 3, 5, 8, 15])
        kind = r.choice(["normal", "ties", "constant", "linear", "large", "small", "ranks"])
        left = [r.gauss(0, 1) for _ in range(length)]
        right = [x * 0.5 + r.gauss(0, 1) for x in left]
        if kind == "ties":
            left, right = [float(r.randint(0, 3)) for _ in left], [float(r.randint(0, 2)) for _ in left]
        elif kind == "constant":
            left = [r.choice([0.0, 0.1, -3.0])] * length
        elif kind == "linear":
            right = [r.choice([3.0, -2.0]) * x for x in left]
        elif kind == "large":
            left, right = [x * 1e200 for x in left], [x * 1e-200 for x in right]
        elif kind == "small":
            left = [1e6 + float(r.randint(0, 9)) for _ in left]
        elif kind == "ranks":
            left = [float(i) for i in range(length)]
        if index in (5, 55):
            right[0] = math.nan
        if index == 7:
            left, right = [r.gauss(0, 1) for _ in range(500)], [r.gauss(0, 1) for _ in range(500)]
        cases.append({"predictions": scores(*left), "references": scores(*right),
                      "pearson": number(stats.pearsonr(left, right).statistic),
                      "spearman": number(stats.spearmanr(left, right).statistic)})
    return cases


def text_references(texts, most, index, resembling=None):
    """Some predictions, each with its references."""
    if index < len(EDGES):
        return [EDGES[index][0]], [EDGES[index][1]]
    r = texts.random
    count, num_references = r.choice([1, 1, 2, 3]), r.choice([1, 1, 1, 2, 3])
    predictions, references = [], []
    for _ in range(count):
        reference = texts.text(most)
        predictions.append((resembling or texts.resembling)(reference))
        others = r.randint(0, 2) if num_references == 3 else num_references - 1
        references.append([reference] + [texts.resembling(reference) for _ in range(others)])
    return predictions, references


def exact_match():
    texts = Texts(3)
    cases = []
    for index in range(NUM_CASES):
        predictions, references = text_references(texts, 4, index)
        right = [prediction in answers for prediction, answers in zip(predictions, references)]
        cases.append({"predictions": predictions, "references": references, "exact_match": number(np.mean(right))})
    return cases


def answer(texts):
    """A short text that differs from others in what normalisation takes away."""
    r = texts.random
    def vary(text):
        kind = r.random()
        if kind < 0.35:
            return r.choice(["the ", "A ", "an  ", "", "\"", "(the) ", "a\u0301 "]) + text + r.choice([".", "", "!", " the", "\n", "'s", " a"])
        return texts.resembling(text)
    return vary


def squad_words(text):
    return squad_metrics.normalize_answer(text).split()


def squad_f1(prediction, answer):
    """Of v1.1: no word in common is no F1, even where both have none."""
    prediction, answer = squad_words(prediction), squad_words(answer)
    shared = sum((collections.Counter(prediction) & collections.Counter(answer)).values())
    if shared == 0:
        return 0
    precision, recall = shared / len(prediction), shared / len(answer)
    return 2 * precision * recall / (precision + recall)


def squad():
    texts = Texts(4)
    vary = answer(texts)
    cases = []
    for index in range(NUM_CASES):
        predictions, references = text_references(texts, 5, index, vary)
        pairs = list(zip(predictions, references))
        exact = sum(max(squad_metrics.compute_exact(a, p) for a in answers) for p, answers in pairs)
        f1 = sum(max(squad_f1(p, a) for a in answers) for p, answers in pairs)
        cases.append({"predictions": predictions, "references": references,
                      "exact_match": 100.0 * exact / len(pairs), "f1": 100.0 * f1 / len(pairs)})
    return cases


def squad_v2():
    texts = Texts(5)
    r, vary = texts.random, answer(texts)
    Example = collections.namedtuple("Example", ["qas_id", "answers"])
    cases = []
    for index in range(NUM_CASES):
        answers = []
        kind = r.choice(["mixed", "mixed", "mixed", "answerable", "unanswerable"])
        for _ in range(r.randint(1, 6)):
            is_answerable = kind == "answerable" or (kind == "mixed" and r.random() < 0.6)
            references = [texts.text(4) for _ in range(r.randint(1, 3))] if is_answerable else []
            prediction = vary(references[0]) if references and r.random() < 0.7 else r.choice(["", "", "the", texts.text(4)])
            probability = r.choice([0.0, 0.5, 1.0, round(r.random(), 3), round(r.gauss(0, 3), 3)])
            answers.append([prediction, references, probability])
        if index % 10 == 0:
            for item in answers:
                item[2] = 0.0
        threshold = r.choice([1.0, 1.0, 0.5, 0.0])
        examples = [Example(str(i), [{"text": text} for text in item[1]]) for i, item in enumerate(answers)]
        result = squad_metrics.squad_evaluate(
            examples, {str(i): item[0] for i, item in enumerate(answers)},
            {str(i): item[2] for i, item in enumerate(answers)}, threshold)
        cases.append({"answers": answers, "threshold": threshold, "scores": {k: number(v) for k, v in result.items()}})
    return cases


KINDS = ["PER", "LOC", "ORG", "MISC"]


def tags(r, length, scheme, is_broken):
    """Tags of a sequence by the rules of the scheme, or of its letters without rules."""
    letters = {"IOB1": "IOB", "IOB2": "IOB", "IOE2": "IOE", "IOBES": "IOBES"}[scheme]
    if is_broken:
        return [letter if letter == "O" and r.random() < 0.95 else f"{letter}-{r.choice(KINDS[:2])}"
                for letter in (r.choice(letters) for _ in range(length))]
    result, last = [], None
    while len(result) < length:
        if r.random() < 0.5:
            result.append("O")
            last = None
            continue
        kind, size = r.choice(KINDS), r.randint(1, 3)
        if scheme == "IOB1":
            first = "B" if last == kind else "I"
        else:
            first = {"IOB2": "B", "IOE2": "I" if size > 1 else "E", "IOBES": "B" if size > 1 else "S"}[scheme]
        final = "E" if scheme in ("IOE2", "IOBES") else "I"
        letters_of = [first] + ["I"] * (size - 2) + [final] * (size > 1)
        result += [f"{letter}-{kind}" for letter in letters_of]
        last = kind
    return result[:length]


ODD = ["B", "I", "E", "S", "O-PER", "B-", "BPER", "I-A-B", "B--X", "B-X-", "B-X", "MISC", "M", ".", "é-x", "-PER", "I-東京", "U-PER", "L-PER"]


def entities(modes):
    r = random.Random(6 + len(modes))
    cases = []
    for index in range(NUM_CASES * (1 if modes == ["conll"] else 2)):
        mode = r.choice(modes)
        scheme = r.choice(["IOB1", "IOB2", "IOBES", "IOE2"]) if mode == "conll" else mode
        references, predictions = [], []
        for _ in range(r.randint(1, 3)):
            length = r.choice([0, 1, 2, 5, 9, 14])
            right = ["O"] * length if r.random() < 0.1 else tags(r, length, scheme, r.random() < 0.15)
            other = tags(r, length, scheme, r.random() < 0.4)
            predicted = [a if r.random() < 0.7 else b for a, b in zip(right, other)]
            if mode == "conll" and r.random() < 0.2:
                odd = r.choice([ODD, ["B", "I", ".", "O", "I-PER"]])
                predicted, right = ([r.choice(odd) if r.random() < 0.5 else t for t in side] for side in (predicted, right))
            if mode != "conll" and r.random() < 0.1:
                odd = [t for t in ODD if t[0] in {"IOB2": "IOB", "IOE2": "IOE", "IOBES": "IOBES"}[scheme]]
                right = [r.choice(odd) if r.random() < 0.5 else t for t in right]
                predicted = [r.choice(odd) if r.random() < 0.2 else t for t in right]
            references.append(right)
            predictions.append(predicted)
        if index == 3:
            references = [tags(r, 600, scheme, False)]
            predictions = [[a if r.random() < 0.9 else b for a, b in zip(references[0], tags(r, 600, scheme, True))]]
        if mode == "conll" and index == 0:
            references, predictions = [["O", "I", "I", "O"]], [["I-PER", ".", "I", "O"]]
        if mode == "conll":
            score = lambda average: sequence_labeling.precision_recall_fscore_support(references, predictions, average=average)
            kinds = {e[0] for e in sequence_labeling.get_entities(references)}
            kinds |= {e[0] for e in sequence_labeling.get_entities(predictions)}
        else:
            token = getattr(schemes, mode)
            score = lambda average: v1.precision_recall_fscore_support(
                references, predictions, average=average, scheme=token)
            kinds = schemes.Entities(references, token).unique_tags | schemes.Entities(predictions, token).unique_tags
        micro = score("micro")
        case = {"mode": mode, "predictions": predictions, "references": references, "micro": scores(*micro)}
        by_kind = zip(*score(None)) if kinds else []
        case["types"] = {kind: scores(*values) for kind, values in zip(sorted(kinds), by_kind)}
        cases.append(case)
    return cases


def rouge():
    texts = Texts(8)
    cases = []
    for index in range(NUM_CASES):
        prediction = texts.text(24)
        references = [texts.resembling(prediction) for _ in range(texts.random.choice([1, 1, 1, 2, 3]))]
        if texts.random.random() < 0.3:  # sentences
            lines = [texts.text(8) for _ in range(texts.random.randint(2, 4))]
            prediction = "\n".join(lines)
            texts.random.shuffle(lines)
            references[0] = "\n".join(texts.resembling(line) for line in lines[:3])
        if index == 99:
            prediction, references = texts.long(400), [texts.long(300)]
        if index < len(EDGES):
            prediction, references = EDGES[index]
        case = {"prediction": prediction, "references": references}
        for key, use_stemmer in [("words", False), ("stems", True)]:
            scorer = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=use_stemmer)
            result = scorer.score_multi(references, prediction)
            case[key] = [scores(*result[name]) for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")]
        cases.append(case)
    return cases


def porter():
    """Stems of the words above, their beginnings with other endings, and words of random letters."""
    r = random.Random(9)
    endings = """s es ies ied ed eed ing ational tional enci anci izer bli abli alli entli eli ousli ization ation ator alism iveness
        fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able ible ant ement
        ment ent ion tion sion ou ism ate iti ous ive ize y e ll lle ly alli ying""".split()
    words = {*LONG, *NOUNS, *VERBS, "yyyy", "syzygy", "1990s", "2nd", "yes", "eed", "ied", "ies", "ing", "aing", "by"}
    while len(words) < 1500:
        start = r.choice([r.choice(LONG + NOUNS)[: r.randint(1, 6)], "".join(r.choices("bcdfgstlzwxyaeiou4", k=r.randint(1, 5)))])
        words.add(start + r.choice(endings) + (r.choice(endings) if r.random() < 0.3 else ""))
    stemmer = PorterStemmer()
    return [[word, stemmer.stem(word)] for word in sorted(words)]


def transposed(references):
    """As sacreBLEU wants references: one list for each number, None where there is none."""
    most = max(map(len, references))
    return [[texts[i] if i < len(texts) else None for texts in references] for i in range(most)]


def bleu():
    texts = Texts(10)
    r = texts.random
    cases = []
    for index in range(NUM_CASES + 60):
        predictions, references = text_references(texts, 24, index % 140)
        if index == 139:
            predictions, references = [texts.long(600)], [[texts.long(600)]]
        options = {"tokenize": r.choice(["13a", "13a", "intl", "char", "none"]), "lowercase": r.random() < 0.3,
                   "effective_order": r.random() < 0.4, "smooth_method": r.choice(["exp", "exp", "floor", "add-k", "none"])}
        if options["smooth_method"] in ("floor", "add-k"):
            options["smooth_value"] = r.choice([None, None, 0.5, 2.25, 0])
            options["smooth_value"] = {"floor": 0.1, "add-k": 1}[options["smooth_method"]] if options["smooth_value"] is None else options["smooth_value"]
        metric = sacrebleu.BLEU(**options)
        result = metric.corpus_score(predictions, transposed(references))
        unsmoothed = sacrebleu.BLEU(**{k: v for k, v in options.items() if not k.startswith("smooth")}, smooth_method="none")
        unsmoothed = unsmoothed.corpus_score(predictions, transposed(references))
        cases.append({"options": options, "predictions": predictions, "references": references, "score": number(result.score),
                      "counts": unsmoothed.counts, "totals": unsmoothed.totals, "precisions": scores(*result.precisions),
                      "bp": number(result.bp), "lengths": [result.sys_len, result.ref_len],
                      "line": result.format(signature=str(metric.get_signature()))})
    return cases


def chrf():
    texts = Texts(11)
    cases = []
    for index in range(NUM_CASES):
        predictions, references = text_references(texts, 20, index)
        if index == 99:
            predictions, references = [texts.long(400)], [[texts.long(400)]]
        options = {"word_order": texts.random.choice([0, 0, 2, 2, 1]), "lowercase": texts.random.random() < 0.3}
        metric = sacrebleu.CHRF(**options)
        result = metric.corpus_score(predictions, transposed(references))
        cases.append({"options": options, "predictions": predictions, "references": references, "score": number(result.score),
                      "line": result.format(signature=str(metric.get_signature()))})
    return cases


def perplexity():
    r = random.Random(12)
    cases = []
    for index in range(NUM_CASES):
        tokens = r.choice([1, 7, 100, 12345, 10**9])
        loss = tokens * r.choice([0.0, r.random(), r.uniform(0, 12), r.uniform(0, 600)])
        cases.append({"negative_log_likelihood": loss, "num_tokens": tokens, "perplexity": math.exp(loss / tokens)})
    return cases


FILES = {
    "classification": (classification, ["scikit-learn"]), "correlation": (correlation, ["scipy"]),
    "exact_match": (exact_match, []), "squad": (squad, ["transformers"]), "squad_v2": (squad_v2, ["transformers"]),
    "entities": (lambda: entities(["conll"]), ["seqeval"]),
    "strict_entities": (lambda: entities(["IOB2", "IOE2", "IOBES"]), ["seqeval"]),
    "rouge": (rouge, ["rouge_score", "nltk"]), "porter": (porter, ["nltk"]), "bleu": (bleu, ["sacrebleu"]), "chrf": (chrf, ["sacrebleu"]),
    "perplexity": (perplexity, []),
}


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, (make, packages) in FILES.items():
        lines = [json.dumps(case, ensure_ascii=False, separators=(",", ":"), allow_nan=False) for case in make()]
        by = json.dumps({package: version(package) for package in packages})
        with open(os.path.join(sys.argv[1], f"{name}.json"), "w") as file:
            file.write(f'{{"versions":{by},"cases":[\n' + ",\n".join(lines) + "\n]}\n")
        print(f"{name}: {len(lines)} cases")


if __name__ == "__main__":
    main()

"""What is asked of `generate` in the reference cases: arguments by name, in the keys of generation_config.json."""
import itertools

from make_reference import EOS

MAX_LENGTH = 16


def prompted(name):
    """Whether the decoder is given a beginning."""
    return "_prompt" in name


def newer_cases(often, pairs, other_eos):
    """Arguments by name for 5.23: `often` are ids, `pairs` neighbours that this model likes to generate."""
    new = dict(max_new_tokens=MAX_LENGTH)
    beams = dict(new, num_beams=4)
    lists = dict(beams, num_return_sequences=4)
    processors = {
        "eos_list": dict(eos_token_id=[EOS, other_eos]),
        "min_length": dict(min_length=12),
        "min_new_tokens": dict(min_new_tokens=6),
        "forced_bos": dict(forced_bos_token_id=other_eos),
        "forced_eos": dict(forced_eos_token_id=EOS),
        "suppress": dict(suppress_tokens=often[:2]),
        "begin_suppress": dict(begin_suppress_tokens=[*often[:3], EOS]),
        "bad_words": dict(bad_words_ids=[[often[0]], *pairs[:3]]),
        "sequence_bias": dict(sequence_bias=[[[often[1]], -2.5], [[often[3]], 1.5], [pairs[0], -4.0], [pairs[1], 3.0]]),
        "encoder_repetition": dict(encoder_repetition_penalty=1.6),
        "encoder_no_repeat": dict(encoder_no_repeat_ngram_size=1),
        "exponential_decay": dict(exponential_decay_length_penalty=[3, 1.2]),
        "no_repeat": dict(repetition_penalty=1.4, no_repeat_ngram_size=2),
    }
    return {
        "greedy": new,
        "beam1": dict(new, num_beams=1),
        "greedy_max_length": dict(max_length=9),
        **{f"greedy_{name}": dict(new, **more) for name, more in processors.items()},
        "greedy_prompt": dict(max_new_tokens=12),
        "greedy_prompt_lengths": dict(max_length=12, min_length=7, forced_eos_token_id=EOS,
                                      begin_suppress_tokens=often[:2]),
        "greedy_attentions": dict(max_new_tokens=11, output_attentions=True),
        "greedy_assisted": dict(new, num_assistant_tokens=4, num_assistant_tokens_schedule="constant"),
        "greedy_assisted_no_repeat": dict(new, num_assistant_tokens=3, num_assistant_tokens_schedule="heuristic",
                                          **processors["no_repeat"]),
        **{f"beam{n}": dict(new, num_beams=n) for n in range(2, 7)},
        **{f"beam{n}_all": dict(new, num_beams=n, num_return_sequences=n) for n in (2, 3, 6)},
        "beam5_best3": dict(new, num_beams=5, num_return_sequences=3),
        "beam4_max_length": dict(max_length=9, num_beams=4),
        **{f"beam4_penalty_{name}_{str(early).lower()}": dict(lists, length_penalty=penalty, early_stopping=early)
           for name, penalty in (("0", 0.0), ("06", 0.6), ("2", 2.0), ("minus1", -1.0))
           for early in (True, False, "never")},
        **{f"beam4_{name}": dict(beams, **more) for name, more in processors.items()},
        "beam4_eos_list_all": dict(lists, **processors["eos_list"], early_stopping=True),
        "beam4_renormalized": dict(lists, **processors["no_repeat"], renormalize_logits=True),
        "beam4_remove_invalid": dict(lists, **processors["min_length"], forced_bos_token_id=often[0],
                                     remove_invalid_values=True),
        "beam4_prompt": dict(max_new_tokens=12, num_beams=4, num_return_sequences=2),
        "beam4_prompt_lengths": dict(max_length=12, min_new_tokens=4, num_beams=4, length_penalty=2.0),
        "beam3_attentions": dict(max_new_tokens=11, num_beams=3, num_return_sequences=2, output_attentions=True),
    }


def older_cases(often, pairs, other_eos):
    """Arguments by name for 4.53."""
    new = dict(max_new_tokens=MAX_LENGTH)
    groups = {
        f"group_{beams}_in_{groups}_{name}_{'early' if early else 'late'}": dict(
            new, num_beams=beams, num_beam_groups=groups, num_return_sequences=beams, diversity_penalty=penalty,
            early_stopping=early)
        for beams, groups in ((4, 2), (6, 3), (4, 4)) for name, penalty in (("weak", 0.5), ("strong", 5.0))
        for early in (True, False)}
    base = groups["group_4_in_2_weak_late"]
    return {
        **groups,
        **{f"{name}_best": dict(groups[name], num_return_sequences=1)
           for name in ("group_4_in_2_weak_late", "group_6_in_3_strong_early", "group_4_in_4_weak_late")},
        "group_short": dict(base, length_penalty=-1.0),
        "group_long_never": dict(base, length_penalty=2.0, early_stopping="never"),
        "group_no_repeat": dict(base, repetition_penalty=1.4, no_repeat_ngram_size=2, min_length=6),
        "group_forced": dict(base, forced_bos_token_id=other_eos, forced_eos_token_id=EOS),
        "group_max_length": dict(max_length=7, num_beams=6, num_beam_groups=2, num_return_sequences=6,
                                 diversity_penalty=1.0),
        "group_prompt": dict(base, max_new_tokens=10),
        "contrastive": dict(new, penalty_alpha=0.6, top_k=4),
        "contrastive_zero": dict(new, penalty_alpha=0.0, top_k=4),
        "contrastive_strong": dict(new, penalty_alpha=0.9, top_k=6, repetition_penalty=1.3),
        "contrastive_processed": dict(new, penalty_alpha=0.6, top_k=5, min_new_tokens=6,
                                      bad_words_ids=[[often[0]], pairs[0]]),
        "contrastive_prompt": dict(max_new_tokens=10, penalty_alpha=0.6, top_k=4),
    }


def essence(arguments):
    """What decides the ids: two cases that agree in it give the same ones, by definition or nearly always."""
    told = {key: value for key, value in arguments.items()
            if key not in ("num_return_sequences", "output_attentions", "num_assistant_tokens",
                           "num_assistant_tokens_schedule", "early_stopping")}
    if told.get("num_beams") == 1:
        del told["num_beams"]
    if told.get("penalty_alpha") == 0:
        del told["penalty_alpha"], told["top_k"]
    if "length_penalty" in told:
        told["length_penalty"] = max(told["length_penalty"], 0)
    return told


def comparable(cases, one, other):
    """Whether two cases return as much; not the best of groups alone, which is mostly the first group's."""
    best = any(name.endswith("_best") for name in (one, other))
    numbers = {cases[name].get("num_return_sequences", 1) for name in (one, other)}
    return not best and len(numbers) == 1 and prompted(one) == prompted(other)


def different(cases):
    """The pairs of cases whose ids should differ."""
    return {(one, other) for one, other in itertools.combinations(cases, 2)
            if essence(cases[one]) != essence(cases[other]) and comparable(cases, one, other)}

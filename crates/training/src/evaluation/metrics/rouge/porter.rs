//! Porter's stemmer.

/// The stem of a word in lower case, by Porter's algorithm ("An algorithm for suffix stripping", 1980) with the
/// irregular words and the changes of NLTK 3.10, whose default it is.
pub fn porter_stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(irregular, _)| *irregular == word) {
        return (*stem).to_owned();
    }
    if word.chars().nth(2).is_none() {
        return word.to_owned();
    }
    let mut stem = without_plural(word);
    stem = without_past_or_gerund(&stem);
    stem = with_i_for_y(stem);
    stem = without_double_suffix(&stem);
    let has_measure = |_: &str, stem: &str| measure(stem) > 0;
    stem = replaced(&stem, STEP_3, has_measure);
    stem = replaced(&stem, STEP_4, |suffix, stem| {
        measure(stem) > 1 && (suffix != "ion" || stem.ends_with(['s', 't']))
    });
    without_final_e_or_l(stem)
}

const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

const STEP_2: &[(&str, &str)] = &[
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
    ("logi", "log"),
];

const STEP_3: &[(&str, &str)] = &[
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
];

const STEP_4: &[(&str, &str)] = &[
    ("al", ""),
    ("ance", ""),
    ("ence", ""),
    ("er", ""),
    ("ic", ""),
    ("able", ""),
    ("ible", ""),
    ("ant", ""),
    ("ement", ""),
    ("ment", ""),
    ("ent", ""),
    ("ion", ""),
    ("ou", ""),
    ("ism", ""),
    ("ate", ""),
    ("iti", ""),
    ("ous", ""),
    ("ive", ""),
    ("ize", ""),
];

/// The word with the first suffix that it has replaced, if the condition holds for suffix and stem; no later one is
/// tried.
fn replaced(word: &str, rules: &[(&str, &str)], condition: impl Fn(&str, &str) -> bool) -> String {
    for (suffix, replacement) in rules {
        if let Some(stem) = word.strip_suffix(suffix) {
            return match condition(suffix, stem) {
                true => format!("{stem}{replacement}"),
                false => word.to_owned(),
            };
        }
    }
    word.to_owned()
}

/// Step 1a.
fn without_plural(word: &str) -> String {
    if word.ends_with("ies") && word.chars().count() == 4 {
        return word[..word.len() - 1].to_owned();
    }
    let rules = [("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")];
    replaced(word, &rules, |_, _| true)
}

/// Step 1b.
fn without_past_or_gerund(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        let ending = if stem.chars().count() == 1 { "ie" } else { "i" };
        return format!("{stem}{ending}");
    }
    if word.ends_with("eed") {
        return replaced(word, &[("eed", "ee")], |_, stem| measure(stem) > 0);
    }
    let mut stems = ["ed", "ing"]
        .into_iter()
        .filter_map(|suffix| word.strip_suffix(suffix));
    let Some(stem) = stems.find(|stem| has_vowel(stem)) else {
        return word.to_owned();
    };
    if stem.ends_with("at") || stem.ends_with("bl") || stem.ends_with("iz") {
        return format!("{stem}e");
    }
    if ends_in_double_consonant(stem) {
        return match stem.strip_suffix(|last| !matches!(last, 'l' | 's' | 'z')) {
            Some(single) => single.to_owned(),
            None => stem.to_owned(),
        };
    }
    match measure(stem) == 1 && ends_in_short_syllable(stem) {
        true => format!("{stem}e"),
        false => stem.to_owned(),
    }
}

/// Step 1c, as NLTK changes it: only behind a consonant that does not begin the word.
fn with_i_for_y(word: String) -> String {
    match word.strip_suffix('y') {
        Some(stem) if is_last_consonant(stem) && stem.chars().nth(1).is_some() => {
            format!("{stem}i")
        }
        _ => word,
    }
}

/// Step 2. NLTK looks again at what is left without "li".
fn without_double_suffix(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("alli")
        && measure(stem) > 0
    {
        return without_double_suffix(&format!("{stem}al"));
    }
    replaced(word, STEP_2, |suffix, stem| match suffix {
        "logi" => measure(&format!("{stem}l")) > 0,
        _ => measure(stem) > 0,
    })
}

/// Step 5.
fn without_final_e_or_l(word: String) -> String {
    let mut stem = word.as_str();
    if let Some(shorter) = word.strip_suffix('e') {
        let measure = measure(shorter);
        if measure > 1 || (measure == 1 && !ends_in_short_syllable(shorter)) {
            stem = shorter;
        }
    }
    match stem.strip_suffix('l') {
        Some(single) if single.ends_with('l') && measure(single) > 1 => single.to_owned(),
        _ => stem.to_owned(),
    }
}

/// For each character whether it is a consonant: neither a vowel nor a "y" behind a consonant.
fn consonants(word: &str) -> Vec<bool> {
    let mut flags = Vec::with_capacity(word.len());
    for character in word.chars() {
        flags.push(match character {
            'a' | 'e' | 'i' | 'o' | 'u' => false,
            'y' => !flags.last().is_some_and(|is_consonant| *is_consonant),
            _ => true,
        });
    }
    flags
}

/// Porter's m: how often vowels are followed by consonants.
fn measure(stem: &str) -> usize {
    let flags = consonants(stem);
    flags.windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

fn has_vowel(stem: &str) -> bool {
    consonants(stem).contains(&false)
}

fn is_last_consonant(word: &str) -> bool {
    consonants(word)
        .last()
        .is_some_and(|is_consonant| *is_consonant)
}

fn ends_in_double_consonant(word: &str) -> bool {
    let mut reversed = word.chars().rev();
    let (last, before) = (reversed.next(), reversed.next());
    last == before && is_last_consonant(word)
}

/// Porter's *o: consonant, vowel and a consonant other than w, x and y; or, with NLTK, just a vowel and a consonant.
fn ends_in_short_syllable(word: &str) -> bool {
    match consonants(word)[..] {
        [false, true] => true,
        [.., true, false, true] => !word.ends_with(['w', 'x', 'y']),
        _ => false,
    }
}

//! Numbers in English words.

/// The highest number that is written out.
pub(super) const HIGHEST: usize = 9999;

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// `number`, at most [`HIGHEST`], the British way: "three hundred and forty two".
pub(super) fn in_words(number: usize) -> String {
    let (thousands, hundreds, rest) = (number / 1000, number / 100 % 10, number % 100);
    let mut words = Vec::new();
    if thousands > 0 {
        words.extend([SMALL[thousands % 10], "thousand"]);
    }
    if hundreds > 0 {
        words.extend([SMALL[hundreds], "hundred"]);
    }
    if rest > 0 && !words.is_empty() {
        words.push("and");
    }
    match rest {
        0 if !words.is_empty() => {}
        0..20 => words.push(SMALL[rest]),
        _ => {
            words.push(TENS[rest / 10]);
            words.extend((rest % 10 > 0).then_some(SMALL[rest % 10]));
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_read_as_in_british_english() {
        assert_eq!(in_words(0), "zero");
        assert_eq!(in_words(17), "seventeen");
        assert_eq!(in_words(40), "forty");
        assert_eq!(in_words(342), "three hundred and forty two");
        assert_eq!(in_words(700), "seven hundred");
        assert_eq!(in_words(1005), "one thousand and five");
        assert_eq!(in_words(9999), "nine thousand nine hundred and ninety nine");
    }

    #[test]
    fn no_two_numbers_read_the_same() {
        let words: HashSet<String> = (0..=HIGHEST).map(in_words).collect();
        assert_eq!(words.len(), HIGHEST + 1);
    }
}

//! Dates as people write them and as ISO 8601 has them.

use super::hash;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[derive(Debug, Clone, Copy)]
pub(super) struct Date {
    year: usize,
    /// One to twelve.
    month: usize,
    day: usize,
}

/// A day of the twentieth or twenty-first century.
pub(super) fn random(rng: &mut ChaCha8Rng) -> Date {
    let year = rng.random_range(1900..2100);
    let month = rng.random_range(1..=12);
    let day = rng.random_range(1..=days(year, month));
    Date { year, month, day }
}

fn days(year: usize, month: usize) -> usize {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Date {
    pub(super) fn iso(self) -> String {
        let Self { year, month, day } = self;
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// One of five forms. Each date has one of its own, so that a held-out date stands in no other form in training.
    pub(super) fn written(self) -> String {
        let Self { year, day, .. } = self;
        let month = MONTHS[(self.month - 1) % MONTHS.len()];
        match hash(self.iso().as_bytes()) % 5 {
            0 => format!("{day} {month} {year}"),
            1 => format!("{month} {day}, {year}"),
            2 => format!("the {} of {month} {year}", ordinal(day)),
            3 => format!("{day} {} {year}", &month[..3]),
            _ => format!("{year}, {month} {}", ordinal(day)),
        }
    }
}

fn ordinal(day: usize) -> String {
    let ending = match day {
        11..=13 => "th",
        _ => match day % 10 {
            1 => "st",
            2 => "nd",
            3 => "rd",
            _ => "th",
        },
    };
    format!("{day}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::HashSet;

    #[test]
    fn ordinals_end_as_spoken() {
        let ordinals = [1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31].map(ordinal);
        let expected = [
            "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th",
            "31st",
        ];
        assert_eq!(ordinals, expected);
    }

    #[test]
    fn february_follows_the_leap_years() {
        assert_eq!(
            [1900, 1999, 2000, 2024].map(|year| days(year, 2)),
            [28, 28, 29, 29]
        );
    }

    #[test]
    fn the_iso_form_is_padded() {
        let date = Date {
            year: 1987,
            month: 3,
            day: 3,
        };
        assert_eq!(date.iso(), "1987-03-03");
        assert!(date.written().contains("Mar"));
    }

    #[test]
    fn all_five_forms_occur() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let forms: HashSet<u64> = (0..200)
            .map(|_| hash(random(&mut rng).iso().as_bytes()) % 5)
            .collect();
        assert_eq!(forms.len(), 5);
    }
}

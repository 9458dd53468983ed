//! A small grammar of English: topics, sentences about them, noun phrases and verbs that agree.

use super::{
    inflection::{regular_plural, third_person},
    lexicon::{ANIMALS, Animal, CRAFTS, Craft, SEASONS, Season, THINGS, Thing},
};
use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    One,
    Many,
}

/// A noun in the number it stands in.
struct Noun {
    text: String,
    number: Number,
}

/// What a document is about.
enum Topic {
    Animal(&'static Animal),
    Craft(&'static Craft),
    Season(&'static Season),
    Thing(&'static Thing),
}

/// Three to seven sentences about one topic.
pub(super) fn document(rng: &mut ChaCha8Rng) -> String {
    let topic = match rng.random_range(0..10) {
        0..4 => Topic::Animal(pick(rng, &ANIMALS)),
        4..7 => Topic::Craft(pick(rng, &CRAFTS)),
        7..9 => Topic::Thing(pick(rng, &THINGS)),
        _ => Topic::Season(pick(rng, &SEASONS)),
    };
    let number = Number::random(rng);
    let num_sentences = rng.random_range(3..=7);
    let mut sentences: Vec<String> = Vec::new();
    while sentences.len() < num_sentences {
        let sentence = finish(&topic.sentence(number, rng));
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences.join(" ")
}

impl Topic {
    fn sentence(&self, number: Number, rng: &mut ChaCha8Rng) -> String {
        match self {
            Self::Animal(animal) => about_animal(animal, number, rng),
            Self::Craft(craft) => about_craft(craft, number, rng),
            Self::Season(season) => about_season(season, rng),
            Self::Thing(thing) => about_thing(thing, number, rng),
        }
    }
}

fn about_animal(animal: &Animal, number: Number, rng: &mut ChaCha8Rng) -> String {
    let noun = animal.noun(number);
    let subject = phrase(&noun, rng);
    let verb = |stem| verb(stem, number);
    let Animal {
        sound,
        home,
        food,
        looks,
        ..
    } = animal;
    let other = pick(rng, &ANIMALS);
    let other_noun = other.noun(Number::random(rng));
    match rng.random_range(0..9) {
        0 => format!("{subject} {} in the {home}", verb(sound)),
        1 => format!("{subject} {} {food}", verb("eat")),
        2 => format!("{subject} {} {looks}", be(number)),
        3 => format!(
            "{subject} that {} in the {home} {} {food}",
            verb("live"),
            verb("eat")
        ),
        4 => format!(
            "{subject} near {} {}",
            phrase(&other_noun, rng),
            verb(sound)
        ),
        5 => {
            let other_sounds = self::verb(other.sound, other_noun.number);
            let other = phrase(&other_noun, rng);
            format!(
                "when {other} {other_sounds}, {subject} {} to the {home}",
                verb("run")
            )
        }
        6 => format!(
            "{} {} {food} and {} in the {home}",
            pronoun("it", number),
            verb("like"),
            verb("sleep")
        ),
        7 => format!(
            "{subject} {} {} into the {}",
            verb("chase"),
            phrase(&other_noun, rng),
            other.home
        ),
        _ => {
            let other_sounds = self::verb(other.sound, other_noun.number);
            format!(
                "{subject} {}, but {} {other_sounds}",
                verb(sound),
                phrase(&other_noun, rng)
            )
        }
    }
}

fn about_craft(craft: &Craft, number: Number, rng: &mut ChaCha8Rng) -> String {
    let noun = craft.noun(number);
    let subject = phrase(&noun, rng);
    let verb = |stem| verb(stem, number);
    let Craft {
        does,
        to,
        place,
        tool,
        ..
    } = craft;
    match rng.random_range(0..8) {
        0 => format!("{subject} {} {to} in the {place}", verb(does)),
        1 => format!("{subject} {} the {tool}", verb("need")),
        2 => format!("in the {place} {subject} {} {to}", verb(does)),
        3 => format!(
            "{subject} that {} the {tool} {} {to}",
            verb("hold"),
            verb(does)
        ),
        4 => format!("people buy {to} from {subject}"),
        5 => format!(
            "{} {} in the {place} with the {tool}",
            pronoun("she", number),
            verb("work")
        ),
        6 => {
            let animal = pick(rng, &ANIMALS);
            let seen = phrase(&animal.noun(Number::random(rng)), rng);
            format!("{subject} {} {seen} in the {}", verb("see"), animal.home)
        }
        _ => {
            let animal = pick(rng, &ANIMALS).noun(Number::random(rng));
            format!(
                "{subject} with {} {} {to}",
                phrase(&animal, rng),
                verb(does)
            )
        }
    }
}

fn about_season(season: &Season, rng: &mut ChaCha8Rng) -> String {
    let Season {
        name,
        weather,
        thing,
        thing_does,
        wear,
    } = season;
    match rng.random_range(0..5) {
        0 => format!("in {name} the days are {weather}"),
        1 => format!("in {name} the {thing} {thing_does}"),
        2 => format!("when it is {weather}, people wear {wear}"),
        3 => {
            let craft = pick(rng, &CRAFTS).noun(Number::random(rng));
            format!(
                "{} {} {wear} in {name}",
                phrase(&craft, rng),
                verb("wear", craft.number)
            )
        }
        _ => format!("it is {name}, so the {thing} {thing_does}"),
    }
}

fn about_thing(thing: &Thing, number: Number, rng: &mut ChaCha8Rng) -> String {
    let noun = thing.noun(number);
    let subject = phrase(&noun, rng);
    let Thing {
        one,
        material,
        colour,
        room,
    } = thing;
    let be = be(number);
    match rng.random_range(0..6) {
        0 => format!("{subject} in the {room} {be} made of {material}"),
        1 => format!("{subject} {be} {colour}"),
        2 => format!("the {material} of the {one} is {colour}"),
        3 => {
            let craft = pick(rng, &CRAFTS).noun(Number::random(rng));
            format!(
                "{} {} {subject} in the {room}",
                phrase(&craft, rng),
                verb("leave", craft.number)
            )
        }
        4 => {
            let other = pick(rng, &THINGS);
            format!(
                "{subject} {be} made of {material}, but the {} is made of {}",
                other.one, other.material
            )
        }
        _ => format!(
            "{} {be} {colour} because the {material} is {colour}",
            pronoun("it", number)
        ),
    }
}

impl Number {
    fn random(rng: &mut ChaCha8Rng) -> Self {
        if rng.random_bool(0.5) {
            Self::One
        } else {
            Self::Many
        }
    }
}

impl Animal {
    fn noun(&self, number: Number) -> Noun {
        let text = if number == Number::One {
            self.one
        } else {
            self.many
        };
        Noun {
            text: text.to_owned(),
            number,
        }
    }
}

impl Craft {
    fn noun(&self, number: Number) -> Noun {
        noun(self.one, number)
    }
}

impl Thing {
    fn noun(&self, number: Number) -> Noun {
        noun(self.one, number)
    }
}

fn noun(one: &str, number: Number) -> Noun {
    let text = if number == Number::One {
        one.to_owned()
    } else {
        regular_plural(one)
    };
    Noun { text, number }
}

/// Determiner, perhaps an adjective, noun.
fn phrase(noun: &Noun, rng: &mut ChaCha8Rng) -> String {
    let determiners = match noun.number {
        Number::One => ["the", "the", "this", "every", "a"],
        Number::Many => ["the", "the", "these", "many", "two"],
    };
    let determiner = *pick(rng, &determiners);
    let described = if rng.random_bool(0.3) {
        format!(
            "{} {}",
            pick(rng, &["small", "young", "big", "good"]),
            noun.text
        )
    } else {
        noun.text.clone()
    };
    let vowel = described.starts_with(['a', 'e', 'i', 'o', 'u']);
    let determiner = if determiner == "a" && vowel {
        "an"
    } else {
        determiner
    };
    format!("{determiner} {described}")
}

fn verb(stem: &str, number: Number) -> String {
    match number {
        Number::One => third_person(stem),
        Number::Many => stem.to_owned(),
    }
}

fn be(number: Number) -> &'static str {
    if number == Number::One { "is" } else { "are" }
}

/// "they", or `one` for a single subject.
fn pronoun(one: &'static str, number: Number) -> &'static str {
    if number == Number::One { one } else { "they" }
}

/// A capital at the start and a full stop at the end.
fn finish(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// `items` are never empty here.
fn pick<'a, T>(rng: &mut ChaCha8Rng, items: &'a [T]) -> &'a T {
    items.choose(rng).unwrap_or(&items[0])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn determiner_and_noun_agree_in_number() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200 {
            let one = phrase(&ANIMALS[0].noun(Number::One), &mut rng);
            let many = phrase(&ANIMALS[0].noun(Number::Many), &mut rng);
            assert!(
                one.ends_with("dog") && !one.starts_with("these") && !one.starts_with("two"),
                "{one}"
            );
            assert!(
                many.ends_with("dogs") && !many.starts_with("this") && !many.starts_with("a "),
                "{many}"
            );
        }
    }

    #[test]
    fn verbs_agree_with_their_subject() {
        assert_eq!(verb("hiss", Number::One), "hisses");
        assert_eq!(verb("fly", Number::One), "flies");
        assert_eq!(verb("bark", Number::Many), "bark");
    }

    #[test]
    fn an_stands_before_a_vowel() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let owl = noun("owl", Number::One);
        let phrases: Vec<String> = (0..200).map(|_| phrase(&owl, &mut rng)).collect();
        assert!(phrases.contains(&"an owl".to_owned()));
        assert!(!phrases.contains(&"a owl".to_owned()));
    }
}

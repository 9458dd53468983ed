use proptest::prelude::*;

use super::*;

fn refusal(names: &LabelNames, label: &str) -> String {
    names.id(label).unwrap_err().to_string()
}

#[test]
fn numbers_come_by_size_and_before_words() {
    let names = LabelNames::of(["b", "10", "2", "B-LOC", "2", "-1.5", "O", "nan"]);
    assert_eq!(names.names(), ["-1.5", "2", "10", "B-LOC", "O", "b", "nan"]);
    assert_eq!(names.id("10").unwrap(), 2);
}

#[test]
fn given_names_keep_their_order_and_go_by_numbers_too() {
    let given = |names: [&str; 3]| LabelNames::given(names.map(str::to_owned).to_vec());
    let names = given(["O", "B-PER", "A"]).unwrap();
    assert_eq!(names.names(), ["O", "B-PER", "A"]);
    assert_eq!((names.id("A").unwrap(), names.id("2").unwrap()), (2, 2));
    assert!(names.id("3").is_err());

    // Numbers that are names stand for themselves.
    let names = given(["5", "1", "x"]).unwrap();
    assert_eq!(names.id("1").unwrap(), 1);
    assert!(names.id("0").is_err());

    let repeated = given(["a", "b", "a"]).unwrap_err().to_string();
    assert_eq!(repeated, "two classes are called \"a\"");
}

#[test]
fn an_unknown_label_is_named_with_the_known_ones() {
    assert_eq!(
        refusal(&LabelNames::of(["yes", "no"]), "maybe"),
        "label \"maybe\": expected one of no, yes"
    );
    // Names that were counted do not go by numbers.
    assert!(LabelNames::of(["yes", "no"]).id("0").is_err());
    let many = LabelNames::of((0..25).map(|number| number.to_string()));
    assert!(refusal(&many, "x").ends_with("18, 19 and 5 more"));
}

proptest! {
    #[test]
    fn every_name_has_the_id_of_its_place_whatever_the_order(labels in prop::collection::vec("[-a-c0-9.]{1,3}", 1..30)) {
        let names = LabelNames::of(labels.iter().cloned());
        prop_assert_eq!(&names, &LabelNames::of(labels.iter().rev().cloned()));
        for label in &labels {
            let id = names.id(label).unwrap();
            prop_assert_eq!(&names.names()[id as usize], label);
        }
        prop_assert!(names.names().is_sorted_by(|one, other| compared(one, other).is_lt()));
    }
}

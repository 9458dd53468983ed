//! Checkpoints that are not as they were written.

use proptest::prelude::*;

use super::*;

#[test]
fn a_damaged_one_is_named_with_its_file_and_the_one_before_is_taken() {
    let (_folder, checkpoints) = store();
    write(&checkpoints, 1, 1.0);
    let last = write(&checkpoints, 2, 1.0);
    fs::write(last.path.join("generator/weights"), "cut").unwrap();
    let (step, passed_over) = newest(&checkpoints);
    assert_eq!(step, Some(1));
    let message = &passed_over[0];
    assert!(
        message.contains("step-2") && message.contains("generator/weights"),
        "{message}"
    );
    assert!(message.contains("3 bytes instead of 21"), "{message}");
    fs::remove_file(last.path.join("generator/weights")).unwrap();
    assert!(newest(&checkpoints).1[0].contains("cannot be read"));
    fs::remove_file(last.path.join("manifest.json")).unwrap();
    assert!(newest(&checkpoints).1[0].contains("manifest.json is missing"));
}

/// Every file of a checkpoint with its content.
fn read_all(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = files::files_below(path).unwrap();
    let read = |file: PathBuf| (file.clone(), fs::read(path.join(file)).unwrap());
    files.into_iter().map(read).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn one_flipped_bit_anywhere_is_found_and_the_file_named(place in any::<prop::sample::Index>()) {
        let (_folder, checkpoints) = store();
        write(&checkpoints, 1, 1.0);
        let path = write(&checkpoints, 2, 1.0).path;
        let files = read_all(&path);
        let num_bits: usize = files.iter().map(|(_, bytes)| 8 * bytes.len()).sum();
        let mut bit = place.index(num_bits);
        for (name, mut bytes) in files {
            if bit < 8 * bytes.len() {
                bytes[bit / 8] ^= 1 << (bit % 8);
                fs::write(path.join(&name), bytes).unwrap();
                let (step, passed_over) = newest(&checkpoints);
                prop_assert_eq!(step, Some(1));
                prop_assert!(passed_over[0].contains(&*name.to_string_lossy()), "{}", passed_over[0]);
                break;
            }
            bit -= 8 * bytes.len();
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_found(place in any::<prop::sample::Index>()) {
        let (_folder, checkpoints) = store();
        let path = write(&checkpoints, 2, 1.0).path;
        let files = read_all(&path);
        let num_bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut byte = place.index(num_bytes);
        for (name, bytes) in files {
            if byte < bytes.len() {
                fs::write(path.join(name), &bytes[..byte]).unwrap();
                prop_assert_eq!(newest(&checkpoints).0, None);
                break;
            }
            byte -= bytes.len();
        }
    }
}

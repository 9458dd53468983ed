//! Rules of Rust sources: size, names of modules and tests, and code that is forbidden.

use std::collections::BTreeSet;
use std::path::Path;

use super::{File, Finding};

const LONG_FILE: usize = 300;
const TOO_LONG_FILE: usize = 600;
/// Names that say nothing about the role of what is inside.
const EMPTY_NAMES: [&str; 9] = [
    "base", "common", "helper", "helpers", "manager", "misc", "shared", "util", "utils",
];
/// Picks a device by the features that were compiled in, so a build changes what the same program runs on.
const DEVICE_DEFAULT: &str = concat!("Device::", "default()");
/// What one file may have a reason for, and the message when there are more.
const IN_ONE_FILE: [(&[&str], &str); 2] = [
    // The ndarray backend is deprecated upstream; one file may say that it is used all the same.
    (
        &[
            concat!("expect(", "deprecated"),
            concat!("allow(", "deprecated"),
        ],
        "a deprecated item may be used in one file only",
    ),
    // Clocks jump. TensorBoard's format asks for the time of day; rates and names have no use for it.
    (
        &[concat!("System", "Time")],
        "the time of day may be read in one file only; durations are measured by Instant",
    ),
];

/// Checks every `.rs` file.
pub fn check(files: &[File]) -> Vec<Finding> {
    let sources: Vec<&File> = files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .collect();
    let mut findings: Vec<Finding> = sources.iter().flat_map(|file| check_source(file)).collect();
    for (patterns, message) in IN_ONE_FILE {
        let has_pattern = |file: &&&File| {
            code_lines(file).any(|(_, line)| patterns.iter().any(|pattern| line.contains(pattern)))
        };
        let places: BTreeSet<&str> = (sources.iter().filter(has_pattern))
            .map(|file| file.path.as_str())
            .collect();
        if places.len() > 1 {
            let places: Vec<&str> = places.into_iter().collect();
            findings.push(Finding::failure(places.join(", "), message));
        }
    }
    findings
}

fn check_source(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let num_lines = file.content.lines().count();
    if num_lines > TOO_LONG_FILE {
        let message = format!("{num_lines} lines; the limit is {TOO_LONG_FILE}");
        findings.push(Finding::failure(&file.path, message));
    } else if num_lines > LONG_FILE {
        findings.push(Finding::warning(
            &file.path,
            format!("{num_lines} lines; aim for {LONG_FILE}"),
        ));
    }
    for part in Path::new(&file.path)
        .with_extension("")
        .iter()
        .filter_map(|part| part.to_str())
    {
        if EMPTY_NAMES.contains(&part) {
            findings.push(Finding::failure(
                &file.path,
                format!("`{part}` says nothing about the role"),
            ));
        }
    }
    let mut is_after_test_attribute = false;
    for (number, line) in code_lines(file) {
        let place = format!("{}:{number}", file.path);
        if line.contains(DEVICE_DEFAULT) {
            findings.push(Finding::failure(
                &place,
                format!("{DEVICE_DEFAULT} depends on the build; name the device"),
            ));
        }
        if is_after_test_attribute && line.starts_with("fn test_") {
            findings.push(Finding::failure(
                &place,
                "a test is named by a sentence without a prefix",
            ));
        }
        is_after_test_attribute =
            line == "#[test]" || (is_after_test_attribute && line.starts_with("#["));
    }
    findings
}

/// Numbered lines without indentation; lines that are comments are left out.
fn code_lines(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let lines = file.content.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(files: &[File]) -> usize {
        check(files).iter().filter(|finding| finding.fails).count()
    }

    #[test]
    fn a_long_file_warns_and_a_too_long_one_fails() {
        let with_lines = |num_lines| {
            [File::new(
                "crates/t5/src/model.rs",
                &"x\n".repeat(num_lines),
            )]
        };
        assert_eq!(check(&with_lines(300)), []);
        assert_eq!(failures(&with_lines(301)), 0);
        assert_eq!(check(&with_lines(301)).len(), 1);
        assert_eq!(failures(&with_lines(600)), 0);
        assert_eq!(failures(&with_lines(601)), 1);
    }

    #[test]
    fn an_empty_name_fails_as_a_file_and_as_a_folder() {
        assert_eq!(failures(&[File::new("crates/t5/src/utils.rs", "")]), 1);
        assert_eq!(
            failures(&[File::new("crates/t5/tests/common/mod.rs", "")]),
            1
        );
        assert_eq!(
            failures(&[File::new("crates/t5/src/utilisation.rs", "")]),
            0
        );
        assert_eq!(failures(&[File::new("docs/common/page.md", "")]), 0);
    }

    #[test]
    fn the_default_device_fails_in_code_and_not_in_a_comment() {
        assert_eq!(
            failures(&[File::new(
                "a.rs",
                &format!("let device = {DEVICE_DEFAULT};")
            )]),
            1
        );
        assert_eq!(
            failures(&[File::new("a.rs", &format!("    // never {DEVICE_DEFAULT}"))]),
            0
        );
    }

    #[test]
    fn what_one_file_may_have_a_reason_for_fails_in_two() {
        for (patterns, _) in IN_ONE_FILE {
            let source: String = patterns
                .iter()
                .map(|pattern| format!("{pattern}\n"))
                .collect();
            assert_eq!(failures(&[File::new("a.rs", &source)]), 0);
            let two = [File::new("a.rs", &source), File::new("b.rs", &source)];
            assert_eq!(failures(&two), 1);
        }
    }

    #[test]
    fn a_test_with_a_prefix_fails() {
        assert_eq!(
            failures(&[File::new("a.rs", "#[test]\n#[ignore]\nfn test_it() {}\n")]),
            1
        );
        assert_eq!(
            failures(&[File::new(
                "a.rs",
                "#[test]\nfn it_holds() {}\nfn test_device() {}\n"
            )]),
            0
        );
    }
}

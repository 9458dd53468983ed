//! What every member's `Cargo.toml` says: inherited fields and lints, and versions from the one table.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::workspace::Package;
use super::{File, Finding};

const LICENSE: &str = "MIT OR Apache-2.0";
const INHERITED_FIELDS: [&str; 4] = ["version", "edition", "rust-version", "license"];
const DEPENDENCY_TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
/// Members that no registry gets.
const UNPUBLISHED: [&str; 3] = ["lamplight-testing", "lamplight-benches", "xtask"];

/// Checks the members' manifests and the table of dependencies in the root's.
pub fn check(packages: &[Package], files: &[File]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for package in packages {
        let manifest = read(files, &package.manifest_path)?;
        findings.extend(check_fields(package, &manifest));
        for (name, value) in dependencies(&manifest) {
            if value.get("workspace") != Some(&Value::Boolean(true)) {
                let message = format!(
                    "`{name}` must come from [workspace.dependencies] (`{name}.workspace = true`)"
                );
                findings.push(Finding::failure(&package.manifest_path, message));
            }
            used.insert(name.clone());
        }
    }
    let root = read(files, "Cargo.toml")?;
    let table = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table);
    for name in table
        .into_iter()
        .flat_map(Table::keys)
        .filter(|name| !used.contains(*name))
    {
        findings.push(Finding::failure(
            "Cargo.toml",
            format!("no member uses `{name}` of [workspace.dependencies]"),
        ));
    }
    Ok(findings)
}

fn read(files: &[File], path: &str) -> Result<Table> {
    let file = files
        .iter()
        .find(|file| file.path == path)
        .with_context(|| format!("git does not know {path}"))?;
    file.content
        .parse()
        .with_context(|| format!("cannot read {path}"))
}

fn check_fields(package: &Package, manifest: &Table) -> Vec<Finding> {
    let mut messages = Vec::new();
    for field in INHERITED_FIELDS {
        if !is_inherited(manifest.get("package").and_then(|table| table.get(field))) {
            messages.push(format!("[package] must say `{field}.workspace = true`"));
        }
    }
    if !is_inherited(manifest.get("lints")) {
        messages.push(String::from("[lints] must say `workspace = true`"));
    }
    if package.license.as_deref() != Some(LICENSE) {
        messages.push(format!("the licence must be `{LICENSE}`"));
    }
    if package.is_published && UNPUBLISHED.contains(&package.name.as_str()) {
        messages.push(String::from("[package] must say `publish = false`"));
    }
    messages
        .into_iter()
        .map(|message| Finding::failure(&package.manifest_path, message))
        .collect()
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true))
}

/// The entries of every table of dependencies, those for one platform included.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let platforms = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values);
    let scopes = platforms.filter_map(Value::as_table).chain([manifest]);
    scopes
        .flat_map(|scope| {
            DEPENDENCY_TABLES
                .iter()
                .filter_map(|name| scope.get(*name).and_then(Value::as_table))
        })
        .flat_map(Table::iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.dependencies]\nserde = \"1\"\n";
    const GOOD: &str = "[package]\nname = \"lamplight-t5\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true\n\
        [dependencies]\nserde.workspace = true\n";

    fn messages(root: &str, manifest: &str) -> Vec<String> {
        let files = [
            File::new("Cargo.toml", root),
            File::new("crates/t5/Cargo.toml", manifest),
        ];
        let findings = check(&[Package::named("lamplight-t5")], &files).unwrap();
        findings
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_manifest_that_inherits_everything_is_fine() {
        assert_eq!(messages(ROOT, GOOD), [""; 0]);
    }

    #[test]
    fn each_field_that_is_not_inherited_fails() {
        let manifest = GOOD
            .replace("edition.workspace = true", "edition = \"2024\"")
            .replace("[lints]", "[features]");
        let found = messages(
            ROOT,
            &manifest.replace("workspace = true\n[dep", "x = []\n[dep"),
        );
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("edition"));
        assert!(found[1].contains("[lints]"));
    }

    #[test]
    fn a_version_outside_the_table_fails_for_one_platform_too() {
        let manifest = format!(
            "{GOOD}[target.'cfg(unix)'.dev-dependencies]\nlibc = {{ version = \"0.2\" }}\n"
        );
        assert_eq!(messages(ROOT, &manifest).len(), 1);
    }

    #[test]
    fn an_entry_of_the_table_that_nobody_uses_fails() {
        let found = messages(&format!("{ROOT}rand = \"0.10\"\n"), GOOD);
        assert_eq!(found, ["no member uses `rand` of [workspace.dependencies]"]);
    }

    #[test]
    fn the_test_tools_are_not_published() {
        let manifest = read(&[File::new("Cargo.toml", GOOD)], "Cargo.toml").unwrap();
        assert_eq!(
            check_fields(&Package::named("lamplight-testing"), &manifest).len(),
            1
        );
    }
}

//! The members of the workspace as `cargo metadata` tells them.

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

/// When a dependency is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DependencyKind {
    Normal,
    Build,
    Development,
}

/// An edge of the dependency graph, as the manifest states it.
#[derive(Debug)]
pub struct Dependency {
    pub name: String,
    pub kind: DependencyKind,
}

/// A member of the workspace.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    /// Path of its `Cargo.toml` from the workspace's folder, with `/`.
    pub manifest_path: String,
    pub license: Option<String>,
    /// Whether a registry would take it.
    pub is_published: bool,
    pub dependencies: Vec<Dependency>,
    /// Names of the targets under `tests/`.
    pub integration_tests: Vec<String>,
}

/// Reads the members; the shell stands in the workspace's folder.
pub fn read(shell: &Shell) -> Result<Vec<Package>> {
    let text = cmd!(shell, "cargo metadata --no-deps --format-version 1")
        .quiet()
        .ignore_stderr()
        .read()?;
    parse(&text).context("cannot understand what cargo metadata printed")
}

fn parse(text: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(text)?;
    let root = metadata["workspace_root"]
        .as_str()
        .context("no `workspace_root`")?;
    let packages = metadata["packages"].as_array().context("no `packages`")?;
    packages
        .iter()
        .map(|package| parse_package(package, root))
        .collect()
}

fn parse_package(package: &Value, root: &str) -> Result<Package> {
    let name = package["name"]
        .as_str()
        .context("a package has no `name`")?;
    let manifest_path = package["manifest_path"]
        .as_str()
        .context("a package has no `manifest_path`")?;
    let relative = manifest_path
        .strip_prefix(root)
        .context("a member lies outside the workspace's folder")?;
    let dependencies = package["dependencies"]
        .as_array()
        .context("a package has no `dependencies`")?;
    let targets = package["targets"]
        .as_array()
        .context("a package has no `targets`")?;
    let is_test = |target: &&Value| target["kind"][0] == "test";
    Ok(Package {
        name: name.to_string(),
        manifest_path: relative
            .replace('\\', "/")
            .trim_start_matches('/')
            .to_string(),
        license: package["license"].as_str().map(String::from),
        is_published: package["publish"].is_null(),
        dependencies: dependencies.iter().filter_map(parse_dependency).collect(),
        integration_tests: targets
            .iter()
            .filter(is_test)
            .filter_map(|target| target["name"].as_str().map(String::from))
            .collect(),
    })
}

fn parse_dependency(dependency: &Value) -> Option<Dependency> {
    let kind = match dependency["kind"].as_str() {
        Some("dev") => DependencyKind::Development,
        Some("build") => DependencyKind::Build,
        _ => DependencyKind::Normal,
    };
    Some(Dependency {
        name: dependency["name"].as_str()?.to_string(),
        kind,
    })
}

#[cfg(test)]
impl Package {
    pub fn named(name: &str) -> Self {
        let folder = name
            .strip_prefix("lamplight-")
            .map_or(name.to_string(), |folder| format!("crates/{folder}"));
        Self {
            name: name.to_string(),
            manifest_path: format!("{folder}/Cargo.toml"),
            license: Some(String::from("MIT OR Apache-2.0")),
            is_published: true,
            dependencies: Vec::new(),
            integration_tests: Vec::new(),
        }
    }

    pub fn with_dependency(mut self, name: &str, kind: DependencyKind) -> Self {
        self.dependencies.push(Dependency {
            name: name.to_string(),
            kind,
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_from_the_metadata_of_cargo() {
        let text = r#"{"workspace_root": "/w", "packages": [{"name": "lamplight-t5", "license": "MIT",
            "publish": [], "manifest_path": "/w/crates/t5/Cargo.toml",
            "dependencies": [{"name": "burn", "kind": null}, {"name": "proptest", "kind": "dev"}],
            "targets": [{"kind": ["lib"], "name": "lamplight_t5"}, {"kind": ["test"], "name": "parity"}]}]}"#;
        let packages = parse(text).unwrap();
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].manifest_path, "crates/t5/Cargo.toml");
        assert!(!packages[0].is_published);
        assert_eq!(packages[0].dependencies[0].kind, DependencyKind::Normal);
        assert_eq!(
            packages[0].dependencies[1].kind,
            DependencyKind::Development
        );
        assert_eq!(packages[0].integration_tests, ["parity"]);
    }

    #[test]
    fn text_that_is_no_metadata_is_an_error() {
        assert!(parse("{}").is_err());
        assert!(parse("not json").is_err());
    }
}

//! The direction of dependencies: an edge that is not in the table fails.

use super::Finding;
use super::workspace::{DependencyKind, Package};

/// Each member, its folder, and the members below it, which it may depend on.
/// `lamplight-testing` is missing from the lists: it is only ever a dev-dependency.
const MEMBERS: [Member; 12] = [
    Member::new("lamplight-kernels", "crates/kernels", &[]),
    Member::new("lamplight-layers", "crates/layers", &["kernels"]),
    Member::new("lamplight-t5", "crates/t5", &["kernels", "layers"]),
    Member::new(
        "lamplight-electra",
        "crates/electra",
        &["kernels", "layers"],
    ),
    Member::new("lamplight-data", "crates/data", &[]),
    Member::new(
        "lamplight-pipelines",
        "crates/pipelines",
        &["kernels", "layers", "t5", "electra", "data"],
    ),
    Member::new(
        "lamplight-training",
        "crates/training",
        &["kernels", "layers", "t5", "electra", "data", "pipelines"],
    ),
    Member::new(
        "lamplight",
        "crates/cli",
        &[
            "kernels",
            "layers",
            "t5",
            "electra",
            "data",
            "pipelines",
            "training",
            "parity",
        ],
    ),
    Member::new(
        "lamplight-parity",
        "crates/parity",
        &["kernels", "layers", "t5", "electra"],
    ),
    Member::new(
        "lamplight-testing",
        "crates/testing",
        &["kernels", "layers", "t5", "electra", "parity"],
    ),
    Member::new(
        "lamplight-benches",
        "benches",
        &[
            "kernels",
            "layers",
            "t5",
            "electra",
            "data",
            "pipelines",
            "training",
            "testing",
        ],
    ),
    Member::new("xtask", "xtask", &[]),
];

/// Members that must build without a tensor library, whatever the kind of dependency.
const WITHOUT_BURN: [&str; 2] = ["lamplight-data", "xtask"];

struct Member {
    name: &'static str,
    folder: &'static str,
    may_use: &'static [&'static str],
}

impl Member {
    const fn new(
        name: &'static str,
        folder: &'static str,
        may_use: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            folder,
            may_use,
        }
    }
}

/// Checks the names and folders of the members and the edges between them.
pub fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Finding> {
    let place = &package.manifest_path;
    let Some(member) = MEMBERS.iter().find(|member| member.name == package.name) else {
        let message = format!(
            "`{}` is no member that the plan knows; add it to xtask/src/tidy/direction.rs",
            package.name
        );
        return vec![Finding::failure(place, message)];
    };
    let mut findings = Vec::new();
    if *place != format!("{}/Cargo.toml", member.folder) {
        findings.push(Finding::failure(
            place,
            format!("`{}` belongs into {}", member.name, member.folder),
        ));
    }
    for dependency in &package.dependencies {
        if let Some(message) = objection(member, &dependency.name, dependency.kind) {
            findings.push(Finding::failure(place, message));
        }
    }
    findings
}

/// Why the member may not have this dependency; None when it may.
fn objection(member: &Member, dependency: &str, kind: DependencyKind) -> Option<String> {
    let is_tensor_library = dependency.starts_with("burn") || dependency.starts_with("cubecl");
    if is_tensor_library && WITHOUT_BURN.contains(&member.name) {
        return Some(format!(
            "{} stays free of Burn, but depends on `{dependency}`",
            member.name
        ));
    }
    if !MEMBERS.iter().any(|other| other.name == dependency) {
        return None;
    }
    let short_name = dependency.strip_prefix("lamplight-").unwrap_or(dependency);
    if member.may_use.contains(&short_name) {
        return None;
    }
    // Tests may use the test tools, except where those would bring Burn in.
    let is_test_tool = dependency == "lamplight-testing" && kind == DependencyKind::Development;
    if is_test_tool && !WITHOUT_BURN.contains(&member.name) {
        return None;
    }
    if dependency == "lamplight-testing" {
        return Some(format!(
            "{} may not depend on `{dependency}`: it is for the tests of crates with Burn",
            member.name
        ));
    }
    Some(format!(
        "{} may not depend on `{dependency}`: that edge runs against the direction of the plan",
        member.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DependencyKind::{Build, Development, Normal};

    fn num_findings(name: &str, dependency: &str, kind: DependencyKind) -> usize {
        check(&[Package::named(name).with_dependency(dependency, kind)]).len()
    }

    #[test]
    fn an_edge_downwards_is_fine() {
        assert_eq!(num_findings("lamplight-t5", "lamplight-layers", Normal), 0);
        assert_eq!(
            num_findings("lamplight-training", "lamplight-data", Normal),
            0
        );
        assert_eq!(num_findings("lamplight-data", "serde", Normal), 0);
    }

    #[test]
    fn an_edge_upwards_or_sideways_fails_for_every_kind() {
        for kind in [Normal, Build, Development] {
            assert_eq!(num_findings("lamplight-layers", "lamplight-t5", kind), 1);
            assert_eq!(num_findings("lamplight-t5", "lamplight-electra", kind), 1);
            assert_eq!(num_findings("lamplight-electra", "lamplight-data", kind), 1);
            assert_eq!(num_findings("lamplight-training", "lamplight", kind), 1);
        }
    }

    #[test]
    fn the_test_tools_are_a_dev_dependency_only() {
        assert_eq!(
            num_findings("lamplight-t5", "lamplight-testing", Development),
            0
        );
        assert_eq!(num_findings("lamplight-t5", "lamplight-testing", Normal), 1);
        assert_eq!(
            num_findings("lamplight-data", "lamplight-testing", Development),
            1
        );
    }

    #[test]
    fn data_and_xtask_stay_free_of_burn() {
        assert_eq!(num_findings("lamplight-data", "burn", Normal), 1);
        assert_eq!(
            num_findings("lamplight-data", "burn-tensor", Development),
            1
        );
        assert_eq!(num_findings("xtask", "burn", Build), 1);
        assert_eq!(num_findings("xtask", "cubecl", Normal), 1);
        assert_eq!(num_findings("lamplight-layers", "burn", Normal), 0);
    }

    #[test]
    fn an_unknown_member_or_a_wrong_folder_fails() {
        assert_eq!(check(&[Package::named("lamplight-extras")]).len(), 1);
        let mut package = Package::named("lamplight-t5");
        package.manifest_path = String::from("crates/lamplight-t5/Cargo.toml");
        assert_eq!(check(&[package]).len(), 1);
    }
}

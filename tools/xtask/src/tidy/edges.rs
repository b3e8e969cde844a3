//! Dependencies run one way: the edges between the members, as the design's layout gives them.

use std::path::Path;

use anyhow::Context;
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::Finding;

/// Each member and the members that it may use. Whoever is not named here may not exist.
const EDGES: &[(&str, &[&str])] = &[
    ("gateway-core", &[]),
    ("gateway-cameras", &["gateway-core"]),
    ("gateway-recognise", &["gateway-core"]),
    ("gateway-store", &["gateway-core"]),
    ("gateway-wire", &["gateway-core"]),
    ("gateway-config", &["gateway-core", "gateway-wire"]),
    (
        "gatewayd",
        &[
            "gateway-core",
            "gateway-cameras",
            "gateway-recognise",
            "gateway-store",
            "gateway-wire",
            "gateway-config",
        ],
    ),
    ("gateway-sim", &["gateway-core", "gateway-store", "traffic"]),
    (
        "gatectl",
        &[
            "gateway-core",
            "gateway-config",
            "gateway-wire",
            "gateway-recognise",
            "gateway-store",
        ],
    ),
    ("traffic", &[]),
    ("camera-sim", &["traffic"]),
    ("sensors-sim", &["traffic"]),
    // The oracle verifies with code of its own.
    ("grid-sim", &[]),
    ("faultproxy", &[]),
    (
        "xtask",
        &[
            "gateway-core",
            "gateway-recognise",
            "gateway-store",
            "gateway-sim",
            // The lanes, rules and lists of a recorded journal's gate.
            "gateway-config",
            "gateway-cameras",
            "traffic",
            "camera-sim",
        ],
    ),
];

/// What tests may use beside their crate's own edges: simulators and traffic, never the daemon.
const FOR_TESTS: &[&str] = &["traffic", "camera-sim", "grid-sim", "faultproxy"];

pub fn look(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata")?;
    let members: Vec<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut findings = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            let (from, to) = (package.name.as_str(), dependency.name.as_str());
            let tests = dependency.kind == DependencyKind::Development;
            if members.contains(&to) && !allowed(from, to, tests) {
                findings.push(Finding::new(
                    package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path),
                    format!("{from} uses {to}, against the direction of the design"),
                    "move the code to where the edge is allowed; the edges stand in tools/xtask/src/tidy/edges.rs",
                ));
            }
        }
    }
    findings.extend(
        members
            .iter()
            .filter(|member| edges(member).is_none())
            .map(|member| {
                Finding::new(
                    "Cargo.toml",
                    format!("{member} is a member that the design does not know"),
                    "give it its edges in tools/xtask/src/tidy/edges.rs, with the reason",
                )
            }),
    );
    Ok(findings)
}

fn edges(member: &str) -> Option<&'static [&'static str]> {
    EDGES
        .iter()
        .find(|(name, _)| *name == member)
        .map(|(_, uses)| *uses)
}

fn allowed(from: &str, to: &str, tests: bool) -> bool {
    let own = edges(from).is_some_and(|uses| uses.contains(&to));
    own || (tests && FOR_TESTS.contains(&to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_depends_on_the_daemon() {
        for (member, _) in EDGES {
            assert!(!allowed(member, "gatewayd", false), "{member}");
            assert!(!allowed(member, "gatewayd", true), "{member}");
        }
    }

    #[test]
    fn the_core_uses_no_member_and_the_oracle_none_of_the_gateway() {
        for to in ["gateway-store", "gateway-wire", "gateway-config"] {
            assert!(!allowed("gateway-core", to, false));
            assert!(!allowed("grid-sim", to, false));
        }
        assert!(!allowed("gatectl", "gateway-cameras", false));
    }
}

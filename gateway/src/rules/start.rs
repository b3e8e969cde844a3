//! Which rules the daemon starts with: the set on trial while it does not end the process, else
//! the active one, else the files of the configuration. Whoever wrote last has the word: when the
//! configured files changed after an activation, they are in force again.

use gateway_core::name::Name;
use gateway_core::rule::RuleSet;
use gateway_core::site::Lane;
use gateway_wire::api::{RuleText, RulesSource};

use super::shelf::{Kept, MOST_STARTS, Shelf, ShelfError, Trying};
use super::{InForce, RulesError, compile, in_force, shown};

/// The rules to start with.
pub struct Chosen {
    pub set: RuleSet,
    pub in_force: InForce,
    /// The version of the configured files.
    pub configured: String,
    /// A set that was not taken: code and named values of the event that says so.
    pub told: Option<(&'static str, Vec<(Name, String)>)>,
}

/// Chooses; a shelf that cannot be read keeps no gate from starting.
pub fn choose(shelf: &Shelf, lanes: &[Lane], configured: (RuleSet, Vec<RuleText>)) -> Chosen {
    let version = configured.0.version().to_owned();
    let mut told = None;
    let kept = readable(shelf.trying())
        .and_then(|trying| on_trial(shelf, lanes, &version, trying, &mut told))
        .or_else(|| {
            let active = readable(shelf.active())?;
            activated(shelf, lanes, &version, active, &mut told)
        });
    let (set, in_force) = kept.unwrap_or_else(|| {
        let (set, files) = configured;
        let in_force = InForce {
            version: version.clone(),
            files,
            rules: shown(&set),
            source: RulesSource::Configuration,
            activated_ms: None,
            by: None,
            admit_watched: None,
        };
        (set, in_force)
    });
    if let Err(error) = shelf.keep_version(&in_force.version, &in_force.files) {
        tracing::warn!(%error, "the texts of the rules in force are not kept for later questions");
    }
    Chosen {
        set,
        in_force,
        configured: version,
        told,
    }
}

type Told = Option<(&'static str, Vec<(Name, String)>)>;

fn on_trial(
    shelf: &Shelf,
    lanes: &[Lane],
    configured: &str,
    mut trying: Trying,
    told: &mut Told,
) -> Option<(RuleSet, InForce)> {
    let cause = if trying.set.configured != configured {
        "configuration_changed"
    } else if trying.starts >= MOST_STARTS {
        "crashed"
    } else {
        trying.starts += 1;
        // A start that cannot be counted would not be counted in a crash loop either.
        match shelf.try_out(&trying).map_err(RulesError::from) {
            Ok(()) => match compile(lanes, &trying.set.files) {
                Ok(Ok(set)) => {
                    let now = in_force(&set, &trying.set, RulesSource::Trying);
                    return Some((set, now));
                }
                Ok(Err(_)) | Err(_) => "cannot_be_loaded",
            },
            Err(error) => {
                tracing::error!(%error, "the rules on trial cannot be marked");
                "cannot_be_marked"
            }
        }
    };
    tracing::error!(
        version = trying.set.version,
        cause,
        "the rules on trial are put back"
    );
    *told = Some(("rules_put_back", values(&trying.set, cause)));
    if let Err(error) = shelf.put_back(&trying) {
        tracing::error!(%error, "the rules on trial cannot be laid aside");
    }
    None
}

fn activated(
    shelf: &Shelf,
    lanes: &[Lane],
    configured: &str,
    active: Kept,
    told: &mut Told,
) -> Option<(RuleSet, InForce)> {
    let cause = if active.configured != configured {
        "configuration_changed"
    } else {
        match compile(lanes, &active.files) {
            Ok(Ok(set)) => {
                let now = in_force(&set, &active, RulesSource::Activated);
                return Some((set, now));
            }
            Ok(Err(_)) | Err(_) => "cannot_be_loaded",
        }
    };
    tracing::warn!(
        version = active.version,
        cause,
        "the activated rules are laid down, the configured ones are in force"
    );
    *told = Some(("rules_laid_down", values(&active, cause)));
    if let Err(error) = shelf.lay_down(&active) {
        tracing::error!(%error, "the activated rules cannot be laid down");
    }
    None
}

fn values(set: &Kept, cause: &str) -> Vec<(Name, String)> {
    vec![
        (Name::from("version"), set.version.clone()),
        (Name::from("by"), set.by.clone()),
        (Name::from("cause"), cause.to_owned()),
    ]
}

fn readable<T>(read: Result<Option<T>, ShelfError>) -> Option<T> {
    read.unwrap_or_else(|error| {
        tracing::error!(%error, "rules that were activated cannot be read");
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "[[rule]]\nid = \"listed\"\ntitle = { zh = \"一\", en = \"one\" }\nverdict = \"admit\"\nwhen = \"vehicle.listed\"\n";

    fn file(text: &str) -> Vec<RuleText> {
        vec![RuleText {
            name: "r.toml".to_owned(),
            text: text.to_owned(),
        }]
    }

    fn configured(text: &str) -> (RuleSet, Vec<RuleText>) {
        let files = file(text);
        let set = compile(&[], &files).unwrap().unwrap();
        (set, files)
    }

    fn kept(text: &str, base: &str) -> Kept {
        Kept {
            version: configured(text).0.version().to_owned(),
            files: file(text),
            activated_ms: 1,
            by: "wei".to_owned(),
            admit_watched: None,
            configured: configured(base).0.version().to_owned(),
        }
    }

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        (dir, shelf)
    }

    fn start(shelf: &Shelf, base: &str) -> Chosen {
        choose(shelf, &[], configured(base))
    }

    #[test]
    fn without_an_activation_the_configured_rules_are_in_force() {
        let (_dir, shelf) = shelf();
        let chosen = start(&shelf, LISTED);
        assert_eq!(chosen.in_force.source, RulesSource::Configuration);
        assert_eq!(chosen.in_force.version, chosen.configured);
        let texts = shelf.version(&chosen.configured).unwrap();
        assert_eq!(texts, Some(file(LISTED)));
    }

    #[test]
    fn a_set_that_ends_the_process_again_and_again_is_put_back() {
        let (_dir, shelf) = shelf();
        let other = LISTED.replace("admit", "hold");
        let set = kept(&other, LISTED);
        shelf.try_out(&Trying { set, starts: 0 }).unwrap();
        for _ in 0..MOST_STARTS {
            let chosen = start(&shelf, LISTED);
            assert_eq!(chosen.in_force.source, RulesSource::Trying);
            assert!(chosen.told.is_none());
        }
        let chosen = start(&shelf, LISTED);
        assert_eq!(chosen.in_force.source, RulesSource::Configuration);
        let (code, values) = chosen.told.unwrap();
        assert_eq!(code, "rules_put_back");
        assert!(values.iter().any(|(_, value)| value == "crashed"));
        assert!(start(&shelf, LISTED).told.is_none(), "it is told once");
    }

    #[test]
    fn configured_rules_that_changed_later_have_the_word() {
        let (_dir, shelf) = shelf();
        let other = LISTED.replace("admit", "hold");
        let set = kept(&other, LISTED);
        shelf.try_out(&Trying { set, starts: 0 }).unwrap();
        shelf.settle().unwrap();
        let chosen = start(&shelf, LISTED);
        assert_eq!(chosen.in_force.source, RulesSource::Activated);
        let newer = LISTED.replace("listed\"\ntitle", "listed-2\"\ntitle");
        let chosen = start(&shelf, &newer);
        assert_eq!(chosen.in_force.source, RulesSource::Configuration);
        assert_eq!(chosen.told.unwrap().0, "rules_laid_down");
        assert!(shelf.before().unwrap().is_some());
    }

    #[test]
    fn a_set_that_no_longer_loads_is_laid_aside() {
        let (_dir, shelf) = shelf();
        let set = kept(LISTED, LISTED);
        let broken = Kept {
            files: file("[[rule]]\nid = 1\n"),
            ..set
        };
        let trying = Trying {
            set: broken,
            starts: 0,
        };
        shelf.try_out(&trying).unwrap();
        let chosen = start(&shelf, LISTED);
        assert_eq!(chosen.in_force.source, RulesSource::Configuration);
        assert_eq!(chosen.told.unwrap().0, "rules_put_back");
    }
}

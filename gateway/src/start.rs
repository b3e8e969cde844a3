//! From the command line to a running daemon: everything that can be wrong is found and said
//! before anything starts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use gateway_config::{Configuration, Secret, SecretName, Secrets};
use gateway_core::lists::Lists;
use gateway_core::rule::RuleSet;
use gateway_core::site::Lane;
use gateway_wire::api::RuleText;

use crate::privilege;
use crate::rules;

/// What the command line said.
pub struct Start {
    pub config: PathBuf,
    pub secrets: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
    pub user: Option<String>,
}

/// The configuration with all that it names, read and found right.
pub struct Meant {
    pub configuration: Configuration,
    pub secrets: Secrets,
    pub rules: RuleSet,
    /// The texts of the files that the configuration names.
    pub rule_texts: Vec<RuleText>,
    pub lists: Lists,
}

/// The configuration, the rules, the lists or the secrets are wrong: a person must mend them.
const MISTAKES: u8 = 2;

/// Something else failed: the supervisor may try again.
const FAILED: u8 = 1;

/// Runs the daemon until it is told to stop.
pub fn run(start: &Start) -> ExitCode {
    let meant = match read(start) {
        Ok(meant) => meant,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(MISTAKES);
        }
    };
    match prepare(start, &meant.configuration).and_then(|()| crate::daemon::run(meant)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// Writes what mosquitto needs to serve this site's devices.
pub fn broker_config(start: &Start, out: &Path) -> ExitCode {
    let written = read_configuration(start).and_then(|(configuration, secrets)| {
        gateway_config::mosquitto::write(&configuration, &secrets, out)
            .context("cannot write the device broker's configuration")
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(MISTAKES)
        }
    }
}

fn read(start: &Start) -> anyhow::Result<Meant> {
    let (configuration, secrets) = read_configuration(start)?;
    let lists = gateway_config::lists::load(&configuration.lists, configuration.time_offset_min)
        .map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let (rules, rule_texts) = read_rules(&configuration.site.lanes, &configuration.rules)?;
    Ok(Meant {
        rules,
        rule_texts,
        lists,
        configuration,
        secrets,
    })
}

fn read_configuration(start: &Start) -> anyhow::Result<(Configuration, Secrets)> {
    let mut configuration =
        gateway_config::load(&start.config).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    if let Some(state_dir) = &start.state_dir {
        configuration.state_dir.clone_from(state_dir);
    }
    let file = start
        .secrets
        .as_deref()
        .or(configuration.secrets_file.as_deref());
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let secrets = Secrets::find(file, credentials.as_deref())?;
    let missing = secrets.missing(configuration.secret_names());
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
        bail!(
            "no secret for {}; write each as NAME = \"…\" into a file of mode 0600 and name it with \
             --secrets",
            names.join(", ")
        );
    }
    Ok((configuration, secrets))
}

/// Rules compile on a stack as large as the gate's: a deep expression must not end the process.
fn read_rules(lanes: &[Lane], paths: &[PathBuf]) -> anyhow::Result<(RuleSet, Vec<RuleText>)> {
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the rules {}", path.display()))?;
        let name = path.display().to_string();
        texts.push(RuleText { name, text });
    }
    match rules::compile(lanes, &texts)? {
        Ok(set) => Ok((set, texts)),
        Err(mistakes) => bail!("{}", mistakes.join("\n")),
    }
}

/// The secret of that name; it was found to be there at the start.
pub fn secret<'a>(secrets: &'a Secrets, name: &SecretName) -> anyhow::Result<&'a Secret> {
    secrets
        .get(name)
        .with_context(|| format!("no secret for {}", name.as_str()))
}

/// Makes the state folder and gives up root.
fn prepare(start: &Start, configuration: &Configuration) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    // SAFETY: sets one number of the process. Files are ours alone unless their maker says more.
    unsafe { libc::umask(0o077) };
    let state_dir = &configuration.state_dir;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .with_context(|| format!("cannot make the state folder {}", state_dir.display()))?;
    if let Some(user) = &start.user {
        privilege::become_user(user, state_dir)?;
    }
    settle_libraries(state_dir);
    Ok(())
}

/// The daemon's user has no home: GStreamer keeps its list of plugins in the state folder, and its
/// network library asks no desktop for settings or a proxy.
fn settle_libraries(state_dir: &Path) {
    let settings = [
        ("HOME", state_dir.as_os_str()),
        (
            "GST_REGISTRY",
            state_dir.join("gstreamer.registry").as_os_str(),
        ),
        ("GSETTINGS_BACKEND", "memory".as_ref()),
        ("GIO_USE_PROXY_RESOLVER", "dummy".as_ref()),
        ("GIO_USE_VFS", "local".as_ref()),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    for (name, value) in settings {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var(name, value) };
    }
}

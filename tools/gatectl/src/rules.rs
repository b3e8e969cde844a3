//! `gatectl rules`: what is in force, whether a draft's cases hold, what it would have done to the
//! passages of the last days, and putting it in force.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use gateway_wire::api::{
    RuleCount, RuleText, Rules, RulesActivateRequest, RulesActivated, RulesDraft, RulesTested,
    RulesTryRequest, TrialAdmitted, TrialChange, TrialExample, TrialReport,
};
use gateway_wire::explain::{name_of, word};
use gateway_wire::messages::Language;

use crate::control::At;
use crate::help::either;
use crate::tree::Tree;

#[derive(Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Subcommand)]
enum RulesCommand {
    /// The rules in force.
    Show(ShowArgs),
    /// Compiles rules and runs their cases; without files, those in force.
    Test(TestArgs),
    /// Tries a draft on the recorded passages of the last days, beside the gate at work.
    Try(TryArgs),
    /// Tries a draft, then puts it in force; what admits watched vehicles needs a reason.
    Activate(ActivateArgs),
}

#[derive(Args)]
struct ShowArgs {
    #[command(flatten)]
    at: At,
    /// The files' own text.
    #[arg(long)]
    text: bool,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct TestArgs {
    /// Rule files.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct TryArgs {
    /// Rule files, in place of all rules in force.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// So many days back.
    #[arg(long, default_value_t = 7)]
    days: u32,
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ActivateArgs {
    /// Rule files, in place of all rules in force.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// So many days back for the trial before.
    #[arg(long, default_value_t = 7)]
    days: u32,
    /// Why watched vehicles may be admitted.
    #[arg(long, value_name = "REASON")]
    admit_watched: Option<String>,
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: RulesArgs, language: Language) -> anyhow::Result<ExitCode> {
    match args.command {
        RulesCommand::Show(args) => show(&args, language),
        RulesCommand::Test(args) => test(&args, language),
        RulesCommand::Try(args) => try_out(&args, language),
        RulesCommand::Activate(args) => activate(args, language),
    }
}

fn show(args: &ShowArgs, language: Language) -> anyhow::Result<ExitCode> {
    let rules: Rules = args.at.get("/api/rules", language)?;
    if args.json {
        println!("{}", serde_json::to_string(&rules)?);
        return Ok(ExitCode::SUCCESS);
    }
    if args.text {
        for file in &rules.files {
            println!("# {}\n{}", file.name, file.text);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut tree = Tree::new(format!(
        "{} {} · {}{}",
        either(language, "规则版本", "rules, version"),
        rules.version,
        word("rules_source", &name_of(&rules.source), language),
        rules
            .by
            .as_ref()
            .map_or_else(String::new, |by| format!(" · {by}"))
    ));
    if let Some(reason) = &rules.admit_watched {
        tree.line(format!(
            "{}: {reason}",
            either(language, "可放行被关注车辆", "may admit watched vehicles")
        ));
    }
    for rule in &rules.rules {
        let title = match language {
            Language::Zh => &rule.title.zh,
            Language::En => &rule.title.en,
        };
        let verdict = word("verdict", &name_of(&rule.verdict), language);
        let mut branch = Tree::new(format!("{} [{verdict}] {title}", rule.rule));
        branch.line(rule.when.trim());
        tree.add(branch);
    }
    print!("{}", tree.drawn());
    Ok(ExitCode::SUCCESS)
}

/// Exit status 1 when there is a mistake.
fn test(args: &TestArgs, language: Language) -> anyhow::Result<ExitCode> {
    let draft = RulesDraft {
        files: read(&args.files)?,
    };
    let tested: RulesTested = args.at.post("/api/rules/test", &draft, language)?;
    if args.json {
        println!("{}", serde_json::to_string(&tested)?);
    } else if tested.mistakes.is_empty() {
        println!(
            "{} {}",
            tested.rules,
            either(
                language,
                "条规则,全部用例成立",
                "rules, and all their cases hold"
            )
        );
    } else {
        println!("{}", tested.mistakes.join("\n"));
    }
    Ok(match tested.mistakes.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn try_out(args: &TryArgs, language: Language) -> anyhow::Result<ExitCode> {
    let request = RulesTryRequest {
        files: read(&args.files)?,
        days: Some(args.days),
    };
    let report: TrialReport = args.at.post("/api/rules/try", &request, language)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", tree(&report, language).drawn());
    }
    Ok(ExitCode::SUCCESS)
}

fn activate(args: ActivateArgs, language: Language) -> anyhow::Result<ExitCode> {
    let request = RulesActivateRequest {
        files: read(&args.files)?,
        days: Some(args.days),
        admit_watched: args.admit_watched,
    };
    let done: RulesActivated = args.at.post("/api/rules/activate", &request, language)?;
    if args.json {
        println!("{}", serde_json::to_string(&done)?);
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", tree(&done.trial, language).drawn());
    println!(
        "{} {} → {} · {} {}",
        either(language, "已启用", "in force"),
        done.before,
        done.version,
        either(language, "事件", "event"),
        done.number
    );
    Ok(ExitCode::SUCCESS)
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<RuleText>> {
    paths
        .iter()
        .map(|path| {
            let name = path.display().to_string();
            let text = fs::read_to_string(path);
            let text = text.with_context(|| format!("the rules {name} cannot be read"))?;
            Ok(RuleText { name, text })
        })
        .collect()
}

fn tree(report: &TrialReport, language: Language) -> Tree {
    let say = |zh, en| either(language, zh, en);
    let mut tree = Tree::new(format!(
        "{} {} · {} {} · {} {} · {} {} · {:.1} s",
        say("草案", "draft"),
        report.version,
        say("天数", "days"),
        report.days,
        say("已试行", "tried"),
        report.tried,
        say("有变化", "changed"),
        report.changed,
        report.took_ms as f64 / 1_000.0
    ));
    tree.line(format!(
        "{}: {}",
        say("不变", "unchanged"),
        report.unchanged
    ));
    for change in &report.changes {
        tree.add(change_tree(change, language));
    }
    let apart = [
        (report.erased, "事实已被清除", "facts erased"),
        (
            report.not_recorded,
            "当时没有记录所需事实",
            "facts not recorded then",
        ),
        (report.other_lanes, "车道已不存在", "of lanes that are gone"),
        (
            report.damaged,
            "记录无法读取",
            "records that cannot be read",
        ),
    ];
    let mut branch = Tree::new(say("另计,未试行", "counted apart, not tried"));
    for (count, zh, en) in apart {
        if count > 0 {
            branch.line(format!("{}: {count}", say(zh, en)));
        }
    }
    tree.add_if_any(branch);
    let watched = [
        (
            &report.watched_admitted,
            "!! 会放行被关注的车辆",
            "!! would admit watched vehicles",
        ),
        (
            &report.admitted_if_watched,
            "!! 即使被关注也会放行",
            "!! would be admitted even if watched",
        ),
    ];
    for (admitted, zh, en) in watched {
        if admitted.count > 0 {
            tree.add(admitted_tree(admitted, &say(zh, en)));
        }
    }
    tree
}

fn change_tree(change: &TrialChange, language: Language) -> Tree {
    let say = |zh, en| either(language, zh, en);
    let verdict = |verdict| word("verdict", &name_of(&verdict), language);
    let mut branch = Tree::new(format!(
        "{} → {}: {}",
        verdict(change.from),
        verdict(change.to),
        change.count
    ));
    branch.line(format!(
        "{}: {}",
        say("现由", "now by"),
        counts(&change.now, language)
    ));
    let before = counts(&change.before, language);
    branch.line(format!("{}: {before}", say("原由", "before by")));
    let mut examples = Tree::new(say("例", "for example"));
    for example in &change.examples {
        examples.line(example_line(example));
    }
    branch.add_if_any(examples);
    branch
}

fn admitted_tree(admitted: &TrialAdmitted, title: &str) -> Tree {
    let mut branch = Tree::new(format!("{title}: {}", admitted.count));
    for example in &admitted.examples {
        branch.line(example_line(example));
    }
    branch
}

fn counts(counts: &[RuleCount], language: Language) -> String {
    let none = either(language, "无规则", "no rule");
    let each = counts.iter().map(|count| {
        let rule = count.rule.as_deref().unwrap_or(&none);
        format!("{rule} {}", count.count)
    });
    each.collect::<Vec<_>>().join(", ")
}

fn example_line(example: &TrialExample) -> String {
    format!("{} · {}", example.passage, example.rules.join(", "))
}

//! `gatectl passage`: passages listed, and one explained as a tree and as one sentence.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use gateway_core::plate::{Card, Plate};
use gateway_wire::api::{
    Explanation, Fact, FactValue, Passage, Recomputed, RuleTried, Text, TriedOutcome,
};
use gateway_wire::explain::{fact_text, local_time, name_of, reason_text, word};
use gateway_wire::messages::Language;

use crate::control::At;
use crate::help::either;
use crate::tree::Tree;

#[derive(Args)]
pub struct PassageArgs {
    #[command(subcommand)]
    command: PassageCommand,
}

#[derive(Subcommand)]
enum PassageCommand {
    /// The latest passages, newest first.
    List(ListArgs),
    /// Why a passage was decided as it was, and whether the rules of its day say so again.
    Show(ShowArgs),
}

#[derive(Args)]
struct ListArgs {
    #[command(flatten)]
    at: At,
    /// So many at most, 200 at the most.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Those before this passage or event.
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// Plates and cards in full.
    #[arg(long)]
    reveal: bool,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ShowArgs {
    /// The passage, such as in-1-3-27.
    id: String,
    #[command(flatten)]
    at: At,
    /// Plates, cards, names and temperatures in full.
    #[arg(long)]
    reveal: bool,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: PassageArgs, language: Language) -> anyhow::Result<ExitCode> {
    match args.command {
        PassageCommand::List(args) => list(&args, language),
        PassageCommand::Show(args) => show(&args, language),
    }
}

fn list(args: &ListArgs, language: Language) -> anyhow::Result<ExitCode> {
    let mut path = format!("/api/passages?limit={}", args.limit);
    if let Some(before) = &args.before {
        path.push_str(&format!("&before={}", escaped(before)));
    }
    let passages: Vec<Passage> = args.at.get(&path, language)?;
    if args.json {
        println!("{}", serde_json::to_string(&passages)?);
        return Ok(ExitCode::SUCCESS);
    }
    for passage in &passages {
        println!("{}", line(passage, args.reveal, language));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(passage: &Passage, reveal: bool, language: Language) -> String {
    let verdict = passage.verdict.map_or_else(
        || either(language, "未判定", "undecided"),
        |verdict| word("verdict", &name_of(&verdict), language),
    );
    let end = passage.end.as_ref();
    let end = end.map_or_else(String::new, |end| word("end", &end.end, language));
    // Listed times are UTC, as the API's: one passage alone tells the site's own.
    format!(
        "{}Z  {}  {}  {}  {verdict}  {end}",
        local_time(passage.begun_ms, 0).replace(' ', "T"),
        passage.id,
        passage.lane,
        who(passage, reveal)
    )
}

fn who(passage: &Passage, reveal: bool) -> String {
    match (&passage.plate, &passage.card) {
        (Some(plate), _) if reveal => plate.text.clone(),
        (Some(plate), _) => Plate::new(&plate.text).masked(),
        (None, Some(card)) if reveal => card.text.clone(),
        (None, Some(card)) => Card::new(&card.text).masked(),
        (None, None) => "-".to_owned(),
    }
}

/// Exit status 1 when the decision, made once more, comes out otherwise.
fn show(args: &ShowArgs, language: Language) -> anyhow::Result<ExitCode> {
    let path = format!("/api/passages/{}/explanation", escaped(&args.id));
    let told: Explanation = args.at.get(&path, language)?;
    if args.json {
        println!("{}", serde_json::to_string(&told)?);
    } else {
        print!("{}", tree(&told, !args.reveal, language).drawn());
        println!();
        println!("{}", told.sentence.zh);
        println!("{}", told.sentence.en);
    }
    let differs = told
        .recomputed
        .is_some_and(|again| again.told && !again.same);
    Ok(if differs {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn tree(told: &Explanation, masked: bool, language: Language) -> Tree {
    let say = |zh, en| either(language, zh, en);
    let passage = &told.passage;
    let at = local_time(
        passage.decided_ms.unwrap_or(passage.begun_ms),
        told.offset_min,
    );
    let lane = title(&told.lane_title, language);
    let mut tree = Tree::new(format!("{} · {lane} ({}) · {at}", passage.id, passage.lane));
    if let Some(verdict) = passage.verdict {
        let mut decided = Tree::new(format!(
            "{}: {}{}",
            say("判定", "decision"),
            word("verdict", &name_of(&verdict), language),
            took(passage, language)
        ));
        for reason in &passage.reasons {
            decided.line(reason_text(reason, language));
        }
        tree.add(decided);
    }
    tree.add_if_any(would_admit(told, language));
    tree.add_if_any(rules(passage, language));
    tree.add_if_any(facts(passage, masked, language));
    tree.add_if_any(lists(passage, language));
    if let Some(answered) = &passage.answered {
        tree.line(format!(
            "{}: {} · {}",
            say("人工处理", "answered by"),
            answered.by,
            answered
                .reason
                .as_ref()
                .map_or_else(String::new, |reason| word(
                    "answer_reason",
                    reason,
                    language
                ))
        ));
    }
    if let Some(end) = &passage.end {
        let how = word("end", &end.end, language);
        tree.line(format!("{}: {how}", say("结束", "end")));
    }
    if let Some(again) = &told.recomputed {
        tree.line(recomputed(again, language));
    }
    tree
}

fn took(passage: &Passage, language: Language) -> String {
    let shadow = match passage.shadow {
        true => either(language, " · 影子模式", " · shadow mode"),
        false => String::new(),
    };
    match passage.took_ms {
        Some(ms) => format!(" · {ms} ms{shadow}"),
        None => shadow,
    }
}

fn would_admit(told: &Explanation, language: Language) -> Tree {
    let say = |zh, en| either(language, zh, en);
    let mut branch = Tree::new(say("怎样才会放行", "what would have let it pass"));
    for missing in &told.passage.missing {
        let fact = word("fact", &missing.fact, language);
        let cause = word("cause", &missing.cause, language);
        branch.line(format!("{fact}: {cause} → {}", say("提供", "present it")));
    }
    for rule in &told.would_admit {
        let wanted = match rule.outcome {
            TriedOutcome::False => say("成立", "had it applied"),
            TriedOutcome::Unknown => say("能够判断", "had it been told"),
            TriedOutcome::Fault => say("没有出错", "had it not failed"),
            _ => say("不成立", "had it not applied"),
        };
        branch.line(format!(
            "{} ({}): {wanted}",
            rule.rule,
            rule.title.as_ref().map_or("", |text| title(text, language))
        ));
    }
    branch
}

fn rules(passage: &Passage, language: Language) -> Tree {
    let version = passage.rules_version.as_deref().unwrap_or("-");
    let mut branch = Tree::new(format!(
        "{} ({} {version})",
        either(language, "规则", "rules"),
        either(language, "版本", "version")
    ));
    for tried in &passage.rules {
        branch.line(rule_line(tried, language));
    }
    branch
}

fn rule_line(tried: &RuleTried, language: Language) -> String {
    format!(
        "{} [{}] {}: {}",
        tried.rule,
        word("verdict", &name_of(&tried.verdict), language),
        tried
            .title
            .as_ref()
            .map_or("", |text| title(text, language)),
        word("outcome", &name_of(&tried.outcome), language)
    )
}

fn facts(passage: &Passage, masked: bool, language: Language) -> Tree {
    let mut branch = Tree::new(either(language, "事实", "facts"));
    for fact in &passage.facts {
        if fact.state != FactValue::Absent {
            branch.line(fact_line(fact, passage.decided_ms, masked, language));
        }
    }
    branch
}

/// Value, age at the decision, source and how it proved itself.
fn fact_line(fact: &Fact, decided_ms: Option<i64>, masked: bool, language: Language) -> String {
    let mut line = format!(
        "{} {}: {}",
        fact.name,
        word("fact", &fact.name, language),
        fact_text(fact, masked, language)
    );
    if let (Some(at), Some(decided)) = (fact.at_ms, decided_ms) {
        let age = (decided - at).max(0);
        let (seconds, tenths) = (age / 1_000, age % 1_000 / 100);
        line.push_str(&match language {
            Language::Zh => format!(" · {seconds}.{tenths} 秒前"),
            Language::En => format!(" · {seconds}.{tenths} s old"),
        });
    }
    for more in [&fact.source, &fact.trust].into_iter().flatten() {
        line.push_str(" · ");
        line.push_str(more);
    }
    line
}

fn lists(passage: &Passage, language: Language) -> Tree {
    let say = |zh, en| either(language, zh, en);
    let mut branch = Tree::new(say("名单", "lists"));
    for list in &passage.lists {
        let age = match (list.confirmed_ms, passage.decided_ms) {
            (0, _) | (_, None) => say("时间未知", "age unknown"),
            (confirmed, Some(decided)) => {
                let hours = (decided - confirmed).max(0) / 3_600_000;
                format!("{hours} {}", say("小时前更新", "h old"))
            }
        };
        let name = word("list", &list.list, language);
        let version = say("版本", "version");
        branch.line(format!("{name}: {version} {} · {age}", list.version));
    }
    branch
}

fn recomputed(again: &Recomputed, language: Language) -> String {
    let say = |zh, en| either(language, zh, en);
    let what = if !again.at_hand {
        say(
            "该版本规则的原文已不在,无法重算",
            "the texts of that version are no longer at hand",
        )
    } else if !again.told {
        say(
            "所需事实已被清除,无法重算",
            "facts that it asks for have been erased",
        )
    } else if again.same {
        say(
            "用当日规则重算,逐条一致",
            "the rules of its day say the same, rule by rule",
        )
    } else {
        say(
            "用当日规则重算,结果不同!",
            "the rules of its day say OTHERWISE",
        )
    };
    format!(
        "{} ({}): {what}",
        say("重算", "made once more"),
        again.version
    )
}

fn title(text: &Text, language: Language) -> &str {
    match language {
        Language::Zh => &text.zh,
        Language::En => &text.en,
    }
}

/// For a path or a query: what is no plain letter, digit or `-_.` as `%XX`.
pub fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    text.bytes()
        .map(|b| match plain(b) {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        })
        .collect()
}

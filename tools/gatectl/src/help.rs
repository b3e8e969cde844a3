//! Help in the technician's language: clap's own words and ours, from one table.

use clap::{Arg, ArgAction, Command};
use gateway_wire::messages::Language;

/// The language of `LC_ALL`, `LC_MESSAGES` or `LANG`, in that order.
pub fn language() -> Language {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .map_or(Language::En, |tag| Language::from_tag(&tag))
}

/// One of two texts.
pub fn either(language: Language, zh: &str, en: &str) -> String {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
    .to_string()
}

/// The command line with its help in `language`.
pub fn translated(command: Command, language: Language) -> Command {
    match language {
        Language::En => command,
        Language::Zh => in_chinese(command, ""),
    }
}

const TEMPLATE: &str = "{about-with-newline}\n用法: {usage}\n\n{all-args}{after-help}";

/// Command or `COMMAND --ARG` → 中文. A command's path is written with spaces.
const ROWS: &[(&str, &str)] = &[
    ("", "卡口网关的技术员命令行"),
    ("read", "识别磁盘图片中的车牌,不需要守护进程"),
    ("read --pictures", "图片:JPEG、PNG、BMP 或 WebP"),
    ("read --json", "每张图片输出一行 JSON"),
    ("read --crop", "图片是已裁好的车牌:找不到车牌时整张识读"),
    ("read --models", "存放 models.toml 和已下载模型的目录"),
    ("check", "检查配置,一次列出全部错误"),
    ("check --config", "配置文件"),
    ("check --path", "配置文件"),
    ("status", "网关状态"),
    ("status --state_dir", "网关的状态目录"),
    ("status --json", "输出 API 的 JSON"),
    ("camera", "摄像机的安装与调试"),
    (
        "camera measure",
        "按最近的车辆测量摄像机:能否使用,需要改什么",
    ),
    ("camera measure --name", "摄像机编号"),
    ("camera measure --state_dir", "网关的状态目录"),
    ("camera measure --json", "输出 API 的 JSON"),
    ("journal", "事件日志"),
    ("journal check", "核对全部日志的编号、链、内容和图片"),
    ("journal check --state_dir", "网关的状态目录"),
    ("journal check --json", "输出 API 的 JSON"),
    ("outbox", "各上级平台尚未确认的事件"),
    ("outbox --state_dir", "网关的状态目录"),
    ("outbox --json", "输出 API 的 JSON"),
    ("lists", "名单:查看、检查、导入、导出"),
    ("lists show", "各名单的所有者、版本和更新时间"),
    ("lists show --state_dir", "网关的状态目录"),
    ("lists show --json", "输出 API 的 JSON"),
    ("lists check", "列出文件中的全部错误,不需要守护进程"),
    ("lists check --list", "名单,例如 vehicles"),
    ("lists check --file", "UTF-8 或 GBK 的 CSV,或 XLSX"),
    ("lists import", "用文件替换整个名单;有一处错误则全部不导入"),
    ("lists import --list", "名单,例如 vehicles"),
    ("lists import --file", "UTF-8 或 GBK 的 CSV,或 XLSX"),
    ("lists import --state_dir", "网关的状态目录"),
    ("lists import --json", "输出 API 的 JSON"),
    ("lists export", "把名单写成电子表格可打开的文件"),
    ("lists export --list", "名单,例如 vehicles"),
    ("lists export --format", "文件格式"),
    ("lists export --out", "写到哪个文件;不给则写到标准输出"),
    ("lists export --chinese", "列名用中文"),
    ("lists export --state_dir", "网关的状态目录"),
    ("lists enter", "在闸口登记一条,直到名单所有者接管;或撤回"),
    ("lists enter --list", "名单,例如 visitors"),
    ("lists enter --fields", "列=值,例如 plate=闽E72K18"),
    ("lists enter --remove", "撤回该条"),
    ("lists enter --state_dir", "网关的状态目录"),
    ("lists confirm", "确认名单仍然正确:重新计算更新时间"),
    ("lists confirm --list", "名单,例如 vehicles"),
    ("lists confirm --state_dir", "网关的状态目录"),
    ("numbers", "统计:通行、判定、规则、告警、各户外出"),
    ("numbers --days", "最近多少天"),
    ("numbers --format", "输出为文件而不是打印"),
    ("numbers --out", "写到哪个文件;不给则写到标准输出"),
    ("numbers --state_dir", "网关的状态目录"),
    ("handover", "交接班表"),
    ("handover --hours", "本班多少小时"),
    ("handover --format", "输出为文件而不是打印"),
    ("handover --out", "写到哪个文件;不给则写到标准输出"),
    ("handover --state_dir", "网关的状态目录"),
    ("passage", "通行:列表,以及逐项说明"),
    ("passage list", "最近的通行,最新的在前"),
    ("passage list --limit", "最多列出多少次通行(不超过 200)"),
    ("passage list --before", "列出该通行或编号之前的通行"),
    ("passage list --reveal", "显示完整的车牌和卡号"),
    ("passage list --state_dir", "网关的状态目录"),
    ("passage list --json", "输出 API 的 JSON"),
    ("passage show", "说明一次通行为何如此判定,并用当日规则重算"),
    ("passage show --id", "通行编号,例如 in-1-3-27"),
    ("passage show --reveal", "显示完整的车牌、卡号、姓名和体温"),
    ("passage show --state_dir", "网关的状态目录"),
    ("passage show --json", "输出 API 的 JSON"),
    ("rules", "规则:查看、测试、用历史通行试行、启用"),
    ("rules show", "当前使用的规则"),
    ("rules show --text", "输出规则文件原文"),
    ("rules show --state_dir", "网关的状态目录"),
    ("rules show --json", "输出 API 的 JSON"),
    ("rules test", "编译规则并运行其用例;不给文件时测试当前规则"),
    ("rules test --files", "规则文件"),
    ("rules test --state_dir", "网关的状态目录"),
    ("rules test --json", "输出 API 的 JSON"),
    ("rules try", "用最近几天记录的通行试行草案,不影响闸口"),
    ("rules try --files", "规则文件,替代当前全部规则"),
    ("rules try --days", "最近多少天"),
    ("rules try --state_dir", "网关的状态目录"),
    ("rules try --json", "输出 API 的 JSON"),
    (
        "rules activate",
        "试行后启用;会放行被关注车辆的草案须写明理由",
    ),
    ("rules activate --files", "规则文件,替代当前全部规则"),
    ("rules activate --days", "先用最近多少天的通行试行"),
    ("rules activate --admit_watched", "为何可以放行被关注的车辆"),
    ("rules activate --state_dir", "网关的状态目录"),
    ("rules activate --json", "输出 API 的 JSON"),
];

fn text(key: &str) -> Option<&'static str> {
    ROWS.iter().find(|row| row.0 == key).map(|row| row.1)
}

fn in_chinese(command: Command, path: &str) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_string())
        .collect();
    let mut command = command
        .help_template(TEMPLATE)
        .subcommand_help_heading("命令")
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .mut_args(|arg| argument(arg, path))
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help_heading("选项")
                .help("显示帮助"),
        );
    if path.is_empty() {
        command = command.disable_version_flag(true).arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help_heading("选项")
                .help("显示版本"),
        );
    }
    if let Some(about) = text(path) {
        command = command.about(about).long_about(None);
    }
    for name in names {
        let inner = join(path, &name);
        command = command.mut_subcommand(name, |command| in_chinese(command, &inner));
    }
    command
}

fn argument(arg: Arg, path: &str) -> Arg {
    let heading = match arg.is_positional() {
        true => "参数",
        false => "选项",
    };
    let key = join(path, &format!("--{}", arg.get_id()));
    let arg = arg.help_heading(heading);
    match text(&key) {
        Some(help) => arg.help(help).long_help(None),
        None => arg,
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_string(),
        path => format!("{path} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn each(command: &Command, path: &str, look: &mut dyn FnMut(&Command, &str)) {
        look(command, path);
        for inner in command.get_subcommands() {
            each(inner, &join(path, inner.get_name()), look);
        }
    }

    #[test]
    fn every_command_and_argument_has_a_chinese_text() {
        let command = crate::Cli::command();
        each(&command, "", &mut |command, path| {
            assert!(text(path).is_some(), "command {path:?}");
            for arg in command.get_arguments() {
                let key = join(path, &format!("--{}", arg.get_id()));
                assert!(text(&key).is_some(), "argument {key:?}");
            }
        });
    }

    #[test]
    fn chinese_help_is_chinese_throughout() {
        let mut command = translated(crate::Cli::command(), Language::Zh);
        command.build();
        each(&command.clone(), "", &mut |command, path| {
            let help = command.clone().render_long_help().to_string();
            for english in ["Usage:", "Options:", "Commands:", "Arguments:", "Print"] {
                assert!(!help.contains(english), "{path}: {help}");
            }
        });
    }

    #[test]
    fn the_translated_command_line_understands_the_same_words() {
        for language in [Language::Zh, Language::En] {
            let command = translated(crate::Cli::command(), language);
            let words = [
                "gatectl",
                "journal",
                "check",
                "--state-dir",
                "/tmp/x",
                "--json",
            ];
            assert!(command.try_get_matches_from(words).is_ok());
        }
    }
}

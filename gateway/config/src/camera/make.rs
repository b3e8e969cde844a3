//! The addresses at which the usual makes of cameras give their pictures.

use crate::written::Table;

/// Who made the camera, as far as its address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Make {
    Hikvision,
    Dahua,
    Uniview,
    /// Any other that follows ONVIF and numbers its streams `onvif1`, `onvif2`.
    Onvif,
}

const MAKES: [(&str, Make); 4] = [
    ("hikvision", Make::Hikvision),
    ("dahua", Make::Dahua),
    ("uniview", Make::Uniview),
    ("onvif", Make::Onvif),
];
/// The keys that only mean something beside `make`.
const PARTS: [&str; 4] = ["host", "port", "channel", "stream"];
const HOST: &str = "the camera's address, for example \"192.168.8.20\"";
/// The port of RTSP.
const PORT: i64 = 554;

/// The address of the stream that `make`, `host`, `port`, `channel` and `stream` describe.
pub(super) fn url(table: &Table) -> Option<String> {
    let make = table.required_choice("make", &MAKES);
    let host = table.required_text("host", HOST);
    let port = table.integer("port", 1..=65_535);
    let channel = table.integer("channel", 1..=64);
    let sub = table.choice("stream", &[("main", false), ("sub", true)]);
    let (make, host) = (make?, host?);
    // A colon is only part of an IPv6 address in brackets.
    let named = host
        .value
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let plain = named.unwrap_or(&host.value);
    let fits = !plain.is_empty()
        && plain.chars().all(|one| {
            one.is_ascii_alphanumeric() || "-._".contains(one) || (named.is_some() && one == ':')
        });
    if !fits {
        let found = "`host` is no bare address";
        table.file.wrong(&host.span, found, HOST);
        return None;
    }
    let channel = channel.map_or(1, |channel| channel.value);
    let sub = u8::from(sub.is_some_and(|sub| sub.value));
    let path = match make.value {
        Make::Hikvision => format!("Streaming/Channels/{channel}0{}", sub + 1),
        Make::Dahua => format!("cam/realmonitor?channel={channel}&subtype={sub}"),
        Make::Uniview => format!("unicast/c{channel}/s{sub}/live"),
        Make::Onvif => {
            if channel != 1 {
                let found = format!("`channel` is {channel}");
                let allowed = "1: a recorder's channels have addresses of its make's own";
                let suggestion = "write the whole address as source = \"rtsp://…\"";
                table
                    .file
                    .advise(&table.span_of("channel"), found, allowed, suggestion);
                return None;
            }
            format!("onvif{}", sub + 1)
        }
    };
    let port = port.map_or(PORT, |port| port.value);
    Some(format!("rtsp://{}:{port}/{path}", host.value))
}

/// Notes the parts of an address that stand beside a whole one.
pub(super) fn refuse_parts(table: &Table) {
    for key in PARTS.into_iter().filter(|key| table.has(key)) {
        let found = format!("`{key}` without `make`");
        let makes = MAKES.map(|(word, _)| format!("\"{word}\"")).join(", ");
        table.file.wrong(
            &table.span_of(key),
            found,
            format!("only beside make = one of {makes}"),
        );
    }
}

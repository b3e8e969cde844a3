//! The addresses of the usual makes, and what is said when their parts are wrong.

use std::path::Path;

use gateway_config::Source;

/// A gate whose one camera is described so.
fn text(camera: &str) -> String {
    format!(
        "[gateway]\nid = \"gate-1\"\ngrid = \"000000000000\"\n[[lane]]\nid = \"in-1\"\nkind = \"vehicle\"\n\
         direction = \"entry\"\nneeds = [\"plate\"]\n[[lane.camera]]\nid = \"front\"\n{camera}\n"
    )
}

fn url(camera: &str) -> String {
    let read = gateway_config::read(Path::new("gateway.toml"), &text(camera));
    match read.expect("it is right").cameras.remove(0).source {
        Source::Rtsp { url, .. } => url,
        other => panic!("{other:?}"),
    }
}

fn mistakes(camera: &str) -> String {
    let read = gateway_config::read(Path::new("gateway.toml"), &text(camera));
    read.expect_err("it is wrong").to_string()
}

#[test]
fn each_make_has_its_address() {
    for (camera, wanted) in [
        (
            "make = \"hikvision\"\nhost = \"10.0.0.8\"",
            "rtsp://10.0.0.8:554/Streaming/Channels/101",
        ),
        (
            "make = \"hikvision\"\nhost = \"nvr.lan\"\nchannel = 12\nstream = \"sub\"",
            "rtsp://nvr.lan:554/Streaming/Channels/1202",
        ),
        (
            "make = \"dahua\"\nhost = \"10.0.0.8\"\nchannel = 2\nstream = \"sub\"",
            "rtsp://10.0.0.8:554/cam/realmonitor?channel=2&subtype=1",
        ),
        (
            "make = \"uniview\"\nhost = \"10.0.0.8\"\nport = 8554",
            "rtsp://10.0.0.8:8554/unicast/c1/s0/live",
        ),
        (
            "make = \"onvif\"\nhost = \"[fd00::8]\"\nstream = \"sub\"",
            "rtsp://[fd00::8]:554/onvif2",
        ),
    ] {
        assert_eq!(url(camera), wanted);
    }
}

#[test]
fn wrong_parts_of_an_address_are_named_with_their_line_and_what_is_allowed() {
    for (camera, line, parts) in [
        (
            "make = \"hikvison\"\nhost = \"10.0.0.8\"",
            11,
            ["hikvison", "\"hikvision\""],
        ),
        ("make = \"dahua\"", 9, ["host", "192.168.8.20"]),
        (
            "make = \"dahua\"\nhost = \"rtsp://10.0.0.8\"",
            12,
            ["no bare address", "192.168.8.20"],
        ),
        (
            "make = \"onvif\"\nhost = \"10.0.0.8\"\nchannel = 3",
            13,
            ["channel", "source ="],
        ),
        (
            "source = \"rtsp://10.0.0.8/1\"\nchannel = 3",
            12,
            ["without `make`", "uniview"],
        ),
        (
            "make = \"dahua\"\nhost = \"10.0.0.8\"\nsource = \"rtsp://10.0.0.8/1\"",
            13,
            ["`source` beside `make`", "one of the two"],
        ),
        (
            "make = \"dahua\"\nhost = \"10.0.0.8\"\nuser = \"gate\"",
            11,
            ["only one of", "both or neither"],
        ),
    ] {
        let said = mistakes(camera);
        assert!(
            said.contains(&format!("gateway.toml:{line}")),
            "{camera}: {said}"
        );
        for part in parts {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}

#[test]
fn s09_a_password_in_a_host_is_not_repeated() {
    let said = mistakes("make = \"dahua\"\nhost = \"gate:canary@10.0.0.8\"");
    assert!(!said.contains("canary"), "{said}");
}

//! Lines on standard input: what the traffic does not do by itself.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::device::{Device, Manner};

/// Obeys line by line; returns at `quit`. The end of the input is no reason to go.
pub async fn listen(devices: &BTreeMap<String, Device>, emergency: &Device) {
    let (sender, mut lines) = mpsc::unbounded_channel();
    // A plain thread, which ends with the process: reading cannot be broken off.
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["quit"] => return,
            ["emergency", "on"] => emergency.switch(true),
            ["emergency", "off"] => emergency.switch(false),
            [verb, id, rest @ ..] => match devices.get(*id) {
                Some(device) => {
                    if !obey(device, verb, rest).await {
                        eprintln!("not understood: {line}");
                    }
                }
                None => eprintln!("there is no device {id}"),
            },
            _ => eprintln!("not understood: {line}"),
        }
    }
    std::future::pending::<()>().await;
}

async fn obey(device: &Device, verb: &str, rest: &[&str]) -> bool {
    match (verb, rest) {
        ("normal", []) => device.set_manner(Manner::Normal),
        ("silent", []) => device.set_manner(Manner::Silent),
        ("nonsense", []) => device.set_manner(Manner::Nonsense),
        ("retained", []) => device.set_manner(Manner::Retained),
        ("card", [card]) => device.card(card),
        ("temperature", [celsius]) => match celsius.parse::<f64>() {
            Ok(celsius) => device.temperature(Some((celsius * 1000.0).round() as i32)),
            Err(_) => return false,
        },
        ("occupied", []) => device.switch(true),
        ("free", []) => device.switch(false),
        ("flood", [count]) => match count.parse() {
            Ok(count) => device.flood(count).await,
            Err(_) => return false,
        },
        _ => return false,
    }
    true
}

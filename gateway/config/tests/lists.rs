//! Lists in and out of files: in every encoding and name that people use, every mistake by its row,
//! nothing by halves, and nothing that a spreadsheet would compute.

use std::path::Path;
use std::time::Instant;

use gateway_config::lists::export::{self, Format};
use gateway_config::lists::import;
use gateway_core::lists::{Allowance, Consent, Entry, Hours, ListName, PassKey, Rows};
use gateway_core::plate::{Card, Plate};

const OFFSET: i16 = 480;

fn read(list: ListName, bytes: &[u8]) -> Rows {
    import::read(list, Path::new("list"), bytes, OFFSET)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn wrong(list: ListName, bytes: &[u8]) -> String {
    let read = import::read(list, Path::new("list"), bytes, OFFSET);
    read.expect_err("refused").to_string()
}

#[test]
fn chinese_headers_in_gbk_utf8_and_utf16_give_the_same_list() {
    let text = "车牌号,车主,所属户,有效期至\n闽E·72K18,张三,3-2-501,2026/3/4\n";
    let (gbk, _, _) = encoding_rs::GBK.encode(text);
    let marked = format!("\u{feff}{text}");
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let files: [&[u8]; 4] = [&gbk, text.as_bytes(), marked.as_bytes(), &utf16];
    for bytes in files {
        let Rows::Vehicle(rows) = read(ListName::Vehicles, bytes) else {
            panic!("vehicles");
        };
        let holder = &rows[&Plate::new("闽E72K18")];
        assert_eq!(holder.holder, "张三");
        assert_eq!(
            holder.household.as_ref().map(|id| id.as_str()),
            Some("3-2-501")
        );
        // The end of the fourth of March in Beijing.
        assert_eq!(holder.valid.to_ms, 1_772_639_999_999);
    }
}

#[test]
fn every_mistake_is_named_by_row_and_field_and_nothing_comes_out() {
    let told = wrong(
        ListName::Visitors,
        "编号,车牌,卡号,开始,结束,星期,时段,同意\nv1,闽E72K18,,2026-03-04,2026-03-05,1-5,08:00-18:00,\n".as_bytes(),
    );
    assert!(told.contains("list:1:8: a column \"同意\""), "{told}");
    let rows = "id,plate,card,valid_from,valid_to,days,hours,consent,uses\n\
        v1,闽E72K18,,2026-03-04,2026-03-05,5-1,,,\n\
        v2,闽E72K18,,2026-03-04,2026-03-05,,8-18,,\n\
        v3,闽E72K18,,2026-03-04,2026-03-05,,,perhaps,\n\
        v4,闽E72K18,,2026-03-04,2026-03-05,,,,canary\n\
        v5,闽E72K18,,2026-03-04,2026-03-05,,,,\n\
        v6,闽E72K18,,2026-03-04,2026-03-05,,,,\n";
    let told = wrong(ListName::Visitors, rows.as_bytes());
    for part in [
        "list:2:6: the days are none",
        "list:3:7: the hours are none",
        "list:4:8: the consent is none",
        "list:5:9: the uses are no number",
        "list:7:1: the same entry",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert_eq!(told.lines().count(), 5, "{told}");
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn a_wrong_header_says_which_columns_there_are_and_what_was_meant() {
    let told = wrong(ListName::Vehicles, "plat,holder\n闽E72K18,a\n".as_bytes());
    assert!(told.contains("no column `plate` (车牌)"), "{told}");
    assert!(told.contains("did you mean `plate`?"), "{told}");
    let told = wrong(ListName::Cards, b"");
    assert!(told.contains("no column `card`"), "{told}");
}

#[test]
fn days_hours_consent_and_allowances_are_understood() {
    let text = "编号,卡号,开始,结束,星期,时段,住户同意,每日次数\n\
        v1,74-10-37-94,2026-03-04T07:30,2026-03-05,一三五,22:00-06:00,已同意,2\n";
    let Rows::Pass(rows) = read(ListName::Visitors, text.as_bytes()) else {
        panic!("passes");
    };
    let pass = &rows[&PassKey::Card(Card::new("74103794"))];
    let days: Vec<u8> = (1..=7).filter(|day| pass.week.days.has(*day)).collect();
    assert_eq!(days, [1, 3, 5]);
    let hours = Hours {
        from_min: 22 * 60,
        to_min: 6 * 60,
    };
    assert_eq!(pass.week.hours, Some(hours));
    assert_eq!(pass.consent, Consent::Given);
    assert_eq!(pass.uses_per_day, Some(2));
    let text = "编号,住址,外出次数,外出天数\n3-2-501,3栋2单元501,1,2\n";
    let Rows::Household(rows) = read(ListName::Households, text.as_bytes()) else {
        panic!("households");
    };
    let exits = Some(Allowance { times: 1, days: 2 });
    assert_eq!(rows.values().next().expect("one").exits, exits);
}

#[test]
fn s02_an_export_holds_no_formula_and_comes_back_the_same() {
    let text = "id,plate,card,holder,valid_from,valid_to,uses,household,consent,days,hours\n\
        v1,闽E72K18,,\"=cmd|'/c calc'!A0\",2026-03-04,2026-03-05,2,3-2-501,asked,\"1,5\",08:00-18:00\n\
        v2,,74103794,\"李四, \"\"东\"\"\",2026-03-04T07:30,2026-03-05T09:00,,,,,\n";
    let rows = read(ListName::Visitors, text.as_bytes());
    let Rows::Pass(passes) = &rows else {
        panic!("passes");
    };
    let entries: Vec<Entry> = passes
        .iter()
        .map(|(key, pass)| Entry::Pass(key.clone(), pass.clone()))
        .collect();
    for format in [Format::Csv, Format::Xlsx] {
        for chinese in [false, true] {
            let bytes = export::list(ListName::Visitors, &entries, OFFSET, chinese, format);
            let bytes = bytes.expect("made");
            let Rows::Pass(again) = read(ListName::Visitors, &bytes) else {
                panic!("passes");
            };
            assert_eq!(&again, passes, "{format:?} {chinese}");
            if format == Format::Csv {
                let text = String::from_utf8(bytes).expect("UTF-8");
                assert!(text.starts_with('\u{feff}'));
                assert!(
                    text.contains("'=cmd"),
                    "a formula is marked as text: {text}"
                );
            }
        }
    }
}

#[test]
fn a_workbook_as_people_write_it_is_read() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let date = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    for (at, name) in (0..).zip(["卡号", "持卡人", "生效日期"]) {
        sheet.write_string(1, at, name).expect("written");
    }
    sheet.write_number(2, 0, 74_103_794.0).expect("written");
    sheet.write_string(2, 1, "张三").expect("written");
    let day = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 3, 4).expect("a day");
    sheet
        .write_datetime_with_format(2, 2, &day, &date)
        .expect("written");
    let bytes = book.save_to_buffer().expect("made");
    let Rows::Card(rows) = read(ListName::Cards, &bytes) else {
        panic!("cards");
    };
    let holder = &rows[&Card::new("74103794")];
    assert_eq!(holder.holder, "张三");
    assert_eq!(holder.valid.from_ms, 1_772_553_600_000);
    let told = wrong(ListName::Cards, &bytes[..bytes.len() / 2]);
    assert!(told.contains("a workbook that cannot be read"), "{told}");
    assert!(wrong(ListName::Cards, b"\xd0\xcf\x11\xe0old").contains(".xlsx"));
    assert!(wrong(ListName::Cards, b"card\n\0\0\0").contains("no text"));
}

#[test]
fn a_hundred_thousand_entries_are_read_and_written_in_seconds() {
    let rows = (0..100_000).map(|n| format!("闽E{n:05},{n}号楼,3-{n}\n"));
    let text = format!("plate,holder,household\n{}", rows.collect::<String>());
    let begun = Instant::now();
    let Rows::Vehicle(rows) = read(ListName::Vehicles, text.as_bytes()) else {
        panic!("vehicles");
    };
    let csv = begun.elapsed();
    assert_eq!(rows.len(), 100_000);
    let entries: Vec<Entry> = rows
        .iter()
        .map(|(plate, holder)| Entry::Vehicle(plate.clone(), holder.clone()))
        .collect();
    let begun = Instant::now();
    let book = export::list(ListName::Vehicles, &entries, OFFSET, true, Format::Xlsx);
    let book = book.expect("made");
    let written = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(read(ListName::Vehicles, &book).len(), 100_000);
    let xlsx = begun.elapsed();
    // The time is told, not asserted: how busy a machine is says nothing of the code.
    println!("100,000 entries: CSV read {csv:?}, XLSX written {written:?}, read {xlsx:?}");
}

#[test]
fn a_lists_owner_and_age_are_configured_beside_its_file() {
    use gateway_core::lists::{Owner, WhenTooOld};
    use gateway_core::name::Name;

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/gateway.toml");
    let text = std::fs::read_to_string(&path).expect("the shipped configuration");
    let with = |lines: &str| {
        let at = text.find("\n[lists]").expect("a table of lists") + 1;
        let end = at + text[at..].find('\n').expect("a line") + 1;
        format!("{}{lines}\n{}", &text[..end], &text[end..])
    };
    let written = with(
        "vehicles = { file = \"lists/vehicles.csv\", too_old_h = 72, when_too_old = \"missing\" }\n\
         watched_plates = { owner = \"city\", too_old_h = 24 }",
    );
    let read = gateway_config::read(&path, &written).unwrap_or_else(|wrong| panic!("{wrong}"));
    let lists = gateway_config::lists::load(&read.lists, OFFSET).expect("right");
    assert_eq!(
        (lists.vehicles.version, lists.watched_plates.version),
        (1, 0)
    );
    assert_eq!(lists.vehicles.too_old.after_hours, 72);
    assert_eq!(lists.vehicles.too_old.then, WhenTooOld::Missing);
    let city = Owner::Destination(Name::new("city"));
    assert_eq!(lists.watched_plates.owner, city);
    let wrong = with("cards = { fil = \"x.csv\", when_too_old = \"never\" }");
    let told = gateway_config::read(&path, &wrong)
        .expect_err("refused")
        .to_string();
    assert!(told.contains("`fil`") && told.contains("go_on"), "{told}");
}

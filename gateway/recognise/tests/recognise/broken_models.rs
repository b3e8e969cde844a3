//! P-27: a model or library that is missing, altered or of the wrong shape is refused with the
//! cause and the remedy, and never with a panic.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::drawing::{BLUE, Scene, models};
use gateway_recognise::{Error, ErrorKind, How, Recogniser};

const DETECTOR: &str = "clp_det.onnx";
const READER: &str = "ch_PP-OCRv4_rec_infer.onnx";

/// A models folder of its own, with links to the real files.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        models().join("models.toml"),
        folder.path().join("models.toml"),
    )
    .unwrap();
    for entry in std::fs::read_dir(models()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_owned();
        let text = name.to_string_lossy();
        if text.ends_with(".onnx") || text.contains(".so") {
            let real = std::fs::canonicalize(&path).unwrap();
            std::os::unix::fs::symlink(real, folder.path().join(name)).unwrap();
        }
    }
    folder
}

fn refused(dir: &Path) -> Error {
    let error = Recogniser::open(dir).err().expect("it must be refused");
    assert!(error.to_string().contains("run ./tools/models"), "{error}");
    error
}

fn library(dir: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    entries
        .find(|p| p.to_string_lossy().contains(".so"))
        .unwrap()
}

/// Puts these bytes in place of the link.
fn replace(path: &Path, content: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn p27_a_missing_model_is_named_with_the_remedy() {
    for name in [DETECTOR, READER] {
        let dir = folder();
        std::fs::remove_file(dir.path().join(name)).unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Resource);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn p27_an_altered_model_is_refused_before_it_is_loaded() {
    for name in [DETECTOR, READER] {
        let dir = folder();
        let path = dir.path().join(name);
        let mut content = std::fs::read(&path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        replace(&path, &content);
        let error = refused(dir.path());
        assert!(matches!(error, Error::Altered { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn p27_a_missing_or_altered_library_is_refused() {
    let dir = folder();
    let path = library(dir.path());
    replace(&path, b"not a library");
    assert!(matches!(refused(dir.path()), Error::Altered { .. }));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(refused(dir.path()), Error::Missing { .. }));
}

#[test]
fn p27_a_missing_or_broken_table_is_refused() {
    let dir = folder();
    let path = dir.path().join("models.toml");
    std::fs::write(&path, "[detector]\nfile = 1\n").unwrap();
    assert!(matches!(refused(dir.path()), Error::Manifest { .. }));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(refused(dir.path()), Error::Manifest { .. }));
}

/// A folder whose table pins `file` where `role` says `was`.
fn pinned(was: &str, file: &str) -> tempfile::TempDir {
    let dir = folder();
    let path = dir.path().join("models.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let digest = |name: &str| {
        let entry = &text[text.find(&format!("\nfile = \"{name}\"")).unwrap()..];
        entry.split('"').nth(3).unwrap().to_owned()
    };
    let changed = text
        .replace(
            &format!("\nfile = \"{was}\""),
            &format!("\nfile = \"{file}\""),
        )
        .replace(&digest(was), &digest(file));
    std::fs::write(&path, changed).unwrap();
    dir
}

#[test]
fn p27_a_detector_of_the_wrong_shape_fails_each_picture_and_panics_never() {
    let dir = pinned(DETECTOR, READER);
    let mut recogniser = Recogniser::open(dir.path()).unwrap();
    // The reader takes long for a whole picture; on a busy machine that must not look stuck.
    recogniser.limit_calls(Duration::from_secs(60)).unwrap();
    let still = Scene::new(640, 360).still();
    let error = recogniser.read(&still.view(), &How::still()).unwrap_err();
    assert!(
        matches!(error, Error::Inference { .. } | Error::Shape { .. }),
        "{error}"
    );
}

#[test]
fn p27_a_stuck_model_is_ended_and_the_next_picture_is_read() {
    let mut recogniser = Recogniser::open(&models()).unwrap();
    let still = Scene::new(1600, 1200)
        .plate("闽E12345", BLUE, [800.0, 800.0], 260.0)
        .still();
    // The call takes at least ten times as long on any machine.
    recogniser.limit_calls(Duration::from_millis(5)).unwrap();
    let how = How::stream(1600);
    let error = recogniser.read(&still.view(), &how).unwrap_err();
    assert!(matches!(error, Error::Stuck { limit_ms: 5, .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Transient);
    recogniser.limit_calls(Duration::from_secs(60)).unwrap();
    let plates = recogniser.read(&still.view(), &how).unwrap();
    assert_eq!(plates[0].plate.reveal(), "闽E12345");
}

#[test]
fn p27_a_reader_without_its_characters_is_refused() {
    let dir = pinned(READER, DETECTOR);
    let error = refused(dir.path());
    assert!(matches!(error, Error::Label { .. }), "{error}");
}

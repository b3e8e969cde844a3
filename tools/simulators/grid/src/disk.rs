//! What the platform stores: one file, one line an event, appended and synced before any answer.
//! Its form is `TOPIC TAB PAYLOAD`, the payload without line breaks.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub struct Disk {
    file: File,
    folder: PathBuf,
}

impl Disk {
    /// Opens the folder and gives each stored event to `each`; a torn last line, which was never
    /// answered, is cut off.
    pub fn open(folder: &Path, mut each: impl FnMut(&str, &[u8])) -> Result<Disk> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join("events");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let mut whole = 0;
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).context("cannot read")? > 0 {
            if !line.ends_with(b"\n") {
                break;
            }
            whole += line.len() as u64;
            line.pop();
            if let Some(tab) = line.iter().position(|byte| *byte == b'\t') {
                each(&String::from_utf8_lossy(&line[..tab]), &line[tab + 1..]);
            }
            line.clear();
        }
        file.set_len(whole).context("cannot cut off a torn line")?;
        file.seek(SeekFrom::End(0))?;
        File::open(folder)?.sync_all()?;
        Ok(Disk {
            file,
            folder: folder.to_owned(),
        })
    }

    /// Returns when all of them survive power loss.
    pub fn append<'a>(&mut self, events: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
        let mut text = Vec::new();
        for (topic, payload) in events {
            text.extend_from_slice(topic.as_bytes());
            text.push(b'\t');
            // JSON has line breaks only between its words, where a space does as well.
            text.extend(payload.iter().map(|byte| match byte {
                b'\n' | b'\r' => b' ',
                other => *other,
            }));
            text.push(b'\n');
        }
        self.file.write_all(&text).context("cannot append")?;
        self.file.sync_data().context("cannot sync")
    }

    /// The next order's number, never given twice.
    pub fn next_order(&self) -> Result<u64> {
        let path = self.folder.join("orders");
        let last = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().context("the last order's number")?,
            Err(_) => 0,
        };
        let next: u64 = last + 1;
        let temporary = self.folder.join("orders.tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(next.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(next)
    }
}

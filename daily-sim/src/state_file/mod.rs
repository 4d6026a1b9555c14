//! The state file: an append-only log of all inputs, on disk before anything is acknowledged.
//!
//! The first line says what the inputs belong to: the version of the format, the seed, when it began,
//! and a digest of the accounts. Each further line is an input. A last line without its end was never
//! acknowledged and goes; anything else that cannot be read is refused.

mod error;
mod input;
mod keys;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{AccountConfig, Config};

pub use self::error::StateFileError;
pub(crate) use self::input::{Entry, Input, RecordedCall};
use self::keys::Keys;

/// To be raised whenever the same file would be read, or its inputs replayed, to another end.
const VERSION: u32 = 1;

/// How each state file begins.
const MARK: &[u8] = b"{\"dailySimState\":";

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    /// The version; its name marks the file as one of ours.
    daily_sim_state: u32,
    seed: u64,
    began: Timestamp,
    /// A digest of what the state depends on beside the seed.
    accounts: String,
}

/// The past in a state file.
#[derive(Debug)]
pub(crate) struct Past {
    pub seed: u64,
    /// When the world began.
    pub began: Timestamp,
    /// With the numbers of their lines.
    pub entries: Vec<(usize, Entry)>,
}

impl Past {
    /// No past at all: the world begins now.
    pub fn none(config: &Config, now: Timestamp) -> Self {
        Self {
            seed: config.seed_or_random(),
            began: now,
            entries: Vec::new(),
        }
    }
}

/// An open state file. It stays locked as long as it is open.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    file: File,
    keys: Keys,
    /// After a failed write nobody knows what is in the file, so nothing is written behind it.
    failed: bool,
}

impl StateFile {
    /// Opens or creates a state file, and returns the past that it contains.
    pub fn open(
        path: &Path,
        config: &Config,
        now: Timestamp,
    ) -> Result<(Self, Past), StateFileError> {
        let unusable = |source| StateFileError::unusable(path, source);
        let mut options = OpenOptions::new();
        // PINs are in it.
        options.read(true).append(true).create(true).mode(0o600);
        let file = options.open(path).map_err(unusable)?;
        if !file.metadata().map_err(unusable)?.is_file() {
            return Err(StateFileError::Foreign(path.to_owned()));
        }
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StateFileError::InUse(path.to_owned()),
            TryLockError::Error(source) => unusable(source),
        })?;
        let keys = Keys::new(&config.accounts);
        let mut reader = Reader::new(path, &file);
        let Some((_, first)) = reader.line()? else {
            reader.check_torn_first_line()?;
            return Self::begin(path, file, config, now).map_err(unusable);
        };
        let header = check(path, &first, config)?;
        let mut entries = Vec::new();
        while let Some((number, line)) = reader.line()? {
            entries.push((number, read_entry(path, number, &line, &keys)?));
        }
        if !reader.torn.is_empty() {
            file.set_len(reader.whole).map_err(unusable)?;
            file.sync_data().map_err(unusable)?;
        }
        let past = Past {
            seed: header.seed,
            began: header.began,
            entries,
        };
        Ok((Self::new(path, file, keys), past))
    }

    fn new(path: &Path, file: File, keys: Keys) -> Self {
        Self {
            path: path.to_owned(),
            file,
            keys,
            failed: false,
        }
    }

    fn begin(path: &Path, file: File, config: &Config, now: Timestamp) -> io::Result<(Self, Past)> {
        let past = Past::none(config, now);
        let header = Header {
            daily_sim_state: VERSION,
            seed: past.seed,
            began: past.began,
            accounts: digest(config),
        };
        file.set_len(0)?;
        let mut state = Self::new(path, file, Keys::new(&config.accounts));
        state.write(&serde_json::to_string(&header)?)?;
        // The name of the file has to last as well.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok((state, past))
    }

    /// Appends an input. When this returns, it outlives the program and the machine.
    pub fn append(&mut self, entry: &Entry) -> Result<(), StateFileError> {
        if self.failed {
            return Err(StateFileError::Failed(self.path.clone()));
        }
        let line = serde_json::to_string(entry).map_err(io::Error::from);
        let written = line.and_then(|line| {
            let line = self.keys.hide(&line).into_owned();
            self.write(&line)
        });
        written.map_err(|source| {
            self.failed = true;
            StateFileError::unusable(&self.path, source)
        })
    }

    /// Writes a line in one piece.
    fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()
    }
}

fn read_entry(
    path: &Path,
    line: usize,
    bytes: &[u8],
    keys: &Keys,
) -> Result<Entry, StateFileError> {
    let senseless = |reason: &str| StateFileError::SenselessLine {
        path: path.to_owned(),
        line,
        reason: reason.to_owned(),
    };
    let text = std::str::from_utf8(bytes).map_err(|_| senseless("it is not UTF-8"))?;
    let shown = keys.show(text);
    let shown = shown.ok_or_else(|| senseless("it has a key that no account has"))?;
    serde_json::from_str(&shown).map_err(|source| StateFileError::broken(path, line, source))
}

/// Reads the header and compares it with what the simulator is started with.
fn check(path: &Path, line: &[u8], config: &Config) -> Result<Header, StateFileError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct AnyVersion {
        daily_sim_state: u32,
    }
    let foreign = |_| StateFileError::Foreign(path.to_owned());
    let AnyVersion { daily_sim_state } = serde_json::from_slice(line).map_err(foreign)?;
    if daily_sim_state != VERSION {
        return Err(StateFileError::OtherVersion {
            path: path.to_owned(),
            version: daily_sim_state,
            ours: VERSION,
        });
    }
    let header: Header =
        serde_json::from_slice(line).map_err(|source| StateFileError::broken(path, 1, source))?;
    if header.accounts != digest(config) {
        return Err(StateFileError::OtherAccounts(path.to_owned()));
    }
    if config.seed.is_some_and(|seed| seed != header.seed) {
        return Err(StateFileError::OtherSeed {
            path: path.to_owned(),
            seed: header.seed,
        });
    }
    Ok(header)
}

/// All that the state depends on. Their keys are in it because an input may carry one,
/// or what one has signed; a digest does not tell them.
fn digest(config: &Config) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    for AccountConfig {
        domain,
        keys,
        purchased_numbers,
        verified_caller_ids,
    } in &config.accounts
    {
        part("domain");
        part(domain);
        part("keys");
        keys.iter().for_each(|key| part(key));
        part("numbers");
        purchased_numbers.iter().for_each(|number| part(number));
        part("caller ids");
        verified_caller_ids.iter().for_each(|number| part(number));
    }
    part("rooms");
    part(&config.max_rooms.to_string());
    format!("{:x}", hash.finalize())
}

/// Reads whole lines, and keeps apart what comes after the last line end.
struct Reader<'a> {
    path: &'a Path,
    lines: BufReader<&'a File>,
    number: usize,
    /// How many bytes the whole lines have so far.
    whole: u64,
    /// What is left without a line end.
    torn: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(path: &'a Path, file: &'a File) -> Self {
        Self {
            path,
            lines: BufReader::new(file),
            number: 0,
            whole: 0,
            torn: Vec::new(),
        }
    }

    /// The next whole line and its number.
    fn line(&mut self) -> Result<Option<(usize, Vec<u8>)>, StateFileError> {
        let mut line = Vec::new();
        let read = self.lines.read_until(b'\n', &mut line);
        read.map_err(|source| StateFileError::unusable(self.path, source))?;
        if line.last() != Some(&b'\n') {
            self.torn = line;
            return Ok(None);
        }
        self.number += 1;
        self.whole += line.len() as u64;
        Ok(Some((self.number, line)))
    }

    /// A torn first line of ours holds nothing; any other file is not ours to overwrite.
    fn check_torn_first_line(&self) -> Result<(), StateFileError> {
        match self.torn.starts_with(MARK) || MARK.starts_with(&self.torn) {
            true => Ok(()),
            false => Err(StateFileError::Foreign(self.path.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;

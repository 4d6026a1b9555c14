//! What is kept, what is dropped and what is refused.

use std::fs;

use super::*;
use crate::types::Advance;

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("makes a folder");
    let path = folder.path().join("state");
    Place {
        _folder: folder,
        path,
    }
}

fn config() -> Config {
    Config::single("demo", "key-of-demo", &["+12025550123"]).seed(7)
}

fn entry(hours: u32) -> Entry {
    Entry {
        at: Timestamp::UNIX_EPOCH,
        input: Input::Advance(Advance {
            advance: format!("{hours}h"),
        }),
    }
}

fn open(path: &Path, config: &Config) -> Result<(StateFile, Past), StateFileError> {
    StateFile::open(path, config, Timestamp::UNIX_EPOCH)
}

/// A file with inputs of 1, 2 and 3 hours.
fn written() -> Place {
    let place = place();
    let (mut file, past) = open(&place.path, &config()).expect("begins");
    assert_eq!((past.seed, past.entries.len()), (7, 0));
    for hours in 1..=3 {
        file.append(&entry(hours)).expect("is written");
    }
    place
}

fn entries(path: &Path) -> Vec<(usize, Entry)> {
    open(path, &config()).expect("opens").1.entries
}

#[track_caller]
fn refused(path: &Path, config: &Config, part: &str) {
    let before = fs::read(path).expect("reads");
    let error = open(path, config).expect_err("must be refused").to_string();
    assert!(error.contains(part), "{error}");
    assert_eq!(fs::read(path).expect("reads"), before, "it is left alone");
}

#[test]
fn what_was_appended_is_there_again() {
    let place = written();
    assert_eq!(
        entries(&place.path),
        [(2, entry(1)), (3, entry(2)), (4, entry(3))]
    );
    let text = fs::read_to_string(&place.path).expect("reads");
    assert!(
        text.as_bytes().starts_with(MARK) && !text.contains("key-of-demo"),
        "{text}"
    );
}

#[test]
fn without_a_seed_the_one_of_the_file_is_taken() {
    let place = written();
    let mut config = config();
    config.seed = None;
    assert_eq!(open(&place.path, &config).expect("opens").1.seed, 7);
    refused(&place.path, &config.seed(8), "--seed 7");
}

#[test]
fn a_torn_last_line_goes_wherever_it_is_torn() {
    let place = written();
    let whole = fs::read(&place.path).expect("reads");
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .expect("has lines")
        + 1;
    for length in last..whole.len() {
        fs::write(&place.path, &whole[..length]).expect("writes");
        let (mut file, past) = open(&place.path, &config()).expect("opens");
        assert_eq!(past.entries.len(), 2, "{length}");
        file.append(&entry(9)).expect("is written");
        drop(file);
        assert_eq!(entries(&place.path)[2], (4, entry(9)));
    }
}

#[test]
fn a_torn_first_line_is_begun_again() {
    let place = written();
    let whole = fs::read(&place.path).expect("reads");
    for length in [0, 5, MARK.len() + 3] {
        fs::write(&place.path, &whole[..length]).expect("writes");
        assert!(entries(&place.path).is_empty());
        assert_eq!(fs::read(&place.path).expect("reads").last(), Some(&b'\n'));
    }
}

#[test]
fn a_broken_line_is_named() {
    let place = written();
    let text = fs::read_to_string(&place.path).expect("reads");
    fs::write(
        &place.path,
        text.replace("{\"advance\":{\"advance\":\"2h\"}}", "{\"advan"),
    )
    .expect("writes");
    refused(&place.path, &config(), "line 3 of the state file");
    fs::write(
        &place.path,
        text.replace("{\"advance\":{\"advance\":\"3h\"}}", "{\"rewind\":1}"),
    )
    .expect("writes");
    refused(&place.path, &config(), "line 4 of the state file");
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    let place = written();
    let other = |domain, key, number| Config::single(domain, key, &[number]);
    refused(
        &place.path,
        &other("demo2", "key-of-demo", "+12025550123"),
        "other accounts",
    );
    refused(
        &place.path,
        &other("demo", "key", "+12025550123"),
        "other accounts",
    );
    refused(
        &place.path,
        &other("demo", "key-of-demo", "+12025550124"),
        "other accounts",
    );
    let text = fs::read_to_string(&place.path).expect("reads");
    fs::write(
        &place.path,
        text.replace("{\"dailySimState\":1", "{\"dailySimState\":9"),
    )
    .expect("writes");
    refused(&place.path, &config(), "version 9");
    for foreign in ["127.0.0.1 localhost", "127.0.0.1 localhost\n", "{}\n"] {
        fs::write(&place.path, foreign).expect("writes");
        refused(&place.path, &config(), "not a state file");
    }
}

#[test]
fn a_device_is_refused() {
    let error = open(Path::new("/dev/zero"), &config()).expect_err("must be refused");
    assert!(matches!(error, StateFileError::Foreign(_)), "{error}");
}

#[test]
fn two_simulators_do_not_share_a_file() {
    let place = place();
    let _first = open(&place.path, &config()).expect("begins");
    refused(&place.path, &config(), "in use");
}

/// Nothing may be written behind a line that is possibly torn.
#[test]
fn after_a_failed_write_nothing_is_accepted() {
    let place = written();
    let (mut state, _) = open(&place.path, &config()).expect("opens");
    state.file = File::open(&place.path).expect("opens to read only");
    state.append(&entry(4)).expect_err("cannot be written");
    state.file = OpenOptions::new()
        .append(true)
        .open(&place.path)
        .expect("opens");
    let again = state.append(&entry(4)).expect_err("must be refused");
    assert!(again.to_string().contains("start again"), "{again}");
    drop(state);
    assert_eq!(entries(&place.path).len(), 3);
}

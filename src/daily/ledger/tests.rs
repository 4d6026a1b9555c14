//! What is concluded from words and writes, whatever order they come in.

mod names;

use serde_json::json;

use super::*;
use crate::daily::listing::{Joining, Next};
use crate::daily::types::{Answer, ListedRoom, RoomsPage};

/// The object that all of it is about.
const UID: &str = "uid";
const QUIET: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

fn date(seconds: u64) -> Option<i64> {
    i64::try_from(1_000 + seconds).ok()
}

fn room(id: &str, name: &str) -> Room {
    serde_json::from_value(json!({
        "id": id, "name": name, "privacy": "public", "url": "https://demo.daily.co/a",
        "created_at": "2026-12-01T08:00:00Z",
    }))
    .unwrap()
}

fn seen(id: &str, seconds: u64, by: Word) -> Seen {
    Seen {
        room: room(id, "a"),
        at: at(seconds),
        date: date(seconds),
        by,
    }
}

/// A listing of these rooms, whose names are their ids, from a second on to the next one. All names
/// that are there or have an entry are wanted.
fn listing(seconds: u64, names: &[String]) -> Arc<Listing> {
    let data: Vec<ListedRoom> = names.iter().map(|name| room(name, name).into()).collect();
    let wanted = self::names(200)
        .into_iter()
        .chain(["a".to_owned(), "b".to_owned()]);
    let page = Answer {
        value: RoomsPage {
            total_count: u64::try_from(data.len()).unwrap(),
            data,
        },
        date: date(seconds),
    };
    match Joining::begin(at(seconds), wanted.collect()).add(page, at(seconds + 1)) {
        Next::Whole(listing) => Arc::new(listing),
        Next::Page(_) => panic!("more than a page"),
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|it| format!("room-{it}")).collect()
}

/// A ledger in which `a` is registered.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.sight("a", UID), Sight::default());
    ledger
}

impl Ledger {
    fn hears(&mut self, seconds: u64, shown: &[&str], complete: bool) {
        let shown: Vec<String> = shown.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(self.heard(listing(seconds, &shown), complete, &[]), None);
    }

    fn known(&mut self) -> (Option<(String, Word)>, Option<Absence>) {
        let sight = self.sight("a", UID);
        (sight.seen.map(|it| (it.room.id, it.by)), sight.absence)
    }

    #[track_caller]
    fn shows(&mut self, id: &str, by: Word) {
        assert_eq!(self.known(), (Some((id.to_owned(), by)), None));
    }

    #[track_caller]
    fn lacks(&mut self, first: u64, by_name: Option<u64>, told: u64) {
        let absence = Absence {
            first: at(first),
            by_name: by_name.map(at),
            date: date(told),
        };
        assert_eq!(self.known(), (None, Some(absence)));
    }

    #[track_caller]
    fn knows_nothing(&mut self) {
        assert_eq!(self.known(), (None, None));
    }
}

#[test]
fn the_later_word_counts() {
    let mut ledger = ledger();
    ledger.saw("a", seen("1", 10, Word::Name));
    ledger.shows("1", Word::Name);
    ledger.absent("a", at(20), date(20));
    ledger.lacks(20, Some(20), 20);
    ledger.created("a", UID, seen("2", 30, Word::Create));
    ledger.shows("2", Word::Create);
    ledger.hears(40, &["a"], true);
    ledger.shows("a", Word::Listing);
    ledger.hears(50, &[], true);
    ledger.lacks(51, None, 50);
}

#[test]
fn a_listing_that_began_before_another_word_says_nothing() {
    let mut ledger = ledger();
    ledger.saw("a", seen("1", 10, Word::Name));
    ledger.hears(9, &[], true);
    ledger.shows("1", Word::Name);
    ledger.absent("a", at(20), date(20));
    ledger.hears(19, &["a"], true);
    ledger.lacks(20, Some(20), 20);
}

#[test]
fn a_listing_that_began_before_a_write_of_ours_says_nothing() {
    let mut ledger = ledger();
    let sending = ledger.sending("a", at(10));
    ledger.hears(9, &[], true);
    ledger.knows_nothing();
    ledger.answered("a", sending, true, at(12));
    ledger.hears(11, &["a"], true);
    ledger.knows_nothing();
    ledger.unanswered("a", at(14));
    ledger.hears(13, &[], true);
    ledger.knows_nothing();
    ledger.hears(15, &["a"], true);
    ledger.shows("a", Word::Listing);
}

#[test]
fn the_first_word_of_an_absence_is_kept_and_a_room_ends_it() {
    let mut ledger = ledger();
    ledger.hears(10, &[], true);
    ledger.lacks(11, None, 10);
    ledger.hears(20, &[], true);
    ledger.lacks(11, None, 20);
    ledger.absent("a", at(30), date(30));
    ledger.lacks(11, Some(30), 30);
    ledger.hears(40, &[], true);
    ledger.lacks(11, Some(30), 40);
    ledger.hears(50, &["a"], true);
    ledger.hears(60, &[], true);
    ledger.lacks(61, None, 60);
}

#[test]
fn an_incomplete_listing_proves_presence_only() {
    let mut ledger = ledger();
    ledger.hears(10, &[], false);
    ledger.knows_nothing();
    ledger.hears(20, &["a"], false);
    ledger.shows("a", Word::Listing);
    // What it does not show is not known any more, and has to be asked for by name.
    ledger.hears(30, &[], false);
    ledger.knows_nothing();
}

#[test]
fn a_name_that_is_registered_later_hears_the_last_listing() {
    let mut ledger = Ledger::default();
    ledger.hears(10, &["a"], true);
    ledger.shows("a", Word::Listing);
    ledger.forget("a", at(15));
    ledger.hears(20, &[], true);
    ledger.lacks(21, None, 20);
    ledger.forget("a", at(25));
    ledger.hears(30, &[], false);
    ledger.knows_nothing();
}

#[track_caller]
fn trips(expected: usize, missing: usize, complete: bool, tripped: bool) {
    let mut ledger = Ledger::default();
    let expected = names(expected);
    let (gone, there) = expected.split_at(missing);
    for name in &expected {
        let _ = ledger.sight(name, UID);
    }
    let suspect = ledger.heard(listing(10, there), complete, &expected);
    assert_eq!(suspect.as_ref(), gone.first().filter(|_| tripped));
    assert_eq!(ledger.tripped(), tripped);
    let first = ledger.sight(&expected[0], UID);
    assert_eq!(first.tripped, tripped);
    // What is not believed is not taken in.
    let absent = complete && !tripped;
    assert_eq!(first.absence.is_some(), absent);
}

#[test]
fn more_than_five_and_more_than_a_tenth_missing_are_not_believed() {
    trips(6, 5, true, false);
    trips(6, 6, true, true);
    trips(59, 5, true, false);
    trips(59, 6, true, true);
    trips(100, 10, true, false);
    trips(100, 11, true, true);
    // A listing whose count does not add up shows as well that too many are gone at once.
    trips(100, 11, false, true);
}

#[test]
fn a_room_that_was_written_to_meanwhile_is_not_missing() {
    let mut ledger = Ledger::default();
    let expected = names(6);
    ledger.unanswered("room-0", at(10));
    assert_eq!(ledger.heard(listing(10, &[]), true, &expected), None);
    assert!(!ledger.tripped());
}

#[test]
fn a_listing_is_disproved_or_confirmed_by_one_of_its_missing_rooms() {
    let tripped = || {
        let mut ledger = ledger();
        let suspect = ledger.heard(listing(10, &["b".into()]), true, &names(6));
        assert_eq!(suspect.as_deref(), Some("room-0"));
        ledger.knows_nothing();
        ledger
    };
    let mut disproved = tripped();
    disproved.listing_disproved();
    assert!(!disproved.tripped());
    disproved.knows_nothing();
    assert!(
        disproved.sight("b", UID).seen.is_some(),
        "presence is proven"
    );
    let mut confirmed = tripped();
    confirmed.listing_confirmed();
    assert!(confirmed.tripped());
    confirmed.lacks(11, None, 10);
    // The next one with fewer missing ends it.
    confirmed.hears(20, &[], true);
    assert!(!confirmed.tripped());
}

#[test]
fn an_unknown_write_is_kept_until_it_is_answered() {
    let mut ledger = ledger();
    let first = ledger.sending("a", at(10));
    assert_eq!(ledger.sight("a", UID).unknown_write, Some(at(10)));
    ledger.answered("a", first, true, at(11));
    assert_eq!(ledger.sight("a", UID).unknown_write, None);
    let _ = ledger.sending("a", at(20));
    ledger.unanswered("a", at(25));
    assert_eq!(ledger.sight("a", UID).unknown_write, Some(at(25)));
    // Words do not settle it, and neither does the answer to a later write.
    ledger.saw("a", seen("1", 30, Word::Name));
    ledger.hears(40, &[], true);
    let later = ledger.sending("a", at(50));
    assert_eq!(ledger.sight("a", UID).unknown_write, Some(at(50)));
    ledger.answered("a", later, true, at(51));
    assert_eq!(ledger.sight("a", UID).unknown_write, Some(at(25)));
    assert!(!ledger.settled(at(84), QUIET));
    assert!(ledger.settled(at(85), QUIET));
    assert!(Ledger::default().settled(at(0), QUIET));
}

#[test]
fn creates_since_the_claim_are_counted_by_the_worst() {
    let posts = |ledger: &mut Ledger| ledger.sight("a", UID).posts;
    let mut ledger = ledger();
    ledger.create_failed("a", UID, false);
    assert_eq!(posts(&mut ledger), Posts::Refused);
    ledger.create_failed("a", UID, true);
    assert_eq!(posts(&mut ledger), Posts::Unknown);
    ledger.create_failed("a", UID, false);
    assert_eq!(posts(&mut ledger), Posts::Unknown);
    ledger.claimed("a", UID);
    assert_eq!(posts(&mut ledger), Posts::None);
}

#[test]
fn a_create_that_was_done_still_counts_when_another_word_has_come() {
    let mut ledger = ledger();
    ledger.created("a", UID, seen("1", 10, Word::Create));
    ledger.hears(20, &["a"], true);
    assert_eq!(ledger.sight("a", UID).posts, Posts::Unknown);
}

const LAG: Duration = Duration::from_secs(5);

/// A ledger of a Daily whose reads lag, in which `a` was written to at second 10.
fn lagging(done: bool) -> Ledger {
    let mut ledger = Ledger::new(LAG);
    let sending = ledger.sending("a", at(9));
    ledger.answered("a", sending, done, at(10));
    ledger.created("a", UID, seen("1", 10, Word::Create));
    ledger
}

#[test]
fn what_is_read_right_after_a_write_does_not_go_before_its_answer() {
    let mut ledger = lagging(true);
    ledger.read_absent("a", at(11), date(11));
    ledger.shows("1", Word::Create);
    assert_eq!(ledger.sight("a", UID).disputed, Some(at(15)));
    ledger.created("a", UID, seen("1", 11, Word::Create));
    assert_eq!(ledger.sight("a", UID).disputed, None);
    ledger.read("a", seen("2", 12, Word::Name));
    ledger.shows("1", Word::Create);
    assert_eq!(ledger.sight("a", UID).disputed, Some(at(15)));
    ledger.hears(13, &[], true);
    ledger.hears(14, &["a"], true);
    ledger.shows("1", Word::Create);
    ledger.read("a", seen("2", 15, Word::Name));
    ledger.shows("2", Word::Name);
    assert_eq!(ledger.sight("a", UID).disputed, None);
    ledger.read_absent("a", at(16), date(16));
    ledger.lacks(16, Some(16), 16);
}

#[test]
fn a_room_that_was_deleted_is_not_there_again_because_a_read_lags() {
    let mut ledger = Ledger::new(LAG);
    ledger.read("a", seen("1", 5, Word::Name));
    let sending = ledger.sending("a", at(9));
    ledger.answered("a", sending, true, at(10));
    ledger.absent("a", at(10), date(10));
    ledger.read("a", seen("1", 11, Word::Name));
    ledger.hears(12, &["a"], true);
    ledger.lacks(10, Some(10), 10);
    assert_eq!(ledger.sight("a", UID).disputed, None);
}

#[test]
fn an_end_does_not_wait_for_what_lags() {
    let mut ledger = lagging(true);
    let mut brief = seen("1", 10, Word::Name);
    brief.room.config.exp = date(12);
    ledger.saw("a", brief);
    ledger.read_absent("a", at(11), date(11));
    ledger.shows("1", Word::Name);
    ledger.read_absent("a", at(12), date(12));
    ledger.lacks(12, Some(12), 12);
}

/// So that another object may have the name at once.
#[test]
fn a_deletion_is_not_forgotten_before_reads_show_it() {
    let deleted = || {
        let mut ledger = lagging(true);
        ledger.absent("a", at(10), date(10));
        ledger.forget("a", at(11));
        ledger
    };
    let mut again = deleted();
    again.read("a", seen("1", 12, Word::Name));
    again.lacks(10, Some(10), 10);
    let mut quiet = deleted();
    quiet.hears(20, &[], true);
    assert!(quiet.rooms.is_empty());
    // A room that stays is to be found again.
    let mut retained = lagging(true);
    retained.forget("a", at(11));
    retained.read("a", seen("1", 12, Word::Name));
    retained.shows("1", Word::Name);
}

#[test]
fn a_write_that_was_refused_or_is_unknown_says_nothing_that_a_read_could_lag_behind() {
    let mut refused = lagging(false);
    refused.read_absent("a", at(11), date(11));
    refused.lacks(11, Some(11), 11);
    let mut unknown = lagging(true);
    unknown.unanswered("a", at(12));
    unknown.read("a", seen("2", 13, Word::Name));
    unknown.shows("2", Word::Name);
}

#[test]
fn rooms_that_were_just_written_to_are_not_missing() {
    let mut ledger = Ledger::new(LAG);
    let expected = names(6);
    let sending = ledger.sending("room-0", at(9));
    ledger.answered("room-0", sending, true, at(10));
    assert_eq!(ledger.heard(listing(14, &[]), true, &expected), None);
    assert_eq!(
        ledger.heard(listing(15, &[]), true, &expected).as_deref(),
        Some("room-0")
    );
}

/// F-ROOM-37: what counts is which name was asked for.
#[test]
fn a_room_whose_name_has_another_case_is_the_one_that_was_asked_for() {
    let mut ledger = Ledger::default();
    ledger.read("A", seen("1", 10, Word::Name));
    assert_eq!(ledger.sight("A", UID).seen.unwrap().room.name, "a");
    assert_eq!(ledger.sight("a", UID), Sight::default());
}

#[test]
fn it_is_known_when_a_room_answered_to_its_name() {
    let mut ledger = ledger();
    ledger.hears(5, &["a"], true);
    assert_eq!(ledger.sight("a", UID).named, None);
    ledger.read("a", seen("1", 10, Word::Name));
    ledger.hears(20, &["a"], true);
    assert_eq!(ledger.sight("a", UID).named, Some(at(10)));
}

#[test]
fn a_short_quiet_period_shortens_what_reads_may_lag() {
    assert_eq!(reads_lag(QUIET), LAG);
    assert_eq!(reads_lag(Duration::from_secs(2)), Duration::from_secs(1));
}

#[test]
fn what_was_created_for_one_object_is_not_the_room_of_another() {
    let mut ledger = Ledger::default();
    ledger.claimed("a", UID);
    ledger.claimed("a", "other");
    ledger.created("a", UID, seen("1", 10, Word::Create));
    ledger.create_failed("a", "other", false);
    let ours = ledger.sight("a", UID);
    assert_eq!(ours.posts, Posts::Unknown);
    assert_eq!(ours.seen.unwrap().by, Word::Create);
    let theirs = ledger.sight("a", "other");
    assert_eq!(theirs.posts, Posts::Refused);
    assert_eq!(theirs.seen.unwrap().by, Word::Name);
    // Neither does a claim of theirs change what is known of ours.
    ledger.claimed("a", "other");
    assert_eq!(ledger.sight("a", UID).posts, Posts::Unknown);
    assert_eq!(ledger.sight("a", "other").posts, Posts::None);
}

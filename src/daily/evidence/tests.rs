//! What follows from reads and writes, in whatever order their answers come.

mod names;

use serde_json::json;

use super::*;
use crate::daily::listing::Joining;
use crate::daily::types::{Answer, ListedRoom, Room, RoomsPage};

/// The object in these tests.
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

/// The answer to a create.
fn made(id: &str, seconds: u64) -> Answer<Room> {
    Answer {
        value: room(id, "a"),
        date: date(seconds),
    }
}

fn shown(id: &str, seconds: u64) -> Answer<Option<Room>> {
    made(id, seconds).map(Some)
}

fn none(seconds: u64) -> Answer<Option<Room>> {
    made("", seconds).map(|_| None)
}

/// A listing of these rooms, whose names are their ids. It begins at this second, takes one, and
/// wants all names of these tests.
fn listing(seconds: u64, names: &[String]) -> Listing {
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
    let joining = Joining::begin(at(seconds), wanted.collect(), "c", HashSet::new());
    let listing = joining.add(page, at(seconds + 1)).break_value();
    listing.expect("it is one page")
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|it| format!("room-{it}")).collect()
}

/// Evidence in which `a` is registered.
fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    assert_eq!(evidence.room("a", UID), RoomEvidence::default());
    evidence
}

impl Evidence {
    fn lists(&mut self, seconds: u64, shown: &[&str], complete: bool) {
        let shown: Vec<String> = shown.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(
            self.apply_listing(listing(seconds, &shown), complete, &[]),
            None
        );
    }

    fn known(&mut self) -> (Option<(String, Source)>, Option<Absence>) {
        let evidence = self.room("a", UID);
        (
            evidence.observed.map(|it| (it.room.id, it.source)),
            evidence.absence,
        )
    }

    #[track_caller]
    fn shows(&mut self, id: &str, source: Source) {
        assert_eq!(self.known(), (Some((id.to_owned(), source)), None));
    }

    #[track_caller]
    fn lacks(&mut self, first: u64, by_name: Option<u64>, told: u64) {
        let last = self.known().1.map(|it| it.last).unwrap_or_default();
        let absence = Absence {
            first: at(first),
            last,
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
fn the_later_answer_counts() {
    let mut evidence = evidence();
    evidence.written("a", shown("1", 10), at(10));
    evidence.shows("1", Source::Get);
    evidence.written("a", none(20), at(20));
    evidence.lacks(20, Some(20), 20);
    evidence.created("a", UID, made("2", 30), at(30));
    evidence.shows("2", Source::Create);
    evidence.lists(40, &["a"], true);
    evidence.shows("a", Source::List);
    evidence.lists(50, &[], true);
    evidence.lacks(51, None, 50);
}

#[test]
fn a_listing_that_began_before_another_answer_says_nothing() {
    let mut evidence = evidence();
    evidence.written("a", shown("1", 10), at(10));
    evidence.lists(9, &[], true);
    evidence.shows("1", Source::Get);
    evidence.written("a", none(20), at(20));
    evidence.lists(19, &["a"], true);
    evidence.lacks(20, Some(20), 20);
}

#[test]
fn a_listing_that_began_before_a_write_of_ours_says_nothing() {
    let mut evidence = evidence();
    let sending = evidence.writes("a").sending(at(10));
    evidence.lists(9, &[], true);
    evidence.knows_nothing();
    evidence.writes("a").answered(sending, true, at(12));
    evidence.lists(11, &["a"], true);
    evidence.knows_nothing();
    evidence.writes("a").unanswered(at(14));
    evidence.lists(13, &[], true);
    evidence.knows_nothing();
    evidence.lists(15, &["a"], true);
    evidence.shows("a", Source::List);
}

#[test]
fn the_first_answer_of_an_absence_is_kept_and_a_room_ends_it() {
    let mut evidence = evidence();
    evidence.lists(10, &[], true);
    evidence.lacks(11, None, 10);
    evidence.lists(20, &[], true);
    evidence.lacks(11, None, 20);
    evidence.written("a", none(30), at(30));
    evidence.lacks(11, Some(30), 30);
    evidence.lists(40, &[], true);
    evidence.lacks(11, Some(30), 40);
    evidence.lists(50, &["a"], true);
    evidence.lists(60, &[], true);
    evidence.lacks(61, None, 60);
}

#[test]
fn an_answer_of_long_ago_is_not_the_first_of_two() {
    let gap = LONGEST_GAP.as_secs();
    let mut evidence = evidence();
    evidence.written("a", none(10), at(10));
    evidence.written("a", none(20), at(20));
    evidence.lists(20 + gap - 1, &[], true);
    evidence.lacks(10, Some(20), 20 + gap - 1);
    evidence.lists(21 + 2 * gap, &[], true);
    evidence.lacks(22 + 2 * gap, None, 21 + 2 * gap);
}

#[test]
fn an_incomplete_listing_proves_presence_only() {
    let mut evidence = evidence();
    evidence.lists(10, &[], false);
    evidence.knows_nothing();
    evidence.lists(20, &["a"], false);
    evidence.shows("a", Source::List);
    // A room that it does not show is not known any more, and needs a GET.
    evidence.lists(30, &[], false);
    evidence.knows_nothing();
}

#[test]
fn the_last_listing_is_applied_to_a_name_that_is_registered_later() {
    let mut evidence = Evidence::default();
    evidence.lists(10, &["a"], true);
    evidence.shows("a", Source::List);
    evidence.forget("a", UID, at(15));
    evidence.lists(20, &[], true);
    evidence.lacks(21, None, 20);
    evidence.forget("a", UID, at(25));
    evidence.lists(30, &[], false);
    evidence.knows_nothing();
}

#[track_caller]
fn check_mass_loss(of: usize, missing: usize, complete: bool, mass_loss: bool) {
    let mut evidence = Evidence::default();
    assert_eq!(evidence.losses(), Losses::Unknown);
    let expected = names(of);
    let (gone, there) = expected.split_at(missing);
    for name in &expected {
        let _ = evidence.room(name, UID);
    }
    let suspect = evidence.apply_listing(listing(10, there), complete, &expected);
    assert_eq!(suspect.as_ref(), gone.first().filter(|_| mass_loss));
    let first = evidence.room(&expected[0], UID);
    // A listing that is not believed yet is not applied, and says nothing about the losses.
    let absent = complete && !mass_loss;
    assert_eq!(first.absence.is_some(), absent);
    assert_eq!(first.losses == Losses::Unknown, mass_loss);
    evidence.listing_confirmed();
    let losses = match mass_loss {
        true => Losses::Mass { missing, of },
        false => Losses::Few,
    };
    assert_eq!(evidence.room(&expected[0], UID).losses, losses);
}

#[test]
fn more_than_five_and_a_tenth_of_the_rooms_missing_is_a_mass_loss() {
    check_mass_loss(6, 5, true, false);
    check_mass_loss(6, 6, true, true);
    check_mass_loss(59, 5, true, false);
    check_mass_loss(59, 6, true, true);
    check_mass_loss(100, 10, true, false);
    check_mass_loss(100, 11, true, true);
    // An incomplete listing can show a mass loss too.
    check_mass_loss(100, 11, false, true);
}

#[test]
fn a_room_that_was_written_to_meanwhile_is_not_missing() {
    let mut evidence = Evidence::default();
    let expected = names(6);
    evidence.writes("room-0").unanswered(at(10));
    assert_eq!(
        evidence.apply_listing(listing(10, &[]), true, &expected),
        None
    );
    assert_eq!(evidence.losses(), Losses::Few);
}

#[test]
fn a_listing_is_disproved_or_confirmed_by_one_of_its_missing_rooms() {
    let mass_loss = || {
        let mut evidence = evidence();
        let suspect = evidence.apply_listing(listing(10, &["b".into()]), true, &names(6));
        assert_eq!(suspect.as_deref(), Some("room-0"));
        evidence.knows_nothing();
        assert_eq!(evidence.room("room-1", UID).absence, None, "not yet");
        evidence
    };
    let mut disproved = mass_loss();
    disproved.listing_disproved();
    assert_eq!(disproved.room("room-1", UID).absence, None);
    assert_eq!(disproved.losses(), Losses::Unknown);
    disproved.knows_nothing();
    assert!(
        disproved.room("b", UID).observed.is_some(),
        "presence is proven"
    );
    let mut confirmed = mass_loss();
    confirmed.listing_confirmed();
    assert!(confirmed.room("room-1", UID).absence.is_some());
    assert_eq!(confirmed.losses(), Losses::Mass { missing: 6, of: 6 });
    confirmed.lacks(11, None, 10);
    // The next listing with fewer missing rooms ends it.
    confirmed.lists(20, &[], true);
    assert_eq!(confirmed.losses(), Losses::Few);
}

#[test]
fn an_unknown_write_is_kept_until_it_is_answered() {
    let mut evidence = evidence();
    let first = evidence.writes("a").sending(at(10));
    assert_eq!(evidence.room("a", UID).unknown_write, Some(at(10)));
    evidence.writes("a").answered(first, true, at(11));
    assert_eq!(evidence.room("a", UID).unknown_write, None);
    let _ = evidence.writes("a").sending(at(20));
    evidence.writes("a").unanswered(at(25));
    assert_eq!(evidence.room("a", UID).unknown_write, Some(at(25)));
    // Reads do not make its outcome known, and neither does the answer to a later write.
    evidence.written("a", shown("1", 30), at(30));
    evidence.lists(40, &[], true);
    let later = evidence.writes("a").sending(at(50));
    assert_eq!(evidence.room("a", UID).unknown_write, Some(at(50)));
    evidence.writes("a").answered(later, true, at(51));
    assert_eq!(evidence.room("a", UID).unknown_write, Some(at(25)));
    assert!(!evidence.outcomes_known(at(84), QUIET));
    assert!(evidence.outcomes_known(at(85), QUIET));
    assert!(Evidence::default().outcomes_known(at(0), QUIET));
}

#[test]
fn creates_since_the_claim_are_counted_by_the_worst() {
    let mut evidence = Evidence::default();
    let refused = |evidence: &mut Evidence| {
        let before = evidence.writes("a").creating(UID);
        let sent = evidence.room("a", UID).create_attempts;
        assert_eq!(sent, CreateAttempts::Unknown, "until it is answered");
        evidence.writes("a").create_ended(UID, before.and_refused());
        evidence.room("a", UID).create_attempts
    };
    let earlier = evidence.room("a", UID).create_attempts;
    assert_eq!(earlier, CreateAttempts::EarlierProcess);
    assert_eq!(refused(&mut evidence), CreateAttempts::Unknown);
    evidence.writes("a").claimed(UID);
    let claimed = evidence.room("a", UID).create_attempts;
    assert_eq!(claimed, CreateAttempts::None);
    assert_eq!(refused(&mut evidence), CreateAttempts::Refused);
    let _ = evidence.writes("a").creating(UID);
    assert_eq!(refused(&mut evidence), CreateAttempts::Unknown);
    evidence.created("a", UID, made("1", 10), at(10));
    let created = CreateAttempts::Created("1".into());
    assert_eq!(refused(&mut evidence), created);
}

#[test]
fn an_applied_create_still_counts_after_a_later_answer() {
    let mut evidence = evidence();
    evidence.created("a", UID, made("1", 10), at(10));
    evidence.lists(20, &["a"], true);
    assert_eq!(
        evidence.room("a", UID).create_attempts,
        CreateAttempts::Created("1".into())
    );
}

const LAG: Duration = Duration::from_secs(5);

/// Evidence of a Daily whose replicas lag, in which `a` was written to at second 10.
fn lagging(done: bool) -> Evidence {
    let mut evidence = Evidence::new(LAG);
    let sending = evidence.writes("a").sending(at(9));
    evidence.writes("a").answered(sending, done, at(10));
    evidence.created("a", UID, made("1", 10), at(10));
    evidence
}

#[test]
fn a_read_right_after_a_write_does_not_override_its_answer() {
    let mut evidence = lagging(true);
    evidence.read("a", none(11), at(11));
    evidence.shows("1", Source::Create);
    assert_eq!(evidence.room("a", UID).maybe_stale_until, Some(at(15)));
    evidence.created("a", UID, made("1", 11), at(11));
    assert_eq!(evidence.room("a", UID).maybe_stale_until, None);
    evidence.read("a", shown("2", 12), at(12));
    evidence.shows("1", Source::Create);
    assert_eq!(evidence.room("a", UID).maybe_stale_until, Some(at(15)));
    evidence.lists(13, &[], true);
    evidence.lists(14, &["a"], true);
    evidence.shows("1", Source::Create);
    evidence.read("a", shown("2", 15), at(15));
    evidence.shows("2", Source::Get);
    assert_eq!(evidence.room("a", UID).maybe_stale_until, None);
    evidence.read("a", none(16), at(16));
    evidence.lacks(16, Some(16), 16);
}

#[test]
fn a_stale_read_does_not_bring_a_deleted_room_back() {
    let mut evidence = Evidence::new(LAG);
    evidence.read("a", shown("1", 5), at(5));
    let sending = evidence.writes("a").sending(at(9));
    evidence.writes("a").answered(sending, true, at(10));
    evidence.written("a", none(10), at(10));
    evidence.read("a", shown("1", 11), at(11));
    evidence.lists(12, &["a"], true);
    evidence.lacks(10, Some(10), 10);
    assert_eq!(evidence.room("a", UID).maybe_stale_until, None);
}

#[test]
fn an_end_does_not_wait_for_the_replica_lag() {
    let mut evidence = lagging(true);
    let mut brief = made("1", 10);
    brief.value.config.exp = date(12);
    evidence.written("a", brief.map(Some), at(10));
    evidence.read("a", none(11), at(11));
    evidence.shows("1", Source::Get);
    evidence.read("a", none(12), at(12));
    evidence.lacks(12, Some(12), 12);
}

/// So that another object may have the name at once.
#[test]
fn a_deletion_is_remembered_until_reads_show_it() {
    let deleted = || {
        let mut evidence = lagging(true);
        evidence.written("a", none(10), at(10));
        evidence.forget("a", UID, at(11));
        evidence
    };
    let mut again = deleted();
    again.read("a", shown("1", 12), at(12));
    again.lacks(10, Some(10), 10);
    let mut quiet = deleted();
    quiet.lists(20, &[], true);
    assert!(quiet.rooms.is_empty());
    // A room that is kept has to be found again.
    let mut retained = lagging(true);
    retained.forget("a", UID, at(11));
    retained.read("a", shown("1", 12), at(12));
    retained.shows("1", Source::Get);
}

#[test]
fn no_read_is_stale_after_a_refused_or_unknown_write() {
    let mut refused = lagging(false);
    refused.read("a", none(11), at(11));
    refused.lacks(11, Some(11), 11);
    let mut unknown = lagging(true);
    unknown.writes("a").unanswered(at(12));
    unknown.read("a", shown("2", 13), at(13));
    unknown.shows("2", Source::Get);
}

#[test]
fn rooms_that_were_just_written_to_are_not_missing() {
    let mut evidence = Evidence::new(LAG);
    let expected = names(6);
    let sending = evidence.writes("room-0").sending(at(9));
    evidence.writes("room-0").answered(sending, true, at(10));
    assert_eq!(
        evidence.apply_listing(listing(14, &[]), true, &expected),
        None
    );
    assert_eq!(
        evidence
            .apply_listing(listing(15, &[]), true, &expected)
            .as_deref(),
        Some("room-0")
    );
}

/// F-ROOM-37: the requested name counts.
#[test]
fn a_room_with_another_case_in_its_name_is_the_requested_one() {
    let mut evidence = Evidence::default();
    evidence.read("A", shown("1", 10), at(10));
    assert_eq!(evidence.room("A", UID).observed.unwrap().room.name, "a");
    assert_eq!(evidence.room("a", UID), RoomEvidence::default());
}

#[test]
fn listings_do_not_count_as_reads_by_name() {
    let mut evidence = evidence();
    evidence.lists(5, &["a"], true);
    assert_eq!(evidence.room("a", UID).named, None);
    evidence.read("a", shown("1", 10), at(10));
    evidence.lists(20, &["a"], true);
    assert_eq!(evidence.room("a", UID).named, Some(at(10)));
}

#[test]
fn a_short_quiet_period_shortens_the_replica_lag() {
    assert_eq!(replica_lag(QUIET), LAG);
    assert_eq!(replica_lag(Duration::from_secs(2)), Duration::from_secs(1));
}

#[test]
fn a_room_created_for_one_object_is_not_another_ones() {
    let mut evidence = Evidence::default();
    evidence.writes("a").claimed(UID);
    evidence.writes("a").claimed("other");
    evidence.created("a", UID, made("1", 10), at(10));
    let before = evidence.writes("a").creating("other");
    evidence
        .writes("a")
        .create_ended("other", before.and_refused());
    let created = CreateAttempts::Created("1".into());
    let ours = evidence.room("a", UID);
    assert_eq!(ours.create_attempts, created);
    assert_eq!(ours.observed.unwrap().source, Source::Create);
    let theirs = evidence.room("a", "other");
    assert_eq!(theirs.create_attempts, CreateAttempts::Refused);
    assert_eq!(theirs.observed.unwrap().source, Source::Get);
    // Neither does a claim of theirs change what is known of ours.
    evidence.writes("a").claimed("other");
    assert_eq!(evidence.room("a", UID).create_attempts, created);
    let theirs = evidence.room("a", "other");
    assert_eq!(theirs.create_attempts, CreateAttempts::None);
    // Nor the end of ours what is known of theirs.
    evidence.forget("a", UID, at(3600));
    assert_eq!(evidence.room("a", "other"), theirs);
}

#[test]
fn after_a_failed_listing_nobody_knows_how_many_rooms_are_missing() {
    let mut evidence = evidence();
    evidence.lists(10, &["b"], true);
    assert_eq!(evidence.room("a", UID).losses, Losses::Few);
    evidence.listing_failed();
    assert_eq!(evidence.room("a", UID).losses, Losses::Unknown);
    evidence.lists(20, &["b"], true);
    assert_eq!(evidence.room("a", UID).losses, Losses::Few);
    // A mass loss stays one until a listing shows fewer.
    let expected = names(20);
    evidence.apply_listing(listing(30, &[]), true, &expected);
    evidence.listing_confirmed();
    evidence.listing_failed();
    let mass = Losses::Mass {
        missing: 20,
        of: 20,
    };
    assert_eq!(evidence.room("a", UID).losses, mass);
}

#[test]
fn a_room_that_was_not_shown_for_long_is_found() {
    let mut evidence = evidence();
    evidence.room("b", UID);
    evidence.room("absent", UID);
    evidence.lists(10, &["a", "b"], true);
    evidence.read("b", shown("b", 15), at(15));
    assert!(evidence.not_shown_since(at(10)).is_empty());
    assert_eq!(evidence.not_shown_since(at(11)), ["a"]);
}

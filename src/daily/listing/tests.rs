//! When a listing is complete, and which rooms it keeps.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

fn room(id: u32, name: &str) -> Room {
    let json = json!({
        "id": format!("id-{id}"), "name": name, "privacy": "public",
        "url": format!("https://demo.daily.co/{name}"), "created_at": "2026-12-01T08:00:00Z",
    });
    serde_json::from_value(json).expect("is a room")
}

fn rooms(ids: Range<u32>) -> Vec<Room> {
    ids.map(|id| room(id, &format!("room-{id}"))).collect()
}

fn page(total_count: u64, rooms: Vec<Room>) -> RoomsPage {
    let data = rooms.into_iter().map(ListedRoom::from).collect();
    RoomsPage { total_count, data }
}

/// All room names of these tests.
fn all() -> HashSet<String> {
    let numbered = (0..300).map(|id| format!("room-{id}"));
    numbered.chain(["a", "b", "c"].map(str::to_owned)).collect()
}

fn begin(at: Moment, wanted: HashSet<String>) -> Joining {
    Joining::begin(at, wanted, "c", HashSet::new())
}

/// Joins pages until the listing ends; returns how many it took.
fn join(pages: Vec<(u64, Vec<Room>)>) -> (Listing, usize) {
    let mut joining = begin(at(10), all());
    for (index, (total_count, data)) in pages.into_iter().enumerate() {
        let seconds = i64::try_from(index).expect("fits");
        let page = Answer {
            value: page(total_count, data),
            date: (index != 2).then_some(1_000 + seconds),
        };
        match joining.add(page, at(11)) {
            ControlFlow::Continue(more) => joining = more,
            ControlFlow::Break(listing) => return (listing, index + 1),
        }
    }
    panic!("wants more pages after {:?}", joining.after());
}

#[track_caller]
fn check(pages: Vec<(u64, Vec<Room>)>, removed: usize, is_complete: bool) {
    let wanted = pages.len();
    let (listing, took) = join(pages);
    assert_eq!(took, wanted, "pages");
    assert_eq!(listing.is_complete(removed), is_complete, "{listing:?}");
}

#[test]
fn a_listing_is_complete_when_its_count_is_explained() {
    check(vec![(0, vec![])], 0, true);
    check(vec![(3, rooms(0..3))], 0, true);
    check(vec![(99, rooms(0..99))], 0, true);
    check(vec![(100, rooms(0..100)), (100, vec![])], 0, true);
    check(vec![(150, rooms(0..100)), (150, rooms(100..150))], 0, true);
    // The counts of later pages are of other moments.
    check(vec![(150, rooms(0..100)), (170, rooms(100..150))], 0, true);
    // Two are known to have been deleted before their page was read.
    check(vec![(150, rooms(0..100)), (148, rooms(102..150))], 2, true);
    // More are known to be deleted, but after their pages were read.
    check(vec![(150, rooms(0..100)), (140, rooms(100..150))], 10, true);
}

#[test]
fn a_listing_is_not_complete_when_its_count_is_not_explained() {
    check(vec![(5, vec![])], 0, false);
    check(vec![(5, vec![])], 4, false);
    check(vec![(3, rooms(0..2))], 0, false);
    check(vec![(150, rooms(0..100)), (150, vec![])], 10, false);
    check(vec![(150, rooms(0..100)), (148, rooms(102..150))], 1, false);
    // More than there were.
    check(vec![(2, rooms(0..3))], 10, false);
    check(vec![(100, rooms(0..100)), (100, rooms(100..101))], 9, false);
}

#[test]
fn repeated_pages_are_no_listing() {
    let page = || rooms(0..100);
    check(vec![(300, page()), (300, page())], 300, false);
    check(vec![(50, page())], 300, false);
    let circle = vec![(300, page()), (300, rooms(100..200)), (300, page())];
    check(circle, 300, false);
}

#[test]
fn a_room_that_is_shown_twice_counts_once() {
    let pages = vec![(150, rooms(0..100)), (150, rooms(99..149))];
    check(pages.clone(), 0, false);
    check(pages, 1, true);
    let (listing, _) = join(vec![(3, [rooms(0..2), rooms(1..3)].concat())]);
    assert!(listing.is_complete(0));
    assert_eq!(listing.rooms.len(), 3);
}

#[test]
fn rooms_are_found_by_name() {
    let (listing, _) = join(vec![(3, vec![room(9, "a"), room(8, "b"), room(7, "a")])]);
    assert!(listing.is_complete(0));
    assert_eq!(listing.get("a").expect("is there").id, "id-9");
    assert_eq!(listing.get("b").expect("is there").id, "id-8");
    assert!(listing.get("c").is_none() && listing.lacks("c"));
}

#[test]
fn only_wanted_rooms_are_kept_and_nothing_is_known_of_others() {
    let wanted = HashSet::from(["room-3", "gone"].map(str::to_owned));
    let answer = Answer {
        value: page(9, rooms(0..9)),
        date: None,
    };
    let ControlFlow::Break(listing) = begin(at(0), wanted).add(answer, at(1)) else {
        panic!("it is one page");
    };
    assert!(listing.is_complete(0));
    assert_eq!(listing.rooms.len(), 1);
    assert!(listing.get("room-3").is_some() && listing.lacks("gone"));
    assert!(listing.get("room-4").is_none() && !listing.lacks("room-4"));
    assert!(!listing.lacks("unknown"));
}

fn unread(id: Value, name: Value) -> ListedRoom {
    let json = json!({"id": id, "name": name, "privacy": null});
    serde_json::from_value(json).expect("is listed")
}

/// A page with a room that does not parse, and two that do.
fn with_unread(id: Option<&str>, name: Option<&str>) -> Listing {
    let mut page = page(3, rooms(0..2));
    page.data.insert(0, unread(id.into(), name.into()));
    let answer = Answer {
        value: page,
        date: None,
    };
    match begin(at(0), all()).add(answer, at(1)) {
        ControlFlow::Break(listing) => listing,
        ControlFlow::Continue(_) => panic!("it is one page"),
    }
}

#[test]
fn nothing_is_known_of_a_room_that_does_not_parse() {
    let listing = with_unread(Some("x"), Some("a"));
    assert!(listing.is_complete(0) && listing.partial().is_none());
    assert!(listing.get("a").is_none() && !listing.lacks("a"));
    assert!(listing.lacks("b") && listing.get("room-1").is_some());
    // It hides an older room with its name, which a GET does not show any more.
    let hidden = with_unread(Some("x"), Some("room-1"));
    assert!(hidden.get("room-1").is_none() && !hidden.lacks("room-1"));
}

/// It may be large, and so may be thousands of others.
#[test]
fn a_room_that_no_object_wants_is_not_parsed() {
    let cluster = "11111111-2222-4333-8444-555555555555";
    let marked = naming::derived_room_name(cluster, "team", "standup");
    let odd = unread("x".into(), marked.clone().into());
    assert!(odd.parsed().is_none());
    let answer = Answer {
        value: RoomsPage {
            total_count: 1,
            data: vec![odd],
        },
        date: None,
    };
    let joining = Joining::begin(at(0), all(), cluster, HashSet::new());
    let ControlFlow::Break(listing) = joining.add(answer, at(1)) else {
        panic!("it is one page");
    };
    // Its id and name are all that counts.
    let ids = HashMap::from([(marked, "x".to_owned())]);
    assert_eq!(listing.marked.unknown, ids);
}

#[test]
fn a_listing_with_a_nameless_room_proves_presence_only() {
    for (id, name) in [(Some("x"), None), (None, Some("x")), (None, None)] {
        let listing = with_unread(id, name);
        assert!(!listing.is_complete(9), "{id:?} {name:?}");
        assert_eq!(
            listing.partial().as_deref(),
            Some("1 of its rooms cannot be read")
        );
        assert!(listing.get("room-1").is_some());
    }
}

#[test]
fn a_listing_has_an_end() {
    let mut joining = begin(at(0), all());
    for nth in 0.. {
        let answer = Answer {
            value: page(1_000_000, rooms(nth * 100..(nth + 1) * 100)),
            date: None,
        };
        match joining.add(answer, at(1)) {
            ControlFlow::Continue(more) => joining = more,
            ControlFlow::Break(listing) => {
                assert_eq!(nth, 499);
                assert!(!listing.is_complete(usize::MAX));
                let why = listing.partial().expect("it says why");
                assert_eq!(why, "the account has more than 50000 rooms");
                assert_eq!(listing.rooms.len(), 300);
                return;
            }
        }
    }
}

#[test]
fn it_knows_its_time() {
    let pages = vec![
        (250, rooms(0..100)),
        (250, rooms(100..200)),
        (250, rooms(200..250)),
    ];
    let (listing, _) = join(pages);
    assert_eq!((listing.begun, listing.ended), (at(10), at(11)));
    // The last page has no date.
    assert_eq!(listing.date, Some(1_001));
}

#[test]
fn the_next_page_begins_after_the_last_room() {
    let joining = begin(at(0), all());
    assert_eq!(joining.after(), None);
    let answer = Answer {
        value: page(101, rooms(0..100)),
        date: None,
    };
    let ControlFlow::Continue(joining) = joining.add(answer, at(1)) else {
        panic!("there is more");
    };
    assert_eq!(joining.after(), Some("id-99"));
}

//! A listing of all rooms of a domain, joined from its pages, and whether it is complete. No I/O.

use std::collections::{HashMap, HashSet};

use super::client::ROOMS_A_PAGE;
use super::types::{Answer, Room, RoomsPage};
use crate::clock::Moment;

/// Pages of a listing, joined one after the other.
#[derive(Clone, Debug)]
pub struct Joining {
    begun: Moment,
    total: Option<u64>,
    date: Option<i64>,
    ids: HashSet<String>,
    rooms: HashMap<String, Room>,
    last: Option<String>,
}

/// What comes after a page.
#[derive(Clone, Debug)]
pub enum Next {
    /// The page after [`Joining::after`].
    Page(Joining),
    /// Nothing: this is the listing.
    Whole(Listing),
}

impl Joining {
    /// A listing whose first page is asked for at this moment.
    #[must_use]
    pub fn begin(at: Moment) -> Self {
        Self {
            begun: at,
            total: None,
            date: None,
            ids: HashSet::new(),
            rooms: HashMap::new(),
            last: None,
        }
    }

    /// The id after which the next page begins; `None` is the first page. // F-ROOM-13
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Adds the page that was asked for, which came at this moment.
    #[must_use]
    pub fn add(mut self, page: Answer<RoomsPage>, at: Moment) -> Next {
        let RoomsPage { total_count, data } = page.value;
        let total = *self.total.get_or_insert(total_count);
        self.date = page.date.or(self.date);
        let (listed, known) = (data.len(), self.ids.len());
        for room in data {
            self.last = Some(room.id.clone());
            if self.ids.insert(room.id.clone()) {
                // Newest first: of two rooms of one name, the later one is what the name means.
                self.rooms.entry(room.name.clone()).or_insert(room);
            }
        }
        // F-ROOM-12
        if listed < ROOMS_A_PAGE {
            return Next::Whole(self.end(true, at));
        }
        // Rooms that are made meanwhile come before the first page (F-ROOM-11), so a page of old
        // rooms alone, or more rooms than there were, means that the pages go round in circles.
        if self.ids.len() == known || self.collected() > total {
            return Next::Whole(self.end(false, at));
        }
        Next::Page(self)
    }

    fn collected(&self) -> u64 {
        u64::try_from(self.ids.len()).unwrap_or(u64::MAX)
    }

    fn end(self, joined: bool, ended: Moment) -> Listing {
        Listing {
            begun: self.begun,
            ended,
            date: self.date,
            joined,
            missing: self.total.unwrap_or(0).checked_sub(self.collected()),
            rooms: self.rooms,
        }
    }
}

/// All rooms that the pages of a listing showed.
#[derive(Clone, Debug)]
pub struct Listing {
    begun: Moment,
    ended: Moment,
    date: Option<i64>,
    joined: bool,
    /// How many of those that the first page counted were not shown; `None` if more were shown.
    missing: Option<u64>,
    rooms: HashMap<String, Room>,
}

impl Listing {
    /// When the first page was asked for.
    #[must_use]
    pub fn begun(&self) -> Moment {
        self.begun
    }

    /// When the last page had come.
    #[must_use]
    pub fn ended(&self) -> Moment {
        self.ended
    }

    /// Daily's clock in the last page that said it, in unix seconds.
    #[must_use]
    pub fn date(&self) -> Option<i64> {
        self.date
    }

    /// The room of this name. That there is none proves absence only if the listing
    /// [adds up](Self::adds_up).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Room> {
        self.rooms.get(name)
    }

    /// All rooms, in no order.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values()
    }

    /// Whether the listing is complete: its pages join, and the count of the first one (F-ROOM-14)
    /// is explained by the rooms that were shown and by those, so many, of which it is known that
    /// they were deleted or ended while it was read.
    #[must_use]
    pub fn adds_up(&self, removed_meanwhile: usize) -> bool {
        let removed = u64::try_from(removed_meanwhile).unwrap_or(u64::MAX);
        self.joined && self.missing.is_some_and(|missing| missing <= removed)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::time::Duration;

    use serde_json::json;

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

    /// Joins pages until it has enough, and says how many it took.
    fn join(pages: Vec<(u64, Vec<Room>)>) -> (Listing, usize) {
        let mut joining = Joining::begin(at(10));
        for (index, (total_count, data)) in pages.into_iter().enumerate() {
            let seconds = i64::try_from(index).expect("fits");
            let page = Answer {
                value: RoomsPage { total_count, data },
                date: (index != 2).then_some(1_000 + seconds),
            };
            match joining.add(page, at(11)) {
                Next::Page(more) => joining = more,
                Next::Whole(listing) => return (listing, index + 1),
            }
        }
        panic!("wants more pages after {:?}", joining.after());
    }

    #[track_caller]
    fn check(pages: Vec<(u64, Vec<Room>)>, removed: usize, adds_up: bool) {
        let wanted = pages.len();
        let (listing, took) = join(pages);
        assert_eq!(took, wanted, "pages");
        assert_eq!(listing.adds_up(removed), adds_up, "{listing:?}");
    }

    #[test]
    fn a_listing_is_complete_when_its_count_is_explained() {
        check(vec![(0, vec![])], 0, true);
        check(vec![(3, rooms(0..3))], 0, true);
        check(vec![(99, rooms(0..99))], 0, true);
        check(vec![(100, rooms(0..100)), (100, vec![])], 0, true);
        check(vec![(150, rooms(0..100)), (150, rooms(100..150))], 0, true);
        // The count of later pages is of another moment.
        check(vec![(150, rooms(0..100)), (170, rooms(100..150))], 0, true);
        // Two were deleted before their page came, and it is known.
        check(vec![(150, rooms(0..100)), (148, rooms(102..150))], 2, true);
        // More are known to be deleted, but their pages were read before.
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
    fn pages_that_go_round_in_circles_are_no_listing() {
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
        assert!(listing.adds_up(0));
        assert_eq!(listing.rooms().count(), 3);
    }

    #[test]
    fn rooms_are_found_by_name() {
        let (listing, _) = join(vec![(3, vec![room(9, "a"), room(8, "b"), room(7, "a")])]);
        assert!(listing.adds_up(0));
        assert_eq!(listing.get("a").expect("is there").id, "id-9");
        assert_eq!(listing.get("b").expect("is there").id, "id-8");
        assert!(listing.get("c").is_none());
    }

    #[test]
    fn it_knows_its_time() {
        let pages = vec![
            (250, rooms(0..100)),
            (250, rooms(100..200)),
            (250, rooms(200..250)),
        ];
        let (listing, _) = join(pages);
        assert_eq!((listing.begun(), listing.ended()), (at(10), at(11)));
        // The last page said no time.
        assert_eq!(listing.date(), Some(1_001));
    }

    #[test]
    fn the_next_page_begins_after_the_last_room() {
        let joining = Joining::begin(at(0));
        assert_eq!(joining.after(), None);
        let page = Answer {
            value: RoomsPage {
                total_count: 101,
                data: rooms(0..100),
            },
            date: None,
        };
        let Next::Page(joining) = joining.add(page, at(1)) else {
            panic!("there is more");
        };
        assert_eq!(joining.after(), Some("id-99"));
    }
}

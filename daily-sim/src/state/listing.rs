//! Listings of rooms that do not look at every room: an account may have tens of thousands.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use super::Refusal;
use super::page::{Cursor, OLDEST, PageRequest, gone};
use super::room::Room;
use super::rooms::{Place, Rooms};

/// Where rooms are in the order of listings, and when they end.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    by_id: HashMap<String, Place>,
    /// How many rooms end at a time.
    ends: BTreeMap<End, usize>,
}

/// Unix seconds, in order.
#[derive(Clone, Copy, Debug)]
struct End(f64);

impl Ord for End {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for End {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for End {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for End {}

impl Index {
    /// To be called with each room that is put in.
    pub fn add(&mut self, room: &Room, place: &Place) {
        self.by_id.insert(room.id.clone(), place.clone());
        if let Some(exp) = room.exp() {
            *self.ends.entry(End(exp)).or_default() += 1;
        }
    }

    /// To be called with each room that is taken out, as it was put in.
    pub fn remove(&mut self, room: &Room) {
        self.by_id.remove(&room.id);
        let Some(end) = room.exp().map(End) else {
            return;
        };
        if let Some(count) = self.ends.get_mut(&end) {
            *count -= 1;
            if *count == 0 {
                self.ends.remove(&end);
            }
        }
    }

    fn expired(&self, now: f64) -> usize {
        self.ends.range(..=End(now)).map(|(_, count)| count).sum()
    }
}

impl Rooms {
    /// How many rooms have not expired. // F-ROOM-14
    pub fn live_count(&self, now: f64) -> usize {
        self.in_order.len() - self.index.expired(now)
    }

    /// A page of the rooms that have not expired; it is what `page::page` cuts out of all of them. // F-ROOM-12, F-ROOM-13, F-ROOM-30
    pub fn page(
        &self,
        request: &PageRequest,
        most: usize,
        now: f64,
    ) -> Result<Vec<&Room>, Refusal> {
        let limit = request.limit(most)?;
        let live = |room: &Room| !room.is_expired(now);
        let place = |id: &str| {
            let place = self.index.by_id.get(id);
            let there = place.filter(|place| self.in_order.get(*place).is_some_and(live));
            there.ok_or_else(|| gone(id))
        };
        let whole = (Bound::Unbounded, Bound::Unbounded);
        let (from, to) = match &request.cursor {
            Cursor::Start => whole,
            Cursor::Before(id) if id == OLDEST => whole,
            Cursor::After(id) => (Bound::Excluded(place(id)?), Bound::Unbounded),
            Cursor::Before(id) => (Bound::Unbounded, Bound::Excluded(place(id)?)),
        };
        let rooms = self.in_order.range::<Place, _>((from, to));
        let rooms = rooms.map(|(_, room)| room).filter(|room| live(room));
        if !matches!(request.cursor, Cursor::Before(_)) {
            return Ok(rooms.take(limit).collect());
        }
        let mut page: Vec<&Room> = rooms.rev().take(limit).collect();
        page.reverse();
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::{Privacy, page};
    use super::*;

    fn room(number: usize, exp: Option<u64>) -> Room {
        Room {
            // Not in the order of the numbers, to tell it from the order by time.
            id: format!("{}-{number}", number * 7 % 10),
            name: format!("room-{number}"),
            privacy: Privacy::Public,
            created_at: (number / 3) as i64,
            properties: exp.map_or_else(Map::new, |exp| {
                Map::from_iter([("exp".to_owned(), json!(exp))])
            }),
            pin: None,
        }
    }

    /// Some without an end, and some that change it or go.
    fn rooms() -> Rooms {
        let mut rooms = Rooms::default();
        for number in 0..40 {
            rooms.insert(room(
                number,
                (number % 4 != 0).then_some(100 + number as u64 % 5),
            ));
        }
        for number in (0..40).step_by(6) {
            rooms.remove(&format!("room-{number}"));
        }
        for number in (1..40).step_by(6) {
            let mut changed = rooms.remove(&format!("room-{number}")).expect("is there");
            changed.properties = room(number, Some(103)).properties;
            rooms.insert(changed);
        }
        rooms
    }

    /// F-ROOM-12 to F-ROOM-14, F-ROOM-30, F-ROOM-36: the same as cutting a page out of all rooms.
    #[test]
    fn a_page_is_the_one_that_would_be_cut_out_of_all_rooms() {
        let rooms = rooms();
        let every_id = (0..40)
            .map(|number| room(number, None).id)
            .chain(["x".into()]);
        let mut cursors: Vec<Cursor> = vec![Cursor::Start, Cursor::Before(OLDEST.into())];
        cursors.extend(every_id.flat_map(|id| [Cursor::After(id.clone()), Cursor::Before(id)]));
        for now in [99.0, 100.0, 102.5, 103.0, 200.0] {
            let live: Vec<&Room> = rooms.iter().filter(|room| !room.is_expired(now)).collect();
            assert_eq!(rooms.live_count(now), live.len(), "{now}");
            for cursor in &cursors {
                for limit in [None, Some(1), Some(3), Some(11)] {
                    let request = PageRequest {
                        limit,
                        cursor: cursor.clone(),
                    };
                    let ids = |page: &[&Room]| page.iter().map(|room| room.id.clone()).collect();
                    let cut: Result<Vec<_>, _> =
                        page(&live, &request, 10, |room| room.id.clone()).map(ids);
                    let found = rooms.page(&request, 10, now).map(|page| ids(&page));
                    assert_eq!(found, cut, "{now} {request:?}");
                }
            }
        }
    }
}

//! Listings of rooms that do not look at every room: an account may have tens of thousands.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use jiff::Timestamp;

use super::page::{Cursor, OLDEST, PageRequest, page_around, refused};
use super::room::Room;
use super::rooms::{Place, Rooms, place};
use super::{Refusal, seconds};
use crate::Quirks;
use crate::quirks::{GoneCursor, Reads, TotalCount};

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
    /// A page of the rooms that have not expired, and how many there are.
    /// F-ROOM-12, F-ROOM-13, F-ROOM-14, F-ROOM-30, F-ROOM-36, F-ROOM-41
    pub fn page(
        &self,
        request: &PageRequest,
        most: usize,
        quirks: &Quirks,
        now: Timestamp,
    ) -> Result<(Vec<&Room>, usize), Refusal> {
        let (page, live, all) = match self.lags(quirks.reads, now) {
            true => self.page_of_all(request, most, quirks.reads, now)?,
            false => {
                let page = self.page_by_place(request, most, seconds(now))?;
                let all = self.in_order.len();
                (page, all - self.index.expired(seconds(now)), all)
            }
        };
        let total_count = match quirks.total_count {
            TotalCount::Live => live,
            TotalCount::WithExpired => all,
        };
        Ok((page, total_count))
    }

    /// The page, how many rooms have not expired and how many there are, by looking at each of them.
    fn page_of_all(
        &self,
        request: &PageRequest,
        most: usize,
        reads: Reads,
        now: Timestamp,
    ) -> Result<(Vec<&Room>, usize, usize), Refusal> {
        let mut rooms = self.all_seen(reads, now);
        let all = rooms.len();
        rooms.retain(|room| !room.is_expired(seconds(now)));
        let gone = |id: &str| {
            let gone = self.place_of(id)?;
            Some(rooms.partition_point(|room| place(room) < gone))
        };
        let page = page_around(&rooms, request, most, |room| room.id.clone(), gone)?;
        Ok((page.to_vec(), rooms.len(), all))
    }

    /// The same page, found by the place of the cursor.
    fn page_by_place(
        &self,
        request: &PageRequest,
        most: usize,
        now: f64,
    ) -> Result<Vec<&Room>, Refusal> {
        let limit = request.limit(most)?;
        let live = |room: &Room| !room.is_expired(now);
        // F-ROOM-36
        let found = |id: &str| {
            let here = self.index.by_id.get(id);
            match here.filter(|place| self.in_order.get(*place).is_some_and(live)) {
                Some(place) => Ok(Some(place.clone())),
                None => match (request.gone_cursor, self.place_of(id)) {
                    (GoneCursor::Empty, _) => Ok(None),
                    (GoneCursor::Continues, Some(place)) => Ok(Some(place)),
                    (GoneCursor::Continues, None) | (GoneCursor::Refused, _) => Err(refused(id)),
                },
            }
        };
        let (from, to) = match &request.cursor {
            Cursor::Start => (Bound::Unbounded, Bound::Unbounded),
            Cursor::Before(id) if id == OLDEST => (Bound::Unbounded, Bound::Unbounded),
            Cursor::After(id) => match found(id)? {
                Some(place) => (Bound::Excluded(place), Bound::Unbounded),
                None => return Ok(Vec::new()),
            },
            Cursor::Before(id) => match found(id)? {
                Some(place) => (Bound::Unbounded, Bound::Excluded(place)),
                None => return Ok(Vec::new()),
            },
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

    /// Where a room is or was in the order of listings. // F-ROOM-36
    fn place_of(&self, id: &str) -> Option<Place> {
        let here = self.index.by_id.get(id);
        here.or_else(|| self.gone.get(id)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::Privacy;
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
            last_pin: None,
        }
    }

    /// Some without an end, and some that change it or go.
    fn rooms() -> Rooms {
        let mut rooms = Rooms::default();
        let (fresh, now) = (Reads::Fresh, Timestamp::UNIX_EPOCH);
        for number in 0..40 {
            let exp = (number % 4 != 0).then_some(100 + number as u64 % 5);
            rooms.put(room(number, exp), fresh, now);
        }
        for number in (0..40).step_by(6) {
            rooms.take(&format!("room-{number}"), fresh, now);
        }
        for number in (1..40).step_by(6) {
            rooms.put(room(number, Some(103)), fresh, now);
        }
        rooms
    }

    /// F-ROOM-12, F-ROOM-13, F-ROOM-14, F-ROOM-30, F-ROOM-36: the page that looking at each room gives.
    #[test]
    fn a_page_is_the_one_that_would_be_cut_out_of_all_rooms() {
        let rooms = rooms();
        let every_id = (0..40).map(|number| room(number, None).id);
        let every_id = every_id.chain(["x".into()]);
        let mut cursors: Vec<Cursor> = vec![Cursor::Start, Cursor::Before(OLDEST.into())];
        cursors.extend(every_id.flat_map(|id| [Cursor::After(id.clone()), Cursor::Before(id)]));
        let gone = [
            GoneCursor::Refused,
            GoneCursor::Empty,
            GoneCursor::Continues,
        ];
        let quirks = Quirks::default();
        for now in [99.0, 100.0, 102.5, 103.0, 200.0] {
            let time = Timestamp::from_millisecond((now * 1000.0) as i64).expect("is a time");
            for (cursor, gone_cursor) in cursors.iter().flat_map(|it| gone.map(|gone| (it, gone))) {
                for limit in [None, Some(1), Some(3), Some(11)] {
                    let request = PageRequest {
                        limit,
                        cursor: cursor.clone(),
                        gone_cursor,
                        ..PageRequest::default()
                    };
                    let ids = |page: &[&Room]| -> Vec<_> {
                        page.iter().map(|it| it.id.clone()).collect()
                    };
                    let cut = rooms.page_of_all(&request, 10, Reads::Fresh, time);
                    let cut = cut.map(|(page, live, _)| (ids(&page), live));
                    let found = rooms.page(&request, 10, &quirks, time);
                    let found = found.map(|(page, total)| (ids(&page), total));
                    assert_eq!(found, cut, "{now} {request:?}");
                }
            }
        }
    }
}

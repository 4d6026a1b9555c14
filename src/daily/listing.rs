//! A listing of all rooms of a domain, joined from its pages. No I/O.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;

use super::client::ROOMS_A_PAGE;
use super::types::{Answer, ListedRoom, Room, RoomsPage};
use crate::clock::Moment;
use crate::naming;

/// The most pages that are read. They have 50,000 rooms, and take all calls of 25 seconds.
const MOST_PAGES: usize = 500;

/// The most rooms with the cluster's mark and another name than the known ones that are kept: far more
/// than are reported one by one.
const MOST_UNKNOWN: usize = 1_000;

/// The rooms of a listing that carry the cluster's mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// How many there are, whatever their names.
    pub count: usize,
    /// The ids of those whose names were not known, by name.
    pub unknown: HashMap<String, String>,
}

/// A listing of which some pages were read.
#[derive(Clone, Debug)]
pub struct Joining {
    /// What the pages have shown so far.
    listing: Listing,
    total: Option<u64>,
    /// The hashed ids of all rooms so far: the account may have very many that are not ours.
    ids: HashSet<u64>,
    hasher: RandomState,
    last: Option<String>,
    /// The id of the cluster whose mark is looked for.
    cluster: String,
    /// The names that objects have.
    known: HashSet<String>,
}

impl Joining {
    /// A listing whose first page is requested at this moment. Keeps only rooms with the `wanted` names, and finds
    /// the rooms with the mark of the cluster with this id, beside those of the `known` names.
    pub fn begin(
        at: Moment,
        wanted: HashSet<String>,
        cluster: &str,
        known: HashSet<String>,
    ) -> Self {
        let listing = Listing {
            begun: at,
            ended: at,
            pages: 0,
            date: None,
            marked: Marked::default(),
            broken: None,
            missing: None,
            rooms: HashMap::new(),
            absent: wanted,
            nameless: 0,
        };
        Self {
            listing,
            total: None,
            ids: HashSet::new(),
            hasher: RandomState::new(),
            last: None,
            cluster: cluster.to_owned(),
            known,
        }
    }

    /// The id after which the next page begins; `None` for the first page. // F-ROOM-13
    pub fn after(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Adds the requested page, which arrived at this moment. Breaks when the listing has ended.
    pub fn add(mut self, page: Answer<RoomsPage>, at: Moment) -> ControlFlow<Listing, Self> {
        let RoomsPage { total_count, data } = page.value;
        let total = *self.total.get_or_insert(total_count);
        self.listing.date = page.date.or(self.listing.date);
        self.listing.pages += 1;
        let (listed, known) = (data.len(), self.ids.len());
        for room in data {
            self.add_room(&room);
        }
        // F-ROOM-12
        if listed < ROOMS_A_PAGE {
            return ControlFlow::Break(self.end(None, at));
        }
        // Rooms that are created meanwhile are listed before the first page (F-ROOM-11). A page
        // without a new id, or more rooms than the first page counted, means that the pages repeat.
        if self.ids.len() == known || self.collected() > total {
            return ControlFlow::Break(self.end(Some(Broken::Circle), at));
        }
        if self.listing.pages >= MOST_PAGES {
            return ControlFlow::Break(self.end(Some(Broken::TooLong), at));
        }
        ControlFlow::Continue(self)
    }

    /// Parses only a wanted room: the others may be many and large.
    fn add_room(&mut self, listed: &ListedRoom) {
        let ListedRoom { id, name, .. } = listed;
        self.listing.nameless += usize::from(id.is_none() || name.is_none());
        let hashed = id.as_ref().map(|id| self.hasher.hash_one(id));
        let is_new = hashed.is_none_or(|hash| self.ids.insert(hash));
        self.last = id.clone().or(self.last.take());
        let Some(name) = name.as_ref().filter(|_| is_new) else {
            return;
        };
        if let Some(id) = id {
            self.add_marked(id, name);
        }
        // Newest first: of two rooms with one name, a GET shows the newer.
        if self.listing.absent.remove(name)
            && let Some(room) = listed.parsed()
        {
            self.listing.rooms.insert(name.clone(), room);
        }
    }

    fn add_marked(&mut self, id: &str, name: &str) {
        if !naming::has_mark(&self.cluster, name) {
            return;
        }
        let Marked { count, unknown } = &mut self.listing.marked;
        *count += 1;
        if unknown.len() < MOST_UNKNOWN && !self.known.contains(name) {
            unknown.insert(name.to_owned(), id.to_owned());
        }
    }

    fn collected(&self) -> u64 {
        u64::try_from(self.ids.len()).unwrap_or(u64::MAX)
    }

    fn end(self, broken: Option<Broken>, ended: Moment) -> Listing {
        Listing {
            ended,
            broken,
            missing: self.total.unwrap_or(0).checked_sub(self.collected()),
            ..self.listing
        }
    }
}

/// Why the pages do not show all rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Circle,
    TooLong,
}

/// The wanted rooms, as the pages of a listing showed them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// When the first page was requested.
    pub begun: Moment,
    /// When the last page had arrived.
    pub ended: Moment,
    /// How many pages it had.
    pub pages: usize,
    /// Daily's clock in the last page with a `Date`, in unix seconds.
    pub date: Option<i64>,
    /// The rooms with the cluster's mark.
    pub marked: Marked,
    broken: Option<Broken>,
    /// How many rooms of the first page's count no page showed; `None` if more were shown.
    missing: Option<u64>,
    rooms: HashMap<String, Room>,
    /// The wanted names that no page has shown.
    absent: HashSet<String>,
    /// How many rooms have no id or no name, so that each may be any room.
    nameless: usize,
}

impl Listing {
    /// The room with this name, if it was wanted, shown and parsed.
    pub fn get(&self, name: &str) -> Option<&Room> {
        self.rooms.get(name)
    }

    /// Whether a room with this name was wanted and not shown. That proves its absence only if the
    /// listing [is complete](Self::is_complete).
    pub fn lacks(&self, name: &str) -> bool {
        self.absent.contains(name)
    }

    /// Whether the pages showed all rooms: they lead to an end, each room on them has a name, and of
    /// the first page's count (F-ROOM-14) no more are missing than this many rooms that ended or
    /// were deleted while it was read.
    pub fn is_complete(&self, removed_meanwhile: usize) -> bool {
        let removed = u64::try_from(removed_meanwhile).unwrap_or(u64::MAX);
        let whole = self.broken.is_none() && self.nameless == 0;
        whole && self.missing.is_some_and(|missing| missing <= removed)
    }

    /// Why it proves no absence, whatever was removed meanwhile.
    pub fn partial(&self) -> Option<String> {
        match self.broken {
            Some(Broken::Circle) => Some("its pages repeat".to_owned()),
            Some(Broken::TooLong) => Some(format!(
                "the account has more than {} rooms",
                MOST_PAGES * ROOMS_A_PAGE
            )),
            None if self.nameless > 0 => {
                Some(format!("{} of its rooms cannot be read", self.nameless))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests;

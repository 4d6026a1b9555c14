//! Which rooms of an account are orphans: they carry the cluster's mark, and no DailyRoom has them. No
//! I/O; moments come in as arguments.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::deletions::Deletion;
use crate::clock::Moment;
use crate::daily::listing::Marked;

/// How often the rooms without a DailyRoom in the cache are compared with a list of all DailyRooms of the
/// cluster: that list has as many pages as there are objects.
const COMPARE_INTERVAL: Duration = Duration::from_secs(3600);
/// Up to this many orphans are reported one by one. So many DailyRooms may lose their finalizers by hand.
const MASS_ABOVE: usize = 5;
/// Of more marked rooms, one in this many. More orphans at once have one cause, such as a restore of the
/// cluster without its DailyRooms, which a line for each room would hide.
const MASS_ONE_IN: usize = 10;

/// Up to this many orphans are deleted after a comparison: somebody who reads the log has time to intervene.
const MOST_DELETED: usize = 5;

/// The sweeps of one account.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    rooms: HashMap<String, Unknown>,
    /// How many rooms of the last listing carry the mark.
    marked: usize,
    /// When the last listing began.
    begun: Moment,
    compared: Option<Moment>,
    is_refused: bool,
}

/// A marked room that no DailyRoom in the cache has.
#[derive(Debug)]
struct Unknown {
    id: String,
    since: Moment,
    is_orphan: bool,
    is_reported: bool,
}

/// What to report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Names and ids of orphans that were not reported yet.
    Orphans(Vec<(String, String)>),
    /// Too many orphans at once: none is reported by itself.
    Refused { orphans: usize, marked: usize },
}

impl Sweep {
    /// A complete listing that began at this moment showed these rooms. `marked.unknown` has those that no
    /// DailyRoom in the cache has.
    pub(super) fn listed(&mut self, begun: Moment, marked: Marked) {
        let mut before = std::mem::take(&mut self.rooms);
        let rooms = marked.unknown.into_iter().map(|(name, id)| {
            let known = before.remove(&name).filter(|it| it.id == id);
            let room = known.unwrap_or(Unknown {
                id,
                since: begun,
                is_orphan: false,
                is_reported: false,
            });
            (name, room)
        });
        self.rooms = rooms.collect();
        self.marked = marked.count;
        self.begun = begun;
    }

    /// The names that every listing has shown with the same id for this long, if it is time to compare
    /// them with all DailyRooms.
    pub(super) fn suspects(&self, age: Duration, now: Moment) -> HashSet<String> {
        let interval = COMPARE_INTERVAL.min(age);
        if self.compared.is_some_and(|at| at.after(interval) > now) {
            return HashSet::new();
        }
        let old = |room: &Unknown| room.since.until(self.begun) >= age;
        let rooms = self.rooms.iter().filter(|(_, room)| old(room));
        rooms.map(|(name, _)| name.clone()).collect()
    }

    /// A list of all DailyRooms, made after the listing, has none for these names.
    pub(super) fn compared(&mut self, orphans: &HashSet<String>, now: Moment) -> Verdict {
        self.compared = Some(now);
        for (name, room) in &mut self.rooms {
            room.is_orphan = orphans.contains(name);
            room.is_reported &= room.is_orphan;
        }
        let (orphans, marked) = (self.orphans(), self.marked);
        let was_refused = self.is_refused;
        self.is_refused = orphans > MASS_ABOVE.max(marked / MASS_ONE_IN);
        if self.is_refused {
            return match was_refused {
                true => Verdict::Orphans(Vec::new()),
                false => Verdict::Refused { orphans, marked },
            };
        }
        let new = |room: &Unknown| room.is_orphan && !room.is_reported;
        let rooms = self.rooms.iter_mut().filter(|(_, room)| new(room));
        let rooms = rooms.map(|(name, room)| {
            room.is_reported = true;
            (name.clone(), room.id.clone())
        });
        Verdict::Orphans(rooms.collect())
    }

    /// The orphans that may be deleted, if the comparison that was just made was not refused: this process
    /// observed the `deletion` of the DailyRoom that had exactly this room, in the account of this domain.
    pub(super) fn deletable(
        &self,
        domain_id: &str,
        deletion: impl Fn(&str) -> Option<Deletion>,
    ) -> Vec<(String, Deletion)> {
        let orphans = self.rooms.iter().filter(|(_, room)| room.is_orphan);
        let deletable = orphans.filter_map(|(name, room)| {
            let of_it = |it: &Deletion| it.domain_id == domain_id && it.id == room.id;
            let deletion = deletion(name).filter(of_it)?;
            Some((name.clone(), deletion))
        });
        let most = if self.is_refused { 0 } else { MOST_DELETED };
        deletable.take(most).collect()
    }

    /// A room was deleted.
    pub(super) fn deleted(&mut self, name: &str) {
        self.rooms.remove(name);
    }

    /// Whether the last listing showed a room with this name, which no DailyRoom in the cache has.
    pub(super) fn shows(&self, name: &str) -> bool {
        self.rooms.contains_key(name)
    }

    /// How many orphans there are.
    pub(super) fn orphans(&self) -> usize {
        self.rooms.values().filter(|room| room.is_orphan).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn hour(hour: u64) -> Moment {
        Moment(Duration::from_secs(hour * 3600))
    }

    fn named(names: &[&str]) -> HashSet<String> {
        names.iter().map(|&it| it.to_owned()).collect()
    }

    /// A listing in this hour shows these rooms, among so many with the mark.
    fn list(sweep: &mut Sweep, at: u64, count: usize, rooms: &[(&str, &str)]) {
        let rooms = rooms.iter().map(|&(name, id)| (name.into(), id.into()));
        let unknown = rooms.collect();
        sweep.listed(hour(at), Marked { count, unknown });
    }

    fn suspects(sweep: &Sweep, at: u64) -> Vec<String> {
        let mut suspects: Vec<_> = sweep.suspects(DAY, hour(at)).into_iter().collect();
        suspects.sort();
        suspects
    }

    fn orphans(rooms: &[(&str, &str)]) -> Verdict {
        let rooms = rooms.iter().map(|&(name, id)| (name.into(), id.into()));
        Verdict::Orphans(rooms.collect())
    }

    #[test]
    fn a_room_is_suspect_after_a_day_with_the_same_id() {
        let mut sweep = Sweep::default();
        list(&mut sweep, 0, 9, &[("a", "1"), ("b", "1")]);
        list(&mut sweep, 23, 9, &[("a", "1"), ("b", "2"), ("c", "1")]);
        assert!(suspects(&sweep, 30).is_empty(), "the listing is of hour 23");
        list(&mut sweep, 24, 9, &[("a", "1"), ("b", "2"), ("c", "1")]);
        assert_eq!(suspects(&sweep, 24), ["a"]);
        // A listing without it begins the day anew.
        list(&mut sweep, 25, 9, &[]);
        list(&mut sweep, 26, 9, &[("a", "1")]);
        assert!(suspects(&sweep, 26).is_empty());
    }

    #[test]
    fn an_orphan_is_reported_once_and_counted_while_there_is_no_dailyroom() {
        let mut sweep = Sweep::default();
        let rooms = [("a", "1"), ("b", "1")];
        list(&mut sweep, 0, 9, &rooms);
        list(&mut sweep, 24, 9, &rooms);
        let verdict = sweep.compared(&named(&["a"]), hour(24));
        assert_eq!((verdict, sweep.orphans()), (orphans(&[("a", "1")]), 1));
        assert!(
            suspects(&sweep, 24).is_empty(),
            "all DailyRooms were just listed"
        );
        list(&mut sweep, 25, 9, &rooms);
        assert_eq!(suspects(&sweep, 25), ["a", "b"]);
        let verdict = sweep.compared(&named(&["a"]), hour(25));
        assert_eq!((verdict, sweep.orphans()), (orphans(&[]), 1));
        // A DailyRoom in the cache has it again, or one that only the list shows.
        list(&mut sweep, 26, 9, &[("b", "1")]);
        assert_eq!(sweep.orphans(), 0);
        assert_eq!(
            sweep.compared(&named(&["b"]), hour(26)),
            orphans(&[("b", "1")])
        );
        assert_eq!(sweep.compared(&named(&[]), hour(27)), orphans(&[]));
        assert_eq!(sweep.orphans(), 0);
    }

    #[test]
    fn too_many_orphans_at_once_are_counted_and_not_reported_one_by_one() {
        let names: Vec<String> = (0..8).map(|nth| format!("room-{nth}")).collect();
        let check = |orphans: usize, marked: usize, refused: bool| {
            let mut sweep = Sweep::default();
            let rooms: Vec<_> = names.iter().map(|it| (it.as_str(), "1")).collect();
            list(&mut sweep, 0, marked, &rooms);
            let found = names.iter().take(orphans).cloned().collect();
            let verdict = sweep.compared(&found, hour(24));
            let is_refused = verdict == Verdict::Refused { orphans, marked };
            assert_eq!(is_refused, refused, "{orphans} of {marked}: {verdict:?}");
            assert_eq!(sweep.orphans(), orphans);
            sweep
        };
        check(5, 8, false);
        check(6, 8, true);
        check(7, 69, true);
        check(7, 70, false);
        let mut sweep = check(8, 8, true);
        let all = names.iter().cloned().collect();
        assert_eq!(sweep.compared(&all, hour(25)), orphans(&[]), "said once");
        let few = sweep.compared(&named(&["room-1"]), hour(26));
        assert_eq!(few, orphans(&[("room-1", "1")]));
    }

    fn deletion(domain_id: &str, id: &str) -> Deletion {
        Deletion {
            namespace: "team".into(),
            name: "standup".into(),
            domain_id: domain_id.into(),
            id: id.into(),
            key: None,
            at: hour(0),
        }
    }

    /// The names of the orphans that may be deleted in the account `d1`.
    fn deletable(sweep: &Sweep, known: impl Fn(&str) -> Option<Deletion>) -> Vec<String> {
        let deletable = sweep.deletable("d1", known).into_iter();
        deletable.map(|(name, _)| name).collect()
    }

    #[test]
    fn only_the_room_of_an_observed_deletion_is_deleted_and_only_as_an_orphan() {
        let known = |domain: &'static str, id: &'static str| {
            move |room: &str| (room == "a").then(|| deletion(domain, id))
        };
        let mut sweep = Sweep::default();
        list(&mut sweep, 0, 9, &[("a", "1"), ("b", "1")]);
        assert!(
            deletable(&sweep, known("d1", "1")).is_empty(),
            "not compared"
        );
        list(&mut sweep, 24, 9, &[("a", "1"), ("b", "1")]);
        sweep.compared(&named(&["b"]), hour(24));
        assert!(
            deletable(&sweep, known("d1", "1")).is_empty(),
            "a DailyRoom has it"
        );
        sweep.compared(&named(&["a", "b"]), hour(25));
        assert_eq!(deletable(&sweep, known("d1", "1")), ["a"]);
        let others: [(&str, &str, &str); 2] =
            [("d2", "1", "another domain"), ("d1", "2", "another id")];
        for (domain, id, what) in others {
            assert!(deletable(&sweep, known(domain, id)).is_empty(), "{what}");
        }
        assert!(
            deletable(&sweep, |_| None).is_empty(),
            "no deletion was observed"
        );
        sweep.deleted("a");
        assert!(!sweep.shows("a") && deletable(&sweep, known("d1", "1")).is_empty());
        // Another room of the name has begun its day.
        list(&mut sweep, 26, 9, &[("a", "2")]);
        assert!(deletable(&sweep, known("d1", "2")).is_empty());
    }

    #[test]
    fn few_orphans_are_deleted_at_a_time_and_none_of_too_many() {
        let names: Vec<String> = (0..8).map(|nth| format!("room-{nth}")).collect();
        let rooms: Vec<_> = names.iter().map(|it| (it.as_str(), "1")).collect();
        let all = names.iter().cloned().collect();
        for (marked, count) in [(8, 0), (79, 0), (80, MOST_DELETED)] {
            let mut sweep = Sweep::default();
            list(&mut sweep, 0, marked, &rooms);
            sweep.compared(&all, hour(24));
            let deletable = deletable(&sweep, |_| Some(deletion("d1", "1")));
            assert_eq!(deletable.len(), count, "8 of {marked}");
        }
    }
}

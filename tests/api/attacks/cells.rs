//! The cells of the table, and the objects in them.

use serde_json::{Value, json};

use crate::adopt::{taking_over, with_own_key};
use crate::fixture::{Fixture, NUMBER, SECOND_NUMBER};
use crate::objects::Kind;
use crate::objects::Kind::{Number, Room};

/// Where the attacker is, seen from the victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// In the victim's namespace.
    Objects,
    /// In another namespace that the same operator serves.
    Namespaces,
    /// In a namespace that another installation in the same cluster serves.
    Installations,
    /// In another cluster.
    Clusters,
}

/// What the object has that is attacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    ChosenName,
    DerivedName,
    /// The dial-in config of a number.
    Config,
}

/// What the attackers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// They write into their metadata whatever could pass for a record of what is not theirs, while
    /// it is being created and afterwards.
    Forge,
    /// They apply a copy of the whole object, with its status where they may write one.
    Copy,
    /// They replace their own object with metadata of the victim's, whose owner replaces it with a
    /// stripped manifest.
    Replace,
    /// They come while the victim's object has lost its metadata, and then its status.
    Strip,
    /// They restore a backup of the object under their own name, before its owner restores it.
    Restore,
    /// They may adopt what exists, and would delete it with their objects.
    Adopt,
    /// The same with a key of the account that they have themselves. Whoever has one in another
    /// installation or cluster may adopt what is not recorded there.
    AdoptWithOwnKey,
    /// Both are created at the same time, and one of them is deleted.
    Race,
}

pub(super) const PAIRS: [Pair; 4] = [
    Pair::Objects,
    Pair::Namespaces,
    Pair::Installations,
    Pair::Clusters,
];
pub(super) const TARGETS: [Target; 3] = [Target::ChosenName, Target::DerivedName, Target::Config];
/// What the account has purchased: a race needs a number for each pair.
pub(super) const NUMBERS: [&str; 4] = [NUMBER, SECOND_NUMBER, "+14155550101", "+14155550102"];
/// Daily's global number, which is nobody's.
pub(super) const GLOBAL_NUMBER: &str = "+12095038039";

/// What happens in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Round {
    Attacked,
    /// The victims have lost their status too, if the attack is [`Attack::Strip`].
    WithoutStatus,
    /// The attackers edit their objects, which would do harm to what is not theirs.
    Edited,
    Deleted,
}

/// An object that is attacked, in the namespace of the release.
#[derive(Clone, Copy)]
pub(super) struct Victim {
    pub(super) name: &'static str,
    pub(super) target: Target,
    pub(super) number: &'static str,
    /// Whether a restore brings back its status.
    pub(super) keeps_status: bool,
}

pub(super) const VICTIMS: [Victim; 3] = [
    Victim::new("board", Target::ChosenName, NUMBER),
    Victim::new("standup", Target::DerivedName, NUMBER),
    Victim::new("main-line", Target::Config, NUMBER),
];
/// A restore without status, and beside it one with status.
pub(super) const RESTORED: [Victim; 3] = [
    Victim::new("board-kept", Target::ChosenName, SECOND_NUMBER).with_status(),
    Victim::new("standup-kept", Target::DerivedName, SECOND_NUMBER).with_status(),
    Victim::new("line-kept", Target::Config, SECOND_NUMBER).with_status(),
];

impl Victim {
    pub(super) const fn new(name: &'static str, target: Target, number: &'static str) -> Self {
        Self {
            name,
            target,
            number,
            keeps_status: false,
        }
    }

    pub(super) const fn with_status(self) -> Self {
        Self {
            keeps_status: true,
            ..self
        }
    }

    pub(super) fn of(attack: Attack) -> Vec<Self> {
        match attack {
            Attack::Restore => [VICTIMS, RESTORED].concat(),
            _ => VICTIMS.to_vec(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.target.kind()
    }

    pub(super) fn spec(&self) -> Value {
        self.target.spec(self.name, self.number)
    }

    /// Whether it cannot prove any more what was its own. Nobody else gets it either.
    pub(super) fn has_lost_its_proof(&self, attack: Attack, round: Round) -> bool {
        let lost_status = match attack {
            Attack::Restore => !self.keeps_status,
            Attack::Strip => round >= Round::WithoutStatus,
            _ => false,
        };
        lost_status && self.target != Target::DerivedName
    }
}

impl Target {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::ChosenName | Self::DerivedName => Room,
            Self::Config => Number,
        }
    }

    /// The spec of an object that wants this name or number.
    pub(super) fn spec(self, name: &str, number: &str) -> Value {
        // A room that names no number would wait for the one that is attacked beside it.
        let dialin = json!({"roomNumbers": [{"phoneNumber": GLOBAL_NUMBER}]});
        match self {
            Self::ChosenName => json!({"ttl": "2h", "dialin": dialin, "roomName": name}),
            Self::DerivedName => json!({"ttl": "2h", "dialin": dialin}),
            Self::Config => greeting(number, "Hello."),
        }
    }

    /// Why an object gets nothing that another one has. A derived name is another object's only if
    /// that has the same cluster, namespace and name, so nobody else can want it: each attacker gets
    /// a room of its own.
    pub(super) fn refusal(self) -> Option<&'static str> {
        match self {
            Self::ChosenName => Some("NameTaken"),
            Self::DerivedName => None,
            Self::Config => Some("NumberInUse"),
        }
    }
}

pub(super) fn greeting(number: &str, message: &str) -> Value {
    json!({"phoneNumber": number, "ivrGreeting": {"message": message}})
}

/// One attacker on one victim.
pub(super) struct Cell {
    pub(super) pair: Pair,
    pub(super) attack: Attack,
    pub(super) victim: Victim,
    /// Its place among the stakes.
    pub(super) stake: usize,
}

impl Pair {
    /// The fixture of the attacker, in the attacker's namespace.
    pub(super) fn enter(self, fx: &mut Fixture) -> &mut Fixture {
        let namespace = match self {
            Self::Objects | Self::Installations | Self::Clusters => fx.home.clone(),
            Self::Namespaces => fx.neighbour(),
        };
        fx.go_to(namespace);
        match self {
            Self::Objects | Self::Namespaces => fx,
            Self::Installations => &mut fx.beside[0],
            Self::Clusters => &mut fx.beside[1],
        }
    }

    /// Whether the attacker may write a status. No role for users grants that, and where the victim's
    /// operator serves the attacker it would be trusted; but the administrators of another
    /// installation or cluster decide who writes there.
    pub(super) fn writes_status(self) -> bool {
        matches!(self, Self::Installations | Self::Clusters)
    }
}

impl Cell {
    pub(super) fn all(attack: Attack, victims: &[Victim]) -> Vec<Self> {
        let of = |pair| {
            let victims = victims.iter().enumerate();
            victims.map(move |(stake, victim)| Self {
                pair,
                attack,
                victim: *victim,
                stake,
            })
        };
        let sees_the_victim = |pair: &Pair| !pair.writes_status();
        let all = |pair: &Pair| attack != Attack::AdoptWithOwnKey || sees_the_victim(pair);
        PAIRS.into_iter().filter(all).flat_map(of).collect()
    }

    /// The attacker's name: the victim's own, unless it is in the same namespace.
    pub(super) fn name(&self) -> String {
        match self.pair {
            Pair::Objects => format!("{}-attacker", self.victim.name),
            _ => self.victim.name.to_owned(),
        }
    }

    /// What the attacker asks for. In the victim's namespace it has a number of its own, to which it
    /// would move the victim's config.
    pub(super) fn spec(&self) -> Value {
        let spec = match self.wants_its_own_number() {
            true => greeting(NUMBERS[3], "Hello."),
            false => self.victim.spec(),
        };
        match self.attack {
            // Only a chosen name can be adopted.
            _ if self.victim.target == Target::DerivedName => spec,
            Attack::Adopt => taking_over(spec),
            Attack::AdoptWithOwnKey => with_own_key(taking_over(spec)),
            _ => spec,
        }
    }

    /// Why the attacker gets nothing. One that does not see whose it is may not adopt it.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        let refusal = self.victim.target.refusal();
        let refusal = refusal.filter(|_| !self.wants_its_own_number())?;
        match self.attack == Attack::Adopt && self.pair.writes_status() {
            true => Some("AdoptionNotAllowed"),
            false => Some(refusal),
        }
    }

    pub(super) fn wants_its_own_number(&self) -> bool {
        let forges = matches!(self.attack, Attack::Forge | Attack::Replace | Attack::Strip);
        forges && self.victim.target == Target::Config && self.pair == Pair::Objects
    }

    /// Whether the attacker has a copy of the victim's status.
    pub(super) fn has_copied_status(&self) -> bool {
        let copies = matches!(self.attack, Attack::Copy | Attack::Restore);
        copies && self.pair.writes_status()
    }

    /// Whether the attacker's status says that another installation of its cluster owns it, so that
    /// its operator leaves it as it is.
    pub(super) fn is_owned_elsewhere(&self) -> bool {
        self.has_copied_status() && self.pair == Pair::Installations
    }
}

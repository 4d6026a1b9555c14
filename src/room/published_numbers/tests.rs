//! Which numbers are published, as tables.

use super::*;
use crate::crd::NumberRef;
use crate::daily::types::DialinConfigBody;

const SINCE: i64 = 1_800_000_000;
const FIRST: &str = "+12025550123";
const US: &str = "+12095038039";
const SECOND: &str = "+14155550100";

fn purchased() -> Vec<PurchasedNumber> {
    let number = |number: &str, created, pagination_id| PurchasedNumber {
        number: number.to_owned(),
        created: Some(created),
        pagination_id,
    };
    vec![number(SECOND, 200, 2), number(FIRST, 100, 1)]
}

fn config(number: &str) -> DialinConfig {
    DialinConfig {
        id: format!("id-{number}"),
        kind: PIN_DIALIN.to_owned(),
        config: DialinConfigBody {
            phone_number: Some(number.to_owned()),
            ..DialinConfigBody::default()
        },
    }
}

fn holder(namespace: &str, number: &str, ready_in: Option<&str>) -> Holder {
    Holder {
        namespace: namespace.to_owned(),
        name: "main".to_owned(),
        phone_number: number.to_owned(),
        domain_id: ready_in.map(str::to_owned),
        is_reported: ready_in.is_some(),
        state: match ready_in {
            Some(_) => NumberState::Ready,
            None => NumberState::SettingUp,
        },
        since: Some(SINCE),
        allows: namespace == "team",
    }
}

fn for_all(holder: Holder) -> Holder {
    Holder {
        allows: true,
        ..holder
    }
}

fn pick(
    wanted: &[NumberSpec],
    kept: &[PublishedNumber],
    configs: &[DialinConfig],
    holders: &[Holder],
) -> Result<Vec<(String, NumberSource)>, Reason> {
    let purchased = purchased();
    let inputs = Inputs {
        namespace: "team",
        domain_id: "d",
        purchased: &purchased,
        configs,
        globals: &phone::known_global_numbers(),
        countries: &["US".to_owned()],
        holders,
        waited: Duration::ZERO,
        wall: SINCE,
    };
    choose(wanted, kept, inputs)
        .map(|it| {
            it.numbers
                .into_iter()
                .map(|it| (it.phone_number, it.source))
                .collect()
        })
        .map_err(|problem| problem.problem.reason)
}

fn one(number: &str, source: NumberSource) -> Result<Vec<(String, NumberSource)>, Reason> {
    Ok(vec![(number.to_owned(), source)])
}

#[test]
fn without_a_name_the_earliest_that_answers_serves_else_a_global_one() {
    let both = [config(SECOND), config(FIRST)];
    assert_eq!(
        pick(&[], &[], &both, &[]),
        one(FIRST, NumberSource::Purchased)
    );
    let later = [config(SECOND)];
    assert_eq!(
        pick(&[], &[], &later, &[]),
        one(SECOND, NumberSource::Purchased)
    );
    assert_eq!(pick(&[], &[], &[], &[]), one(US, NumberSource::Global));
    let theirs = [holder("other", FIRST, Some("d"))];
    assert_eq!(
        pick(&[], &[], &both, &theirs),
        one(SECOND, NumberSource::Purchased)
    );
}

#[test]
fn a_global_number_is_published_by_name() {
    let named = |number: &str| [NumberSpec::Literal(number.to_owned())];
    let british = "+442080501289";
    assert_eq!(
        pick(&named(british), &[], &[], &[]),
        one(british, NumberSource::Global)
    );
    assert_eq!(
        pick(&named("+12025550177"), &[], &[], &[]),
        Err(Reason::NumberNotPurchased)
    );
    // Without the name, the room goes on to publish global numbers: those of the countries in its spec.
    let kept = [PublishedNumber {
        phone_number: british.to_owned(),
        source: NumberSource::Global,
        country: None,
    }];
    assert_eq!(
        pick(&[], &kept, &[config(FIRST)], &[]),
        one(US, NumberSource::Global)
    );
}

#[test]
fn global_numbers_are_those_of_the_countries_that_the_operator_knows() {
    let globals = phone::GlobalNumbers::from([
        ("US".to_owned(), US.to_owned()),
        ("DE".to_owned(), "+498912345678".to_owned()),
    ]);
    let chosen = |wanted: &[NumberSpec], countries: &[&str], configs: &[DialinConfig]| {
        let countries: Vec<String> = countries.iter().map(|it| (*it).to_owned()).collect();
        let inputs = Inputs {
            namespace: "team",
            domain_id: "d",
            purchased: &purchased(),
            configs,
            globals: &globals,
            countries: &countries,
            holders: &[],
            waited: Duration::ZERO,
            wall: SINCE,
        };
        let chosen = choose(wanted, &[], inputs).map_err(|it| it.problem)?;
        let numbers = chosen.numbers.into_iter();
        Ok(numbers
            .map(|it| (it.phone_number, it.source, it.country))
            .collect())
    };
    let of =
        |number: &str, source, country: &str| (number.to_owned(), source, Some(country.to_owned()));
    let global = |number, country| of(number, NumberSource::Global, country);
    let both: Result<Vec<_>, Problem> = Ok(vec![global("+498912345678", "DE"), global(US, "US")]);
    assert_eq!(chosen(&[], &["DE", "US"], &[]), both);
    let own = Ok(vec![of(FIRST, NumberSource::Purchased, "US")]);
    assert_eq!(chosen(&[], &["DE", "US"], &[config(FIRST)]), own);
    let german = [NumberSpec::Literal("+498912345678".to_owned())];
    assert_eq!(
        chosen(&german, &["US"], &[]),
        Ok(vec![global("+498912345678", "DE")])
    );

    for configs in [vec![], vec![config(FIRST)]] {
        let unknown = chosen(&[], &["US", "GB"], &configs).unwrap_err();
        assert_eq!(
            (unknown.reason, unknown.served),
            (Reason::InvalidSpec, true)
        );
        assert!(
            unknown.message.contains("for GB. Use only DE, US in"),
            "{}",
            unknown.message
        );
    }
    let british = [NumberSpec::Literal("+442080501289".to_owned())];
    let unlisted = chosen(&british, &["US"], &[]).unwrap_err();
    assert_eq!(unlisted.reason, Reason::NumberNotAllowed);
}

#[test]
fn a_published_number_stays_while_it_answers() {
    let published = |number: &str, source| PublishedNumber {
        phone_number: number.to_owned(),
        source,
        country: None,
    };
    let global = [published(US, NumberSource::Global)];
    let both = [config(SECOND), config(FIRST)];
    assert_eq!(
        pick(&[], &global, &both, &[]),
        one(US, NumberSource::Global)
    );
    let second = [published(SECOND, NumberSource::Purchased)];
    assert_eq!(
        pick(&[], &second, &both, &[]),
        one(SECOND, NumberSource::Purchased)
    );
    let only_first = [config(FIRST)];
    assert_eq!(
        pick(&[], &second, &only_first, &[]),
        one(FIRST, NumberSource::Purchased)
    );
}

#[test]
fn named_numbers_are_published_or_it_is_said_why_not() {
    let literal = |number: &str| [NumberSpec::Literal(number.to_owned())];
    let configs = [config(FIRST)];
    assert_eq!(
        pick(&literal(FIRST), &[], &configs, &[]),
        one(FIRST, NumberSource::RoomNumber)
    );
    assert_eq!(
        pick(&literal(SECOND), &[], &configs, &[]),
        Err(Reason::NumberNotReady)
    );
    let foreign = literal("+12025550177");
    assert_eq!(
        pick(&foreign, &[], &configs, &[]),
        Err(Reason::NumberNotPurchased)
    );
    let theirs = [holder("other", FIRST, Some("d"))];
    assert_eq!(
        pick(&literal(FIRST), &[], &configs, &theirs),
        Err(Reason::NumberNotAllowed)
    );
    let ours = [holder("team", FIRST, Some("d"))];
    assert_eq!(
        pick(&literal(FIRST), &[], &configs, &ours),
        one(FIRST, NumberSource::RoomNumber)
    );
}

fn named(namespace: Option<&str>) -> [NumberSpec; 1] {
    [NumberSpec::Reference(NumberRef {
        name: "main".to_owned(),
        namespace: namespace.map(str::to_owned),
    })]
}

#[test]
fn references_are_resolved_in_their_namespace_if_that_allows_it() {
    let theirs = |ready_in| for_all(holder("other", FIRST, ready_in));
    let closed = Holder {
        allows: false,
        ..holder("team", FIRST, Some("d"))
    };
    let published = one(FIRST, NumberSource::RoomNumber);
    let table = [
        (None, theirs(Some("d")), Err(Reason::NumberNotFound)),
        (
            None,
            holder("team", FIRST, None),
            Err(Reason::NumberNotReady),
        ),
        (
            None,
            holder("team", FIRST, Some("e")),
            Err(Reason::NumberNotPurchased),
        ),
        (None, holder("team", FIRST, Some("d")), published.clone()),
        (None, closed, Err(Reason::NumberNotAllowed)),
        (
            Some("team"),
            holder("team", FIRST, Some("d")),
            published.clone(),
        ),
        (Some("other"), theirs(Some("d")), published),
        (Some("other"), theirs(None), Err(Reason::NumberNotReady)),
        (
            Some("other"),
            theirs(Some("e")),
            Err(Reason::NumberNotPurchased),
        ),
        (
            Some("other"),
            holder("other", FIRST, Some("d")),
            Err(Reason::NumberNotAllowed),
        ),
        (
            Some("other"),
            holder("team", FIRST, Some("d")),
            Err(Reason::NumberNotAllowed),
        ),
    ];
    for (namespace, holder, expected) in table {
        let holders = std::slice::from_ref(&holder);
        let picked = pick(&named(namespace), &[], &[], holders);
        assert_eq!(picked, expected, "{namespace:?} {holder:?}");
    }
}

/// A tenant could otherwise find out which PinDialinNumbers other tenants have.
#[test]
fn a_number_that_allows_nobody_looks_as_if_it_did_not_exist() {
    let problem = |holders: &[Holder]| {
        let inputs = Inputs {
            namespace: "team",
            domain_id: "d",
            purchased: &[],
            configs: &[],
            globals: &phone::known_global_numbers(),
            countries: &["US".to_owned()],
            holders,
            waited: Duration::ZERO,
            wall: SINCE,
        };
        choose(&named(Some("other")), &[], inputs).unwrap_err()
    };
    let absent = problem(&[]);
    assert_eq!(absent.problem.reason, Reason::NumberNotAllowed);
    for ready_in in [None, Some("d"), Some("e")] {
        assert_eq!(problem(&[holder("other", FIRST, ready_in)]), absent);
    }
}

#[test]
fn callers_are_served_while_the_published_number_answers() {
    let published = [PublishedNumber {
        phone_number: FIRST.to_owned(),
        source: NumberSource::RoomNumber,
        country: None,
    }];
    let closed = holder("other", FIRST, Some("d"));
    let deleting = Holder {
        state: NumberState::Deleting,
        ..closed.clone()
    };
    let draining = Holder {
        state: NumberState::Draining,
        ..closed.clone()
    };
    let (none, answers) = (vec![], vec![config(FIRST)]);
    let literal = [NumberSpec::Literal(SECOND.to_owned())];
    for (wanted, holders, configs, served) in [
        (named(Some("other")), vec![closed], &none, true),
        (named(Some("other")), vec![draining], &none, true),
        (named(Some("other")), vec![deleting], &none, false),
        (named(Some("other")), vec![], &none, false),
        // The PinDialinNumber was retained, and is being created again.
        (named(None), vec![], &answers, true),
        (named(None), vec![], &none, false),
        (
            named(None),
            vec![stands(NumberState::SettingUp, None)],
            &answers,
            true,
        ),
        // An edit names another number.
        (literal.clone(), vec![], &answers, true),
        (literal, vec![], &none, false),
        // The PinDialinNumber has not noticed yet that the number is dead.
        (
            [NumberSpec::Literal(FIRST.to_owned())],
            vec![stands(NumberState::Ready, Some("d"))],
            &none,
            false,
        ),
    ] {
        let inputs = Inputs {
            namespace: "team",
            domain_id: "d",
            purchased: &purchased(),
            configs,
            globals: &phone::known_global_numbers(),
            countries: &["US".to_owned()],
            holders: &holders,
            waited: Duration::ZERO,
            wall: SINCE,
        };
        let refused = choose(&wanted, &published, inputs).unwrap_err().problem;
        assert_eq!(refused.served, served, "{wanted:?} {holders:?}");
        let keeps = format!("the room keeps the number {FIRST}");
        assert_eq!(
            refused.message.contains(&keeps),
            served,
            "{}",
            refused.message
        );
    }
}

fn stands(state: NumberState, domain_id: Option<&str>) -> Holder {
    Holder {
        domain_id: domain_id.map(str::to_owned),
        is_reported: domain_id.is_some(),
        state,
        ..holder("team", FIRST, None)
    }
}

/// The choice for a room that names none and has published nothing.
fn unnamed_with(holders: &[Holder], waited: u64) -> Result<Chosen, NumberProblem> {
    unnamed(&[], holders, waited)
}

fn unnamed(
    published: &[PublishedNumber],
    holders: &[Holder],
    waited: u64,
) -> Result<Chosen, NumberProblem> {
    let purchased = purchased();
    let inputs = Inputs {
        namespace: "team",
        domain_id: "d",
        purchased: &purchased,
        configs: &[],
        globals: &phone::known_global_numbers(),
        countries: &["US".to_owned()],
        holders,
        waited: Duration::from_secs(waited),
        wall: SINCE + 119,
    };
    choose(&[], published, inputs)
}

/// A PinDialinNumber in deletion, whose config stays while rooms publish the number.
fn draining() -> Holder {
    stands(NumberState::Draining, Some("d"))
}

/// New rooms would prolong the wait, and their number would be dead within an hour.
#[test]
fn a_number_that_is_being_deleted_stays_with_its_rooms_and_gets_no_others() {
    let published = |number: &str| {
        [PublishedNumber {
            phone_number: number.to_owned(),
            source: NumberSource::Purchased,
            country: None,
        }]
    };
    let (first, second) = (published(FIRST), published(SECOND));
    let literal = [NumberSpec::Literal(FIRST.to_owned())];
    let reference = named(None);
    let both = [config(SECOND), config(FIRST)];
    let purchased = |number| one(number, NumberSource::Purchased);
    let by_name = || one(FIRST, NumberSource::RoomNumber);
    let not_ready = || Err(Reason::NumberNotReady);
    let deleting = || stands(NumberState::Deleting, Some("d"));
    let elsewhere = Holder {
        domain_id: Some("e".to_owned()),
        ..draining()
    };
    let table: Vec<(&[NumberSpec], &[PublishedNumber], Holder, _)> = vec![
        (&[], &[], draining(), purchased(SECOND)),
        (&[], &[], deleting(), purchased(SECOND)),
        (&[], &first, draining(), purchased(FIRST)),
        (&literal, &[], draining(), not_ready()),
        (&literal, &second, draining(), not_ready()),
        (&literal, &first, draining(), by_name()),
        (&reference, &[], draining(), not_ready()),
        (&reference, &second, draining(), not_ready()),
        (&reference, &first, draining(), by_name()),
        (&reference, &first, deleting(), not_ready()),
        (&reference, &first, elsewhere, not_ready()),
    ];
    for (wanted, published, holder, expected) in table {
        let picked = pick(wanted, published, &both, std::slice::from_ref(&holder));
        assert_eq!(picked, expected, "{wanted:?} {published:?} {holder:?}");
    }
    let recreated = [deleting(), holder("team", FIRST, Some("d"))];
    assert_eq!(pick(&[], &[], &both, &recreated), purchased(FIRST));
}

/// Whoever has a namespace could otherwise make all rooms of all others wait.
#[test]
fn a_number_of_another_namespace_is_waited_for_two_minutes_in_all() {
    let theirs = |since| Holder {
        namespace: "other".to_owned(),
        since,
        ..for_all(stands(NumberState::SettingUp, None))
    };
    let waits = |holder: Holder| unnamed_with(&[holder], 0).is_err();
    assert!(waits(theirs(None)), "it was not reconciled yet");
    assert!(waits(theirs(Some(SINCE))));
    assert!(!waits(theirs(Some(SINCE - 1))));
    let ours = Holder {
        since: Some(0),
        ..stands(NumberState::SettingUp, None)
    };
    assert!(waits(ours));
}

#[test]
fn a_published_number_that_an_answer_does_not_show_is_lost() {
    let published = |number: &str, source| {
        [PublishedNumber {
            phone_number: number.to_owned(),
            source,
            country: None,
        }]
    };
    let first = published(FIRST, NumberSource::Purchased);
    let other = unnamed_with(&[], 0);
    let same = Ok(Chosen {
        numbers: first.to_vec(),
        why_global: None,
    });
    let dead = Err(stalled(Reason::NumberNotPurchased, "gone".into()));
    let withheld = stalled(Reason::NumberNotAllowed, "held".into());
    let withheld = Err(withheld.keeping(first.first()));
    let named = [NumberSpec::Literal(SECOND.to_owned())];
    let is_lost = |wanted: &[NumberSpec], chosen, published: &[PublishedNumber], edited| {
        lost(wanted, chosen, published, edited).is_some()
    };
    assert!(is_lost(&[], &other, &first, false));
    assert!(is_lost(&[], &other, &first, true), "whatever was edited");
    assert!(!is_lost(&[], &same, &first, false));
    assert!(!is_lost(&[], &other, &[], false), "none was published");
    let global = published(FIRST, NumberSource::Global);
    assert!(!is_lost(&[], &other, &global, false));
    assert!(!is_lost(&named, &other, &first, false), "the spec decides");
    assert!(is_lost(&named, &dead, &first, false));
    assert!(!is_lost(&named, &dead, &first, true));
    assert!(!is_lost(&named, &withheld, &first, false));
    let problem = unconfirmed(&first[0]).problem;
    assert!(problem.served && problem.message.contains(FIRST));
}

#[test]
fn a_number_that_is_being_set_up_is_waited_for_two_minutes() {
    let ours = [stands(NumberState::SettingUp, None)];
    for waited in [0, 1, 119] {
        let problem = unnamed_with(&ours, waited).unwrap_err();
        assert_eq!(problem.problem.reason, Reason::NumberNotReady);
        assert!(
            problem.problem.resolved_by == ResolvedBy::Waiting
                && problem.problem.message.contains("main")
        );
        assert_eq!(problem.retry, Duration::from_secs(120 - waited));
    }
    let chosen = unnamed_with(&ours, 120).unwrap();
    let why = WhyGlobal::NotReady("main".to_owned());
    assert_eq!(chosen.why_global, Some(why));
    assert_eq!(chosen.numbers[0].source, NumberSource::Global);
    // One that is ready is published at once, although Daily's answer is from before.
    let ready = [stands(NumberState::Ready, Some("d"))];
    let chosen = unnamed_with(&ready, 0).unwrap();
    assert_eq!(chosen.numbers[0].phone_number, FIRST);
    assert_eq!(chosen.why_global, None);
}

#[test]
fn only_what_may_serve_the_room_is_waited_for() {
    let stalled = WhyGlobal::Stalled("main".to_owned());
    let elsewhere = Holder {
        namespace: "other".to_owned(),
        allows: false,
        ..stands(NumberState::SettingUp, Some("d"))
    };
    let held = holder("other", FIRST, Some("d"));
    let none = WhyGlobal::NothingConfigured;
    let table = [
        (stands(NumberState::SettingUp, Some("d")), None),
        (
            stands(NumberState::SettingUp, Some("e")),
            Some(none.clone()),
        ),
        (stands(NumberState::Stalled, None), Some(stalled)),
        (stands(NumberState::Deleting, Some("d")), Some(none.clone())),
        (draining(), Some(WhyGlobal::BeingDeleted("main".to_owned()))),
        (stands(NumberState::Ready, Some("e")), Some(none)),
        (elsewhere.clone(), Some(WhyGlobal::HeldElsewhere)),
        (for_all(elsewhere), None),
        (held, Some(WhyGlobal::HeldElsewhere)),
    ];
    for (holder, expected) in table {
        let chosen = unnamed_with(std::slice::from_ref(&holder), 0);
        assert_eq!(
            chosen.ok().map(|it| it.why_global),
            expected.map(Some),
            "{holder:?}"
        );
    }
}

#[test]
fn an_account_without_numbers_is_told_apart() {
    let inputs = Inputs {
        namespace: "team",
        domain_id: "d",
        purchased: &[],
        configs: &[],
        globals: &phone::known_global_numbers(),
        countries: &["US".to_owned()],
        holders: &[],
        waited: Duration::ZERO,
        wall: SINCE,
    };
    let why = choose(&[], &[], inputs).unwrap().why_global;
    assert_eq!(why, Some(WhyGlobal::NothingPurchased));
}

#[test]
fn what_was_published_is_not_waited_with() {
    let published = [PublishedNumber {
        phone_number: US.to_owned(),
        source: NumberSource::Global,
        country: None,
    }];
    let ours = [stands(NumberState::SettingUp, None)];
    assert_eq!(
        pick(&[], &published, &[], &ours),
        one(US, NumberSource::Global)
    );
}

/// A reason of an earlier reconcile would send the user to a cause that is gone.
#[test]
fn a_global_number_that_a_room_keeps_has_the_reason_of_now() {
    let published = [PublishedNumber {
        phone_number: US.to_owned(),
        source: NumberSource::Global,
        country: Some("US".to_owned()),
    }];
    let main = || "main".to_owned();
    let table = [
        (NumberState::Stalled, WhyGlobal::Stalled(main())),
        (NumberState::SettingUp, WhyGlobal::NotReady(main())),
        (NumberState::Ready, WhyGlobal::PublishedBefore),
        (NumberState::Draining, WhyGlobal::BeingDeleted(main())),
    ];
    for (state, expected) in table {
        let holders = [stands(state, Some("d"))];
        let chosen = unnamed(&published, &holders, 0).unwrap();
        assert_eq!(chosen.numbers, published, "{state:?}");
        assert_eq!(chosen.why_global, Some(expected), "{state:?}");
    }
    // Two processes name the same one.
    let other = || Holder {
        name: "line".to_owned(),
        ..stands(NumberState::Stalled, None)
    };
    let both = [stands(NumberState::Stalled, None), other()];
    let chosen = unnamed(&published, &both, 0).unwrap();
    let why = WhyGlobal::Stalled("line".to_owned());
    assert_eq!(chosen.why_global, Some(why));
}

#[test]
fn a_number_serves_other_namespaces_if_it_allows_them() {
    let literal = [NumberSpec::Literal(FIRST.to_owned())];
    let configs = [config(FIRST)];
    let theirs = holder("other", FIRST, Some("d"));
    let setting_up = |holder: Holder| Holder {
        state: NumberState::SettingUp,
        ..holder
    };
    let stalled = Holder {
        state: NumberState::Stalled,
        ..theirs.clone()
    };
    let claimed = Holder {
        is_reported: false,
        ..setting_up(theirs.clone())
    };
    let ours = holder("team", FIRST, Some("d"));
    let table = [
        ("none", vec![], true),
        ("theirs", vec![theirs.clone()], false),
        ("theirs, for all", vec![for_all(theirs.clone())], true),
        (
            "theirs, not ready yet",
            vec![setting_up(theirs.clone())],
            false,
        ),
        // Whoever holds nothing takes nothing away.
        ("theirs, stalled", vec![stalled], true),
        ("theirs, by an annotation alone", vec![claimed], true),
        (
            "ours, and theirs begins",
            vec![setting_up(theirs.clone()), ours],
            true,
        ),
    ];
    for (what, holders, allowed) in table {
        let named = match allowed {
            true => one(FIRST, NumberSource::RoomNumber),
            false => Err(Reason::NumberNotAllowed),
        };
        assert_eq!(pick(&literal, &[], &configs, &holders), named, "{what}");
        let unnamed = match allowed {
            true => one(FIRST, NumberSource::Purchased),
            false => one(US, NumberSource::Global),
        };
        assert_eq!(pick(&[], &[], &configs, &holders), unnamed, "{what}");
    }
}

#[test]
fn a_permission_that_is_withdrawn_changes_no_published_number() {
    let published = [PublishedNumber {
        phone_number: FIRST.to_owned(),
        source: NumberSource::Purchased,
        country: None,
    }];
    let both = [config(SECOND), config(FIRST)];
    let theirs = holder("other", FIRST, Some("d"));
    assert_eq!(
        pick(&[], &published, &both, std::slice::from_ref(&theirs)),
        Err(Reason::NumberNotAllowed)
    );
    assert_eq!(
        pick(&[], &published, &both, &[for_all(theirs)]),
        one(FIRST, NumberSource::Purchased)
    );
}

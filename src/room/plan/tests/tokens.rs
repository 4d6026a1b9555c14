//! Meeting tokens: judged by what is in their Secret, and issued when that is not enough.

use k8s_openapi::ByteString;

use super::keep::serves_well;
use super::*;

const TOKENS: &str = "standup-tokens";

fn spec(tokens: &Value) -> Value {
    json!({"ttl": "8h", "meetingTokens": {"tokens": tokens}})
}

/// A served room with one token, `host`: an owner's until the end.
fn until_the_end() -> View {
    let view = serving().read_by_name();
    view.spec(spec(&json!([{"key": "host", "role": "Owner"}])))
}

/// The same with a ttl of an hour.
fn for_an_hour() -> View {
    let tokens = json!([{"key": "host", "role": "Owner", "ttl": "1h"}]);
    serving().read_by_name().spec(spec(&tokens))
}

fn grant(view: &View, exp: i64) -> Grant {
    Grant {
        room_name: view.room_name(),
        exp,
        is_owner: true,
        user_name: None,
        eject_at_token_exp: false,
    }
}

fn in_secret(view: &View, tokens: &[(&str, Grant)]) -> Found {
    let tokens = tokens
        .iter()
        .map(|(key, grant)| ((*key).to_owned(), token(grant)));
    let secret = secret::wanted_tokens(&view.meta, TOKENS, END, &tokens.collect());
    stored(view, secret)
}

/// The view of a room whose Secret has this token.
fn with_token(view: View, grant: Grant) -> View {
    let found = in_secret(&view, &[("host", grant)]);
    with_found(view, found)
}

fn with_found(view: View, found: Found) -> View {
    view.with(|it| drop(it.facts.secrets.insert(SecretKind::Tokens, found)))
}

/// The tokens that are requested, each with its end.
#[track_caller]
fn requests(view: &View) -> Vec<(String, i64)> {
    match plan(view) {
        Plan::Act(AnyStep::Of(Step::IssueTokens(requests))) => requests
            .into_iter()
            .map(|it| (it.key, it.grant.exp))
            .collect(),
        other => panic!("issues none: {other:?}"),
    }
}

#[track_caller]
fn requeues_at(view: &View, at: i64) {
    let requeue = Requeue::AtDrift(Some(at));
    check(view, Plan::Rest(served(content(view), None), requeue));
}

#[test]
fn a_token_in_the_secret_is_enough() {
    let view = until_the_end();
    reads(&view, Read::Secret(SecretKind::Tokens));
    let wanted = grant(&view, END);
    serves_well(&with_token(view.clone(), wanted.clone()));
    let edits: [fn(&mut Grant); 6] = [
        |it| it.room_name = "other".into(),
        |it| it.exp = END - 1,
        |it| it.exp = END + 1,
        |it| it.is_owner = false,
        |it| it.user_name = Some("eve".into()),
        |it| it.eject_at_token_exp = true,
    ];
    for edit in edits {
        let mut other = wanted.clone();
        edit(&mut other);
        let view = with_token(view.clone(), other);
        assert_eq!(requests(&view), [("host".to_owned(), END)]);
    }
    let absent = with_found(view, Found::Absent);
    assert_eq!(requests(&absent), [("host".to_owned(), END)]);
}

/// Somebody may have deleted the room since the last answer, and the name may be that of another room.
#[test]
fn a_token_is_issued_only_for_a_room_that_was_just_read_or_created() {
    let view = with_found(until_the_end(), Found::Absent);
    for source in [Source::List, Source::Get] {
        let before = view.clone().sees(source, |_| {});
        reads(&before.with(|it| it.facts.read_by_name = false), Read::Room);
    }
    let created = view.sees(Source::Create, |_| {});
    let created = created.with(|it| it.facts.read_by_name = false);
    assert_eq!(requests(&created), [("host".to_owned(), END)]);
}

#[test]
fn a_token_is_requested_as_the_spec_says() {
    let tokens = json!([{"key": "guest", "role": "Participant", "userName": "Ada", "ejectAtTokenExpiry": true}]);
    let view = serving().read_by_name().spec(spec(&tokens));
    let view = with_found(view, Found::Absent);
    let Plan::Act(AnyStep::Of(Step::IssueTokens(requests))) = plan(&view) else {
        panic!("issues none: {:?}", plan(&view));
    };
    let wanted = Grant {
        is_owner: false,
        user_name: Some("Ada".into()),
        eject_at_token_exp: true,
        ..grant(&view, END)
    };
    assert_eq!(requests[0].grant, wanted);
}

#[test]
fn a_ttl_is_renewed_after_two_thirds_and_ends_with_the_room() {
    let view = for_an_hour();
    let good = |exp: i64| with_token(view.clone(), grant(&view, exp));
    let whole = NOW + 3600;
    assert_eq!(
        requests(&with_found(view.clone(), Found::Absent)),
        [("host".to_owned(), whole)]
    );
    requeues_at(&good(whole), whole - 1200);
    requeues_at(&good(NOW + 1201), NOW + 1);
    for exp in [NOW + 1200, NOW - 1, whole + 120, END] {
        assert_eq!(requests(&good(exp)), [("host".to_owned(), whole)], "{exp}");
    }
    let mut of_a_guest = grant(&view, whole);
    of_a_guest.is_owner = false;
    assert_eq!(requests(&with_token(view.clone(), of_a_guest)).len(), 1);
    // No token outlives the room.
    let near = good(END + 30).wall(END - 3000).date(END - 3000);
    assert_eq!(requests(&near), [("host".to_owned(), END)]);
    // In its last hour the room gets a token until its end, which is not renewed.
    let late = |exp: i64| good(exp).wall(END - 600).date(END - 600);
    assert_eq!(requests(&late(END - 1)), [("host".to_owned(), END)]);
    requeues_at(&late(END), END);
}

#[test]
fn what_was_issued_is_written_and_what_nobody_wants_goes() {
    let view = until_the_end();
    let new = grant(&view, END);
    let issued = |found: Found| {
        let view = with_found(view.clone(), found);
        view.with(|it| it.facts.tokens = [("host".to_owned(), token(&new))].into())
    };
    let write = |event| {
        let tokens = [("host".to_owned(), token(&new))].into();
        Box::new(SecretWrite {
            kind: SecretKind::Tokens,
            body: secret::wanted_tokens(&view.meta, TOKENS, END, &tokens),
            identity: identity(&view),
            event: Some(event),
        })
    };
    acts(
        &issued(Found::Absent),
        Step::CreateSecret(write(SecretEvent::TokensIssued)),
    );
    let guard = Guard {
        name: TOKENS.into(),
        ..secret_guard()
    };
    let changed = Step::UpdateSecret(write(SecretEvent::TokensChanged), guard);
    acts(
        &issued(in_secret(&view, &[("host", grant(&view, END - 1))])),
        changed.clone(),
    );
    let surplus = in_secret(&view, &[("host", new.clone()), ("former", new.clone())]);
    acts(&with_found(view.clone(), surplus), changed);
    let deleted = issued(Found::Absent).with(|it| {
        it.memory.kind.written = [(TOKENS.to_owned(), "its fingerprint".to_owned())].into();
    });
    acts(&deleted, Step::CreateSecret(write(SecretEvent::Repaired)));
}

#[test]
fn callers_come_before_tokens() {
    let view = with_found(until_the_end(), Found::Absent);
    let unreported = view
        .with(|it| it.status.dialin_code = None)
        .sees(Source::Get, |_| {});
    let outcome = served(content(&unreported), None);
    acts(&unreported, AnyStep::Report(outcome));
}

#[test]
fn a_failure_leaves_callers_and_the_other_tokens_alone() {
    let tokens = json!([{"key": "host", "role": "Owner"}, {"key": "bot", "role": "Owner"}]);
    let view = serving().read_by_name().spec(spec(&tokens));
    let found = in_secret(&view, &[("host", grant(&view, END - 1))]);
    let view = with_found(view, found);
    let Plan::Act(AnyStep::Of(Step::IssueTokens(requests))) = plan(&view) else {
        panic!("issues none");
    };
    let failed = view.clone().with(|it| {
        let bot = &requests[1];
        let rejection = Rejection::after(None, &bot.fingerprint, "no".into(), moment());
        let failure = TokenFailure {
            rejection,
            reason: Reason::RejectedByDaily,
            resolved_by: ResolvedBy::User,
        };
        it.memory.kind.token_failures = [("bot".to_owned(), failure)].into();
    });
    assert_eq!(self::requests(&failed), [("host".to_owned(), END)]);
    // The other one is written, and callers are served.
    let new = grant(&view, END);
    let written = with_found(failed, in_secret(&view, &[("host", new)]));
    let message = "Daily issued no meeting token for the key bot: no. Correct this token in spec.meetingTokens. \
                   Callers are not affected.";
    let problem = Problem::for_user(Reason::RejectedByDaily, message);
    let again = Requeue::AtDrift(Some(NOW + 6));
    check(
        &written,
        Plan::Rest(served(content(&written), Some(problem)), again),
    );
    let later = written.with(|it| it.now.moment = moment().after(RECHECK));
    assert_eq!(self::requests(&later), [("bot".to_owned(), END)]);
}

/// What a rejection of the Secret with these tokens holds back.
fn identity(view: &View) -> String {
    naming::fingerprint(&json!([view.parsed().tokens, TOKENS, END]))
}

/// Daily would issue tokens again and again that nobody can keep.
#[test]
fn no_token_is_issued_while_the_api_server_rejects_the_secret() {
    let view = with_found(until_the_end(), Found::Absent);
    let rejected = |view: View, what: String| {
        let rejection = Rejection::after(None, &what, "quota".into(), moment());
        view.with(|it| it.memory.kind.secret_rejections = [(SecretKind::Tokens, rejection)].into())
    };
    let held = rejected(view.clone(), format!("{} for nothing", identity(&view)));
    let Plan::Rest(Outcome::Serving(_, Some(problem)), _) = plan(&held) else {
        panic!("callers are served: {:?}", plan(&held));
    };
    assert_eq!(problem.reason, Reason::SecretRefused);
    let later = held.with(|it| it.now.moment = moment().after(RECHECK));
    assert_eq!(requests(&later).len(), 1);
    let other = rejected(view.clone(), "another Secret".into());
    assert_eq!(requests(&other).len(), 1);
    let of_deleted = rejected(view.clone(), format!("{} for its content", identity(&view)));
    assert_eq!(
        requests(&of_deleted).len(),
        1,
        "the user deleted the Secret"
    );
}

#[test]
fn what_others_add_to_the_secret_is_not_kept_in_memory() {
    let view = until_the_end();
    let tokens = [("host".to_owned(), token(&grant(&view, END)))].into();
    let mut secret = secret::wanted_tokens(&view.meta, TOKENS, END, &tokens);
    secret.metadata.uid = Some("secret-uid".into());
    secret.metadata.resource_version = Some("9".into());
    let data = secret.data.as_mut().unwrap();
    for nth in 0..120 {
        data.insert(format!("a{nth}"), ByteString(vec![b'a'; 2000]));
    }
    data.insert("phone-numbers".into(), ByteString(b"[]".to_vec()));
    let Found::Ours { tokens: kept, .. } = secret::found(&view.meta, Some(&secret)) else {
        panic!("it is ours");
    };
    assert_eq!(kept, tokens);
}

#[test]
fn the_secret_of_somebody_else_gets_no_tokens() {
    let view = with_found(until_the_end(), Found::Foreign);
    let Plan::Rest(Outcome::Serving(_, Some(problem)), _) = plan(&view) else {
        panic!("callers are served: {:?}", plan(&view));
    };
    assert_eq!(problem.reason, Reason::SecretConflict);
    assert!(
        problem.message.contains("spec.meetingTokens.secretName"),
        "{problem:?}"
    );
}

/// Each Secret has the name that the other one is to have, and the API server changes no type.
#[test]
fn two_secrets_can_exchange_their_names() {
    let view = until_the_end();
    let dialin = view.facts.secrets[&SecretKind::Dialin].clone();
    let tokens = in_secret(&view, &[("host", grant(&view, END))]);
    let mut swapped = spec(&json!([{"key": "host", "role": "Owner"}]));
    swapped["secret"] = json!({"name": TOKENS});
    swapped["meetingTokens"]["secretName"] = json!("standup-dialin");
    let guard = |name: &str| Guard {
        name: name.into(),
        ..secret_guard()
    };
    let holds = |view: &View, kind, found: &Found| {
        let (kind, found) = (kind, found.clone());
        view.clone()
            .with(|it| drop(it.facts.secrets.insert(kind, found)))
    };
    let edited = with_found(view.edited(swapped), dialin.clone());
    let first = holds(&edited, SecretKind::Dialin, &tokens);
    acts(&first, Step::DeleteSecret(guard(TOKENS)));
    let free = holds(&first, SecretKind::Dialin, &Found::Absent);
    let Plan::Act(AnyStep::Of(Step::CreateSecret(write))) = plan(&free) else {
        panic!("{:?}", plan(&free));
    };
    let data = write.body.data.as_ref().unwrap();
    assert_eq!((write.kind, write.name()), (SecretKind::Dialin, TOKENS));
    assert_eq!(data["dialin-code"].0, PIN.as_bytes());
    assert!(!data.contains_key("host"), "{:?}", data.keys());
    // The Secret that callers' apps read last goes once the status names the other one.
    let body = write.body.clone();
    let written = holds(&free, SecretKind::Dialin, &stored(&free, body));
    assert!(matches!(plan(&written), Plan::Act(AnyStep::Report(_))));
    let reported = written.with(|it| {
        let mut content = content(it);
        content.secret_name = TOKENS.into();
        it.status = status(it, &served(content, None));
    });
    acts(&reported, Step::DeleteSecret(guard("standup-dialin")));
    let issues = with_found(reported, Found::Absent);
    assert_eq!(requests(&issues), [("host".to_owned(), END)]);
}

#[test]
fn what_the_spec_does_not_name_any_more_is_forgotten() {
    let mut view = until_the_end();
    let remembered = |view: &View| {
        let memory = &view.memory.kind;
        let written: Vec<String> = memory.written.keys().cloned().collect();
        (
            written,
            memory.token_failures.keys().cloned().collect::<Vec<_>>(),
        )
    };
    let failure = TokenFailure {
        rejection: Rejection::after(None, "a token", "no".into(), moment()),
        reason: Reason::RejectedByDaily,
        resolved_by: ResolvedBy::User,
    };
    for name in ["standup-dialin", TOKENS, "old"] {
        view.memory.kind.written.insert(name.into(), "it".into());
    }
    for key in ["host", "former"] {
        let failures = &mut view.memory.kind.token_failures;
        failures.insert(key.into(), failure.clone());
    }
    view.forget_former();
    let (written, tokens) = remembered(&view);
    assert_eq!(written, ["standup-dialin", TOKENS]);
    assert_eq!(tokens, ["host"]);
}

#[test]
fn tokens_go_with_the_room_and_with_the_field() {
    let guard = |name: &str| Guard {
        name: name.into(),
        ..secret_guard()
    };
    let view = until_the_end();
    let ended = with_token(view.clone(), grant(&view, END))
        .expired()
        .wall(END)
        .date(END);
    acts(&ended, Step::DeleteSecret(guard(TOKENS)));
    // The field was removed, or names another Secret that has the tokens.
    let former = |view: View| {
        view.with(|it| it.facts.former_secrets = Some(vec![(SecretKind::Tokens, guard("old"))]))
            .with(|it| it.facts.other_secrets = Some(vec!["old".into()]))
    };
    acts(&former(serving()), Step::DeleteSecret(guard("old")));
    let renamed = former(view.clone());
    acts(
        &with_token(renamed.clone(), grant(&view, END)),
        Step::DeleteSecret(guard("old")),
    );
    assert_eq!(requests(&with_found(renamed, Found::Absent)).len(), 1);
}

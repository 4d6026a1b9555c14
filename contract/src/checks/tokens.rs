//! Meeting tokens.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::case::{Case, Checked, ensure, same, text};
use crate::check::Needs::{Anywhere, Clock, Simulator, Telephone};
use crate::check::area;
use crate::target::Key;

area! { tokens;
    Anywhere => a_token_is_a_jwt_with_short_claims ["F-TOKEN-1", "F-TOKEN-3"];
    Anywhere => a_token_is_signed_with_the_key ["F-TOKEN-3", "F-TOKEN-4"];
    Anywhere => a_token_for_a_missing_room_is_refused ["F-TOKEN-6"];
    Anywhere => a_token_must_end_in_the_future ["F-TOKEN-7", "F-ROOM-17"];
    Anywhere => a_good_token_is_told_under_long_names ["F-TOKEN-8"];
    Anywhere => a_bad_token_is_refused ["F-TOKEN-8"];
    Anywhere => a_self_signed_token_is_good ["F-TOKEN-4"];
    Anywhere => a_token_with_another_signature_is_not ["F-TOKEN-4", "F-TOKEN-8"];
    Anywhere => a_token_before_its_time_is_refused_unless_overlooked ["F-TOKEN-8"];
    Anywhere => a_token_may_leave_the_room_out ["F-TOKEN-5"];
    Anywhere => a_user_id_has_at_most_36_characters ["F-TOKEN-2"];
    Simulator("it needs two accounts") => a_token_of_another_domain_is_not_good ["F-TOKEN-8"];
    Telephone => a_private_room_takes_those_with_a_token ["F-TOKEN-9"];
    Clock => a_token_decides_when_its_holder_is_ejected ["F-TOKEN-10", "F-CALL-16"];
    Clock => a_token_ends ["F-TOKEN-9", "F-TOKEN-8", "F-TOKEN-11"];
}

const TOKENS: &str = "/meeting-tokens";

async fn token(case: &Case, properties: Value) -> Checked<String> {
    let made = case
        .post(TOKENS, json!({"properties": properties}))
        .await?
        .ok()?;
    Ok(text(&made, "token")?.to_owned())
}

fn decoded(token: &str, part: usize) -> Checked<Value> {
    let part = token
        .split('.')
        .nth(part)
        .ok_or("the token has too few parts")?;
    let bytes = BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(|_| "a part of the token is no base64")?;
    serde_json::from_slice(&bytes).map_err(|_| "a part of the token is no JSON".into())
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    let shortened = Sha256::digest(key);
    let key = if key.len() > block.len() {
        shortened.as_slice()
    } else {
        key
    };
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

fn signed(key: &Key, claims: &Value) -> String {
    let header =
        BASE64URL_NOPAD.encode(json!({"alg": "HS256", "typ": "JWT"}).to_string().as_bytes());
    let body = format!(
        "{header}.{}",
        BASE64URL_NOPAD.encode(claims.to_string().as_bytes())
    );
    let signature = BASE64URL_NOPAD.encode(&hmac(key.secret().as_bytes(), body.as_bytes()));
    format!("{body}.{signature}")
}

fn first_key(case: &Case) -> Checked<&Key> {
    case.account
        .keys
        .first()
        .ok_or_else(|| "the account has no key".into())
}

async fn a_token_is_a_jwt_with_short_claims(case: &Case) -> Checked {
    let room = case.room("token", json!({})).await?;
    let exp = case.in_seconds(600).await?;
    let properties = json!({
        "room_name": room["name"], "exp": exp, "is_owner": true, "user_name": "Ada",
        "user_id": "ada-1", "start_video_off": true
    });
    let token = token(case, properties).await?;
    same(
        "the algorithm",
        &decoded(&token, 0)?["alg"],
        &json!("HS256"),
    )?;
    let claims = decoded(&token, 1)?;
    for (claim, wanted) in [
        ("r", room["name"].clone()),
        ("exp", json!(exp)),
        ("o", json!(true)),
        ("u", json!("Ada")),
        ("ud", json!("ada-1")),
        ("vo", json!(true)),
        ("d", case.get("/").await?.ok()?["domain_id"].clone()),
    ] {
        same(claim, &claims[claim], &wanted)?;
    }
    let age = case.now().await? - claims["iat"].as_i64().unwrap_or(0);
    ensure!(age.abs() <= 5, "iat is {}", claims["iat"]);
    Ok(())
}

async fn a_token_is_signed_with_the_key(case: &Case) -> Checked {
    let room = case.room("signed", json!({})).await?;
    let token = token(case, json!({"room_name": room["name"]})).await?;
    let (body, signature) = token.rsplit_once('.').ok_or("the token has no signature")?;
    let wanted = hmac(first_key(case)?.secret().as_bytes(), body.as_bytes());
    ensure!(
        signature == BASE64URL_NOPAD.encode(&wanted),
        "it is signed with something else"
    );
    Ok(())
}

async fn a_token_for_a_missing_room_is_refused(case: &Case) -> Checked {
    let properties = json!({"room_name": case.name("missing")});
    let answer = case.post(TOKENS, json!({"properties": properties})).await?;
    answer.refused_with(400, "invalid-request-error", "room not found")
}

async fn a_token_must_end_in_the_future(case: &Case) -> Checked {
    let room = case.room("token", json!({})).await?;
    let exp = case.in_seconds(-2).await?;
    let properties = json!({"room_name": room["name"], "exp": exp});
    let answer = case.post(TOKENS, json!({"properties": properties})).await?;
    let info = format!("exp was '{exp}', which is in the past rather than in the future");
    answer.refused_with(400, "invalid-request-error", &info)
}

async fn a_good_token_is_told_under_long_names(case: &Case) -> Checked {
    let room = case.room("told", json!({})).await?;
    let exp = case.in_seconds(600).await?;
    let properties =
        json!({"room_name": room["name"], "exp": exp, "is_owner": true, "user_name": "Ada"});
    let token = token(case, properties.clone()).await?;
    let told = case.get(&format!("{TOKENS}/{token}")).await?.ok()?;
    for key in ["room_name", "exp", "is_owner", "user_name"] {
        same(key, &told[key], &properties[key])?;
    }
    Ok(())
}

async fn a_bad_token_is_refused(case: &Case) -> Checked {
    for bad in ["no-token", "e30.e30.e30"] {
        let answer = case.get(&format!("{TOKENS}/{bad}")).await?;
        ensure!(answer.status == 400, "{bad} is answered {}", answer.status);
    }
    Ok(())
}

async fn own_claims(case: &Case) -> Checked<Value> {
    let room = case.room("own", json!({})).await?;
    let domain = case.get("/").await?.ok()?;
    let now = case.now().await?;
    Ok(json!({
        "r": room["name"], "d": domain["domain_id"], "iat": now - 2, "exp": now + 600,
        "o": true, "u": "Ada"
    }))
}

async fn a_self_signed_token_is_good(case: &Case) -> Checked {
    let claims = own_claims(case).await?;
    let token = signed(first_key(case)?, &claims);
    let told = case.get(&format!("{TOKENS}/{token}")).await?.ok()?;
    same("room_name", &told["room_name"], &claims["r"])?;
    same("is_owner", &told["is_owner"], &json!(true))?;
    same("user_name", &told["user_name"], &json!("Ada"))
}

async fn a_token_with_another_signature_is_not(case: &Case) -> Checked {
    let claims = own_claims(case).await?;
    let token = signed(&Key::new("somebody else's key"), &claims);
    let answer = case.get(&format!("{TOKENS}/{token}")).await?;
    ensure!(
        answer.status == 400,
        "it is answered {} {}",
        answer.status,
        answer.text
    );
    Ok(())
}

async fn a_token_before_its_time_is_refused_unless_overlooked(case: &Case) -> Checked {
    let room = case.room("early", json!({})).await?;
    let nbf = case.in_seconds(300).await?;
    let properties = json!({"room_name": room["name"], "nbf": nbf});
    let token = token(case, properties).await?;
    let early = case.get(&format!("{TOKENS}/{token}")).await?;
    ensure!(
        early.status == 400,
        "it is answered {} {}",
        early.status,
        early.text
    );
    let told = case
        .get(&format!("{TOKENS}/{token}?ignoreNbf=true"))
        .await?
        .ok()?;
    same("nbf", &told["nbf"], &json!(nbf))
}

async fn a_token_may_leave_the_room_out(case: &Case) -> Checked {
    let exp = case.in_seconds(60).await?;
    let token = token(case, json!({"is_owner": false, "exp": exp})).await?;
    same("r", &decoded(&token, 1)?["r"], &Value::Null)
}

async fn a_user_id_has_at_most_36_characters(case: &Case) -> Checked {
    let room = case.room("user", json!({})).await?;
    let body = |length| {
        let id = "u".repeat(length);
        json!({"properties": {"room_name": room["name"], "user_id": id}})
    };
    case.post(TOKENS, body(36)).await?.ok()?;
    case.post(TOKENS, body(37))
        .await?
        .refused(400, "invalid-request-error")
}

async fn a_token_of_another_domain_is_not_good(case: &Case) -> Checked {
    let token = token(case, json!({"is_owner": true})).await?;
    let path = format!("{TOKENS}/{token}");
    let stranger = case.strange_key()?;
    let theirs = case
        .with_key(stranger, reqwest::Method::GET, &path, None)
        .await?;
    ensure!(theirs.status == 400, "it is answered {}", theirs.status);
    Ok(())
}

/// Tries to join with a meeting token.
async fn join(case: &Case, room: &Value, who: &str, token: &str) -> Checked<Value> {
    let path = format!("/rooms/{}/join", text(room, "name")?);
    let body = json!({"userName": who, "account": case.account.domain, "token": token});
    case.control(&path, body).await
}

async fn private(case: &Case, exp: i64) -> Checked<Value> {
    let body = json!({
        "name": case.name("private"), "privacy": "private",
        "properties": {"exp": case.in_seconds(exp).await?, "eject_at_room_exp": true}
    });
    case.post("/rooms", body).await?.ok()
}

async fn a_private_room_takes_those_with_a_token(case: &Case) -> Checked {
    let room = private(case, 600).await?;
    ensure!(
        case.join(&room, "Ada").await.is_err(),
        "Ada joined without a token"
    );
    let properties = json!({"room_name": room["name"], "user_name": "Ada"});
    let token = token(case, properties).await?;
    let present = join(case, &room, "Ada", &token).await?;
    ensure!(
        present["people"].to_string().contains("Ada"),
        "Ada is not there: {present}"
    );
    let other = private(case, 600).await?;
    let elsewhere = join(case, &other, "Ada", &token).await;
    ensure!(elsewhere.is_err(), "a token is good for another room");
    Ok(())
}

async fn people(case: &Case, room: &Value) -> Checked<String> {
    // The answer to a join lists the participants.
    let present = case.join(room, "Eve").await?;
    Ok(present["people"].to_string())
}

async fn a_token_decides_when_its_holder_is_ejected(case: &Case) -> Checked {
    let exp = case.in_seconds(600).await?;
    let room = case.room("ejects", json!({"exp": exp})).await?;
    let ends = case.in_seconds(30).await?;
    let properties = json!({"room_name": room["name"], "exp": ends, "eject_at_token_exp": true});
    let short = token(case, properties).await?;
    join(case, &room, "Ada", &short).await?;
    case.join(&room, "Bob").await?;
    case.advance("40s").await?;
    let there = people(case, &room).await?;
    ensure!(
        !there.contains("Ada") && there.contains("Bob"),
        "there are {there}"
    );
    Ok(())
}

async fn a_token_ends(case: &Case) -> Checked {
    let room = private(case, 600).await?;
    let ends = case.in_seconds(30).await?;
    let properties = json!({"room_name": room["name"], "exp": ends});
    let token = token(case, properties).await?;
    case.get(&format!("{TOKENS}/{token}")).await?.ok()?;
    case.advance("40s").await?;
    let late = case.get(&format!("{TOKENS}/{token}")).await?;
    ensure!(
        late.status == 400,
        "after its exp it is answered {}",
        late.status
    );
    ensure!(
        join(case, &room, "Ada", &token).await.is_err(),
        "Ada joined with an old token"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_the_one_of_rfc_4231() {
        let wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let found = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(data_encoding::HEXLOWER.encode(&found), wanted);
    }
}

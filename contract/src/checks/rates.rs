//! Rate limits. These checks never run on a live account.

use std::time::Duration;

use crate::case::{Case, Checked, ensure};
use crate::check::Needs::Simulator;
use crate::check::area;

area! { rates;
    Simulator("it exceeds a rate limit") => a_hundred_calls_in_five_seconds_are_fine_and_no_more ["F-RATE-1", "F-RATE-3"];
    Simulator("it exceeds a rate limit") => fifty_deletes_in_thirty_seconds_are_fine_and_no_more ["F-RATE-2", "F-RATE-3"];
}

async fn a_hundred_calls_in_five_seconds_are_fine_and_no_more(case: &Case) -> Checked {
    let path = format!("/rooms/{}", case.name("missing"));
    loop {
        let answer = case.get(&path).await?;
        if answer.status == 404 {
            ensure!(
                case.calls() <= 100,
                "{} calls were let through",
                case.calls()
            );
            continue;
        }
        answer.refused(429, "rate-limit-error")?;
        ensure!(case.calls() == 101, "call {} was refused", case.calls());
        break;
    }
    tokio::time::sleep(Duration::from_millis(5200)).await;
    case.get(&path).await?.refused(404, "not-found")
}

async fn fifty_deletes_in_thirty_seconds_are_fine_and_no_more(case: &Case) -> Checked {
    let path = format!("/rooms/{}", case.name("missing"));
    for nth in 1..=50 {
        let answer = case.delete(&path).await?;
        ensure!(
            answer.status == 404,
            "DELETE {nth} is answered {}",
            answer.status
        );
    }
    case.delete(&path).await?.refused(429, "rate-limit-error")?;
    case.get(&path).await?.refused(404, "not-found")
}

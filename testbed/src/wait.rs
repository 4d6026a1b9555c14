//! Waits for a condition: polls with a deadline, never with a fixed sleep.

use std::time::{Duration, Instant};

use crate::progress::human;

/// Interval between polls.
const PAUSE: Duration = Duration::from_millis(100);

/// The result of a poll.
#[derive(Debug)]
pub enum Look<T> {
    /// The condition holds.
    Done(T),
    /// The condition does not hold yet. If the deadline passes, the error quotes this state.
    NotYet(String),
}

/// Why a wait failed.
#[derive(Debug, thiserror::Error)]
pub enum WaitError<E: std::error::Error + 'static> {
    /// The deadline passed.
    #[error("{what}: not within {}; last seen: {seen}", human(*.within))]
    Deadline {
        /// The condition.
        what: String,
        /// The time from start to deadline.
        within: Duration,
        /// The state at the last poll.
        seen: String,
    },
    /// A poll failed with an error that waiting does not fix.
    #[error("{what}: looking for it failed")]
    Look {
        /// The condition.
        what: String,
        /// Why the poll failed.
        source: E,
    },
}

/// Polls every 100 ms until the condition holds.
///
/// # Errors
/// If the condition does not hold within the deadline, or if a poll fails.
pub async fn eventually<T, E: std::error::Error + 'static>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<Look<T>, E>,
) -> Result<T, WaitError<E>> {
    let start = Instant::now();
    let what = || what.to_owned();
    loop {
        let seen = match look().await {
            Ok(Look::Done(value)) => return Ok(value),
            Ok(Look::NotYet(seen)) => seen,
            Err(source) => {
                return Err(WaitError::Look {
                    what: what(),
                    source,
                });
            }
        };
        if start.elapsed() >= within {
            return Err(WaitError::Deadline {
                what: what(),
                within,
                seen,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missed_deadline_names_what_was_waited_for_and_what_was_seen() {
        let look = async || Ok::<Look<()>, std::fmt::Error>(Look::NotYet("2 of 3".into()));
        let error = eventually("three rooms", Duration::ZERO, look)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "three rooms: not within 0.0 s; last seen: 2 of 3"
        );
    }

    #[tokio::test]
    async fn it_looks_until_it_is_there() {
        let mut looks = 0;
        let found = eventually("the third look", Duration::from_secs(5), async || {
            looks += 1;
            Ok::<_, std::fmt::Error>(match looks {
                3 => Look::Done(looks),
                _ => Look::NotYet(looks.to_string()),
            })
        });
        assert_eq!(found.await.unwrap(), 3);
    }
}

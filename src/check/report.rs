//! The findings of a check, as a table for people and as JSON for programs. No I/O.

use serde::Serialize;

const HEAD: [&str; 3] = ["CHECK", "STATUS", "DETAIL"];

/// The status of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Status {
    /// Nothing to do.
    Ok,
    /// The operator can work, but a user should look.
    Warn,
    /// The operator cannot work.
    Fail,
}

/// The finding of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The name of the check, which never changes.
    pub check: &'static str,
    /// The status of the check.
    pub status: Status,
    /// What the check found.
    pub detail: String,
    /// What the user can do; empty if nothing is to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_step: String,
}

impl Finding {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Ok, detail.into(), String::new())
    }

    pub(super) fn warn(
        check: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self::new(check, Status::Warn, detail.into(), next_step.into())
    }

    pub(super) fn fail(
        check: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self::new(check, Status::Fail, detail.into(), next_step.into())
    }

    fn new(check: &'static str, status: Status, detail: String, next_step: String) -> Self {
        Self {
            check,
            status,
            detail: one_line(&detail),
            next_step: one_line(&next_step),
        }
    }
}

/// Messages from elsewhere can contain line breaks, which would break the table.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The findings of all checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst status of all checks.
    pub status: Status,
    /// The version of the operator.
    pub version: &'static str,
    /// One sentence with the result and the next step.
    pub summary: String,
    /// The findings in the order of the checks.
    pub checks: Vec<Finding>,
}

impl Report {
    pub(super) fn new(checks: Vec<Finding>) -> Self {
        let status = checks.iter().map(|it| it.status).max();
        let status = status.unwrap_or(Status::Ok);
        Self {
            status,
            version: env!("CARGO_PKG_VERSION"),
            summary: summary(&checks),
            checks,
        }
    }

    /// The findings as an aligned table, followed by the summary.
    pub fn table(&self) -> String {
        let rows = self
            .checks
            .iter()
            .map(|it| [it.check, it.status.into(), &it.detail]);
        let rows: Vec<[&str; 3]> = [HEAD].into_iter().chain(rows).collect();
        let first = rows.iter().map(|[check, ..]| check.chars().count());
        let first = first.max().unwrap_or_default();
        let second = rows.iter().map(|[_, status, _]| status.chars().count());
        let second = second.max().unwrap_or_default();
        let next_steps = self.checks.iter().map(|it| it.next_step.as_str());
        let mut table = String::new();
        for ([check, status, detail], next) in rows.iter().zip([""].into_iter().chain(next_steps)) {
            table.push_str(&format!("{check:first$}  {status:second$}  {detail}\n"));
            if !next.is_empty() {
                table.push_str(&format!("{:first$}  {:second$}  -> {next}\n", "", ""));
            }
        }
        format!("{table}\n{}\n", self.summary)
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// Never in practice: all fields can be serialized.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

fn summary(checks: &[Finding]) -> String {
    let count = |status| checks.iter().filter(|it| it.status == status).count();
    let checks = checks.len();
    match (count(Status::Fail), count(Status::Warn)) {
        (0, 0) => format!("All {checks} checks are OK. The operator can work."),
        (0, warned) => {
            format!("The operator can work. {warned} of {checks} checks warn; see their rows.")
        }
        (failed, _) => format!(
            "{failed} of {checks} checks failed. Do what their rows say, and run the check again."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new(vec![
            Finding::ok("api-server", "Kubernetes v1.36.3"),
            Finding::warn("clock", "41 s behind", "set the clock"),
            Finding::fail("domain", "refused\nby Daily", "use another key"),
        ])
    }

    #[test]
    fn people_get_an_aligned_table_that_ends_with_what_to_do() {
        let expected = "\
CHECK       STATUS  DETAIL
api-server  OK      Kubernetes v1.36.3
clock       WARN    41 s behind
                    -> set the clock
domain      FAIL    refused by Daily
                    -> use another key

1 of 3 checks failed. Do what their rows say, and run the check again.
";
        assert_eq!(report().table(), expected);
    }

    #[test]
    fn machines_get_the_same_with_names_that_do_not_change() {
        let text = report().json().unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "status": "FAIL",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "1 of 3 checks failed. Do what their rows say, and run the check again.",
            "checks": [
                {"check": "api-server", "status": "OK", "detail": "Kubernetes v1.36.3"},
                {"check": "clock", "status": "WARN", "detail": "41 s behind",
                 "nextStep": "set the clock"},
                {"check": "domain", "status": "FAIL", "detail": "refused by Daily",
                 "nextStep": "use another key"},
            ],
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn the_worst_counts() {
        let of = |findings: Vec<Finding>| {
            let report = Report::new(findings);
            (report.status, report.summary)
        };
        let (status, summary) = of(vec![Finding::ok("a", "")]);
        assert_eq!(status, Status::Ok);
        assert!(summary.starts_with("All 1 checks are OK"), "{summary}");
        let (status, summary) = of(vec![Finding::ok("a", ""), Finding::warn("b", "", "")]);
        assert_eq!(status, Status::Warn);
        assert!(summary.contains("1 of 2 checks warn"), "{summary}");
    }
}

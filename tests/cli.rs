//! The command line as a user sees it.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

const PASSWORD: &str = "pr0xy-s3cret";

fn run(args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_daily-operator"))
        .args(args)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("the operator runs");
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Help shows the values of the environment, but for those that can hold a password.
#[test]
fn help_does_not_show_the_password_of_a_proxy() {
    let proxy = format!("http://operator:{PASSWORD}@proxy.example:3128");
    let variables = [
        ("DAILY_OPERATOR_DAILY_PROXY", proxy.as_str()),
        ("DAILY_OPERATOR_CLUSTER_ID", "blue"),
    ];
    for command in ["run", "check"] {
        let (code, help) = run(&[command, "--help"], &variables);
        assert_eq!(code, Some(0));
        assert!(help.contains("DAILY_OPERATOR_CLUSTER_ID=blue"), "{help}");
        assert!(
            help.contains("--daily-proxy") && !help.contains(PASSWORD),
            "{help}"
        );
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_without_repeating_it() {
    let bad = format!("socks5://operator:{PASSWORD}@proxy.example");
    let flag = format!("--daily-proxy={bad}");
    for command in ["run", "check"] {
        for (args, variables, name) in [
            (vec![command, &flag], vec![], "--daily-proxy"),
            (
                vec![command],
                vec![("HTTPS_PROXY", bad.as_str())],
                "HTTPS_PROXY",
            ),
        ] {
            let (code, text) = run(&args, &variables);
            assert_eq!(code, Some(2), "{text}");
            let said = format!("daily-operator: {name} is not the URL of an HTTP proxy; use");
            assert!(
                text.starts_with(&said) && !text.contains(PASSWORD),
                "{text}"
            );
        }
    }
}

#[test]
fn a_value_that_is_refused_is_named_with_its_flag_and_what_to_write() {
    let expected = "error: invalid value '90' for '--quiet-period <DURATION>': use a duration such as \
                    90s, 5m, 1h30m or 500ms\n";
    let variable = [("DAILY_OPERATOR_QUIET_PERIOD", "90")];
    let flag: [&str; 2] = ["run", "--quiet-period=90"];
    for (args, variables) in [(&flag[..], &[][..]), (&flag[..1], &variable[..])] {
        let (code, text) = run(args, variables);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.starts_with(expected), "{text}");
    }
}

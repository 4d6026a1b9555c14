//! Helm 3 and Helm 4 agree about the chart.

use std::path::Path;

use crate::render::{CLUSTER, HELM, HELM_3, chart, render_with, run};

/// The values that stand for whole installations.
fn installations() -> Vec<(String, String)> {
    let files = std::fs::read_dir(chart().join("ci")).expect("the folder can be listed");
    let read = |path: &Path| std::fs::read_to_string(path).expect("the file can be read");
    let files: Vec<_> = files
        .map(|entry| entry.expect("is an entry").path())
        .map(|path| (path.display().to_string(), read(&path)))
        .collect();
    assert!(files.len() >= 4, "the installations are found");
    files
}

#[test]
fn both_render_the_same() {
    for (name, values) in installations() {
        let four = render_with(&HELM, &values).unwrap_or_else(|said| panic!("{name}: {said}"));
        let three = render_with(&HELM_3, &values).unwrap_or_else(|said| panic!("{name}: {said}"));
        assert!(four.all().len() > 5, "{name}");
        assert_eq!(three.all(), four.all(), "{name}");
    }
}

#[test]
fn both_find_nothing_to_complain_about() {
    for (name, values) in installations() {
        for helm in [&*HELM, &*HELM_3] {
            let lint = run(
                helm,
                &[&["lint", "--strict"][..], &CLUSTER[..]].concat(),
                &values,
            );
            let said = String::from_utf8_lossy(&lint.stdout);
            assert!(lint.status.success(), "{name}: {said}");
        }
    }
}

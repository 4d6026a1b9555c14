//! The daily-operator binary.
fn main() {}

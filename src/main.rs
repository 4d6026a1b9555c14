//! The daily-operator binary.
fn main() {
    for (_, text) in daily_operator::crd::documents().unwrap_or_default() {
        println!("---\n{text}");
    }
}

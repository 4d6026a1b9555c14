//! daily-operator.

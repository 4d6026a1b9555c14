//! Daily simulator.

//! Starts real services and real components for tests, on free ports.

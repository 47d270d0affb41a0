//! Scenarios across services, and checks of the structure.

//! Where a service keeps its data.

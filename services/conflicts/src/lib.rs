//! Double bookings in calendars.

pub mod sweep;

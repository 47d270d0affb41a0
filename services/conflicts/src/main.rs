//! Double bookings in calendars.

fn main() {}

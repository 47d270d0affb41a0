//! Double bookings in calendars.

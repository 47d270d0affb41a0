//! Ports that nothing listens on.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the kernel takes the local ports of outgoing connections: such a connection could
/// otherwise sit on the port just when a component is started on it again.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// A TCP port on 127.0.0.1 that nothing listens on, never the same twice in a process.
///
/// For components that cannot bind port 0 and say what they got; whatever can should do that instead.
///
/// # Panics
/// When all ports from 10000 to 31999 are taken.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run side by side begin at different places.
    let start = (std::process::id().wrapping_mul(7_919) % u32::from(COUNT)) as u16;
    (0..COUNT)
        .map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
            FIRST + (u32::from(start) + u32::from(step)).rem_euclid(u32::from(COUNT)) as u16
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("no free port between 10000 and 31999")
}

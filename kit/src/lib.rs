//! Makes a service of a handler: settings, telemetry, serve loop, health, discovery.

-- The trace of the sign-up, as W3C Trace Context writes it; NULL for one of no trace.
ALTER TABLE outbox ADD COLUMN traceparent TEXT;
ALTER TABLE outbox ADD COLUMN tracestate TEXT;

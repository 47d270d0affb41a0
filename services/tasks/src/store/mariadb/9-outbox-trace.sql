-- The trace in which a task was completed, as W3C Trace Context writes it; NULL for one of no trace.
ALTER TABLE outbox
    ADD COLUMN IF NOT EXISTS traceparent VARCHAR(55),
    ADD COLUMN IF NOT EXISTS tracestate VARCHAR(512)

-- The trace in which a mail was handed over, as W3C Trace Context writes it; NULL for one of no trace.
ALTER TABLE mails ADD COLUMN traceparent TEXT;
ALTER TABLE mails ADD COLUMN tracestate TEXT;

-- Up Migration
-- Hash over the files that the run reads: where one has changed, no checkpoint of an earlier start may be resumed from.
ALTER TABLE runs ADD COLUMN inputs_sha256 text;

-- All but the metrics, which are nearly all there is: what happened to trials and engines is looked up by its kind.
CREATE INDEX trace_events_by_kind ON trace_events (run, kind) WHERE kind <> 'trial.metrics';

-- Down Migration
DROP INDEX trace_events_by_kind;
ALTER TABLE runs DROP COLUMN inputs_sha256;

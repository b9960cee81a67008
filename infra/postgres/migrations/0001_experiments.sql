-- Up Migration
CREATE EXTENSION IF NOT EXISTS vector;

-- One row per run. `run` is the workflow id.
CREATE TABLE runs (
  run         text PRIMARY KEY,
  name        text NOT NULL,
  state       text NOT NULL CHECK (state IN ('created', 'running', 'paused', 'finalizing', 'completed', 'failed', 'cancelled')),
  stage       text NOT NULL,
  spec_sha256 text,
  spec        jsonb,
  best_trial  integer,
  best_value  double precision,
  error       jsonb,
  result      jsonb,
  reproducibility jsonb,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  ended_at    timestamptz,
  -- Temporal namespace of the workflow: whoever looks after the rows of one must leave those of others alone.
  namespace   text,
  -- Temporal run id of the execution that ended the run: only another execution may take it up again.
  ended_by    text
);

-- One row per trial; `trial_id` is the child's workflow id.
CREATE TABLE trials (
  trial_id         text PRIMARY KEY,
  run              text NOT NULL REFERENCES runs ON DELETE CASCADE,
  trial            integer NOT NULL,
  state            text NOT NULL CHECK (state IN ('pending', 'running', 'waiting', 'paused', 'evaluating', 'storing',
                                                  'completed', 'pruned', 'diverged', 'failed', 'cancelled')),
  params           jsonb NOT NULL,
  model_based      boolean NOT NULL,
  -- How the proposal can be derived again: the tells it had seen, and the trials that were pending.
  tell_count       integer NOT NULL,
  pending          integer[] NOT NULL,
  seed             bigint NOT NULL,
  replicate_of     integer,
  -- Position of this trial's outcome among the run's tells.
  tell_ordinal     integer,
  value            double precision,
  step             integer NOT NULL DEFAULT 0,
  metrics          jsonb NOT NULL DEFAULT '{}',
  trainable_params bigint,
  gpu_seconds      double precision NOT NULL DEFAULT 0,
  checkpoint       jsonb,
  adapter          jsonb,
  adapter_sha256   text,
  error            jsonb,
  -- Temporal run id of the execution that opened the row: another one (a reset, a new start) opens it afresh.
  opened_by        text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  ended_at         timestamptz,
  UNIQUE (run, trial),
  UNIQUE (run, tell_ordinal)
);

-- Rung values and the verdicts on them, in the order in which the experiment took them.
CREATE TABLE rungs (
  run     text NOT NULL REFERENCES runs ON DELETE CASCADE,
  ordinal integer NOT NULL,
  trial   integer NOT NULL,
  rung    integer NOT NULL,
  step    integer NOT NULL,
  value   double precision,
  metrics jsonb NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('continue', 'prune')),
  seen    integer NOT NULL,
  PRIMARY KEY (run, trial, rung),
  UNIQUE (run, ordinal)
);

-- Fencing: the newest epoch of each subject. Checkpoints of epochs up to `floor` belong to an earlier experiment of
-- the same name and are never resumed from.
CREATE TABLE subjects (
  subject text PRIMARY KEY,
  run     text NOT NULL,
  epoch   integer NOT NULL DEFAULT 0,
  floor   integer NOT NULL DEFAULT 0
);
CREATE INDEX subjects_by_run ON subjects (run);

-- One row per dispatch: the newest step that it was offered to resume from, and the one it did resume from.
CREATE TABLE epochs (
  subject   text NOT NULL,
  epoch     integer NOT NULL,
  offered_step integer NOT NULL,
  from_step integer,
  started_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, epoch)
);

CREATE TABLE checkpoints (
  subject    text NOT NULL,
  step       integer NOT NULL,
  epoch      integer NOT NULL,
  manifest   jsonb NOT NULL,
  -- Hashes of the files that the manifest names.
  files      text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, step)
);
CREATE INDEX checkpoints_by_file ON checkpoints USING gin (files);

-- The trace: each event once, in order per source.
CREATE TABLE trace_events (
  run     text NOT NULL,
  source  text NOT NULL,
  seq     bigint NOT NULL,
  at      timestamptz NOT NULL,
  subject text,
  epoch   integer,
  kind    text NOT NULL,
  data    jsonb NOT NULL,
  PRIMARY KEY (run, source, seq)
);
CREATE INDEX trace_events_by_time ON trace_events (run, at);

-- Segments of the trace that have been read, so that a listing need not read them again.
CREATE TABLE wal_segments (
  run         text NOT NULL,
  key         text NOT NULL,
  sha256      text NOT NULL,
  size_bytes  bigint NOT NULL,
  ingested_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run, key, sha256)
);

-- `trial_id` is the job's subject. A row of a newer epoch replaces one of an older.
CREATE TABLE metrics (
  trial_id text NOT NULL,
  step     integer NOT NULL,
  name     text NOT NULL,
  value    double precision NOT NULL,
  epoch    integer NOT NULL,
  PRIMARY KEY (trial_id, step, name)
);

-- Everything published in the object store.
CREATE TABLE artifacts (
  run        text NOT NULL,
  name       text NOT NULL,
  trial      integer,
  kind       text NOT NULL,
  uri        text NOT NULL,
  sha256     text NOT NULL,
  size_bytes bigint NOT NULL,
  media_type text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run, name)
);
CREATE INDEX artifacts_by_hash ON artifacts (sha256);

-- Content-addressed objects that no checkpoint names any longer, since when; deleted after a grace period.
CREATE TABLE garbage (
  sha256 text PRIMARY KEY,
  since  timestamptz(3) NOT NULL DEFAULT now()
);

-- Down Migration
DROP TABLE garbage, artifacts, metrics, wal_segments, trace_events, checkpoints, epochs, subjects, rungs, trials, runs;
DROP EXTENSION IF EXISTS vector;

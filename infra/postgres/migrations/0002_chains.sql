-- Up Migration
-- First run id of the execution chain whose trials the run's rows are: a new start of the run replaces them.
ALTER TABLE runs ADD COLUMN chain text;

-- Parameters and seed of the trial that the subject's checkpoints belong to; another trial does not resume from them.
ALTER TABLE subjects ADD COLUMN identity jsonb;

UPDATE subjects SET identity = jsonb_build_object('params', trials.params, 'seed', trials.seed)
FROM trials WHERE trials.trial_id = subjects.subject;

-- Which dispatch an epoch was given to: one that asks again gets the same. Its offered step is not known before the
-- store has been listed.
ALTER TABLE epochs ADD COLUMN dispatch text, ALTER COLUMN offered_step DROP NOT NULL, ADD UNIQUE (subject, dispatch);

-- Hash of the adapter before the first step.
ALTER TABLE trials ADD COLUMN init_sha256 text;

-- Down Migration
ALTER TABLE trials DROP COLUMN init_sha256;
DELETE FROM epochs WHERE offered_step IS NULL;
ALTER TABLE epochs DROP COLUMN dispatch, ALTER COLUMN offered_step SET NOT NULL;
ALTER TABLE subjects DROP COLUMN identity;
ALTER TABLE runs DROP COLUMN chain;

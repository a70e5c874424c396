-- ProvenanceOperations: a row an operation, as it was when it last ended; from the table that the operation itself writes.
-- State: RUNNING, DONE, FAILED or CANCELLED. Config holds no key. Outcomes: how many instances were held, failed or
-- skipped, by stage and code. Answered: instances whose Provenance the FHIR store has; DeadLetters: those it refused;
-- RefusedRows: those that this table could not take.
SELECT
  o.id AS Operation,
  o.name AS Name,
  o.state AS State,
  o.error AS Error,
  o.source AS Source,
  o.destination AS Destination,
  o.config AS Config,
  o.startTime AS Started,
  o.endTime AS Ended,
  TIMESTAMP_DIFF(o.endTime, o.startTime, MILLISECOND) / 1000 AS Seconds,
  o.listed AS Listed,
  o.written AS Written,
  o.held AS Held,
  o.failed AS Failed,
  o.skipped AS Skipped,
  o.proven AS Proven,
  o.answered AS Answered,
  o.deadLetters AS DeadLetters,
  o.refusedRows AS RefusedRows,
  o.outcomes AS Outcomes
FROM `PROJECT_ID.BIGQUERY_DATASET.Operations` AS o

-- Which operations were there, and what became of their instances? The latest first.
SELECT Operation, Name, State, Error, Config, Started, Ended, Seconds, Listed, Written, Held, Failed, Skipped, Answered, DeadLetters, RefusedRows
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceOperations`
ORDER BY Started DESC, Operation

-- When did it occur, and how long did it take?
-- A row an operation. Seconds: from its start until its last instance stood in the destination (over all its runs);
-- the mean and longest seconds are those of one instance, from reading to publishing.
WITH operations AS (
  SELECT id AS Operation, TIMESTAMP(occurred.dateTime) AS Started
  FROM `PROJECT_ID.BIGQUERY_DATASET.Provenance`
  WHERE agent[SAFE_OFFSET(0)].who.identifier.system = 'https://g.co/healthcare/operation'
)
SELECT
  o.Operation,
  o.Started,
  MAX(i.Ended) AS Ended,
  TIMESTAMP_DIFF(MAX(i.Ended), o.Started, MILLISECOND) / 1000 AS Seconds,
  COUNT(i.ProvenanceId) AS Instances,
  ROUND(AVG(i.Seconds), 3) AS MeanSeconds,
  MAX(i.Seconds) AS LongestSeconds
FROM operations AS o
LEFT JOIN `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances` AS i ON i.Operation = o.Operation
GROUP BY o.Operation, o.Started
ORDER BY o.Started, o.Operation

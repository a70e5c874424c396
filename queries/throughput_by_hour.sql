-- How fast did it go? A row an hour (UTC) and operation: instances published, and seconds of work on one.
SELECT
  Operation,
  TIMESTAMP_TRUNC(Ended, HOUR) AS Hour,
  COUNT(*) AS Instances,
  SUM(Boxes) AS Boxes,
  ROUND(AVG(Seconds), 3) AS MeanSeconds,
  MAX(Seconds) AS LongestSeconds
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances`
GROUP BY Operation, TIMESTAMP_TRUNC(Ended, HOUR)
ORDER BY Hour, Operation

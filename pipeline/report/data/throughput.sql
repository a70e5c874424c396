-- When was how much finished? A row a second of an operation in which an instance was.
SELECT Operation, TIMESTAMP_TRUNC(Ended, SECOND) AS Second, COUNT(*) AS Instances
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances`
WHERE Ended IS NOT NULL
GROUP BY Operation, Second
ORDER BY Operation, Second

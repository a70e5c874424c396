-- Is there an instance without Provenance? A row an operation: how many it wrote, how many of these have no row here, and
-- how many of its Provenance the FHIR store or this table refused. All of the last three are 0 where everything is told.
SELECT
  o.Operation,
  o.Written,
  o.Written - COUNTIF(STARTS_WITH(i.Destination, CONCAT(o.Destination, '/'))) AS WithoutRow,
  o.DeadLetters AS RefusedByStore,
  o.RefusedRows AS RefusedByTable
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceOperations` AS o
LEFT JOIN `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances` AS i ON i.Operation = o.Operation
GROUP BY o.Operation, o.Written, o.DeadLetters, o.RefusedRows
ORDER BY o.Operation

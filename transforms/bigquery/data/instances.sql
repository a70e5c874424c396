-- Instance by instance: how much was de-identified, when, and how long did it take?
-- A row an instance, by its new SOP Instance UID; the row's ProvenanceId leads to every element and box of it.
SELECT DestinationInstance AS Instance, Elements, Boxes, Started, Seconds, Operation, ProvenanceId
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances`
ORDER BY Started, ProvenanceId

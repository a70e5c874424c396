-- Which instances had been held, and who released them, when?
-- A row an instance that a person released, by its new SOP Instance UID. WhyHeld: the code of the doubt.
SELECT DestinationInstance AS Instance, WhyHeld, ReleasedBy, Released, Operation, ProvenanceId
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances`
WHERE ReleasedBy IS NOT NULL
ORDER BY Released, ProvenanceId

-- In which instances was text redacted that could hardly be read? A row an instance with boxes below @below, or without any
-- confidence (nothing was recognised there); the worst first. Look at these: a box over anatomy reads badly.
-- dicom-deid query --parameter below:FLOAT64:0.5 …
SELECT
  i.DestinationInstance AS Instance,
  COUNT(*) AS Doubtful,
  COUNTIF(b.Confidence IS NULL) AS Unread,
  MIN(b.Confidence) AS Lowest,
  b.ProvenanceId
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes` AS b
JOIN `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances` AS i ON i.ProvenanceId = b.ProvenanceId
WHERE b.Confidence IS NULL OR b.Confidence < @below
GROUP BY i.DestinationInstance, b.ProvenanceId
ORDER BY Doubtful DESC, b.ProvenanceId

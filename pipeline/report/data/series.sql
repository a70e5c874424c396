-- Which series were published, how large are they, and which instance of each can be looked at?
SELECT
  Operation,
  REGEXP_EXTRACT(Destination, r'/studies/([^/]*)/series/') AS Study,
  REGEXP_EXTRACT(Destination, r'/series/([^/]*)/instances/') AS Series,
  MIN(DestinationInstance) AS Instance,
  COUNT(*) AS Instances,
  SUM(CASE WHEN Boxes > 0 THEN 1 ELSE 0 END) AS WithBoxes,
  SUM(Boxes) AS Boxes,
  SUM(Elements) AS Elements
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances`
WHERE NOT REGEXP_CONTAINS(Destination, r'/dicomStores/quarantine-')
GROUP BY Operation, Study, Series
ORDER BY Operation, Study, Series

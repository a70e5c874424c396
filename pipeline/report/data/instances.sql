-- The instances with the most boxes, then with the most changed elements, first.
SELECT
  DestinationInstance AS Instance,
  REGEXP_EXTRACT(Destination, r'/series/([^/]*)/instances/') AS Series,
  REGEXP_CONTAINS(Destination, r'/dicomStores/quarantine-') AS Held,
  Operation, Elements, Boxes, Started, Seconds, ProvenanceId
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances`
ORDER BY Boxes DESC, Elements DESC, ProvenanceId
LIMIT 2000

-- Boxes of frames to look at: of each series the frame with the least sure box, then of each the next; a row a box.
-- Held instances are not published, and so not shown.
WITH frames AS (
  SELECT
    ProvenanceId, Frame, MIN(COALESCE(Confidence, 0)) AS LeastSure, MIN(Destination) AS Destination
  FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes`
  WHERE `Left` IS NOT NULL AND NOT REGEXP_CONTAINS(Destination, r'/dicomStores/quarantine-')
  GROUP BY ProvenanceId, Frame
), turns AS (
  SELECT
    ProvenanceId, Frame, LeastSure,
    ROW_NUMBER() OVER (PARTITION BY REGEXP_EXTRACT(Destination, r'^(.*)/instances/') ORDER BY LeastSure, ProvenanceId, Frame) AS Turn,
    COUNT(*) OVER () AS Frames
  FROM frames
), chosen AS (
  SELECT ProvenanceId, Frame, LeastSure, Turn, Frames FROM turns ORDER BY Turn, LeastSure, ProvenanceId, Frame LIMIT 24
)
SELECT
  b.ProvenanceId,
  i.Operation,
  REGEXP_EXTRACT(b.Destination, r'/studies/([^/]*)/series/') AS Study,
  REGEXP_EXTRACT(b.Destination, r'/series/([^/]*)/instances/') AS Series,
  i.DestinationInstance AS Instance,
  b.Frame, b.`Left`, b.`Right`, b.Top, b.Bottom, b.Quote, b.InfoType, b.Confidence, b.Boxes, c.Frames
FROM chosen AS c
JOIN `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes` AS b ON b.ProvenanceId = c.ProvenanceId AND b.Frame = c.Frame
JOIN `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances` AS i ON i.ProvenanceId = c.ProvenanceId
ORDER BY c.Turn, c.LeastSure, c.ProvenanceId, c.Frame, b.Top, b.`Left`

-- ProvenanceBoxes: a row a redacted box, in plain columns. Coordinates are pixels of the stored frame, from 0,
-- the right and bottom edges outside; the relative ones are parts of the frame's width and height.
-- Boxes: how many were put together in this row; 1 unless the instance had too many to list.
-- Quote is what was read there: it may identify a patient.
SELECT
  p.id AS ProvenanceId,
  e.what.identifier.value AS Source,
  p.target[SAFE_OFFSET(0)].identifier.value AS Destination,
  CAST(f.value.decimal AS INT64) AS Frame,
  l.value.decimal AS `Left`,
  f.`right`[SAFE_OFFSET(n)].value.decimal AS `Right`,
  f.top[SAFE_OFFSET(n)].value.decimal AS Top,
  f.bottom[SAFE_OFFSET(n)].value.decimal AS Bottom,
  f.relative_left[SAFE_OFFSET(n)].value.decimal AS RelativeLeft,
  f.relative_right[SAFE_OFFSET(n)].value.decimal AS RelativeRight,
  f.relative_top[SAFE_OFFSET(n)].value.decimal AS RelativeTop,
  f.relative_bottom[SAFE_OFFSET(n)].value.decimal AS RelativeBottom,
  f.quote[SAFE_OFFSET(n)].value.string AS Quote,
  f.infoType[SAFE_OFFSET(n)].value.string AS InfoType,
  f.confidence[SAFE_OFFSET(n)].value.decimal AS Confidence,
  CAST(COALESCE(f.count[SAFE_OFFSET(n)].value.decimal, 1) AS INT64) AS Boxes
FROM `PROJECT_ID.BIGQUERY_DATASET.Provenance` AS p
CROSS JOIN UNNEST(p.entity) AS e
CROSS JOIN UNNEST(e.dicom_images) AS d
CROSS JOIN UNNEST(d.frame_index) AS f
CROSS JOIN UNNEST(f.`left`) AS l WITH OFFSET AS n

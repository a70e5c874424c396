-- Which boxes were redacted? The API page's own query, a row a box; the coordinates and texts are arrays of one.
-- The view ProvenanceBoxes gives the same as plain columns. Quote is what was read there: it may identify a patient.
SELECT
  what.identifier.value AS Source,
  target[OFFSET(0)].identifier.value AS Destination,
  `left` AS `Left`,
  `right` AS `Right`,
  top AS Top,
  bottom AS Bottom,
  quote AS Quote,
  infoType AS InfoType,
  confidence AS Confidence
FROM
  `PROJECT_ID.BIGQUERY_DATASET.Provenance`, UNNEST(entity), UNNEST(dicom_images), UNNEST(frame_index)

-- ProvenanceTags: a row a changed element, in plain columns. Tag: eight hex digits. Path: the sequences above it.
-- Elements: how many were put together in this row; 1 unless the instance had too many to list.
-- An element with several findings, as the API's page has them, gives a row each, in their order.
-- TextOriginal is the element's text as it was: it may identify a patient.
SELECT
  p.id AS ProvenanceId,
  e.what.identifier.value AS Source,
  p.target[SAFE_OFFSET(0)].identifier.value AS Destination,
  t.value.string AS Tag,
  t.tag_path[SAFE_OFFSET(n)].value.string AS Path,
  t.deidentify_action[SAFE_OFFSET(n)].value.string AS Action,
  t.deidentify_reason[SAFE_OFFSET(n)].value.string AS Reason,
  t.finding_infotype[SAFE_OFFSET(n)].value.string AS InfoType,
  t.byte_start[SAFE_OFFSET(n)].value.decimal AS ByteStart,
  t.byte_end[SAFE_OFFSET(n)].value.decimal AS ByteEnd,
  t.text_original[SAFE_OFFSET(n)].value.string AS TextOriginal,
  t.text_replaced[SAFE_OFFSET(n)].value.string AS TextReplaced,
  CAST(COALESCE(t.count[SAFE_OFFSET(n)].value.decimal, 1) AS INT64) AS Elements
FROM `PROJECT_ID.BIGQUERY_DATASET.Provenance` AS p
CROSS JOIN UNNEST(p.entity) AS e
CROSS JOIN UNNEST(e.dicom_tags) AS d
CROSS JOIN UNNEST(d.tag_id) AS t
CROSS JOIN UNNEST(GENERATE_ARRAY(
  0, GREATEST(1, ARRAY_LENGTH(t.deidentify_action), ARRAY_LENGTH(t.byte_start), ARRAY_LENGTH(t.text_original)) - 1
)) AS n

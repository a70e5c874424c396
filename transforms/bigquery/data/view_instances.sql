-- ProvenanceInstances: a row an instance, with or without findings.
-- Operation: id of the row of its operation. Elements, Boxes: how many elements were changed and boxes redacted.
-- Started, Ended: when reading began and when the instance stood in the destination. Lengths are in seconds.
WITH elements AS (
  SELECT p.id, SUM(COALESCE(t.count[SAFE_OFFSET(0)].value.decimal, 1)) AS n
  FROM `PROJECT_ID.BIGQUERY_DATASET.Provenance` AS p
  CROSS JOIN UNNEST(p.entity) AS e
  CROSS JOIN UNNEST(e.dicom_tags) AS d
  CROSS JOIN UNNEST(d.tag_id) AS t
  GROUP BY p.id
), boxes AS (
  SELECT p.id, SUM(COALESCE(f.count[SAFE_OFFSET(0)].value.decimal, ARRAY_LENGTH(f.`left`))) AS n
  FROM `PROJECT_ID.BIGQUERY_DATASET.Provenance` AS p
  CROSS JOIN UNNEST(p.entity) AS e
  CROSS JOIN UNNEST(e.dicom_images) AS d
  CROSS JOIN UNNEST(d.frame_index) AS f
  GROUP BY p.id
)
SELECT
  p.id AS ProvenanceId,
  REGEXP_EXTRACT(p.agent[SAFE_OFFSET(0)].who.identifier.value, r'/Provenance/(.*)$') AS Operation,
  p.entity[SAFE_OFFSET(0)].what.identifier.value AS Source,
  p.target[SAFE_OFFSET(0)].identifier.value AS Destination,
  REGEXP_EXTRACT(p.target[SAFE_OFFSET(0)].identifier.value, r'/instances/(.*)$') AS DestinationInstance,
  p.entity[SAFE_OFFSET(0)].WIDTH[SAFE_OFFSET(0)].value.decimal AS Width,
  p.entity[SAFE_OFFSET(0)].HEIGHT[SAFE_OFFSET(0)].value.decimal AS Height,
  CAST(COALESCE(elements.n, 0) AS INT64) AS Elements,
  CAST(COALESCE(boxes.n, 0) AS INT64) AS Boxes,
  TIMESTAMP(p.occurred.period.start) AS Started,
  TIMESTAMP(p.occurred.period.`end`) AS Ended,
  TIMESTAMP_DIFF(TIMESTAMP(p.occurred.period.`end`), TIMESTAMP(p.occurred.period.start), MILLISECOND) / 1000 AS Seconds,
  p.activity.text AS WhyHeld,
  p.agent[SAFE_OFFSET(1)].who.identifier.value AS ReleasedBy,
  CASE WHEN p.agent[SAFE_OFFSET(1)].who.identifier.value IS NOT NULL THEN TIMESTAMP(p.recorded) END AS Released
FROM `PROJECT_ID.BIGQUERY_DATASET.Provenance` AS p
LEFT JOIN elements ON elements.id = p.id
LEFT JOIN boxes ON boxes.id = p.id
WHERE p.target[SAFE_OFFSET(0)].identifier.value LIKE '%/instances/%'

-- What was de-identified?
-- A row a kind of thing: an element by its tag, or text in pixels. Instances: in how many; Findings: how often.
SELECT CONCAT('element ', Tag) AS What, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Elements) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceTags`
GROUP BY Tag
UNION ALL
SELECT 'text in pixels' AS What, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Boxes) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes`
HAVING COUNT(*) > 0
ORDER BY Findings DESC, What

-- What kinds of text were found? A row an infoType, in pixels and in elements. Without one, everything was redacted
-- whatever it said, or an element was changed as a whole.
SELECT 'pixels' AS Place, COALESCE(InfoType, 'not told apart') AS InfoType, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Boxes) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes`
GROUP BY InfoType
UNION ALL
SELECT 'elements' AS Place, InfoType, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Elements) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceTags`
WHERE InfoType IS NOT NULL
GROUP BY InfoType
ORDER BY Findings DESC, Place, InfoType

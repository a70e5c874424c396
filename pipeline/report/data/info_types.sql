-- Which infoTypes were found, in elements and in pixels?
SELECT 'elements' AS Place, InfoType, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Elements) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceTags`
WHERE InfoType IS NOT NULL
GROUP BY InfoType
UNION ALL
SELECT 'pixels' AS Place, InfoType, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Boxes) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes`
GROUP BY InfoType
ORDER BY Findings DESC, Place, InfoType

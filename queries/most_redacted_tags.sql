-- Which elements were changed most often, and how? A row an element and action, the most frequent first.
SELECT Tag, Action, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Elements) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceTags`
GROUP BY Tag, Action
ORDER BY Findings DESC, Tag, Action

-- What was done to which element, and why?
SELECT Tag, Action, Reason, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Elements) AS Elements
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceTags`
GROUP BY Tag, Action, Reason
ORDER BY Elements DESC, Tag, Action, Reason

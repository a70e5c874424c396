-- How and why was it de-identified?
-- A row an action and its reason. Tags: how many different elements; Instances: in how many; Findings: how often.
SELECT
  Action AS How, Reason AS Why,
  COUNT(DISTINCT Tag) AS Tags, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Elements) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceTags`
GROUP BY Action, Reason
UNION ALL
SELECT
  'box over pixels' AS How, COALESCE(CONCAT('text of infoType ', InfoType), 'text, whatever it says') AS Why,
  0 AS Tags, COUNT(DISTINCT ProvenanceId) AS Instances, SUM(Boxes) AS Findings
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes`
GROUP BY InfoType
ORDER BY Findings DESC, How, Why

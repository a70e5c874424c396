-- What does a second operation do to elements that a first did not, or the other way round? A row an element, action and
-- reason whose number of instances differs. @before and @after are ids of operations, as in ProvenanceOperations.
WITH told AS (
  SELECT t.Tag, t.Action, t.Reason, i.Operation, COUNT(DISTINCT t.ProvenanceId) AS Instances
  FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceTags` AS t
  JOIN `PROJECT_ID.BIGQUERY_DATASET.ProvenanceInstances` AS i ON i.ProvenanceId = t.ProvenanceId
  WHERE i.Operation IN (@before, @after)
  GROUP BY t.Tag, t.Action, t.Reason, i.Operation
)
SELECT
  Tag,
  Action,
  Reason,
  SUM(IF(Operation = @before, Instances, 0)) AS Before,
  SUM(IF(Operation = @after, Instances, 0)) AS After
FROM told
GROUP BY Tag, Action, Reason
HAVING SUM(IF(Operation = @before, Instances, 0)) != SUM(IF(Operation = @after, Instances, 0))
ORDER BY Tag, Action, Reason

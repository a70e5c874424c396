-- Which elements were changed, in which instance, and why? A row an element, without the texts themselves.
SELECT REGEXP_EXTRACT(Destination, r'/instances/(.*)$') AS Instance, Path, Tag, Action, Reason
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceTags`
ORDER BY Instance, Path, Tag

-- What was covered in this one image? A row a box, from the top of the first frame; the edges are pixels of the stored frame, from
-- 0, the right and bottom ones outside. @uid is a SOP Instance UID, as it was or as it is now.
-- dicom-deid query --parameter uid:STRING:1.2.3 …
SELECT Frame, `Left`, Top, `Right`, Bottom, ROUND(Confidence, 2) AS Confidence, InfoType, Boxes
FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes`
WHERE ENDS_WITH(Source, CONCAT('/instances/', @uid)) OR ENDS_WITH(Destination, CONCAT('/instances/', @uid))
ORDER BY Frame, Top, `Left`

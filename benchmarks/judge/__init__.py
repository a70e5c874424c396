"""A judge of de-identified DICOM that knows nothing of the scrubber: a planter of PHI with its answer key, and the checks.

It shares no code with the product, so that what one of them overlooks the other may see.
"""

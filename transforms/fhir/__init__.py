"""The FHIR store: client, bundles, pacing, preflight, search parameters, the writer."""

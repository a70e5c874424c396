output "workspace" {
  description = "What dicom-deid operation, answers and replay take as --workspace."
  value       = local.body.launchParameter.parameters.workspace
}

output "destination" {
  description = "Where the de-identified instances are."
  value       = local.body.launchParameter.parameters.destination
}

output "fhir_store" {
  description = "Where the Provenance is."
  value       = google_healthcare_fhir_store.provenance.id
}

output "image" {
  description = "The image that cloudbuild.yaml has to make, as its _IMAGE."
  value       = local.image
}

output "template" {
  description = "The template that cloudbuild.yaml has to make, as its _TEMPLATE."
  value       = local.template
}

output "key_secret" {
  description = "The secret to which the key is added by hand, once."
  value       = google_secret_manager_secret.key.id
}

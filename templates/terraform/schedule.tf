locals {
  image    = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.name}/${var.name}:${var.template_version}"
  template = "gs://${google_storage_bucket.staging.name}/templates/${var.template_version}.json"

  launch = jsondecode(templatefile("${path.module}/../launch_body.json", {
    job                       = var.name
    template                  = local.template
    image                     = local.image
    source                    = "gs://${var.source_bucket}/${var.source_path}"
    destination               = "gs://${google_storage_bucket.destination.name}/instances"
    workspace                 = "gs://${google_storage_bucket.workspace.name}/${var.name}"
    key_uri                   = "secret:${google_secret_manager_secret.key.id}/versions/${var.key_version}"
    fhir_store                = google_healthcare_fhir_store.provenance.id
    fhir_write_ops_per_minute = var.fhir_write_ops_per_minute
    bigquery_table            = "${var.project}:${google_bigquery_dataset.provenance.dataset_id}.Provenance"
    worker                    = google_service_account.worker.email
    staging                   = "gs://${google_storage_bucket.staging.name}"
    max_workers               = var.max_workers
    machine_type              = var.machine_type
    subnetwork                = var.subnetwork
  }))

  # Further options come from var.parameters, which names none of which roles, outputs or the environment are made (variables.tf).
  # A search that reads nothing takes no languages.
  body = {
    launchParameter = merge(local.launch.launchParameter, {
      parameters = merge({
        for name, value in local.launch.launchParameter.parameters : name => value
        if name != "ocr_languages" || lookup(var.parameters, "text_search", "default") != "fast"
      }, var.parameters)
    })
  }
}

# The job's name is fixed: Dataflow refuses a second job of a name while the first one runs, so that runs never overlap.
resource "google_cloud_scheduler_job" "run" {
  name             = var.name
  region           = var.region
  schedule         = var.schedule
  time_zone        = var.time_zone
  attempt_deadline = "180s"

  retry_config {
    retry_count          = 2
    min_backoff_duration = "60s"
  }

  http_target {
    uri         = "https://dataflow.googleapis.com/v1b3/projects/${var.project}/locations/${var.region}/flexTemplates:launch"
    http_method = "POST"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode(local.body))

    oauth_token {
      service_account_email = google_service_account.scheduler.email
    }
  }
}

# Two accounts, each with what it needs on the thing itself; only what Google grants for whole projects is granted there.

resource "google_service_account" "worker" {
  account_id   = "${var.name}-worker"
  display_name = "Workers and launcher of ${var.name}"
}

resource "google_service_account" "scheduler" {
  account_id   = "${var.name}-sched"
  display_name = "Starts ${var.name} on schedule"
}

resource "google_project_iam_member" "worker" {
  for_each = toset(["roles/dataflow.worker", "roles/dataflow.viewer", "roles/bigquery.jobUser"])
  project  = var.project
  role     = each.value
  member   = google_service_account.worker.member
}

resource "google_storage_bucket_iam_member" "worker_reads" {
  bucket = var.source_bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.worker.member
}

resource "google_storage_bucket_iam_member" "worker_writes" {
  for_each = {
    workspace   = google_storage_bucket.workspace.name
    destination = google_storage_bucket.destination.name
    staging     = google_storage_bucket.staging.name
  }
  bucket = each.value
  role   = "roles/storage.objectUser"
  member = google_service_account.worker.member
}

resource "google_healthcare_fhir_store_iam_member" "worker" {
  fhir_store_id = google_healthcare_fhir_store.provenance.id
  role          = "roles/healthcare.fhirResourceEditor"
  member        = google_service_account.worker.member
}

resource "google_bigquery_dataset_iam_member" "worker" {
  dataset_id = google_bigquery_dataset.provenance.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "worker" {
  secret_id = google_secret_manager_secret.key.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.worker.member
}

resource "google_artifact_registry_repository_iam_member" "worker" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.worker.member
}

resource "google_project_iam_member" "scheduler" {
  project = var.project
  role    = "roles/dataflow.developer"
  member  = google_service_account.scheduler.member
}

# It starts jobs that run as the worker, and reads the template that says how.
resource "google_service_account_iam_member" "scheduler_acts_as_worker" {
  service_account_id = google_service_account.worker.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.scheduler.member
}

resource "google_storage_bucket_iam_member" "scheduler_reads_template" {
  bucket = google_storage_bucket.staging.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.scheduler.member
}

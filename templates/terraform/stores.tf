# What is confidential (workspace, key, Provenance) and what is published (destination) lie apart. What is purged, or taken back, is gone.

resource "google_storage_bucket" "workspace" {
  name                        = "${var.project}-${var.name}-workspace"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

resource "google_storage_bucket" "destination" {
  name                        = "${var.project}-${var.name}-destination"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

# Dataflow's own: staged files and the built template. Nothing of an instance is in it.
resource "google_storage_bucket" "staging" {
  name                        = "${var.project}-${var.name}-staging"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    condition {
      age            = 30
      matches_prefix = ["temp/", "staging/"]
    }
    action {
      type = "Delete"
    }
  }
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
}

resource "google_healthcare_dataset" "metadata" {
  name     = "${var.name}-metadata"
  location = var.region
}

# Every Provenance is a PUT under its own id, so the store must create what it does not know.
resource "google_healthcare_fhir_store" "provenance" {
  name                          = "provenance"
  dataset                       = google_healthcare_dataset.metadata.id
  version                       = "R4"
  enable_update_create          = true
  disable_referential_integrity = true
}

resource "google_bigquery_dataset" "provenance" {
  dataset_id = replace("${var.name}_provenance", "-", "_")
  location   = var.region
}

# The secret is made without a version: its value never stands in Terraform's state.
resource "google_secret_manager_secret" "key" {
  secret_id           = "${var.name}-key"
  deletion_protection = true

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

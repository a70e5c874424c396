resource "google_monitoring_notification_channel" "email" {
  display_name = var.name
  type         = "email"
  labels       = { email_address = var.alert_email }
}

resource "google_monitoring_alert_policy" "failures" {
  display_name          = "${var.name}: a job failed, or not everything is as it should be"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.id]

  conditions {
    display_name = "the job failed"
    condition_threshold {
      filter          = "resource.type = \"dataflow_job\" AND resource.labels.job_name = \"${var.name}\" AND metric.type = \"dataflow.googleapis.com/job/is_failed\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
    }
  }

  # What the graph counts of its own (pipeline/graph.py, transforms/fhir/transform.py).
  dynamic "conditions" {
    for_each = {
      failed         = "instances that could not be processed: dicom-deid retry does them again"
      fhir_dead      = "Provenance that the FHIR store refused for good"
      refused_rows   = "rows that the table does not take"
      not_reconciled = "the counts do not reconcile: do not release the destination"
    }
    content {
      display_name = conditions.value
      condition_threshold {
        filter          = "resource.type = \"dataflow_job\" AND resource.labels.job_name = \"${var.name}\" AND metric.type = \"dataflow.googleapis.com/job/user_counter\" AND metric.labels.metric_name = \"${conditions.key}\""
        comparison      = "COMPARISON_GT"
        threshold_value = 0
        duration        = "0s"
      }
    }
  }

  documentation {
    content = "dicom-deid operation ID --workspace gs://${google_storage_bucket.workspace.name}/${var.name} says what became of the instances; dicom-deid replay sends dead letters again."
  }
}

resource "google_monitoring_alert_policy" "not_started" {
  display_name          = "${var.name}: the schedule could not start a job"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.id]

  conditions {
    display_name = "Cloud Scheduler got an error"
    condition_matched_log {
      filter = "resource.type = \"cloud_scheduler_job\" AND resource.labels.job_id = \"${google_cloud_scheduler_job.run.name}\" AND severity >= ERROR"
    }
  }

  alert_strategy {
    notification_rate_limit {
      period = "3600s"
    }
  }
}

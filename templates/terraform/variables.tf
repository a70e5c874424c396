variable "project" {
  description = "Project in which everything is made."
  type        = string
}

variable "region" {
  description = "Region of the job, the buckets, the FHIR store and the table."
  type        = string
}

variable "name" {
  description = "Begins the name of everything that is made, and is the name of the job: while one runs, no second one starts."
  type        = string
  default     = "dicom-deid"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$", var.name))
    error_message = "At most 20 lower-case letters, digits and hyphens, beginning with a letter: account ids are short."
  }
}

variable "source_bucket" {
  description = "Bucket of the DICOM files; the workers may read it, and nothing else."
  type        = string
}

variable "source_path" {
  description = "What of the bucket is read: a folder or a glob; empty: all."
  type        = string
  default     = ""
}

variable "template_version" {
  description = "Tag of the image and name of the template that cloudbuild.yaml made."
  type        = string
}

variable "key_version" {
  description = "Version of the secret that holds the key. Never `latest`: another key would give every patient another name."
  type        = string
  default     = "1"
}

variable "schedule" {
  description = "When the job starts, as in cron."
  type        = string
  default     = "0 1 * * *"
}

variable "time_zone" {
  description = "Time zone of the schedule."
  type        = string
  default     = "Etc/UTC"
}

variable "fhir_write_ops_per_minute" {
  description = "The part of the project's quota fhir_write_ops that the job may use."
  type        = number
}

variable "max_workers" {
  description = "Upper bound of the autoscaling; docs/dataflow.md says how it follows from the quota. 10 is no more than a first guess."
  type        = number
  default     = 10
}

variable "machine_type" {
  description = "Machine of a worker; docs/dataflow.md says why."
  type        = string
  default     = "n2-highmem-2"
}

variable "subnetwork" {
  description = "Subnetwork of the workers with Private Google Access, as regions/REGION/subnetworks/NAME: they have no public address."
  type        = string
}

variable "parameters" {
  description = "Further options of dicom-deid run, such as config, as templates/metadata.json names them, and of Beam's."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setintersection(keys(var.parameters), [
      "bigquery_table", "destination", "fhir_store", "fhir_write_ops_per_minute", "job_name", "key_uri",
      "machine_type", "max_num_workers", "network", "no_use_public_ips", "project", "region", "runner",
      "sdk_container_image", "sdk_location", "service_account_email", "source", "staging_location", "subnetwork",
      "temp_location", "template_location", "use_public_ips", "worker_machine_type", "worker_region", "worker_zone",
      "workspace", "zone",
    ])) == 0
    error_message = "What is read and written where, and on which workers the job runs, in which image and under which name, the other variables say: rights and outputs are made of them."
  }
}

variable "alert_email" {
  description = "Who is told when a job fails, cannot start, or leaves anything to look into."
  type        = string
}

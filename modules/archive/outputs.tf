output "storage_classes" {
  description = "S3 storage class by value of the archive tag. `standard` has no rule."
  value       = merge({ standard = "STANDARD" }, { for tag, class in local.classes : tag => class.storage_class })
}

output "tag_key" {
  description = "Object tag whose value chooses the storage class."
  value       = var.tag_key
}

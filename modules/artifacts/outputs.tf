output "detectors" {
  description = "The IAM action that the function analyze needs for each detector."
  value       = local.manifest.detectors
}

output "functions" {
  description = "Functions by name: artifact, description, size and weights, as the modules that deploy functions take them."
  value = {
    for name, function in local.manifest.functions : name => {
      architecture         = local.manifest.target.architecture
      bucket               = aws_s3_object.zip["functions/${name}"].bucket
      description          = function.description
      ephemeral_storage_mb = function.ephemeral_storage_mb
      handler              = function.handler
      key                  = aws_s3_object.zip["functions/${name}"].key
      layers               = [for layer in function.layers : aws_lambda_layer_version.this[layer].arn]
      memory_mb            = coalesce(try(var.overrides[name].memory_mb, null), function.memory_mb)
      runtime              = local.manifest.target.runtime
      sha256_base64        = function.sha256_base64
      timeout_s            = coalesce(try(var.overrides[name].timeout_s, null), function.timeout_s)
      weights              = { for weight in function.weights : weight => aws_s3_object.weights[weight].key }
    }
  }

  precondition {
    condition     = length(setsubtract(keys(var.overrides), keys(local.manifest.functions))) == 0
    error_message = "overrides names function(s) that the manifest lacks: ${join(", ", setsubtract(keys(var.overrides), keys(local.manifest.functions)))}."
  }

  # The state machine is rendered with the manifest's timeouts and would stop waiting for a function that runs longer.
  precondition {
    condition     = alltrue([for name, override in var.overrides : try(override.timeout_s <= local.manifest.functions[name].timeout_s, true)])
    error_message = "overrides may shorten a timeout. To lengthen one, change functions.toml and run `make build`."
  }
}

output "gallery_files" {
  description = "Files of the gallery by key in the delivery bucket, as module `delivery` takes them."
  value = {
    for key, file in local.manifest.gallery : key => {
      cache_control = file.cache_control
      content_type  = file.content_type
      sha256        = file.sha256
      source        = "${local.folder}/${file.path}"
    }
  }
}

output "state_machine" {
  description = "The rendered state machine: path of the definition, and the features it was rendered with."
  value = {
    features = local.manifest.state_machine.features
    path     = "${local.folder}/${local.manifest.state_machine.path}"
  }
}

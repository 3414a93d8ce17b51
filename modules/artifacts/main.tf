locals {
  folder   = dirname(var.manifest_path)
  manifest = jsondecode(file(var.manifest_path))
  missing  = setsubtract(var.required_functions, keys(local.manifest.functions))

  # What Lambda takes in one request; more would have to come from S3.
  upload_limit_bytes = 50 * 1024 * 1024
}

resource "aws_lambda_layer_version" "this" {
  for_each = local.manifest.layers

  layer_name               = "${var.name}-${each.key}"
  compatible_architectures = [local.manifest.target.architecture]
  compatible_runtimes      = each.value.runtimes
  filename                 = "${local.folder}/${each.value.path}"
  source_code_hash         = each.value.sha256_base64

  lifecycle {
    # Functions move to the new version before the old one goes.
    create_before_destroy = true

    precondition {
      condition     = each.value.size <= local.upload_limit_bytes
      error_message = "Layer ${each.key} has ${each.value.size} bytes, more than Lambda takes in one upload (50 MiB)."
    }
  }
}

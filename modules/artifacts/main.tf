locals {
  folder   = dirname(var.manifest_path)
  manifest = jsondecode(file(var.manifest_path))

  zips = merge(
    { for name, function in local.manifest.functions : "functions/${name}" => function },
    { for name, layer in local.manifest.layers : "layers/${name}" => layer },
  )
}

# Keys are content-addressed, so a new build never overwrites the zip of a deployed function.
resource "aws_s3_object" "zip" {
  for_each = local.zips

  bucket       = var.bucket_name
  key          = "${dirname(each.key)}/${basename(each.value.path)}"
  content_type = "application/zip"
  source       = "${local.folder}/${each.value.path}"
  source_hash  = each.value.sha256_base64

  lifecycle {
    # Functions switch to the new zip before the old one is deleted.
    create_before_destroy = true
  }
}

# Weights of models, which the functions fetch. The key ends with the content's SHA-256, by which they check it.
resource "aws_s3_object" "weights" {
  for_each = local.manifest.weights

  bucket       = var.bucket_name
  key          = "weights/${each.value.sha256}"
  content_type = "application/octet-stream"
  source       = "${local.folder}/${each.value.path}"
  source_hash  = each.value.sha256

  lifecycle {
    # Functions switch to the new weights before the old ones are deleted.
    create_before_destroy = true
  }
}

resource "aws_lambda_layer_version" "this" {
  for_each = local.manifest.layers

  layer_name               = "${var.name}-${each.key}"
  compatible_architectures = [local.manifest.target.architecture]
  compatible_runtimes      = each.value.runtimes
  s3_bucket                = var.bucket_name
  s3_key                   = aws_s3_object.zip["layers/${each.key}"].key
  source_code_hash         = each.value.sha256_base64

  lifecycle {
    # Functions switch to the new version before the old one is deleted.
    create_before_destroy = true
  }
}

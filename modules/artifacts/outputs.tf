output "functions" {
  description = "Functions by name, each in the shape that module `function` takes as `artifact`."
  value = {
    for name, function in local.manifest.functions : name => {
      architecture  = local.manifest.target.architecture
      bucket        = aws_s3_object.zip["functions/${name}"].bucket
      handler       = function.handler
      key           = aws_s3_object.zip["functions/${name}"].key
      layers        = [for layer in function.layers : aws_lambda_layer_version.this[layer].arn]
      runtime       = local.manifest.target.runtime
      sha256_base64 = function.sha256_base64
    }
  }

  precondition {
    condition     = length(local.missing) == 0
    error_message = "The manifest lacks the function(s) ${join(", ", local.missing)}: run `make build`."
  }
}

output "state_machine" {
  description = "The rendered state machine: path of the definition, and the features it was rendered with."
  value = {
    features = local.manifest.state_machine.features
    path     = "${local.folder}/${local.manifest.state_machine.path}"
  }
}

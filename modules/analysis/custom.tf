# Detectors of the user's own, which the function analyze asks behind the endpoints of SageMaker.
locals {
  # Names of engines and of our own detectors: in plans and profiles they stand beside those of custom detectors.
  reserved_names = concat(["cascade", "lambda", "off", "rekognition", "rekognition-video", "sagemaker", "transcribe"], keys(var.detectors))

  # Instance types in the price book. A test compares the list.
  priced_instances = ["ml.c5.large", "ml.m5.large", "ml.m5.xlarge", "ml.g4dn.xlarge"]

  detectors_given = { for name, detector in var.custom_detectors : name => { for field, value in detector : field => value if value != null } }

  # ARNs of endpoints have names in lower case (Service Authorization Reference, "Actions, resources, and condition keys for
  # Amazon SageMaker").
  endpoint_arns = {
    for kind in ["asynchronous", "serverless"] : kind => [
      for detector in var.custom_detectors : "arn:${local.partition}:sagemaker:${local.region}:${local.account}:endpoint/${lower(detector.endpoint)}"
      if detector.kind == kind
    ]
  }
}

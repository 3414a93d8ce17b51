provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

# Trust policies and outputs contain the random ids of these ARNs.
override_resource {
  target          = aws_rolesanywhere_trust_anchor.this
  override_during = plan
  values          = { arn = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555" }
}

override_resource {
  target          = aws_rolesanywhere_profile.this
  override_during = plan
  values          = { arn = "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-8888-9999-000000000000" }
}

variables {
  bucket_name = "impp-test-123456789012-ingest"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  name        = "impp-test"

  boxes = {
    blue-car = { sources = ["dashcam"] }
    garage   = { common_name = "garage.example.org", devices = ["annas-phone", "red-car"], serial = "0A:1B:2C", sources = ["dashcam", "phone"] }
  }

  certificate_authority = {
    pem = <<-EOT
      -----BEGIN CERTIFICATE-----
      MIIBdjCCAR2gAwIBAgIUQwlOB2s0LcU3mM7m3tLwXk0n2nQwCgYIKoZIzj0EAwIw
      -----END CERTIFICATE-----
    EOT
  }
}

run "a_box_adds_footage_below_its_own_prefixes_only" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.upload["blue-car"].json).Statement :
      statement.Sid => [statement.Effect, statement.Action, statement.Resource]
      } == {
      AddFootage = ["Allow", ["s3:PutObjectTagging", "s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"], [
        "arn:aws:s3:::impp-test-123456789012-ingest/sidecars/dashcam/blue-car/*",
        "arn:aws:s3:::impp-test-123456789012-ingest/originals/dashcam/blue-car/*",
      ]]
      ListFootage                = ["Allow", "s3:ListBucket", "arn:aws:s3:::impp-test-123456789012-ingest"]
      RefuseKeysOfItsOwn         = ["Deny", "s3:PutObject", "arn:aws:s3:::impp-test-123456789012-ingest/*"]
      RefuseTagsOfThePipeline    = ["Deny", ["s3:PutObjectTagging", "s3:PutObject"], "arn:aws:s3:::impp-test-123456789012-ingest/*"]
      RefuseToChooseEncryption   = ["Deny", "s3:PutObject", "arn:aws:s3:::impp-test-123456789012-ingest/*"]
      RefuseToChooseStorageClass = ["Deny", "s3:PutObject", "arn:aws:s3:::impp-test-123456789012-ingest/*"]
      RefuseToReplace            = ["Deny", "s3:PutObject", "arn:aws:s3:::impp-test-123456789012-ingest/*"]
      RefuseToRetagArchive       = ["Deny", "s3:PutObjectTagging", "arn:aws:s3:::impp-test-123456789012-ingest/*"]
      RefuseToRetagSource        = ["Deny", "s3:PutObjectTagging", "arn:aws:s3:::impp-test-123456789012-ingest/*"]
      RefuseToRetagState         = ["Deny", "s3:PutObjectTagging", "arn:aws:s3:::impp-test-123456789012-ingest/*"]
      SendHeartbeats             = ["Allow", "cloudwatch:PutMetricData", "*"]
      VerifyFootage = ["Allow", ["s3:GetObjectVersion", "s3:GetObject"], [
        "arn:aws:s3:::impp-test-123456789012-ingest/sidecars/dashcam/blue-car/*",
        "arn:aws:s3:::impp-test-123456789012-ingest/originals/dashcam/blue-car/*",
      ]]
    }
    error_message = "A box may add and verify footage of its own device, list it, send heartbeats, and nothing else."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.upload["blue-car"].json).Statement : [
        for resource in flatten([statement.Resource]) : !can(regex("[*].", resource)) && !strcontains(resource, "red-car")
      ]
    ]))
    error_message = "No resource may contain a wildcard within its path: originals/*/blue-car/* also matches another device's folders."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.upload["garage"].json).Statement : statement.Resource if statement.Sid == "AddFootage"
      ])) == toset([
      for prefix in setproduct(["originals", "sidecars"], ["dashcam", "phone"], ["annas-phone", "red-car"]) :
      "arn:aws:s3:::impp-test-123456789012-ingest/${join("/", prefix)}/*"
    ])
    error_message = "A box with several devices may add footage of each of them, and not of the box's own name."
  }

  assert {
    condition = alltrue(flatten([
      for document in concat(values(data.aws_iam_policy_document.upload), values(data.aws_iam_policy_document.encryption)) : [
        for statement in jsondecode(document.json).Statement : [for action in flatten([statement.Action]) : !can(regex("Delete|[*]", action))]
      ]
    ]))
    error_message = "A box may delete nothing, and no action may be a wildcard."
  }
}

run "conditions_restrict_what_arns_cannot" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.upload["blue-car"].json).Statement :
      statement.Sid => statement.Condition if can(statement.Condition)
      } == {
      ListFootage        = { StringLike = { "s3:prefix" = ["originals/dashcam/blue-car/*", "sidecars/dashcam/blue-car/*"] } }
      RefuseKeysOfItsOwn = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
      RefuseTagsOfThePipeline = {
        "ForAnyValue:StringEquals" = { "s3:RequestObjectTagKeys" = ["impp:archive", "impp:state"] }
      }
      RefuseToChooseEncryption = {
        Null            = { "s3:x-amz-server-side-encryption" = "false" }
        StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
      }
      RefuseToChooseStorageClass = {
        Null            = { "s3:x-amz-storage-class" = "false" }
        StringNotEquals = { "s3:x-amz-storage-class" = "STANDARD" }
      }
      RefuseToReplace      = { Bool = { "s3:ObjectCreationOperation" = "true" }, Null = { "s3:if-none-match" = "true" } }
      RefuseToRetagArchive = { Null = { "s3:ExistingObjectTag/impp:archive" = "false" } }
      RefuseToRetagSource  = { Null = { "s3:ExistingObjectTag/impp:source" = "false" } }
      RefuseToRetagState   = { Null = { "s3:ExistingObjectTag/impp:state" = "false" } }
      SendHeartbeats       = { StringEquals = { "cloudwatch:namespace" = "IMPP/Edge" } }
    }
    error_message = "Listing must be restricted to the box's prefixes, metrics to the namespace, and writes must not replace objects."
  }

  assert {
    condition = jsondecode(data.aws_iam_policy_document.encryption["blue-car"].json).Statement == [{
      Sid      = "UseTheKey"
      Effect   = "Allow"
      Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
      Resource = var.kms_key_arn
      Condition = {
        StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }
        StringLike = { "kms:EncryptionContext:aws:s3:arn" = [
          "arn:aws:s3:::impp-test-123456789012-ingest",
          "arn:aws:s3:::impp-test-123456789012-ingest/originals/dashcam/blue-car/*",
          "arn:aws:s3:::impp-test-123456789012-ingest/sidecars/dashcam/blue-car/*",
        ] }
      }
    }]
    error_message = "The key may be used only through S3 and for this bucket."
  }
}

run "a_role_accepts_only_its_own_box_s_certificate" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.box["blue-car"].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Service = "rolesanywhere.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555" }
        StringEquals = { "aws:PrincipalTag/x509Subject/CN" = "blue-car" }
      }
    }]
    error_message = "Only this anchor's certificates for this box may assume the role."
  }

  assert {
    condition = jsondecode(aws_iam_role.box["garage"].assume_role_policy).Statement[0].Condition == {
      ArnEquals              = { "aws:SourceArn" = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555" }
      StringEquals           = { "aws:PrincipalTag/x509Subject/CN" = "garage.example.org" }
      StringEqualsIgnoreCase = { "sts:RoleSessionName" = ["0a1b2c", "a1b2c"] }
    }
    error_message = "A serial number must bind the role to one certificate, with or without a leading zero."
  }
}

run "the_anchor_and_the_profile_match_the_roles" {
  command = plan

  assert {
    condition     = aws_rolesanywhere_trust_anchor.this.enabled && aws_rolesanywhere_trust_anchor.this.source[0].source_type == "CERTIFICATE_BUNDLE" && aws_rolesanywhere_trust_anchor.this.source[0].source_data[0].x509_certificate_data == var.certificate_authority.pem
    error_message = "The anchor must use the given certificate."
  }

  assert {
    condition     = aws_rolesanywhere_profile.this.enabled && aws_rolesanywhere_profile.this.duration_seconds == 3600 && aws_iam_role.box["garage"].max_session_duration == 3600
    error_message = "Profile and roles must have the same session duration."
  }

  assert {
    condition     = output.role_arns == { blue-car = "arn:aws:iam::123456789012:role/impp-test-edge-blue-car", garage = "arn:aws:iam::123456789012:role/impp-test-edge-garage" } && values(aws_iam_role.box)[*].name == ["impp-test-edge-blue-car", "impp-test-edge-garage"]
    error_message = "The outputs must name the roles that exist."
  }

  assert {
    condition = output.credential_processes["blue-car"] == join(" ", [
      "credential_process = /usr/local/bin/aws_signing_helper credential-process",
      "--certificate /etc/impp-edge/certificate.pem --private-key /etc/impp-edge/private-key.pem",
      "--trust-anchor-arn arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555",
      "--profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-8888-9999-000000000000",
      "--role-arn arn:aws:iam::123456789012:role/impp-test-edge-blue-car --session-duration 3600",
    ])
    error_message = "The credential_process line must be complete."
  }
}

run "supports_private_ca_and_longer_sessions" {
  command = plan

  variables {
    certificate_authority = { acm_pca_arn = "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555" }
    session_duration_s    = 43200
  }

  assert {
    condition     = aws_rolesanywhere_trust_anchor.this.source[0].source_type == "AWS_ACM_PCA" && aws_rolesanywhere_trust_anchor.this.source[0].source_data[0].acm_pca_arn == var.certificate_authority.acm_pca_arn
    error_message = "An authority in AWS Private CA must be accepted."
  }

  assert {
    condition     = aws_iam_role.box["blue-car"].max_session_duration == 43200 && aws_rolesanywhere_profile.this.duration_seconds == 43200
    error_message = "A role must allow the profile's session duration."
  }
}

run "short_sessions_keep_the_role_at_iam_s_minimum" {
  command = plan

  variables {
    session_duration_s = 900
  }

  assert {
    condition     = aws_iam_role.box["blue-car"].max_session_duration == 3600 && aws_rolesanywhere_profile.this.duration_seconds == 900
    error_message = "max_session_duration must be at least an hour, IAM's minimum."
  }
}

run "rejects_names_that_no_object_key_has" {
  command = plan

  variables {
    boxes = { blue-car = { devices = ["*"] } }
  }

  expect_failures = [var.boxes]
}

run "rejects_a_box_whose_role_name_is_too_long" {
  command = plan

  variables {
    boxes = { a-box-whose-name-is-much-too-long-to-be-part-of-the-name-of-a-role = {} }
  }

  expect_failures = [var.boxes]
}

run "rejects_unknown_sources" {
  command = plan

  variables {
    boxes = { blue-car = { sources = ["satellite"] } }
  }

  expect_failures = [var.boxes]
}

run "rejects_a_box_without_devices" {
  command = plan

  variables {
    boxes = { blue-car = { devices = [] } }
  }

  expect_failures = [var.boxes]
}

run "rejects_two_boxes_with_one_certificate" {
  command = plan

  variables {
    boxes = { blue-car = {}, red-car = { common_name = "blue-car" } }
  }

  expect_failures = [var.boxes]
}

run "rejects_wildcards_in_a_common_name" {
  command = plan

  variables {
    boxes = { blue-car = { common_name = "*" } }
  }

  expect_failures = [var.boxes]
}

run "rejects_a_malformed_serial_number" {
  command = plan

  variables {
    boxes = { blue-car = { serial = "serial=0A1B" } }
  }

  expect_failures = [var.boxes]
}

run "rejects_an_empty_set_of_boxes" {
  command = plan

  variables {
    boxes = {}
  }

  expect_failures = [var.boxes]
}

run "rejects_a_private_key" {
  command = plan

  variables {
    certificate_authority = { pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n" }
  }

  expect_failures = [var.certificate_authority]
}

run "rejects_two_authorities" {
  command = plan

  variables {
    certificate_authority = {
      acm_pca_arn = "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
      pem         = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    }
  }

  expect_failures = [var.certificate_authority]
}

run "rejects_a_malformed_authority_and_key" {
  command = plan

  variables {
    certificate_authority = { acm_pca_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
    kms_key_arn           = "alias/key"
    name                  = "IMPP"
    paths                 = { certificate = "~/certificate.pem" }
    session_duration_s    = 600
  }

  expect_failures = [var.certificate_authority, var.kms_key_arn, var.name, var.paths, var.session_duration_s]
}

output "credential_processes" {
  description = "The `credential_process` line for `~/.aws/config`, by box."
  value = {
    for name, box in local.boxes : name => join(" ", [
      "credential_process = ${var.paths.helper} credential-process",
      "--certificate ${var.paths.certificate}",
      "--private-key ${var.paths.private_key}",
      "--trust-anchor-arn ${aws_rolesanywhere_trust_anchor.this.arn}",
      "--profile-arn ${aws_rolesanywhere_profile.this.arn}",
      "--role-arn ${box.role_arn}",
      "--session-duration ${var.session_duration_s}",
    ])
  }
}

output "profile_arn" {
  description = "ARN of the profile."
  value       = aws_rolesanywhere_profile.this.arn
}

output "role_arns" {
  description = "ARN of each box's role."
  value       = { for name, box in local.boxes : name => box.role_arn }

  # Whoever assumes a role needs its policies, not only its name.
  depends_on = [aws_iam_role_policy.encryption, aws_iam_role_policy.upload]
}

output "trust_anchor_arn" {
  description = "ARN of the trust anchor."
  value       = aws_rolesanywhere_trust_anchor.this.arn
}

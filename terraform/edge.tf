# Roles of edge boxes that authenticate with a certificate. Without them only you can upload.
module "edge_identity" {
  source = "../modules/edge_identity"
  count  = var.edge_identity == null ? 0 : 1

  name                     = local.name
  boxes                    = var.edge_identity.boxes
  bucket_name              = module.originals.name
  certificate_authority    = var.edge_identity.certificate_authority
  kms_key_arn              = module.key.arn
  permissions_boundary_arn = local.permissions_boundary_arn
  session_duration_s       = var.edge_identity.session_duration_s
}

# The roles of the boxes at home, where they come with a certificate instead of a key. Without it, nobody but you uploads.
module "edge_identity" {
  source = "../modules/edge_identity"
  count  = var.edge_identity == null ? 0 : 1

  name                  = local.name
  boxes                 = var.edge_identity.boxes
  bucket_name           = module.originals.name
  certificate_authority = var.edge_identity.certificate_authority
  kms_key_arn           = module.key.arn
  session_duration_s    = var.edge_identity.session_duration_s
}

"""Terraform on this machine: finding it, and applying the real root to the local cloud."""

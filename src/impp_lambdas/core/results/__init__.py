"""How an asset ends: outcome, manifest, catalog item, alerts."""

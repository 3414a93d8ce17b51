"""The results of an asset: outcome, manifest, catalog item, alerts."""

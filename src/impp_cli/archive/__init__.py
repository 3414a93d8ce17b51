"""What a deployed environment holds, as its commands see it: assets, and where they are."""

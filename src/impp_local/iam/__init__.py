"""IAM's decisions: who calls, what a request needs, which policies allow or deny it, and how a denial reads."""

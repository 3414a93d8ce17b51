"""Everything that uses a network: one module per AWS service, and steps that combine them."""

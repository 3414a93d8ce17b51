"""Links for viewers: signatures, what they open, and the shares that can be revoked."""
